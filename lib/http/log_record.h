/*
 * A line of the log as it stands in a file: a JSON object with ts, level and msg. Its members
 * are found by their text, since millions of lines may have to be looked at; whether it is
 * JSON at all is asked of the few that go out.
 */
#ifndef LIB_HTTP_LOG_RECORD_H
#define LIB_HTTP_LOG_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/log_level.h"

struct arena;

/* The bytes of a text member, still with JSON's escapes; false: there is none. No value can be
 * taken for a member: a quotation mark in it has a backslash. */
bool log_record_text(
    const char *line, size_t n, const char *name, const char **ret_value, size_t *ret_n);

/* Whether the member is there and has just this value, which needs no escapes. */
bool log_record_has(const char *line, size_t n, const char *name, const char *value);

/* The level; LOG_INFO if it has none that is known. */
enum log_level log_record_level(const char *line, size_t n);

/* The ts; false: there is none. */
bool log_record_time(const char *line, size_t n, int64_t *ret_wall_us);

/* Whether it is a record, and JSON. scratch is reset. */
bool log_record_is_valid(struct arena *scratch, const char *line, size_t n);

#endif
