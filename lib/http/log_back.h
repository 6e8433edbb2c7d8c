/*
 * The lines of one log, newest first: path, then path.1, path.2 and so on, read backwards in
 * blocks. A rotation that happens meanwhile costs no line and repeats none.
 */
#ifndef LIB_HTTP_LOG_BACK_H
#define LIB_HTTP_LOG_BACK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/attr.h"

#define LOG_BACK_PATH_SIZE 4096

struct log_back {
	int fd;     /* -1: none is open */
	int number; /* of the file that is open: 0 is path itself */
	dev_t dev;
	ino_t ino;
	off_t end; /* size of the newest file when it was opened */
	off_t at;  /* where in the file the bytes begin */
	size_t n;  /* bytes that were read and not given */
	char *bytes;
	bool is_cut; /* the line that ends at n is too long, and left out */
	char path[LOG_BACK_PATH_SIZE];
};

/* False: there is no such file, or no memory. Needs log_back_close when true. */
MUST_CHECK bool log_back_open(struct log_back *b, const char *path);
void log_back_close(struct log_back *b);

/* The next older line, without its newline, until the next call. False: there is none. */
bool log_back_line(struct log_back *b, const char **ret_line, size_t *ret_n);

#endif
