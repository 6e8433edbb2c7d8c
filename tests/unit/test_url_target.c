#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/data/url_target.h"

static struct arena *arena;

static void
set_up(void)
{
	arena = arena_new(1 << 20);
}

static void
tear_down(void)
{
	arena_free(arena);
}

TestSuite(url_target, .init = set_up, .fini = tear_down);

static enum err
unpack(const char *packed, struct url_target *t)
{
	/* A copy without a NUL, so that reading too far is seen. */
	size_t n = strlen(packed);
	char *bytes = malloc(n ? n : 1);
	enum err e;

	memcpy(bytes, packed, n);
	e = url_target_unpack(arena, bytes, n, t);
	free(bytes);
	return e;
}

static void
assert_round_trip(const struct url_target *t)
{
	struct url_target back;

	cr_assert_eq(unpack(url_target_pack(arena, t), &back), ERR_OK);
	cr_assert_eq(back.version, t->version);
	cr_assert_eq(back.url_id, t->url_id);
	cr_assert_eq(back.user_id, t->user_id);
	cr_assert_eq(back.status, t->status);
	cr_assert_eq(back.is_active, t->is_active);
	cr_assert_str_eq(back.location, t->location);
}

Test(url_target, comes_back_as_it_was)
{
	assert_round_trip(
	    &(struct url_target){ 1, 2, 3, 302, true, "https://example.com/?a=1%20b#c" });
	assert_round_trip(
	    &(struct url_target){ INT64_MAX, INT64_MAX, INT64_MAX, 308, false, "http://x" });
	assert_round_trip(&(struct url_target){ 0, 1, 0, 301, true, "http://x" });
}

Test(url_target, a_tombstone_comes_back)
{
	assert_round_trip(&(struct url_target){ 7, 0, 0, 0, false, "" });
}

Test(url_target, packed_texts_compare_by_version)
{
	const struct url_target older = { 9, 9, 9, 308, true, "http://z" };
	const struct url_target newer = { 10, 1, 0, 301, false, "http://a" };
	const struct url_target newest = { INT64_MAX, 1, 0, 301, false, "http://a" };
	const char *a = url_target_pack(arena, &older), *b = url_target_pack(arena, &newer);

	cr_assert_lt(strncmp(a, b, 16), 0);
	cr_assert_lt(strncmp(b, url_target_pack(arena, &newest), 16), 0);
}

Test(url_target, refuses_every_other_text)
{
	static const char *const texts[] = {
		"",
		" ",
		"0",
		"0000000000000001",
		"0000000000000001 ",
		"0000000000000001 1 0 302 1",
		"0000000000000001 1 0 302 1 ",          /* no location */
		"000000000000001 1 0 302 1 http://x",   /* 15 digits */
		"000000000000000A 1 0 302 1 http://x",  /* upper case */
		"ffffffffffffffff 1 0 302 1 http://x",  /* negative */
		"00000000000000011 1 0 302 1 http://x", /* 17 digits */
		"0000000000000001 -1 0 302 1 http://x",
		"0000000000000001 1 -1 302 1 http://x",
		"0000000000000001 99999999999999999999 0 302 1 http://x",
		"0000000000000001 1 0 200 1 http://x",
		"0000000000000001 1 0 303 1 http://x",
		"0000000000000001 1 0 302 2 http://x",
		"0000000000000001  1 0 302 1 http://x",
		"0000000000000001 1 0 302 1 http://x\r\nSet-Cookie: a",
		"0000000000000001 1 0 302 1 a b",
		"0000000000000001 1 0 302 1 http://\xc3\xbc",
		"0000000000000001 1 0 302 1 http://x\x7f",
		"hello world this is no target",
	};
	struct url_target t;

	for (size_t i = 0; i < N(texts); i++)
		cr_expect_eq(unpack(texts[i], &t), ERR_INVALID, "%s", texts[i]);
}

Test(url_target, refuses_every_cut)
{
	const struct url_target t = { 1, 2, 3, 302, true, "h" };
	const char *packed = url_target_pack(arena, &t);
	struct url_target back;

	for (size_t n = 0; n < strlen(packed); n++)
		cr_expect_eq(url_target_unpack(arena, packed, n, &back), ERR_INVALID, "%zu", n);
}

Test(url_target, says_when_memory_ran_out)
{
	struct arena *tiny = arena_new(1);
	const struct url_target t = { 1, 2, 3, 302, true, "http://example.com" };
	struct url_target back;

	cr_assert_null(url_target_pack(tiny, &t));
	cr_assert_eq(
	    url_target_unpack(tiny, "0000000000000001 2 3 302 1 http://example.com", 45, &back),
	    ERR_MEMORY);
	arena_free(tiny);
}
