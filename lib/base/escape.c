#include "lib/base/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/utf8.h"

/* One byte in all eight places of a word. */
#define EIGHT(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Words of text are looked at eight bytes at a time: the high bit of a byte of the result
 * says that it, or one before it, is 0. */
static uint64_t
zeros(uint64_t word)
{
	return (word - EIGHT(1)) & ~word;
}

static bool
is_plain_word(const char *s)
{
	uint64_t word, others;

	memcpy(&word, s, sizeof(word));
	others = word | (word - EIGHT(0x20)) | zeros(word ^ EIGHT(0x7f)) |
		 zeros(word ^ EIGHT('"')) | zeros(word ^ EIGHT('\\'));
	return (others & EIGHT(0x80)) == 0;
}

static bool
is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

size_t
escape_plain(const char *s, size_t n)
{
	size_t i = 0;

	while (n - i >= sizeof(uint64_t) && is_plain_word(s + i))
		i += sizeof(uint64_t);
	while (i < n && is_plain(s[i]))
		i++;
	return i;
}

/* The letter of the short escape of c, or 0. */
static char
short_escape(char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *at = memchr(from, c, sizeof(from) - 1);

	return at ? to[at - from] : '\0';
}

size_t
escape_one(const char *s, size_t n, char out[ESCAPE_SIZE], size_t *ret_len)
{
	uint32_t point;
	size_t taken = utf8_decode(s, n, &point);
	char letter = short_escape(*s);

	if (letter) {
		out[0] = '\\';
		out[1] = letter;
		*ret_len = 2;
	} else if (taken == 0) {
		memcpy(out, "\xef\xbf\xbd", 3);
		*ret_len = 3;
		return 1;
	} else if (point < 0x20 || point == 0x7f) {
		*ret_len = (size_t)snprintf(out, ESCAPE_SIZE, "\\u%04x", (unsigned)point);
	} else {
		memcpy(out, s, taken);
		*ret_len = taken;
	}
	return taken;
}
