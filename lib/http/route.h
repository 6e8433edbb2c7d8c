/*
 * The route table: one row per method and path. One matcher answers everything that needs
 * no handler: 404, 405 with Allow, OPTIONS, and HEAD wherever GET works.
 */
#ifndef LIB_HTTP_ROUTE_H
#define LIB_HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/http/req.h"

struct app; /* the program's own */
struct resp;

enum auth {
	AUTH_PUBLIC,
	AUTH_OPERATOR, /* a loopback client, or the admin key; others see 404 */
	AUTH_ADMIN     /* the admin key alone; others see 401 */
};

typedef enum err route_handler(struct app *app, struct req *rq, struct resp *rs);

struct route {
	enum method method;     /* GET also answers HEAD */
	const char *path;       /* "/urls/:id/redirect"; a segment is text or a parameter */
	route_handler *handler; /* NULL: the front's own, which answers in batches */
	const char *name;       /* unique: also the metrics' label; <noun>_<verb> */
	enum auth auth;
	bool root_only; /* not under /api/v1 */
};

struct route_match {
	const struct route *route; /* NULL unless ERR_OK */
	unsigned allowed;          /* bit per method, when the path is known */
};

/* Finds the row for rq and fills rq->params. The path decides first, over all methods: from
 * the left, text segments win over parameters. Then the method, among the rows of that path
 * alone: where "/users/bulk" has only POST, GET /users/bulk is ERR_METHOD, though
 * "/users/:id" has GET. ERR_NOT_FOUND; ERR_METHOD with allowed filled, also for OPTIONS. */
MUST_CHECK enum err route_find(
    const struct route *table, size_t n, struct req *rq, struct route_match *ret_match);

/* "GET, HEAD, OPTIONS" for a set of methods, in the arena; NULL: no memory. */
const char *route_allow(struct req *rq, unsigned allowed);

#endif
