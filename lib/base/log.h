/*
 * The JSON log: one object per line, appended with one write(2) per flush. Lines are
 * built with log_begin, log_text/log_int..., log_end; whatever the bytes, a line is valid
 * JSON of at most 8 KiB, cut in its values. The sink is this process's only global
 * besides the metrics. Library code does not log; programs and dispatch do.
 */
#ifndef LIB_BASE_LOG_H
#define LIB_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/base/log_level.h"

/* Opens the sink: path is a file to append to, or "-" for standard error. program is
 * borrowed and goes into every line, as does the pid: a forked child opens anew.
 * ERR_UNAVAILABLE: the file can't be opened (errno). Before it, lines go to standard error. */
MUST_CHECK enum err log_open(const char *path, const char *program, enum log_level least);
void log_close(void);

/* A file of max_bytes is renamed to path.1, path.1 to path.2 and so on, and the last `keep`
 * are kept: several processes may share path. max_bytes 0, as at first: never. */
void log_rotate_at(int64_t max_bytes, int64_t keep);

/* From now on run_dir's level for the whole host goes before `least`, whenever somebody sets
 * one. Without shared memory a line says so. */
void log_obey(const char *run_dir);

/* Opens the same path anew (after somebody else's rotation). */
void log_reopen(void);

/* Starts a line with ts, level, msg, program and pid. Returns false, and makes the calls
 * up to log_end no-ops, when the level is below the host's or the sink's. */
bool log_begin(enum log_level level, const char *msg);
void log_text(const char *name, const char *value); /* NULL: left out */
void log_int(const char *name, int64_t value);
void log_end(void);

/* A whole line with one explanation, the member `diag`. */
void log_event(enum log_level level, const char *msg, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Writes what is buffered. Lines of LOG_WARN and above are written at once; the others
 * when 32 KiB are full or log_flush is called. Lines that find no room on the disk are
 * dropped and counted. */
void log_flush(void);

/* Writes what is buffered if its oldest line is older than age_us. */
void log_flush_if_older(int64_t age_us);

#endif
