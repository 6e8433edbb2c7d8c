/*
 * Decimal integers: the one strict parser (an optional '-', then digits, nothing else; no
 * blanks, no '+', no hexadecimal) and its reverse.
 */
#ifndef LIB_BASE_NUM_H
#define LIB_BASE_NUM_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

/* Parses n bytes. ERR_MALFORMED: not an integer. ERR_INVALID: an integer outside
 * min..max (also one that int64_t can't hold). */
MUST_CHECK enum err num_parse(
    const char *s, size_t n, int64_t min, int64_t max, int64_t *ret_value);

/* The same, but an integer outside min..max becomes the nearer bound. */
MUST_CHECK enum err num_parse_clamped(
    const char *s, size_t n, int64_t min, int64_t max, int64_t *ret_value);

#define NUM_TEXT_SIZE 24

/* Writes value with a NUL behind it and returns its length. */
size_t num_format(int64_t value, char text[NUM_TEXT_SIZE]);

#endif
