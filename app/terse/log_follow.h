/*
 * Lines as they come, over all services and through rotations. A file that was renamed is read
 * on until nobody can be writing to it any more.
 */
#ifndef APP_TERSE_LOG_FOLLOW_H
#define APP_TERSE_LOG_FOLLOW_H

#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct log_end;
struct log_filter;
struct log_follow;

/* A whole line with its newline. */
typedef void log_follow_fn(void *arg, const char *line, size_t n);

/* Begins where a search began (n ends); services that come later are read from their
 * beginning. dir and filter are borrowed. NULL: no memory. */
struct log_follow *log_follow_new(
    const char *dir, const struct log_filter *filter, const struct log_end *ends, int n);
void log_follow_free(struct log_follow *f);

/* Gives what has come since. ERR_UNAVAILABLE: dir can't be read (errno). */
MUST_CHECK enum err log_follow_poll(struct log_follow *f, log_follow_fn *fn, void *arg);

#endif
