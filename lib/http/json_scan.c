#include "lib/http/json_scan.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/num.h"

#define ESCAPE_LEN 6 /* \uXXXX */

struct scan {
	const char *p, *end;
	struct buf *out;
	unsigned containers;
	unsigned depth; /* of those that are open */
};

static size_t
left(const struct scan *s)
{
	return (size_t)(s->end - s->p);
}

static void
copy(struct scan *s, size_t n)
{
	buf_add(s->out, s->p, n);
	s->p += n;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Whether a number or literal may end here; json-c lets them run into each other. */
static bool
at_token_end(const struct scan *s)
{
	return s->p == s->end || is_blank(*s->p) || *s->p == ',' || *s->p == ']' || *s->p == '}';
}

static int
hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Reads the UTF-16 unit of a \uXXXX escape at p; false: there is none. */
static bool
read_unit(const char *p, const char *end, unsigned *ret_unit)
{
	unsigned unit = 0;
	int digit;

	if (end - p < ESCAPE_LEN || p[0] != '\\' || p[1] != 'u')
		return false;
	for (int i = 2; i < ESCAPE_LEN; i++) {
		digit = hex_digit(p[i]);
		if (digit < 0)
			return false;
		unit = unit << 4 | (unsigned)digit;
	}
	*ret_unit = unit;
	return true;
}

static bool
is_high(unsigned unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static bool
is_low(unsigned unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

/* Copies the escape at s->p; ret_nul becomes true when it stands for no character. */
static enum err
scan_escape(struct scan *s, bool *ret_nul)
{
	unsigned unit, next;

	if (left(s) < 2)
		return ERR_MALFORMED;
	if (s->p[1] != 'u') {
		copy(s, 2); /* json-c knows the letters */
		return ERR_OK;
	}
	if (!read_unit(s->p, s->end, &unit))
		return ERR_MALFORMED;
	if (is_high(unit) && read_unit(s->p + ESCAPE_LEN, s->end, &next) && is_low(next)) {
		copy(s, 2 * ESCAPE_LEN);
		return ERR_OK;
	}
	if (unit != 0 && !is_high(unit) && !is_low(unit)) {
		copy(s, ESCAPE_LEN);
		return ERR_OK;
	}
	buf_adds(s->out, "\\u0000");
	s->p += ESCAPE_LEN;
	*ret_nul = true;
	return ERR_OK;
}

static bool
is_name(const struct scan *s)
{
	const char *p = s->p;

	while (p < s->end && is_blank(*p))
		p++;
	return p < s->end && *p == ':';
}

/* Where a string has an escape for NUL, at bytes the first, its name can't survive json-c. */
static void
mark_name(struct buf *out, size_t at)
{
	if (out->failed)
		return;
	memset(out->data + at, ' ', ESCAPE_LEN);
	out->data[at] = (char)JSON_SCAN_NUL_IN_NAME;
}

static enum err
scan_string(struct scan *s)
{
	size_t first_nul = 0;
	bool has_nul = false;
	enum err e;

	copy(s, 1);
	while (s->p < s->end && *s->p != '"') {
		if ((unsigned char)*s->p < 0x20)
			return ERR_MALFORMED;
		if (*s->p != '\\') {
			copy(s, 1);
			continue;
		}
		if (!has_nul)
			first_nul = s->out->len;
		e = scan_escape(s, &has_nul);
		if (e)
			return e;
	}
	if (s->p == s->end)
		return ERR_MALFORMED;
	copy(s, 1);
	if (has_nul && is_name(s))
		mark_name(s->out, first_nul);
	return ERR_OK;
}

static const char *
skip_digits(const char *p, const char *end)
{
	while (p < end && is_digit(*p))
		p++;
	return p;
}

/* The end of an integer that has no needless zeros in front; NULL: there is none at p. */
static const char *
skip_integer(const char *p, const char *end)
{
	if (p < end && *p == '-')
		p++;
	if (p == end || !is_digit(*p))
		return NULL;
	return *p == '0' ? p + 1 : skip_digits(p, end);
}

/* The end of the fraction and exponent that may follow; NULL: begun, but not a digit. */
static const char *
skip_fraction(const char *p, const char *end)
{
	if (p < end && *p == '.') {
		if (++p == end || !is_digit(*p))
			return NULL;
		p = skip_digits(p, end);
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if (p == end || !is_digit(*p))
			return NULL;
		p = skip_digits(p, end);
	}
	return p;
}

static enum err
scan_number(struct scan *s)
{
	const char *integer_end, *number_end;
	int64_t ignored;
	size_t n;
	bool saturates;

	integer_end = skip_integer(s->p, s->end);
	if (!integer_end)
		return ERR_MALFORMED;
	number_end = skip_fraction(integer_end, s->end);
	if (!number_end)
		return ERR_MALFORMED;
	n = (size_t)(number_end - s->p);
	saturates = number_end == integer_end &&
		    num_parse(s->p, n, INT64_MIN, INT64_MAX, &ignored) != ERR_OK;
	copy(s, n);
	if (saturates)
		buf_adds(s->out, "e0");
	return at_token_end(s) ? ERR_OK : ERR_MALFORMED;
}

static enum err
scan_literal(struct scan *s)
{
	static const char *const literals[] = { "true", "false", "null" };
	size_t n;

	for (size_t i = 0; i < N(literals); i++) {
		n = strlen(literals[i]);
		if (left(s) < n || memcmp(s->p, literals[i], n) != 0)
			continue;
		copy(s, n);
		return at_token_end(s) ? ERR_OK : ERR_MALFORMED;
	}
	return ERR_MALFORMED;
}

static enum err
scan_open(struct scan *s)
{
	copy(s, 1);
	if (++s->depth > JSON_SCAN_DEPTH_MAX)
		return ERR_MALFORMED;
	return ++s->containers > JSON_SCAN_CONTAINERS_MAX ? ERR_TOO_LARGE : ERR_OK;
}

static enum err
scan_close(struct scan *s)
{
	copy(s, 1);
	if (s->depth == 0)
		return ERR_MALFORMED;
	s->depth--;
	return ERR_OK;
}

static enum err
scan_token(struct scan *s)
{
	char c = *s->p;

	if (c == '"')
		return scan_string(s);
	if (c == '-' || is_digit(c))
		return scan_number(s);
	if (c == '{' || c == '[')
		return scan_open(s);
	if (c == '}' || c == ']')
		return scan_close(s);
	if (c == ',' || c == ':' || is_blank(c)) {
		copy(s, 1);
		return ERR_OK;
	}
	return scan_literal(s);
}

enum err
json_scan(const char *bytes, size_t n, struct buf *out)
{
	struct scan s = { .p = bytes, .end = bytes + n, .out = out };
	enum err e;

	while (s.p < s.end) {
		e = scan_token(&s);
		if (e)
			return e;
	}
	return out->failed ? ERR_MEMORY : ERR_OK;
}
