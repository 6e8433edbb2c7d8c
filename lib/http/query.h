/*
 * The query string, decoded once (application/x-www-form-urlencoded), and percent-coding
 * of path segments.
 */
#ifndef LIB_HTTP_QUERY_H
#define LIB_HTTP_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct arena;
struct buf;
struct ctx;

#define QUERY_PAIRS_MAX 64

struct query_pair {
	const char *name, *value; /* decoded; valid UTF-8 without NUL */
};

struct query {
	struct query_pair pairs[QUERY_PAIRS_MAX];
	size_t n;
};

/* Splits and decodes text (without '?'; NULL: none). A pair that does not decode to valid
 * UTF-8 without NUL keeps its name, if that decoded, and the value NULL. ERR_MALFORMED:
 * more than QUERY_PAIRS_MAX pairs. ERR_MEMORY. */
MUST_CHECK enum err query_parse(struct ctx *cx, const char *text, struct query *ret_query);

/* The first pair of a name; NULL: none. */
const struct query_pair *query_find(const struct query *q, const char *name);

/* Decodes n bytes of a path segment exactly once ('+' stays). NULL: a bad escape, a NUL,
 * not UTF-8, or no memory. */
char *query_decode_segment(struct arena *a, const char *s, size_t n);

/* Appends s percent-encoded so that it is one component (RFC 3986 unreserved stays). */
void query_encode(struct buf *out, const char *s);

#endif
