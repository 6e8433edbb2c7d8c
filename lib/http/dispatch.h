/*
 * One request from start to end: match, authorise, handler, problem document, send, one
 * log line, metrics.
 */
#ifndef LIB_HTTP_DISPATCH_H
#define LIB_HTTP_DISPATCH_H

#include <stdint.h>

#include "lib/http/route.h"

struct arena;
struct fcgi;

struct dispatch {
	const struct route *routes;
	size_t n_routes;
	struct app *app;             /* handed to every handler */
	const struct field_env *env; /* the checkers' environment; host is set per request */
	const char *admin_key;       /* "": nobody is an operator */
	const char *cors_origins;    /* comma-separated; "": no CORS */
	const char *pool;            /* name for the log line */
	int64_t timeout_ms;
	size_t body_max;
};

/* Answers the request that f has accepted and finishes it. The arena is reset. */
void dispatch_request(const struct dispatch *d, struct fcgi *f, struct arena *a);

/* The route names in table order plus "none", for metric_open; n_routes + 1 of them are
 * written to names. */
void dispatch_route_names(const struct route *routes, size_t n, const char **names);

#endif
