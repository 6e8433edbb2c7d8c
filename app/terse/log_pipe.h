/*
 * Standard input of a log process. From a pipe, bytes are looked at first and taken only when
 * their lines are in a file, so that whatever kills the process loses none of them; some may
 * then be written twice. Anything else is simply read.
 */
#ifndef APP_TERSE_LOG_PIPE_H
#define APP_TERSE_LOG_PIPE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

#define LOG_PIPE_BYTES ((size_t)64 * 1024)

struct log_pipe {
	int fd;
	int copy[2]; /* a pipe that gets what is looked at; -1: fd is read */
	size_t n;    /* bytes that were looked at and not taken */
	char bytes[LOG_PIPE_BYTES];
};

/* fd stays the caller's. ERR_UNAVAILABLE: errno. */
MUST_CHECK enum err log_pipe_open(struct log_pipe *p, int fd);
void log_pipe_close(struct log_pipe *p);

/* Waits for bytes and looks at them, from the first that was not taken. False: at the end. */
bool log_pipe_look(struct log_pipe *p);

/* Looks at whole lines: how many bytes of them there are. Half a line that nobody goes on with
 * for a moment, or that fills everything, counts as one. */
size_t log_pipe_lines(struct log_pipe *p);

/* Takes the first n bytes. */
void log_pipe_take(struct log_pipe *p, size_t n);

#endif
