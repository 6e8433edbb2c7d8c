#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ctx.h"
#include "lib/http/query.h"

static struct arena *arena;
static struct ctx cx;
static struct query query;

static void
setup(void)
{
	arena = arena_new(1 << 16);
	ctx_init(&cx, arena, 1000);
}

static void
teardown(void)
{
	arena_free(arena);
}

TestSuite(query, .init = setup, .fini = teardown);

static void
parse(const char *text)
{
	cr_assert_eq(query_parse(&cx, text, &query), ERR_OK, "%s", text);
}

static const char *
value(const char *name)
{
	const struct query_pair *pair = query_find(&query, name);

	cr_assert_not_null(pair, "no %s", name);
	return pair->value;
}

Test(query, is_empty_without_text)
{
	parse(NULL);
	cr_expect_eq(query.n, 0);
	parse("");
	cr_expect_eq(query.n, 0);
	parse("&&&");
	cr_expect_eq(query.n, 0);
	cr_expect_null(query_find(&query, ""));
}

Test(query, splits_and_decodes_once)
{
	parse("a=1&b=x+y%20z%2B&&c&d=&%65=%2541&f=a=b;c&=v");
	cr_expect_str_eq(value("a"), "1");
	cr_expect_str_eq(value("b"), "x y z+");
	cr_expect_str_eq(value("c"), "");
	cr_expect_str_eq(value("d"), "");
	cr_expect_str_eq(value("e"), "%41");
	cr_expect_str_eq(value("f"), "a=b;c");
	cr_expect_str_eq(value(""), "v");
	cr_expect_eq(query.n, 7);
}

Test(query, finds_the_first_of_a_name)
{
	parse("a=1&a=2");
	cr_expect_str_eq(value("a"), "1");
	cr_expect_null(query_find(&query, "A"));
}

Test(query, keeps_the_name_of_a_bad_value)
{
	static const char *const bad[] = { "a=%", "a=%4", "a=%zz", "a=%0g", "a=%00", "a=x%00y",
		"a=%ff", "a=\xff", "a=%c0%80", "a=%ed%a0%80", "a=%c3" };

	for (size_t i = 0; i < N(bad); i++) {
		parse(bad[i]);
		cr_expect_eq(query.n, 1);
		cr_expect_null(value("a"), "%s", bad[i]);
	}
}

Test(query, drops_a_pair_without_a_readable_name)
{
	parse("%zz=1&%00=2&\xff=3&b=4");
	cr_expect_eq(query.n, 1);
	cr_expect_str_eq(value("b"), "4");
}

Test(query, bounds_the_number_of_pairs)
{
	char text[2 * (QUERY_PAIRS_MAX + 1) + 1] = "";

	for (size_t i = 0; i < QUERY_PAIRS_MAX; i++)
		strcat(text, "a&");
	parse(text);
	cr_expect_eq(query.n, QUERY_PAIRS_MAX);
	strcat(text, "a");
	cr_expect_eq(query_parse(&cx, text, &query), ERR_MALFORMED);
	cr_expect_not_null(cx.detail);
}

Test(query, reports_a_spent_arena)
{
	struct arena *small = arena_new(8);

	cx.arena = small;
	cr_expect_eq(query_parse(&cx, "a=123456789012345678901234567890", &query), ERR_MEMORY);
	cr_expect_null(query_decode_segment(small, "123456789012345678901234567890", 30));
	arena_free(small);
}

Test(query, decodes_a_segment_exactly_once)
{
	cr_expect_str_eq(query_decode_segment(arena, "a%2541+%C3%A4/x", 13), "a%41+\xc3\xa4");
	cr_expect_str_eq(query_decode_segment(arena, "", 0), "");
	cr_expect_null(query_decode_segment(arena, "%4", 2));
	cr_expect_null(query_decode_segment(arena, "a%00", 4));
	cr_expect_null(query_decode_segment(arena, "%ff", 3));
	cr_expect_null(query_decode_segment(arena, "%gg", 3));
}

Test(query, encodes_all_but_unreserved_characters)
{
	struct buf out;

	buf_init(&out, arena);
	query_encode(&out, "");
	query_encode(&out, "aZ09-._~");
	query_encode(&out, " /?&=+%\xc3\xa4\x01");
	cr_expect_str_eq(buf_str(&out), "aZ09-._~%20%2F%3F%26%3D%2B%25%C3%A4%01");
}
