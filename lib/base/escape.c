#include "lib/base/escape.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/utf8.h"

size_t
escape_plain(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			break;
	}
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
