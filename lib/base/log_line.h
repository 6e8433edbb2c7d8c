/*
 * One line of the log while it is built: a JSON object in the caller's memory, of at most
 * LOG_LINE_BYTES with its newline. Whatever the bytes that go into it, it is valid JSON in
 * UTF-8; long values are cut.
 */
#ifndef LIB_BASE_LOG_LINE_H
#define LIB_BASE_LOG_LINE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/log_level.h"

#define LOG_LINE_BYTES ((size_t)8 * 1024)

/* What every line begins with. */
struct log_head {
	int64_t wall_us;
	enum log_level level;
	const char *msg, *program; /* borrowed */
	pid_t pid;                 /* 0: not known */
};

struct log_line {
	char *bytes; /* room for LOG_LINE_BYTES; no NUL at the end */
	size_t len;
};

/* Starts a line with ts, level, msg, program and pid. */
void log_line_begin(struct log_line *l, char *bytes, const struct log_head *head);

/* A member more; one that finds no room is left out. */
void log_line_text(struct log_line *l, const char *name, const char *value); /* NULL: left out */
void log_line_int(struct log_line *l, const char *name, int64_t value);

void log_line_end(struct log_line *l);

#endif
