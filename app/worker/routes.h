/*
 * What the service answers, and which front does: the API's workers pull, the redirect's mux.
 */
#ifndef APP_WORKER_ROUTES_H
#define APP_WORKER_ROUTES_H

#include <stddef.h>

#include "lib/http/route.h"

extern const struct route api_routes[], redirect_routes[];
extern const size_t n_api_routes, n_redirect_routes;

#endif
