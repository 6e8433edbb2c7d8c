/*
 * multipart/form-data: what comes out does not depend on how the bytes come, and content
 * that was wrapped is unwrapped byte for byte. The input is a content type, a line break,
 * and a body.
 */
#include <assert.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ctx.h"
#include "lib/http/multipart.h"
#include "tests/fuzz/fuzz.h"

static enum err
keep(void *arg, const char *bytes, size_t n)
{
	assert(n > 0);
	buf_add(arg, bytes, n);
	return ERR_OK;
}

static enum err
read_in_steps(struct arena *a, const char *type, const char *bytes, size_t n, size_t step,
    struct buf *ret_content)
{
	struct multipart *m = multipart_new(a, type, "file", keep, ret_content);
	enum err e = ERR_OK;
	struct ctx cx;

	assert(m);
	ctx_init(&cx, a, 1000);
	buf_init(ret_content, a);
	for (size_t at = 0; at < n && !e; at += step)
		e = multipart_feed(m, &cx, bytes + at, step < n - at ? step : n - at);
	if (!e)
		e = multipart_end(m, &cx);
	assert(e == ERR_OK || (e == ERR_MALFORMED && cx.detail));
	return e;
}

static void
check_pieces(struct arena *a, const char *type, const char *body, size_t n)
{
	struct buf whole, pieces;
	enum err e;

	if (!multipart_new(a, type, "file", keep, NULL))
		return;
	e = read_in_steps(a, type, body, n, n + 1, &whole);
	assert(whole.len <= n);
	for (size_t step = 1; step <= 7; step += 2) {
		assert(read_in_steps(a, type, body, n, step, &pieces) == e);
		assert(pieces.len == whole.len);
		assert(whole.len == 0 || memcmp(pieces.data, whole.data, whole.len) == 0);
	}
}

static void
check_round_trip(struct arena *a, const char *content, size_t n)
{
	static const char type[] = "multipart/form-data; boundary=--x";
	static const char mark[] = "\r\n----x";
	struct buf body, out;

	buf_init(&body, a);
	buf_adds(&body, "----x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n"
			"\r\n");
	buf_add(&body, content, n);
	buf_adds(&body, "\r\n----x--\r\n");
	/* Content that holds the boundary, also at its very beginning, could not be sent so. */
	if (memmem(content, n, mark, strlen(mark)))
		return;
	assert(read_in_steps(a, type, body.data, body.len, n / 3 + 1, &out) == ERR_OK);
	assert(out.len == n && (n == 0 || memcmp(out.data, content, n) == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *arena = arena_new((size_t)64 << 20);
	const char *bytes = (const char *)data;
	const char *line_break = n ? memchr(bytes, '\n', n) : NULL;
	size_t head = line_break ? (size_t)(line_break - bytes) : n;
	size_t skip = line_break ? head + 1 : n;

	assert(arena);
	check_pieces(arena, arena_strndup(arena, bytes, head), bytes + skip, n - skip);
	check_round_trip(arena, bytes, n);
	arena_free(arena);
	return 0;
}
