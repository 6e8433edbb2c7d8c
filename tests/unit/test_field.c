#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/ctx.h"
#include "lib/http/check.h"
#include "lib/http/field.h"
#include "lib/http/json.h"

struct input {
	unsigned given;
	const char *text;
	int64_t id;
	int64_t number;
	bool flag;
	int64_t time_us;
	const char *object;
};

enum { TEXT, ID, NUMBER, FLAG, TIME, OBJECT, ROWS };

/* Each test changes what it needs. */
static const struct field defaults[ROWS] = {
	[TEXT] = { "text", FIELD_TEXT, 1, 5, 0, NULL, offsetof(struct input, text) },
	[ID] = { "id", FIELD_ID, 0, 0, 0, NULL, offsetof(struct input, id) },
	[NUMBER] = { "number", FIELD_INT, 1, 200, 0, NULL, offsetof(struct input, number) },
	[FLAG] = { "flag", FIELD_BOOL, 0, 0, 0, NULL, offsetof(struct input, flag) },
	[TIME] = { "time", FIELD_TIME, 0, 0, 0, NULL, offsetof(struct input, time_us) },
	[OBJECT] = { "object", FIELD_OBJECT, 0, 20, 0, NULL, offsetof(struct input, object) },
};

static const struct field_env env = { 0 };
static struct field rows[ROWS];
static const struct field_table table = { rows, ROWS, &env };
static struct field_faults faults;
static struct input in;
static struct arena *arena;
static struct ctx cx;

static void
setup(void)
{
	memcpy(rows, defaults, sizeof(rows));
	arena = arena_new(1 << 20);
	ctx_init(&cx, arena, 1000);
}

static void
teardown(void)
{
	arena_free(arena);
}

TestSuite(field, .init = setup, .fini = teardown);

static enum err
read_json(const char *text)
{
	struct json_object *v;

	memset(&faults, 0, sizeof(faults));
	cr_assert_eq(json_read(&cx, text, strlen(text), &v), ERR_OK, "%s", text);
	return field_read_json(&cx, &table, v, &in, &faults);
}

static enum err
read_text(size_t row, const char *text)
{
	memset(&faults, 0, sizeof(faults));
	return field_read_text(&cx, &table, row, text, &in, &faults);
}

static void
expect_fault(unsigned i, const char *name, const char *code)
{
	cr_assert_lt(i, faults.n);
	cr_expect_str_eq(faults.v[i].name, name);
	cr_expect_str_eq(faults.v[i].code, code);
	cr_expect_not_null(faults.v[i].detail);
}

static void
expect_json_fault(const char *text, const char *name, const char *code)
{
	cr_assert_eq(read_json(text), ERR_INVALID, "%s", text);
	cr_assert_eq(faults.n, 1, "%s", text);
	cr_expect_str_eq(faults.v[0].name, name, "%s", text);
	cr_expect_str_eq(faults.v[0].code, code, "%s: %s", text, faults.v[0].code);
}

static void
expect_text_fault(size_t row, const char *text, const char *code)
{
	cr_assert_eq(read_text(row, text), ERR_INVALID, "%s", text);
	cr_assert_eq(faults.n, 1, "%s", text);
	cr_expect_str_eq(faults.v[0].code, code, "%s: %s", text, faults.v[0].code);
}

Test(field, reads_every_type)
{
	cr_assert_eq(
	    read_json("{\"text\":\"\\u00e4bc\",\"id\":9223372036854775807,\"number\":200,"
		      "\"flag\":true,\"time\":\"1970-01-01T00:00:01Z\",\"object\":{\"a\":[1.10]},"
		      "\"unknown\":1}"),
	    ERR_OK);
	cr_expect_eq(in.given, (1U << ROWS) - 1);
	cr_expect_str_eq(in.text, "\xc3\xa4"
				  "bc");
	cr_expect_eq(in.id, INT64_MAX);
	cr_expect_eq(in.number, 200);
	cr_expect(in.flag);
	cr_expect_eq(in.time_us, 1000000);
	cr_expect_str_eq(in.object, "{\"a\":[1.10]}");
}

