/*
 * Whatever a service prints on standard error, as lines of the log: those that are some
 * already pass, nginx's errors get the members of a request, and any other line becomes the
 * `diag` of one. Nothing here reads or writes.
 */
#ifndef APP_TERSE_LOG_WRAP_H
#define APP_TERSE_LOG_WRAP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/base/log_level.h"

struct arena;

struct log_wrap {
	const char *service;                     /* borrowed, as all is */
	const char *client_ip;                   /* TERSE_LOG_CLIENT_IP */
	const struct log_level_word *host_level; /* NULL: none */
	enum log_level own_level;
	struct arena *scratch;
	int64_t chaff_second; /* when the chaff below came */
	int chaff, left_out;
};

/* The line of the log that stands for n bytes without a newline, in LOG_LINE_BYTES. Returns
 * its length; 0: it is of no use. */
size_t log_wrap_line(struct log_wrap *w, const char *bytes, size_t n, int64_t wall_us, char *out);

#endif
