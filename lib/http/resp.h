/*
 * The response while it is made: status, headers, body in the arena. It is sent once, by
 * dispatch, so a handler may still fail after it has begun to fill one in.
 */
#ifndef LIB_HTTP_RESP_H
#define LIB_HTTP_RESP_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

struct arena;
struct json;

#define RESP_HEADERS_MAX 16 /* dispatch itself adds at most 4 to a handler's */

struct resp_header {
	const char *name, *value; /* borrowed; no CR or LF ever gets out */
};

struct resp {
	int status;
	const char *type; /* Content-Type; NULL: no body */
	struct resp_header headers[RESP_HEADERS_MAX];
	unsigned n_headers;
	struct buf body;
	const char *layer;      /* for the log line: redis, db; NULL: none */
	enum err sent_error;    /* the error that became a problem document, for log and metrics */
	const char *bad_header; /* one left out: its value would have broken the response */
	char retry_after[12];   /* texts that need no arena: a header's value, */
	char spare[192];        /* and the body of a problem that found no memory */
};

void resp_init(struct resp *rs, struct arena *a);

/* Forgets all that was filled in but the layer. */
void resp_clear(struct resp *rs);

/* Adds a header; none when value is NULL. Our own mistake (assert) when there are too many.
 * A value with a control character is left out and noted in bad_header: dispatch makes an
 * ERR_INTERNAL of it. */
void resp_header(struct resp *rs, const char *name, const char *value);

/* The value of a header that was added; NULL: none. Names are compared as written. */
const char *resp_find(const struct resp *rs, const char *name);

/* The reason phrase of a status that terse answers with (RFC 9110 15); "" for any other. */
const char *resp_phrase(int status);

/* A JSON body. ERR_MEMORY. */
MUST_CHECK enum err resp_json(struct resp *rs, int status, const struct json *j);

/* No body. */
enum err resp_empty(struct resp *rs, int status);

#endif
