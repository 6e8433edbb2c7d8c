#include "lib/base/num.h"

#include <stdbool.h>
#include <string.h>

/* Reads the whole text. A value that int64_t can't hold becomes the nearer bound of
 * int64_t and answers ERR_INVALID. */
static enum err
scan(const char *s, size_t n, int64_t *value)
{
	bool negative = n > 0 && s[0] == '-', fits = true;
	size_t i = negative ? 1 : 0;
	int64_t v = 0;

	if (i == n)
		return ERR_MALFORMED;
	for (; i < n; i++) {
		int digit = s[i] - '0';

		if (digit < 0 || digit > 9)
			return ERR_MALFORMED;
		/* The negative range is the larger one: sum up there. */
		fits = fits && !__builtin_mul_overflow(v, 10, &v) &&
		       !__builtin_sub_overflow(v, digit, &v);
	}
	if (!fits || (!negative && v == INT64_MIN)) {
		*value = negative ? INT64_MIN : INT64_MAX;
		return ERR_INVALID;
	}
	*value = negative ? v : -v;
	return ERR_OK;
}

enum err
num_parse(const char *s, size_t n, int64_t min, int64_t max, int64_t *ret_value)
{
	int64_t v;
	enum err e = scan(s, n, &v);

	if (e)
		return e;
	if (v < min || v > max)
		return ERR_INVALID;
	*ret_value = v;
	return ERR_OK;
}

enum err
num_parse_clamped(const char *s, size_t n, int64_t min, int64_t max, int64_t *ret_value)
{
	int64_t v;

	if (scan(s, n, &v) == ERR_MALFORMED)
		return ERR_MALFORMED;
	*ret_value = v < min ? min : v > max ? max : v;
	return ERR_OK;
}

size_t
num_format(int64_t value, char text[NUM_TEXT_SIZE])
{
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char digits[NUM_TEXT_SIZE];
	size_t first = sizeof(digits) - 1, n;

	digits[first] = '\0';
	do {
		digits[--first] = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (value < 0)
		digits[--first] = '-';
	n = sizeof(digits) - 1 - first;
	memcpy(text, digits + first, n + 1);
	return n;
}
