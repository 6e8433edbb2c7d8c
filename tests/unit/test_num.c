#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/num.h"

static enum err
parse(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	return num_parse(s, strlen(s), min, max, ret);
}

Test(num, parses_decimal_integers)
{
	static const struct {
		const char *text;
		int64_t value;
	} rows[] = {
		{ "0", 0 },
		{ "-0", 0 },
		{ "7", 7 },
		{ "007", 7 },
		{ "-42", -42 },
		{ "9223372036854775807", INT64_MAX },
		{ "-9223372036854775808", INT64_MIN },
		{ "00000000000000000000000000000001", 1 },
	};
	size_t i;

	for (i = 0; i < N(rows); i++) {
		int64_t v = 99;

		cr_assert_eq(parse(rows[i].text, INT64_MIN, INT64_MAX, &v), ERR_OK);
		cr_assert_eq(v, rows[i].value, "%s", rows[i].text);
	}
}

Test(num, refuses_whatever_else)
{
	static const char *const texts[] = { "", "-", "+1", " 1", "1 ", "1\n", "0x10", "1e3", "1.0",
		"--1", "-+1", "1-", "\xd9\xa1", "99999999999999999999x", "nan" };
	size_t i;

	for (i = 0; i < N(texts); i++) {
		int64_t v = 99;

		cr_assert_eq(
		    parse(texts[i], INT64_MIN, INT64_MAX, &v), ERR_MALFORMED, "%s", texts[i]);
		cr_assert_eq(
		    num_parse_clamped(texts[i], strlen(texts[i]), 1, 5, &v), ERR_MALFORMED);
		cr_assert_eq(v, 99);
	}
	cr_assert_eq(num_parse("1\0", 2, 0, 9, &(int64_t){ 0 }), ERR_MALFORMED);
}

Test(num, reads_no_byte_beyond_the_given_ones)
{
	int64_t v = 0;

	cr_assert_eq(num_parse("123x", 3, 0, 999, &v), ERR_OK);
	cr_assert_eq(v, 123);
	cr_assert_eq(num_parse(NULL, 0, 0, 9, &v), ERR_MALFORMED);
}

Test(num, refuses_what_is_out_of_range)
{
	static const char *const texts[] = { "0", "11", "-5", "9223372036854775808",
		"-9223372036854775809", "10000000000000000000000000000000000000000" };
	size_t i;

	for (i = 0; i < N(texts); i++) {
		int64_t v = 99;

		cr_assert_eq(parse(texts[i], 1, 10, &v), ERR_INVALID, "%s", texts[i]);
		cr_assert_eq(v, 99);
	}
}

Test(num, refuses_what_no_int64_holds_even_when_the_range_is_all_of_it)
{
	int64_t v;

	cr_assert_eq(parse("9223372036854775808", INT64_MIN, INT64_MAX, &v), ERR_INVALID);
	cr_assert_eq(parse("-9223372036854775809", INT64_MIN, INT64_MAX, &v), ERR_INVALID);
}

Test(num, clamps_to_the_nearer_bound)
{
	static const struct {
		const char *text;
		int64_t value;
	} rows[] = {
		{ "0", 1 },
		{ "1", 1 },
		{ "50", 50 },
		{ "201", 200 },
		{ "-9223372036854775809", 1 },
		{ "9223372036854775808", 200 },
		{ "1000000000000000000000000000000", 200 },
	};
	size_t i;

	for (i = 0; i < N(rows); i++) {
		const char *s = rows[i].text;
		int64_t v = 99;

		cr_assert_eq(num_parse_clamped(s, strlen(s), 1, 200, &v), ERR_OK);
		cr_assert_eq(v, rows[i].value, "%s", s);
	}
}

Test(num, formats_what_it_parses)
{
	static const int64_t values[] = { 0, 1, -1, 9, 10, -10, 99, 100, 12345678, INT64_MAX,
		INT64_MIN, INT64_MIN + 1 };
	char text[NUM_TEXT_SIZE], expected[32];
	int64_t value;

	for (size_t i = 0; i < N(values); i++) {
		size_t n = num_format(values[i], text);

		cr_assert_eq(num_parse(text, n, INT64_MIN, INT64_MAX, &value), ERR_OK);
		cr_assert_eq(value, values[i]);
		snprintf(expected, sizeof(expected), "%lld", (long long)values[i]);
		cr_assert_str_eq(text, expected);
		cr_assert_eq(n, strlen(expected));
	}
}
