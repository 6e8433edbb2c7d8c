/*
 * The lines of a segment: which look like clicks, and which are junk that needs no try to
 * be stored.
 */
#ifndef APP_INGEST_LINES_H
#define APP_INGEST_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lines of one kind that follow each other. */
struct line_run {
	size_t bytes;
	int64_t lines;
	bool is_junk;
};

/* Whether a line (n bytes, at least one) has the shape of a click's: a newline at its end,
 * not too long, as many columns. */
bool line_is_click(const char *line, size_t n);

/* The run that lines begin with, at most most_lines long. Bytes after the last newline are
 * a line of junk. */
struct line_run lines_run(const char *bytes, size_t n, int64_t most_lines);

#endif
