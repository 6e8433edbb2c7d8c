/*
 * The file behind the log: any number of processes append whole lines to it, one write(2)
 * per batch, and whoever finds it too large renames it: path becomes path.1, path.1 becomes
 * path.2 and so on. The others notice before their next batch, so no line is lost; who reads
 * along keeps the renamed file until path names another. Nothing here waits for a process.
 */
#ifndef LIB_BASE_LOG_FILE_H
#define LIB_BASE_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

#define LOG_FILE_PATH_SIZE 4096

struct log_file {
	int fd;
	bool is_regular; /* only then is it rotated */
	dev_t dev;
	ino_t ino;
	int64_t max_bytes;             /* 0: never rotated */
	int64_t keep;                  /* rotated files, at least 1 */
	char path[LOG_FILE_PATH_SIZE]; /* "": standard error */
};

/* Opens path, "-" being standard error, in place of what is open. Half a line at its end gets
 * a newline. ERR_UNAVAILABLE: it can't
 * be opened (errno), and f is as it was. */
MUST_CHECK enum err log_file_open(struct log_file *f, const char *path);

/* Goes back to standard error. */
void log_file_close(struct log_file *f);

/* Opens the same path anew; when that fails the old file goes on taking lines. */
void log_file_reopen(struct log_file *f);

/* Appends n bytes, whole lines, after looking at the path: one stat(2) more, and the calls of
 * a rotation when it is due. Returns how many bytes were written, whole lines as well; the
 * rest found no room. */
size_t log_file_append(struct log_file *f, const char *lines, size_t n);

#endif
