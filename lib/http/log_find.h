/*
 * What was logged on this host, in the files DIR/SERVICE/terse.log and those that were rotated:
 * the newest lines that fit, over all services, in bounded time and memory.
 */
#ifndef LIB_HTTP_LOG_FIND_H
#define LIB_HTTP_LOG_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/base/log_level.h"

struct arena;

#define LOG_FIND_MAX 1000 /* lines */

/* NULL: any. Texts are compared as they are; `text` may be anywhere in a line. */
struct log_filter {
	enum log_level least;
	const char *request_id, *route, *service, *text;
	int64_t since_us; /* wall clock; 0: any */
};

struct log_query {
	struct log_filter filter;
	int limit;               /* 1..LOG_FIND_MAX */
	int64_t time_ms;         /* that it may take */
	void (*tick)(void *arg); /* called now and then meanwhile; NULL: nothing is */
	void *arg;
};

/* Where the newest file of a service ended when the search began. */
struct log_end {
	const char *service;
	dev_t dev;
	ino_t ino;
	off_t at;
};

struct log_found {
	const char **lines; /* oldest first; JSON without a newline */
	int n;
	bool is_partial; /* there was no time to look at older files */
	struct log_end *ends;
	int n_ends;
};

/* Whether a line fits, the service aside. `text` must have been through log_filter_text. */
bool log_filter_fits(const struct log_filter *f, const char *line, size_t n);

/* text as it stands in a line of JSON; NULL: no memory. */
const char *log_filter_text(struct arena *a, const char *text);

/* When "15m" (s, m, h, d) ago was, or RFC 3339's moment. False: it is neither. */
bool log_since_parse(const char *text, int64_t now_us, int64_t *ret_wall_us);

/* All of *ret lives in a. ERR_UNAVAILABLE: dir can't be read (errno). ERR_MEMORY. */
MUST_CHECK enum err log_find(
    const char *dir, const struct log_query *q, struct arena *a, struct log_found *ret);

#endif
