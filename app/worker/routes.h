/*
 * The one table of what the service answers.
 */
#ifndef APP_WORKER_ROUTES_H
#define APP_WORKER_ROUTES_H

#include <stddef.h>

#include "lib/http/route.h"

extern const struct route routes[];
extern const size_t n_routes;

#endif
