/*
 * Text as it stands inside a JSON string (RFC 8259): the one place that knows the
 * escapes. It writes a character at a time, so that each caller keeps its own buffer
 * and its own limit.
 */
#ifndef LIB_BASE_ESCAPE_H
#define LIB_BASE_ESCAPE_H

#include <stddef.h>

#define ESCAPE_SIZE 8

/* Bytes at the start of s (n bytes) that stand for themselves. */
size_t escape_plain(const char *s, size_t n);

/* Writes the character at s (n bytes left, n > 0) to out, which is not NUL-terminated:
 * itself, an escape, or U+FFFD for a byte that is not UTF-8. Returns the bytes of s that
 * it stands for. */
size_t escape_one(const char *s, size_t n, char out[ESCAPE_SIZE], size_t *ret_len);

#endif
