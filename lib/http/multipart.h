/*
 * multipart/form-data (RFC 7578) by streaming: finds the part of one name and passes its
 * bytes on; everything else is skipped. Memory is bounded.
 */
#ifndef LIB_HTTP_MULTIPART_H
#define LIB_HTTP_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct arena;
struct ctx;
struct multipart;

typedef enum err multipart_fn(void *arg, const char *bytes, size_t n);

/* content_type is the whole header value; name the part wanted. NULL: it has no usable
 * boundary (RFC 2046: 1..70 bytes), or no memory. Lives in the arena. */
struct multipart *multipart_new(
    struct arena *a, const char *content_type, const char *name, multipart_fn *fn, void *arg);

/* ERR_MALFORMED (cx has the detail), or the first error that fn returned. */
MUST_CHECK enum err multipart_feed(
    struct multipart *m, struct ctx *cx, const char *bytes, size_t n);

/* ERR_MALFORMED: the closing boundary never came, or there was no such part. */
MUST_CHECK enum err multipart_end(struct multipart *m, struct ctx *cx);

#endif