Test(field, leaves_alone_what_is_not_given)
{
	in.number = 7;
	cr_assert_eq(read_json("{\"flag\":false}"), ERR_OK);
	cr_expect_eq(in.given, FIELD_GIVEN(FLAG));
	cr_expect_eq(in.number, 7);
}

Test(field, is_strict_about_types)
{
	static const char *const rejected[ROWS][9] = {
		[TEXT] = { "5", "true", "[]", "{}", "1.5" },
		[ID] = { "\"1\"", "true", "1.0", "1.5", "[]", "{}", "1e0", "\"\"" },
		[NUMBER] = { "\"1\"", "true", "1.0", "[1]" },
		[FLAG] = { "1", "0", "\"true\"", "\"\"", "[]" },
		[TIME] = { "0", "true", "1.5", "{}" },
		[OBJECT] = { "[]", "\"{}\"", "1", "true" },
	};
	char text[64];

	for (size_t row = 0; row < ROWS; row++) {
		for (size_t i = 0; i < 9 && rejected[row][i]; i++) {
			(void)snprintf(
			    text, sizeof(text), "{\"%s\":%s}", rows[row].name, rejected[row][i]);
			expect_json_fault(text, rows[row].name, "type");
		}
	}
	cr_expect_eq(in.given, 0);
}

Test(field, bounds_numbers)
{
	static const char *const rejected[] = { "{\"id\":0}", "{\"id\":-1}",
		"{\"id\":9223372036854775808}",
		"{\"id\":10000000000000000000000000000000000000000}", "{\"id\":-1e300}" };

	for (size_t i = 0; i < N(rejected); i++)
		expect_json_fault(rejected[i], "id", "range");
	expect_json_fault("{\"number\":0}", "number", "range");
	expect_json_fault("{\"number\":201}", "number", "range");
}

Test(field, bounds_texts_in_code_points)
{
	cr_expect_eq(read_json("{\"text\":\"\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
			       "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\"}"),
	    ERR_OK);
	expect_json_fault("{\"text\":\"abcdef\"}", "text", "length");
	expect_json_fault("{\"text\":\"\"}", "text", "length");
	rows[TEXT].min = 2;
	expect_json_fault("{\"text\":\"a\"}", "text", "length");
}

Test(field, refuses_nul_and_half_surrogate_pairs)
{
	expect_json_fault("{\"text\":\"a\\u0000\"}", "text", "invalid");
	expect_json_fault("{\"text\":\"\\ud800\"}", "text", "invalid");
	expect_json_fault("{\"time\":\"2026-01-01\\u0000\"}", "time", "invalid");
	expect_json_fault("{\"object\":{\"a\":\"\\u0000\"}}", "object", "invalid");
	expect_json_fault("{\"object\":{\"\\udc00\":1}}", "object", "invalid");
	expect_json_fault("{\"object\":{\"a\":1e400}}", "object", "invalid");
}

Test(field, refuses_what_is_no_time)
{
	expect_json_fault("{\"time\":\"yesterday\"}", "time", "format");
	expect_json_fault("{\"time\":\"\"}", "time", "format");
	expect_text_fault(TIME, "2026-13-01", "format");
}

Test(field, bounds_the_text_of_objects)
{
	cr_expect_eq(read_json("{\"object\": { \"a\" : \"123456789012\" } }"), ERR_OK);
	cr_expect_eq(strlen(in.object), 20);
	expect_json_fault("{\"object\":{\"a\":\"1234567890123\"}}", "object", "length");
}

Test(field, takes_null_only_where_nullable)
{
	expect_json_fault("{\"text\":null}", "text", "type");
	for (size_t row = 0; row < ROWS; row++)
		rows[row].flags = FIELD_NULLABLE;
	memset(&in, 0xff, sizeof(in));
	in.given = 0;
	cr_assert_eq(
	    read_json("{\"text\":null,\"id\":null,\"number\":null,\"flag\":null,\"time\":null,"
		      "\"object\":null}"),
	    ERR_OK);
	cr_expect_eq(in.given, (1U << ROWS) - 1);
	cr_expect_null(in.text);
	cr_expect_eq(in.id, 0);
	cr_expect_eq(in.number, 0);
	cr_expect_not(in.flag);
	cr_expect_eq(in.time_us, 0);
	cr_expect_null(in.object);
}

