/*
 * Query strings and path segments: what is decoded is clean text within bounds, and
 * encoding it and decoding that gives it back.
 */
#include <assert.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ctx.h"
#include "lib/base/utf8.h"
#include "lib/http/query.h"
#include "tests/fuzz/fuzz.h"

static void
check_segment(struct arena *a, const char *s, size_t n)
{
	char *decoded = query_decode_segment(a, s, n);
	struct buf encoded;
	char *again;

	if (!decoded)
		return;
	assert(strlen(decoded) <= n && utf8_valid(decoded, strlen(decoded)));
	buf_init(&encoded, a);
	query_encode(&encoded, decoded);
	assert(strlen(buf_str(&encoded)) == encoded.len);
	assert(encoded.len == strspn(buf_str(&encoded),
				  "%ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				  "-._~"));
	again = query_decode_segment(a, buf_str(&encoded), encoded.len);
	assert(again && strcmp(again, decoded) == 0);
}

/* Writes the pairs whose values were readable as a query of their own. */
static const char *
rebuild(struct arena *a, const struct query *q)
{
	struct buf out;

	buf_init(&out, a);
	for (size_t i = 0; i < q->n; i++) {
		query_encode(&out, q->pairs[i].name);
		buf_adds(&out, "=");
		query_encode(&out, q->pairs[i].value ? q->pairs[i].value : "");
		buf_adds(&out, "&");
	}
	return buf_str(&out);
}

static void
check_query(struct ctx *cx, const char *text)
{
	struct query q, again;
	const char *value, *value_again;

	if (query_parse(cx, text, &q) != ERR_OK) {
		assert(cx->detail);
		return;
	}
	assert(q.n <= QUERY_PAIRS_MAX);
	assert(query_parse(cx, rebuild(cx->arena, &q), &again) == ERR_OK);
	assert(again.n == q.n);
	for (size_t i = 0; i < q.n; i++) {
		value = q.pairs[i].value;
		value_again = again.pairs[i].value;
		assert(utf8_valid(q.pairs[i].name, strlen(q.pairs[i].name)));
		assert(!value || utf8_valid(value, strlen(value)));
		assert(strcmp(q.pairs[i].name, again.pairs[i].name) == 0);
		assert(strcmp(value ? value : "", value_again) == 0);
		assert(query_find(&q, q.pairs[i].name) <= &q.pairs[i]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *arena = arena_new((size_t)16 << 20);
	struct ctx cx;

	assert(arena);
	ctx_init(&cx, arena, 1000);
	check_segment(arena, (const char *)data, n);
	check_query(&cx, arena_strndup(arena, (const char *)data, n));
	arena_free(arena);
	return 0;
}
