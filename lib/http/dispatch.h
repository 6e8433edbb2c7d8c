/*
 * One request from start to end: match, authorise, handler, problem document, send, one
 * log line, metrics. In one call for a front that has one request at a time, in steps for
 * one that has many.
 */
#ifndef LIB_HTTP_DISPATCH_H
#define LIB_HTTP_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/ctx.h"
#include "lib/base/trace.h"
#include "lib/http/req.h"
#include "lib/http/resp.h"
#include "lib/http/route.h"

struct arena;
struct fcgi;

/* How much of a client's address is logged. */
enum client_ip { CLIENT_IP_NETWORK, CLIENT_IP_FULL, CLIENT_IP_NONE };

struct dispatch {
	const struct route *routes;
	size_t n_routes;
	struct app *app;             /* handed to every handler */
	const struct field_env *env; /* the checkers' environment; host is set per request */
	const char *admin_key;       /* "": nobody is an operator */
	const char *cors_origins;    /* comma-separated; "": no CORS */
	const char *pool;            /* name for the log line */
	enum client_ip client_ip;
	struct tracer *tracer; /* NULL: nothing is traced */
	int64_t timeout_ms;
	size_t body_max;
};

/* One request and everything that was made of it. */
struct exchange {
	const struct dispatch *d;
	struct fcgi *fcgi;
	struct ctx cx;
	struct trace trace;
	struct field_env env;
	struct req rq;
	struct resp rs;
	struct route_match match;
	int64_t started_us;
};

/* Answers the request that f has read, which is the caller's to finish. The arena is reset. */
void dispatch_request(const struct dispatch *d, struct fcgi *f, struct arena *a);

/* The same in steps. Begins: what x needs lives in a, until the caller resets it after
 * dispatch_end. ERR_OK: *ret_handler is to be called next; NULL: the route is the front's own (route.h).
 * Else the error is dispatch_end's. */
MUST_CHECK enum err dispatch_begin(struct exchange *x, const struct dispatch *d, struct fcgi *f,
    struct arena *a, route_handler **ret_handler);

/* Sends what came of it: the response, or e's problem document; one log line, metrics. */
void dispatch_end(struct exchange *x, enum err e);

/* The value of TERSE_LOG_CLIENT_IP. */
enum client_ip dispatch_client_ip(const char *word);

/* The route names in table order plus "none", for metric_open; n_routes + 1 of them are
 * written to names. */
void dispatch_route_names(const struct route *routes, size_t n, const char **names);

#endif
