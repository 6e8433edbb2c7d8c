#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"

static struct arena *a;
static struct buf b;

static void
set_up(void)
{
	a = arena_new(1 << 20);
	buf_init(&b, a);
}

static void
tear_down(void)
{
	arena_free(a);
}

TestSuite(buf, .init = set_up, .fini = tear_down);

Test(buf, is_an_empty_string_at_first)
{
	cr_assert_str_eq(buf_str(&b), "");
	buf_add(&b, NULL, 0);
	buf_adds(&b, "");
	cr_assert_str_eq(buf_str(&b), "");
	cr_assert_eq(b.len, 0);
}

Test(buf, appends_bytes_texts_characters_and_numbers)
{
	buf_add(&b, "ab\0", 2);
	buf_adds(&b, "cd");
	buf_addc(&b, 'e');
	buf_addi(&b, INT64_MIN);
	buf_printf(&b, "/%s/%d", "x", 7);
	cr_assert_str_eq(buf_str(&b), "abcde-9223372036854775808/x/7");
	cr_assert_eq(b.len, strlen(b.data));
}

Test(buf, grows_over_every_size)
{
	size_t i;

	for (i = 0; i < 5000; i++) {
		buf_addc(&b, (char)('a' + i % 26));
		cr_assert_eq(b.data[b.len], '\0');
	}
	for (i = 0; i < 5000; i++)
		cr_assert_eq(b.data[i], (char)('a' + i % 26));
}

Test(buf, formats_texts_that_just_fit_and_just_do_not)
{
	int n;

	for (n = 250; n < 260; n++) {
		buf_init(&b, a);
		buf_printf(&b, "%0*d", n, 1);
		cr_assert_eq(b.len, (size_t)n);
		cr_assert_eq(strlen(buf_str(&b)), (size_t)n);
	}
}

Test(buf, takes_the_last_bytes_of_an_arena_that_twice_its_size_would_pass)
{
	struct arena *small = arena_new(1024);
	char text[600] = "";

	memset(text, 'x', sizeof(text) - 1);
	buf_init(&b, small);
	buf_addc(&b, 'x');
	buf_adds(&b, text);
	cr_assert_eq(strlen(buf_str(&b)), 600);
	arena_free(small);
}

Test(buf, stays_failed_once_it_found_no_room)
{
	struct arena *small = arena_new(512);
	size_t i;

	buf_init(&b, small);
	for (i = 0; i < 1000; i++)
		buf_addc(&b, 'x');
	cr_assert(b.failed);
	cr_assert_null(buf_str(&b));
	arena_reset(small);
	buf_adds(&b, "more");
	buf_printf(&b, "%d", 1);
	buf_add_json(&b, "more");
	cr_assert_null(buf_str(&b));
	arena_free(small);
}

Test(buf, fails_when_a_formatted_text_finds_no_room)
{
	buf_adds(&b, "ab");
	buf_printf(&b, "%0*d", 2 << 20, 1);
	cr_assert_null(buf_str(&b));
	cr_assert_eq(b.len, 2);
}

Test(buf, fails_on_a_length_that_overflows)
{
	buf_adds(&b, "ab");
	buf_add(&b, "", SIZE_MAX - 1);
	cr_assert_null(buf_str(&b));
}

Test(buf, may_be_appended_to_itself)
{
	size_t i;

	buf_adds(&b, "0123456789");
	for (i = 0; i < 8; i++)
		buf_add(&b, b.data, b.len);
	cr_assert_eq(b.len, 2560);
	for (i = 0; i < b.len; i++)
		cr_assert_eq(b.data[i], (char)('0' + i % 10));
}

Test(buf, drops_what_is_cut)
{
	buf_cut(&b, 0);
	cr_assert_str_eq(buf_str(&b), "");
	buf_adds(&b, "hello");
	buf_cut(&b, 9);
	cr_assert_str_eq(buf_str(&b), "hello");
	buf_cut(&b, 4);
	cr_assert_str_eq(buf_str(&b), "hell");
	buf_addc(&b, 'o');
	cr_assert_str_eq(buf_str(&b), "hello");
}

Test(buf, escapes_json)
{
	buf_add_json(&b, "a\"\\/\b\f\n\r\t\x01\x1f\x7f z");
	cr_assert_str_eq(buf_str(&b), "a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f z");
}

Test(buf, replaces_what_is_not_utf8_in_json)
{
	buf_add_json(&b, "\xc3\xa9|\xff|\xc3|\xed\xa0\x80|\xf0\x9f\x98\x80");
	cr_assert_str_eq(buf_str(&b), "\xc3\xa9|\xef\xbf\xbd|\xef\xbf\xbd|"
				      "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|\xf0\x9f\x98\x80");
}
