#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ctx.h"
#include "lib/http/json.h"

static struct arena *arena;
static struct ctx cx;
static struct buf out;

static void
setup(void)
{
	arena = arena_new(1 << 20);
	ctx_init(&cx, arena, 1000);
	buf_init(&out, arena);
}

static void
teardown(void)
{
	arena_free(arena);
}

TestSuite(json, .init = setup, .fini = teardown);

static struct json_object *
read_text(const char *text)
{
	struct json_object *v = NULL;

	cr_assert_eq(json_read(&cx, text, strlen(text), &v), ERR_OK, "refused: %s", text);
	return v;
}

static struct json_object *
member(const struct json_object *map, const char *name)
{
	struct json_object *v = NULL;

	cr_assert(json_member(map, name, &v), "no member %s", name);
	return v;
}

static void
expect_written(const struct json *j, const char *wanted)
{
	buf_cut(&out, 0);
	cr_assert_eq(json_write(j, &out), ERR_OK);
	cr_assert_str_eq(buf_str(&out), wanted);
}

Test(json, reads_every_kind)
{
	const struct json_object *map =
	    read_text(" {\"n\":null,\"b\":true,\"i\":-7,\"r\":1.0,\"t\":\"\\u00e4\","
		      "\"l\":[],\"m\":{}} ");
	size_t n;

	cr_expect_eq(json_kind(map), JSON_MAP);
	cr_expect_eq(json_kind(member(map, "n")), JSON_NULL);
	cr_expect_eq(json_kind(member(map, "b")), JSON_BOOL);
	cr_expect(json_is_true(member(map, "b")));
	cr_expect_eq(json_kind(member(map, "i")), JSON_INT);
	cr_expect_eq(json_int(member(map, "i")), -7);
	cr_expect_eq(json_kind(member(map, "r")), JSON_REAL);
	cr_expect_eq(json_kind(member(map, "t")), JSON_TEXT);
	cr_expect_str_eq(json_text(member(map, "t"), &n), "\xc3\xa4");
	cr_expect_eq(n, 2);
	cr_expect_eq(json_kind(member(map, "l")), JSON_LIST);
	cr_expect_eq(json_kind(member(map, "m")), JSON_MAP);
}

Test(json, tells_an_absent_member_from_null)
{
	const struct json_object *map = read_text("{\"n\":null}");
	struct json_object *v;

	cr_expect(json_member(map, "n", &v));
	cr_expect_null(v);
	cr_expect_not(json_member(map, "absent", &v));
}

Test(json, reads_a_bare_null)
{
	cr_expect_null(read_text("null"));
}

Test(json, takes_the_last_of_duplicate_members)
{
	cr_expect_eq(json_int(member(read_text("{\"a\":1,\"a\":[],\"a\":3}"), "a")), 3);
}

Test(json, refuses_malformed_text)
{
	static const char *const refused[] = { "", " ", "[", "]", "[}", "{]", "[1,]", "[,1]",
		"[1,,2]", "{\"a\":1,}", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\" 1}", "{:1}", "{1:1}",
		"[1 2]", "{\"a\":1 \"b\":2}", "[1]x", "[1][2]", "1 2", "{}{}", "[\"a\" \"b\"]",
		"[\"a\"\"b\"]", "[1\"a\"]", "[true,nul]", "[1:2]", "\"\\x\"", "\"\\'\"", "\"\xff\"",
		"\"\xc0\x80\"", "\"\xed\xa0\x80\"", "[1],", ":", ",", "{\"a\":1]", "[NaN]", "-01",
		"{'a':1}" };
	struct json_object *v;

	for (size_t i = 0; i < N(refused); i++) {
		cr_expect_eq(json_read(&cx, refused[i], strlen(refused[i]), &v), ERR_MALFORMED,
		    "accepted: %s", refused[i]);
	}
	cr_expect_not_null(cx.detail);
}

Test(json, refuses_bytes_after_the_value_also_nuls)
{
	struct json_object *v;

	cr_expect_eq(json_read(&cx, "{}\0", 3, &v), ERR_MALFORMED);
	cr_expect_eq(json_read(&cx, "{}\0{}", 5, &v), ERR_MALFORMED);
	cr_expect_eq(json_read(&cx, "1\0", 2, &v), ERR_MALFORMED);
}

Test(json, reads_32_levels_and_no_more)
{
	char text[80];
	struct json_object *v;

	for (size_t depth = 31; depth <= 34; depth++) {
		memset(text, '[', depth);
		text[depth] = '1';
		memset(text + depth + 1, ']', depth);
		cr_expect_eq(json_read(&cx, text, 2 * depth + 1, &v),
		    depth > 32 ? ERR_MALFORMED : ERR_OK, "depth %zu", depth);
	}
}

Test(json, survives_a_hundred_thousand_open_lists)
{
	static char text[100000];
	struct json_object *v;

	memset(text, '[', sizeof(text));
	cr_expect_eq(json_read(&cx, text, sizeof(text), &v), ERR_MALFORMED);
}

