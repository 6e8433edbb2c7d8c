#include "lib/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/escape.h"
#include "lib/base/num.h"

enum { FIRST_BYTES = 256 };

void
buf_init(struct buf *b, struct arena *a)
{
	*b = (struct buf){ .arena = a };
}

/* Makes room for n more bytes and the NUL. */
static bool
reserve(struct buf *b, size_t n)
{
	size_t need, doubled = b->cap ? 2 * b->cap : FIRST_BYTES;
	char *data;

	if (b->failed || n < b->cap - b->len)
		return !b->failed;
	if (__builtin_add_overflow(b->len + 1, n, &need)) {
		b->failed = true;
		return false;
	}
	data = doubled > need ? arena_alloc(b->arena, doubled) : NULL;
	b->cap = data ? doubled : need;
	/* Near the arena's cap twice the size may not fit where the size does. */
	if (!data)
		data = arena_alloc(b->arena, need);
	if (!data) {
		b->failed = true;
		return false;
	}
	if (b->len > 0)
		memcpy(data, b->data, b->len);
	b->data = data;
	return true;
}

void
buf_add(struct buf *b, const void *bytes, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n > 0)
		memcpy(b->data + b->len, bytes, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void
buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_addi(struct buf *b, int64_t v)
{
	char text[NUM_TEXT_SIZE];

	buf_add(b, text, num_format(v, text));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	int n;

	if (!reserve(b, 0))
		return;
	va_start(args, fmt);
	n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, args);
	va_end(args);
	if (n >= 0 && (size_t)n >= b->cap - b->len && reserve(b, (size_t)n)) {
		va_start(args, fmt);
		n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, args);
		va_end(args);
	}
	if (n < 0)
		b->failed = true;
	if (b->failed)
		buf_cut(b, b->len);
	else
		b->len += (size_t)n;
}

void
buf_add_json(struct buf *b, const char *s)
{
	size_t n = strlen(s);
	char out[ESCAPE_SIZE];

	while (n > 0 && !b->failed) {
		size_t len = 0, taken = escape_plain(s, n);

		if (taken > 0) {
			buf_add(b, s, taken);
		} else {
			taken = escape_one(s, n, out, &len);
			buf_add(b, out, len);
		}
		s += taken;
		n -= taken;
	}
}

void
buf_cut(struct buf *b, size_t len)
{
	if (len > b->len || !b->data)
		return;
	b->len = len;
	b->data[len] = '\0';
}

const char *
buf_str(const struct buf *b)
{
	if (b->failed)
		return NULL;
	return b->data ? b->data : "";
}
