/*
 * One HTTP request as the web server passed it on, and what was worked out from it so far.
 * A request borrows everything from the FastCGI parameters and the arena; it never
 * outlives the call of its handler.
 */
#ifndef LIB_HTTP_REQ_H
#define LIB_HTTP_REQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/ctx.h"
#include "lib/base/err.h"
#include "lib/http/field.h"
#include "lib/http/query.h"

struct fcgi;

/* Also the values of the metrics' label `method`, in this order. */
enum method {
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PUT,
	METHOD_PATCH,
	METHOD_DELETE,
	METHOD_OPTIONS,
	METHOD_OTHER,
	METHOD__COUNT
};

#define REQ_PARAMS_MAX 4
#define REQ_SEGMENTS_MAX 8

struct req {
	struct ctx *cx;
	struct fcgi *fcgi; /* parameters and body */
	enum method method;
	const char *target; /* as sent, percent-encoded, with or without /api/v1 */
	bool prefixed;      /* came under /api/v1 */
	const char *segments[REQ_SEGMENTS_MAX]; /* path, split, decoded once */
	size_t n_segments;
	bool bad_path;          /* too many segments, or one that does not decode: no route */
	const char *query_text; /* "" when there is none */
	const char *params[REQ_PARAMS_MAX]; /* the route's :names, in order */
	const char *client;   /* address of the client, after the trusted-proxy rule */
	const char *visit_id; /* 32 hex digits; the same when the web server retries */
	const struct field_env *env;
	struct field_faults faults; /* of the body or query, for the problem document */
	bool faults_in_body;        /* they have JSON pointers */
	size_t body_max;            /* bytes a JSON body may have */
};

/* "GET" and so on; "OTHER" for any that the service does not know. */
const char *req_method_name(enum method m);

/* Fills rq from the parameters of the request that f holds. ERR_MEMORY. */
MUST_CHECK enum err req_init(struct req *rq, struct ctx *cx, struct fcgi *f);

/* A request header by its FastCGI name ("HTTP_IF_MATCH"); NULL when absent. */
const char *req_header(const struct req *rq, const char *fcgi_name);

/* The route's i-th parameter as an id: ERR_NOT_FOUND unless it is 1..INT64_MAX. */
MUST_CHECK enum err req_id(const struct req *rq, size_t i, int64_t *ret_id);

/* Reads the JSON body into ret_struct by the rows (see field.h). ERR_MEDIA_TYPE,
 * ERR_TOO_LARGE, ERR_MALFORMED (also a body that is no object), ERR_INVALID with faults. */
MUST_CHECK enum err req_json_fields(
    struct req *rq, const struct field *rows, size_t n, void *ret_struct);

/* Reads the i-th value of a list that req_json_fields found, likewise. */
MUST_CHECK enum err req_json_item(struct req *rq, const struct field_item *item,
    const struct field *rows, size_t n, void *ret_struct);

/* Reads the query string into ret_struct by the rows. ERR_INVALID with faults. */
MUST_CHECK enum err req_query_fields(
    struct req *rq, const struct field *rows, size_t n, void *ret_struct);

/* Passes the body on piece by piece, max_bytes at most. ERR_TOO_LARGE, ERR_ABORTED, or the
 * first error fn returned. */
typedef enum err req_body_fn(void *arg, const char *bytes, size_t n);
MUST_CHECK enum err req_body_each(struct req *rq, size_t max_bytes, req_body_fn *fn, void *arg);

/* Whether the Content-Type's media type is `type` (compared without case or parameters) and
 * the body is not compressed. */
bool req_has_type(const struct req *rq, const char *type);

/* If-Match (RFC 9110 13.1.1): whether a record with this version may be changed. True when
 * the header is absent or `*`. */
bool req_if_match(const struct req *rq, int64_t version);

/* The part of the query string other than `name`, for links: appends "a=1&b=2". */
void req_query_without(const struct req *rq, const char *const *names, size_t n, struct buf *out);

#endif
