/*
 * Commands to Redis on a unix socket, over hiredis; the only module that knows it. They are
 * gathered, sent in one piece, and their replies taken in order, by the caller's deadline
 * (clock_mono_us() scale). After any failure the connection is closed, so that a late reply
 * is never taken for the next command's; the next batch connects anew. Made for cache.c.
 */
#ifndef LIB_DATA_PIPELINE_H
#define LIB_DATA_PIPELINE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

#define PIPELINE_ARGS_MAX 8

struct arena;
struct pipeline;

enum reply_kind { REPLY_STRING, REPLY_NIL, REPLY_INTEGER, REPLY_STATUS, REPLY_ERROR, REPLY_OTHER };

struct reply {
	enum reply_kind kind;
	const char *text; /* of a string, a status or an error; else "" */
	size_t n;
};

/* Does not connect yet. NULL: no memory. */
struct pipeline *pipeline_new(const char *socket);
void pipeline_free(struct pipeline *p);

/* Begins a batch; its commands are kept in a. */
void pipeline_begin(struct pipeline *p, struct arena *a);

/* Appends a command of at most PIPELINE_ARGS_MAX words; a NULL ends them. */
void pipeline_add(struct pipeline *p, const char *const words[]);

/* Sends the batch. ERR_MEMORY: a command did not fit, nothing was sent. ERR_UNAVAILABLE,
 * ERR_DEADLINE. */
MUST_CHECK enum err pipeline_send(struct pipeline *p, int64_t deadline_us);

/* Takes the next reply, of as many as there were commands. Its text lives until the next
 * call. Errors are pipeline_send's; an error that Redis replies is none. */
MUST_CHECK enum err pipeline_take(struct pipeline *p, int64_t deadline_us, struct reply *ret_reply);

#endif
