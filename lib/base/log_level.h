/*
 * The levels of log lines, and the one that holds for a whole host while somebody says so: a
 * word in shared memory that every program looks at without a system call. It outlives all
 * programs; without it each has the level of its settings.
 */
#ifndef LIB_BASE_LOG_LEVEL_H
#define LIB_BASE_LOG_LEVEL_H

#include <stdbool.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG__COUNT };

struct log_level_word;

/* debug, info, warn, error. */
const char *log_level_name(enum log_level level);

/* Whether name is one of them, or "warning", in letters of either case. */
bool log_level_parse(const char *name, enum log_level *ret_level);

/* The level of a name; LOG_INFO for any other. */
enum log_level log_level_of(const char *name);

/* Maps the host's word. ERR_UNAVAILABLE: errno says why. */
MUST_CHECK enum err log_level_map(const char *run_dir, struct log_level_word **ret_word);
void log_level_unmap(struct log_level_word *word);

/* The host's level, or own when nobody has set one. word NULL: own. */
enum log_level log_level_least(const struct log_level_word *word, enum log_level own);
bool log_level_is_set(const struct log_level_word *word);

void log_level_set(struct log_level_word *word, enum log_level level);
void log_level_clear(struct log_level_word *word);

#endif
