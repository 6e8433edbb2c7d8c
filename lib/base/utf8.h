/*
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, at most U+10FFFF.
 */
#ifndef LIB_BASE_UTF8_H
#define LIB_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the code point at s (n bytes left, n > 0). Returns its length in bytes, or 0
 * when the bytes there are not UTF-8. */
size_t utf8_decode(const char *s, size_t n, uint32_t *ret_point);

bool utf8_valid(const char *s, size_t n);

/* Code points in a valid string. */
size_t utf8_length(const char *s);

/* Whether a valid string has nothing but white space (Unicode's White_Space, and
 * U+200B, U+2060 and U+FEFF, which show nothing either). "" is blank. */
bool utf8_is_blank(const char *s);

/* Whether a valid string has any such character. */
bool utf8_has_blank(const char *s);

/* Whether a valid string has a C0 or C1 control character or DEL. */
bool utf8_has_control(const char *s);

/* Copies at most cap - 1 bytes of s to dst, never half a character; each byte that is
 * not UTF-8, and each NUL, becomes '?'. Returns the length written; dst ends in NUL. */
size_t utf8_copy_clean(char *dst, size_t cap, const char *s, size_t n);

#endif
