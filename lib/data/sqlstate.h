/*
 * What PostgreSQL's error codes mean to this program.
 */
#ifndef LIB_DATA_SQLSTATE_H
#define LIB_DATA_SQLSTATE_H

#include <stdbool.h>

#include "lib/base/err.h"

/* The error for a SQLSTATE (five characters); ERR_INTERNAL for what is not in the table. */
enum err sqlstate_err(const char *state);

/* Whether the statement did nothing and may succeed when it runs again: a serialization
 * failure or a deadlock. */
bool sqlstate_is_retryable(const char *state);

#endif