Test(field, tells_what_is_missing)
{
	rows[ID].flags = FIELD_REQUIRED;
	rows[TEXT].flags = FIELD_REQUIRED | FIELD_NULLABLE;
	cr_expect_eq(read_json("{\"text\":null,\"id\":1}"), ERR_OK);
	cr_expect_eq(read_json("{}"), ERR_INVALID);
	cr_expect_eq(faults.n, 2);
	expect_fault(0, "text", "required");
	expect_fault(1, "id", "required");
	expect_text_fault(ID, NULL, "required");
}

Test(field, collects_every_fault_in_one_pass)
{
	rows[FLAG].flags = FIELD_REQUIRED;
	cr_expect_eq(
	    read_json("{\"text\":5,\"id\":\"1\",\"number\":0,\"time\":\"x\",\"object\":{}}"),
	    ERR_INVALID);
	cr_expect_eq(faults.n, 5);
	expect_fault(0, "text", "type");
	expect_fault(1, "id", "type");
	expect_fault(2, "number", "range");
	expect_fault(3, "flag", "required");
	expect_fault(4, "time", "format");
	cr_expect_eq(in.given, FIELD_GIVEN(OBJECT));
}

Test(field, drops_faults_beyond_the_cap)
{
	struct field many[20];
	const struct field_table wide = { many, N(many), &env };
	struct json_object *v;

	for (size_t i = 0; i < N(many); i++) {
		many[i] = defaults[TEXT];
		many[i].flags = FIELD_REQUIRED;
	}
	cr_assert_eq(json_read(&cx, "{}", 2, &v), ERR_OK);
	cr_expect_eq(field_read_json(&cx, &wide, v, &in, &faults), ERR_INVALID);
	cr_expect_eq(faults.n, FIELD_FAULTS_MAX);
}

Test(field, asks_the_checker_last)
{
	rows[TEXT].check = check_name;
	cr_expect_eq(read_json("{\"text\":\" a \"}"), ERR_OK);
	expect_json_fault("{\"text\":\"   \"}", "text", "invalid");
	expect_json_fault("{\"text\":\"      \"}", "text", "length");
}

Test(field, takes_the_last_of_duplicate_members)
{
	cr_expect_eq(read_json("{\"id\":\"x\",\"id\":5}"), ERR_OK);
	cr_expect_eq(in.id, 5);
}

Test(field, refuses_a_body_that_is_no_object)
{
	static const char *const bodies[] = { "[]", "1", "null", "\"{}\"", "true", "[{}]" };

	for (size_t i = 0; i < N(bodies); i++)
		cr_expect_eq(read_json(bodies[i]), ERR_MALFORMED, "%s", bodies[i]);
	cr_expect_not_null(cx.detail);
}

Test(field, reads_texts_of_every_type)
{
	static const char *const texts[ROWS] = { "a b", "12", "-0", "True", "2026-01-31 00:00:00",
		" {\"a\" : 1} " };

	rows[NUMBER].min = 0;
	for (size_t row = 0; row < ROWS; row++)
		cr_expect_eq(read_text(row, texts[row]), ERR_OK, "%s", texts[row]);
	cr_expect_eq(in.given, (1U << ROWS) - 1);
	cr_expect_str_eq(in.text, "a b");
	cr_expect_neq(in.text, texts[TEXT]);
	cr_expect_eq(in.id, 12);
	cr_expect_eq(in.number, 0);
	cr_expect(in.flag);
	cr_expect_eq(in.time_us, 1769817600000000);
	cr_expect_str_eq(in.object, "{\"a\":1}");
}

Test(field, takes_no_text_for_not_given)
{
	cr_expect_eq(read_text(TEXT, NULL), ERR_OK);
	cr_expect_eq(in.given, 0);
	expect_text_fault(TEXT, "", "length");
}

Test(field, reads_ids_out_of_range_as_ones_that_match_nothing)
{
	cr_expect_eq(read_text(ID, "0"), ERR_OK);
	cr_expect_eq(in.id, 0);
	cr_expect_eq(read_text(ID, "-99999999999999999999999999999"), ERR_OK);
	cr_expect_eq(in.id, 0);
	cr_expect_eq(read_text(ID, "1000000000000000000000000000000"), ERR_OK);
	cr_expect_eq(in.id, INT64_MAX);
}

