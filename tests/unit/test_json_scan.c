#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/http/json_scan.h"

static struct arena *arena;
static struct buf out;

static void
setup(void)
{
	arena = arena_new(1 << 20);
	buf_init(&out, arena);
}

static void
teardown(void)
{
	arena_free(arena);
}

TestSuite(json_scan, .init = setup, .fini = teardown);

static enum err
scan(const char *text)
{
	buf_cut(&out, 0);
	return json_scan(text, strlen(text), &out);
}

static void
expect(const char *in, const char *wanted)
{
	cr_assert_eq(scan(in), ERR_OK, "refused: %s", in);
	cr_assert_str_eq(buf_str(&out), wanted, "%s became %s", in, buf_str(&out));
}

Test(json_scan, copies_plain_json_as_it_is)
{
	static const char *const same[] = {
		"{\"a\": [1, -2, 0, -0, 1.5, 1E5, 1e-5, 2.0e+3], \"b\":\tnull}\r\n",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t \\u00e4 \\ud83d\\ude00 \\uD83D\\uDE00\"",
		"true",
		"false",
		"9223372036854775807",
		"-9223372036854775808",
		"\"\x7f\"",
	};

	for (size_t i = 0; i < N(same); i++)
		expect(same[i], same[i]);
}

Test(json_scan, turns_integers_that_would_saturate_into_reals)
{
	expect("9223372036854775808", "9223372036854775808e0");
	expect("[-9223372036854775809]", "[-9223372036854775809e0]");
	expect("{\"a\":10000000000000000000000000000000000000000}",
	    "{\"a\":10000000000000000000000000000000000000000e0}");
	expect("10000000000000000000000000000000000000000.0",
	    "10000000000000000000000000000000000000000.0");
}

Test(json_scan, turns_unpaired_surrogates_into_nul)
{
	expect("\"\\ud800\"", "\"\\u0000\"");
	expect("\"\\uDFFFx\"", "\"\\u0000x\"");
	expect("\"\\ud800\\u0041\"", "\"\\u0000\\u0041\"");
	expect("\"\\ud800\\ud800\\udc00\"", "\"\\u0000\\ud800\\udc00\"");
	expect("\"\\udc00\\ud800\"", "\"\\u0000\\u0000\"");
	expect("\"\\ud800\\n\"", "\"\\u0000\\n\"");
	expect("\"\\\\ud800\"", "\"\\\\ud800\"");
}

Test(json_scan, marks_names_that_json_c_would_cut)
{
	expect("{\"a\\u0000b\" :1}", "{\"a\xff     b\" :1}");
	expect("{\"\\udead\\u0000\":\"\\u0000\"}", "{\"\xff     \\u0000\":\"\\u0000\"}");
}

Test(json_scan, refuses_what_is_not_json)
{
	static const char *const refused[] = { "NaN", "nan", "[NaN]", "Infinity", "-Infinity", "01",
		"-01", "[00]", "-", "[-]", "1.", "[1.e1]", ".5", "1e", "1e+", "+1", "0x1", "1a",
		"1\"\"", "-x", "'a'", "{'a':1}", "{a:1}", "\"a\nb\"", "\"a\x01\"", "\"a", "\"a\\",
		"\"a\\\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\u", "/* */1", "// x\n1", "True",
		"truefalse", "nul", "nullx", "\f1", "\v1", "1\xc2\xa0", "\xef\xbb\xbf{}", "#",
		"\\u0031" };

	for (size_t i = 0; i < N(refused); i++)
		cr_expect_eq(scan(refused[i]), ERR_MALFORMED, "accepted: %s", refused[i]);
}

Test(json_scan, refuses_a_nul_byte_anywhere)
{
	static const char texts[][4] = { "\0001", "1\0", "\"\0\"", "[\0]" };

	for (size_t i = 0; i < N(texts); i++) {
		buf_cut(&out, 0);
		cr_expect_eq(json_scan(texts[i], 3, &out), ERR_MALFORMED, "row %zu", i);
	}
}

Test(json_scan, bounds_the_number_of_containers)
{
	size_t n = 2 * JSON_SCAN_CONTAINERS_MAX;
	char *text = malloc(n + 2);

	cr_assert_not_null(text);
	for (size_t i = 0; i < n + 2; i += 2)
		memcpy(text + i, i % 4 ? "{}" : "[]", 2);
	cr_expect_eq(json_scan(text, n, &out), ERR_OK);
	cr_expect_eq(json_scan(text, n + 2, &out), ERR_TOO_LARGE);
	free(text);
}

Test(json_scan, bounds_the_depth)
{
	char text[JSON_SCAN_DEPTH_MAX + 2];

	memset(text, '[', sizeof(text));
	text[3] = '{';
	cr_expect_eq(json_scan(text, JSON_SCAN_DEPTH_MAX, &out), ERR_OK);
	cr_expect_eq(json_scan(text, JSON_SCAN_DEPTH_MAX + 1, &out), ERR_MALFORMED);
	cr_expect_eq(json_scan("]", 1, &out), ERR_MALFORMED);
	cr_expect_eq(json_scan("[]}", 3, &out), ERR_MALFORMED);
}

Test(json_scan, reports_a_spent_arena)
{
	struct arena *small = arena_new(64);
	char text[256];

	memset(text, ' ', sizeof(text));
	memcpy(text, "{\"\\u0000\":", 10);
	buf_init(&out, small);
	cr_expect_eq(json_scan(text, sizeof(text), &out), ERR_MEMORY);
	arena_free(small);
}