Test(json, keeps_huge_numbers_exactly)
{
	static const char *const same[] = { "1e400", "[0.1,1.10,1E5,-0.0,1e-7]",
		"{\"a\":0.12345678901234567890123}" };

	for (size_t i = 0; i < N(same); i++) {
		buf_cut(&out, 0);
		cr_assert_eq(json_write_value(read_text(same[i]), &out), ERR_OK);
		cr_expect_str_eq(buf_str(&out), same[i]);
	}
	cr_expect_eq(json_kind(read_text("9223372036854775808")), JSON_REAL);
	cr_expect_eq(json_kind(read_text("9223372036854775807")), JSON_INT);
	buf_cut(&out, 0);
	cr_assert_eq(json_write_value(read_text("10000000000000000000000000"), &out), ERR_OK);
	cr_expect_str_eq(buf_str(&out), "10000000000000000000000000e0");
}

Test(json, keeps_half_a_surrogate_pair_as_nul)
{
	size_t n;
	const char *text = json_text(read_text("\"a\\ud800b\""), &n);

	cr_expect_eq(n, 3);
	cr_expect_eq(memcmp(text, "a\0b", 4), 0);
}

Test(json, knows_what_postgresql_can_not_store)
{
	static const char *const refused[] = { "\"\\u0000\"", "\"\\ud800\"", "[1,[\"\\udc00\"]]",
		"{\"a\":{\"b\\u0000\":1}}", "{\"\\ud800\":1}", "1e400", "[-1e400]", "1e-99999",
		"0e2000000000", "1e99999999999999999999", "0.1e-16383" };
	static const char *const stored[] = { "null", "{}", "\"\"", "{\"a\":[true,1,1.5,\"x\"]}",
		"1e308", "1e-16383", "1E+10", "10000000000000000000000000000000000000000",
		"\"\\ud83d\\ude00\"", "{\"\xc3\xbf\":1}" };

	for (size_t i = 0; i < N(refused); i++)
		cr_expect_not(json_storable(read_text(refused[i])), "%s", refused[i]);
	for (size_t i = 0; i < N(stored); i++)
		cr_expect(json_storable(read_text(stored[i])), "%s", stored[i]);
}

Test(json, does_not_take_a_cut_name_for_another)
{
	struct json_object *v;

	cr_expect_not(json_member(read_text("{\"name\\u0000x\":1}"), "name", &v));
}

Test(json, builds_a_map)
{
	struct json j;
	struct json_object *list;

	json_map_init(&j, arena);
	json_add_text(&j, NULL, "text", "a\"\\/\n\x01\xc3\xa4");
	json_add_text(&j, NULL, "none", NULL);
	json_add_int(&j, NULL, "int", INT64_MIN);
	json_add_bool(&j, NULL, "bool", false);
	json_add_id(&j, NULL, "id", 7);
	json_add_id(&j, NULL, "no_id", 0);
	json_add_time(&j, NULL, "time", 0);
	list = json_add_list(&j, NULL, "list");
	json_add_int(&j, list, NULL, 1);
	json_add_text(&j, json_add_map(&j, list, NULL), "in", "x");
	json_add_raw(&j, NULL, "raw", "{\"a\": 1e400}");
	json_add_raw(&j, NULL, "no_raw", NULL);
	expect_written(&j,
	    "{\"text\":\"a\\\"\\\\/\\n\\u0001\xc3\xa4\",\"none\":null,\"int\":-9223372036854775808,"
	    "\"bool\":false,\"id\":7,\"no_id\":null,\"time\":\"1970-01-01T00:00:00Z\","
	    "\"list\":[1,{\"in\":\"x\"}],\"raw\":{\"a\": 1e400},\"no_raw\":null}");
}

Test(json, builds_a_list)
{
	struct json j;

	json_list_init(&j, arena);
	expect_written(&j, "[]");
	json_add_raw(&j, NULL, NULL, "[1]");
	json_add_text(&j, NULL, NULL, NULL);
	expect_written(&j, "[[1],null]");
}

Test(json, writes_reals_as_short_as_they_read_back)
{
	struct json j;

	json_list_init(&j, arena);
	json_add_real(&j, NULL, NULL, 0.1);
	json_add_real(&j, NULL, NULL, 1.0 / 3);
	json_add_real(&j, NULL, NULL, 2);
	json_add_real(&j, NULL, NULL, 5e-324);
	json_add_real(&j, NULL, NULL, (double)NAN);
	json_add_real(&j, NULL, NULL, -(double)INFINITY);
	expect_written(&j, "[0.1,0.3333333333333333,2,4.94065645841247e-324,null,null]");
}

Test(json, reports_a_spent_arena_when_reading)
{
	struct arena *small = arena_new(64);
	struct json_object *v;
	char text[300];

	memset(text, ' ', sizeof(text));
	text[0] = '1';
	cx.arena = small;
	cr_expect_eq(json_read(&cx, text, sizeof(text), &v), ERR_MEMORY);
	arena_free(small);
}

Test(json, reports_a_spent_arena_when_building)
{
	struct arena *small = arena_new(64);
	struct json j;

	while (arena_alloc(small, 1))
		continue;
	json_map_init(&j, small);
	json_add_text(&j, NULL, "a", "b");
	json_add_int(&j, json_add_list(&j, NULL, "l"), NULL, 1);
	cr_expect_eq(json_write(&j, &out), ERR_MEMORY);
	arena_free(small);
}

Test(json, reports_a_spent_arena_when_writing)
{
	struct arena *small = arena_new(64);
	struct json j;
	char text[300];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	json_map_init(&j, arena);
	json_add_text(&j, NULL, "a", text);
	buf_init(&out, small);
	cr_expect_eq(json_write(&j, &out), ERR_MEMORY);
	arena_free(small);
}