Test(field, refuses_texts_that_are_no_integers)
{
	static const char *const rejected[] = { "", "a", "1.0", "1e3", "0x1", " 1", "1 ", "+1", "-",
		"--1", "\xd9\xa1" };

	for (size_t i = 0; i < N(rejected); i++) {
		expect_text_fault(ID, rejected[i], "type");
		expect_text_fault(NUMBER, rejected[i], "type");
	}
}

Test(field, clamps_only_where_told)
{
	expect_text_fault(NUMBER, "0", "range");
	expect_text_fault(NUMBER, "99999999999999999999999999", "range");
	rows[NUMBER].flags = FIELD_CLAMP;
	cr_expect_eq(read_text(NUMBER, "-99999999999999999999999999"), ERR_OK);
	cr_expect_eq(in.number, 1);
	cr_expect_eq(read_text(NUMBER, "99999999999999999999999999"), ERR_OK);
	cr_expect_eq(in.number, 200);
	expect_text_fault(NUMBER, "x", "type");
}

Test(field, reads_the_usual_words_for_bools)
{
	static const char *const yes[] = { "true", "True", "TRUE", "1" };
	static const char *const no[] = { "false", "False", "FALSE", "0" };
	static const char *const neither[] = { "", "yes", "tRUE", "t", "01", " true" };

	for (size_t i = 0; i < N(yes); i++) {
		cr_expect_eq(read_text(FLAG, yes[i]), ERR_OK);
		cr_expect(in.flag);
		cr_expect_eq(read_text(FLAG, no[i]), ERR_OK);
		cr_expect_not(in.flag);
	}
	for (size_t i = 0; i < N(neither); i++)
		expect_text_fault(FLAG, neither[i], "type");
}

Test(field, a_text_that_is_no_json_is_not_a_malformed_request)
{
	expect_text_fault(OBJECT, "", "format");
	expect_text_fault(OBJECT, "{a}", "format");
	expect_text_fault(OBJECT, "[]", "type");
	expect_text_fault(OBJECT, "{\"a\":\"\\u0000\"}", "invalid");
	expect_text_fault(OBJECT, "{\"a\":\"12345678901234567890\"}", "length");
	cr_expect_null(cx.detail);
}

Test(field, reports_a_spent_arena)
{
	static const char text[] = "{\"text\":\"abc\",\"object\":{\"a\":1}}";
	struct arena *small = arena_new(64);
	struct json_object *v;

	cr_assert_eq(json_read(&cx, text, strlen(text), &v), ERR_OK);
	while (arena_alloc(small, 1))
		continue;
	cx.arena = small;
	cr_expect_eq(field_read_json(&cx, &table, v, &in, &faults), ERR_MEMORY);
	cr_expect_eq(read_text(TEXT, "abc"), ERR_MEMORY);
	cr_expect_eq(read_text(OBJECT, "{}"), ERR_MEMORY);
	cr_expect_eq(faults.n, 0);
	arena_free(small);
}

/*
 * Lists, and objects of texts
 */

struct lists {
	unsigned given;
	const struct json_object *list;
	const char *texts;
};

static const struct json_object *list;
static const char *texts;

/* Reads {"list": ...}, three values at most, and {"texts": ...}, twenty bytes at most. */
static enum err
read_list(const char *text)
{
	static const struct field list_rows[] = {
		{ "list", FIELD_LIST, 0, 3, 0, NULL, offsetof(struct lists, list) },
		{ "texts", FIELD_TEXTS, 0, 20, FIELD_NULLABLE, NULL,
		    offsetof(struct lists, texts) },
	};
	const struct field_table list_table = { list_rows, N(list_rows), &env };
	struct lists found = { 0 };
	struct json_object *v;
	enum err e;

	memset(&faults, 0, sizeof(faults));
	cr_assert_eq(json_read(&cx, text, strlen(text), &v), ERR_OK, "%s", text);
	e = field_read_json(&cx, &list_table, v, &found, &faults);
	list = found.list;
	texts = found.texts;
	return e;
}

static enum err
read_item(size_t i)
{
	const struct field_item item = { "list", list, i };

	memset(&in, 0, sizeof(in));
	return field_read_item(&cx, &table, &item, &in, &faults);
}

