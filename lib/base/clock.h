/*
 * Time in microseconds: a monotonic clock for deadlines, the wall clock for records,
 * and RFC 3339 in and out.
 */
#ifndef LIB_BASE_CLOCK_H
#define LIB_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

#define CLOCK_TEXT_SIZE 32

int64_t clock_mono_us(void);
int64_t clock_wall_us(void); /* since 1970-01-01T00:00:00Z */

/* Writes RFC 3339 in UTC, as 2026-01-31T23:59:59Z, with six decimals only when there are
 * microseconds. Returns text. Years 0001..9999. */
const char *clock_format(int64_t wall_us, char text[CLOCK_TEXT_SIZE]);

/* Parses `YYYY-MM-DD`, optionally followed by T or a blank and HH:MM[:SS[.digits]], and
 * optionally Z or +HH:MM / -HH:MM (also " HH:MM", what a '+' in a query becomes); without
 * a zone it is UTC. A leap second becomes the next second. ERR_MALFORMED otherwise. */
MUST_CHECK enum err clock_parse(const char *s, int64_t *ret_wall_us);

#endif
