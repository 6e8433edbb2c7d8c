#include "lib/http/query.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ctx.h"
#include "lib/base/utf8.h"

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes the n bytes at s where they are, plus standing for '+', and ends them with a NUL
 * (s has room for one more). False: a bad escape, a NUL, or not UTF-8. */
static bool
decode(char *s, size_t n, char plus)
{
	char *out = s;
	int high, low;

	for (size_t i = 0; i < n; i++) {
		if (s[i] != '%') {
			*out++ = s[i] == '+' ? plus : s[i];
			continue;
		}
		if (n - i < 3)
			return false;
		high = hex_digit(s[i + 1]);
		low = hex_digit(s[i + 2]);
		if (high < 0 || low < 0)
			return false;
		*out++ = (char)(high << 4 | low);
		i += 2;
	}
	*out = '\0';
	n = (size_t)(out - s);
	return !memchr(s, '\0', n) && utf8_valid(s, n);
}

/* Decodes the n bytes of one pair where they are; false: not even a name. */
static bool
read_pair(char *s, size_t n, struct query_pair *ret_pair)
{
	size_t name_len = strcspn(s, "=");
	size_t value_at = name_len < n ? name_len + 1 : n; /* without '=' the value is "" */
	char *value = s + value_at;

	ret_pair->value = decode(value, n - value_at, ' ') ? value : NULL;
	ret_pair->name = s;
	return decode(s, name_len, ' ');
}

enum err
query_parse(struct ctx *cx, const char *text, struct query *ret_query)
{
	char *s, *end;

	ret_query->n = 0;
	if (!text || !*text)
		return ERR_OK;
	s = arena_strdup(cx->arena, text);
	if (!s)
		return ERR_MEMORY;
	for (; s; s = end) {
		end = strchr(s, '&');
		if (end)
			*end++ = '\0';
		if (!*s)
			continue;
		if (ret_query->n == QUERY_PAIRS_MAX)
			return ctx_refuse(cx, ERR_MALFORMED, "the query has too many parameters");
		if (read_pair(s, strlen(s), &ret_query->pairs[ret_query->n]))
			ret_query->n++;
	}
	return ERR_OK;
}

const struct query_pair *
query_find(const struct query *q, const char *name)
{
	for (size_t i = 0; i < q->n; i++) {
		if (strcmp(q->pairs[i].name, name) == 0)
			return &q->pairs[i];
	}
	return NULL;
}

char *
query_decode_segment(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_strndup(a, s, n);

	return copy && decode(copy, n, '+') ? copy : NULL;
}

void
query_encode(struct buf *out, const char *s)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					 "0123456789-._~";
	size_t run;

	for (;;) {
		run = strspn(s, unreserved);
		buf_add(out, s, run);
		s += run;
		if (!*s)
			return;
		buf_printf(out, "%%%02X", (unsigned)(unsigned char)*s++);
	}
}