Test(field, reads_the_objects_of_a_list)
{
	cr_assert_eq(read_list("{\"list\": [{\"id\": 7}, {\"text\": \"a\"}]}"), ERR_OK);
	cr_assert_eq(json_length(list), 2);
	cr_assert_eq(read_item(0), ERR_OK);
	cr_assert_eq(in.id, 7);
	cr_assert_eq(read_item(1), ERR_OK);
	cr_assert_str_eq(in.text, "a");
}

Test(field, says_which_of_a_list_is_wrong)
{
	static const char *const names[] = { "list/0", "list/1", "list/2/id", "list/2/flag" };

	cr_assert_eq(read_list("{\"list\": [5, null, {\"id\": 0, \"flag\": 1}]}"), ERR_OK);
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(read_item(i), ERR_INVALID);
	cr_assert_eq(faults.n, N(names));
	for (size_t i = 0; i < N(names); i++)
		cr_expect_str_eq(faults.v[i].name, names[i]);
	cr_expect_str_eq(faults.v[0].code, "type");
}

Test(field, says_no_more_of_a_list_than_there_is_room_for)
{
	cr_assert_eq(read_list("{\"list\": [5]}"), ERR_OK);
	for (size_t i = 0; i < FIELD_FAULTS_MAX + 2; i++)
		cr_assert_eq(read_item(0), ERR_INVALID);
	cr_assert_eq(faults.n, FIELD_FAULTS_MAX);
	cr_expect_str_eq(faults.v[FIELD_FAULTS_MAX - 1].name, "list/0");
}

Test(field, refuses_what_is_no_list_or_a_long_one)
{
	cr_assert_eq(read_list("{\"list\": {}}"), ERR_INVALID);
	cr_expect_str_eq(faults.v[0].code, "type");
	cr_assert_eq(read_list("{\"list\": null}"), ERR_INVALID);
	cr_assert_eq(read_list("{\"list\": [1, 2, 3, 4]}"), ERR_INVALID);
	cr_expect_str_eq(faults.v[0].code, "length");
	cr_assert_eq(read_list("{\"list\": []}"), ERR_OK);
	cr_assert_eq(json_length(list), 0);
}

Test(field, reads_objects_of_texts_alone)
{
	static const char *const wrong[] = { "{\"a\": 1}", "{\"a\": \"b\", \"c\": null}",
		"{\"a\": {}}", "{\"a\": \"\\u0000\"}", "[]", "\"a\"",
		"{\"a\": \"0123456789abcdef\"}" };

	cr_assert_eq(read_list("{\"texts\": {\"a\": \"b\"}}"), ERR_OK);
	cr_assert_str_eq(texts, "{\"a\":\"b\"}");
	cr_assert_eq(read_list("{\"texts\": {}}"), ERR_OK);
	cr_assert_eq(read_list("{\"texts\": null}"), ERR_OK);
	cr_assert_null(texts);
	for (size_t i = 0; i < N(wrong); i++)
		cr_expect_eq(read_list(arena_printf(arena, "{\"texts\": %s}", wrong[i])),
		    ERR_INVALID, "%s", wrong[i]);
}

Test(field, takes_no_text_for_a_list)
{
	rows[OBJECT].type = FIELD_LIST;
	cr_assert_eq(read_text(OBJECT, "[]"), ERR_INVALID);
	cr_expect_str_eq(faults.v[0].code, "type");
	rows[OBJECT].type = FIELD_TEXTS;
	cr_assert_eq(read_text(OBJECT, "{\"a\": 1}"), ERR_INVALID);
	cr_assert_eq(read_text(OBJECT, "{\"a\": \"\"}"), ERR_OK);
	cr_assert_str_eq(in.object, "{\"a\":\"\"}");
}

Test(field, reports_that_there_is_no_room_to_say_which)
{
	struct field_item item = { .name = "list" };

	cr_assert_eq(read_list("{\"list\": [5]}"), ERR_OK);
	item.list = list;
	while (arena_alloc(arena, 1))
		continue;
	cr_assert_eq(field_read_item(&cx, &table, &item, &in, &faults), ERR_MEMORY);
}
