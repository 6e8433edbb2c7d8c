#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/attr.h"
#include "lib/base/utf8.h"

Test(utf8, decodes_the_first_and_last_point_of_each_length)
{
	static const struct {
		const char *text;
		uint32_t point;
	} rows[] = {
		{ "A", 'A' },
		{ "\x7f", 0x7f },
		{ "\xc2\x80", 0x80 },
		{ "\xdf\xbf", 0x7ff },
		{ "\xe0\xa0\x80", 0x800 },
		{ "\xed\x9f\xbf", 0xd7ff },
		{ "\xee\x80\x80", 0xe000 },
		{ "\xef\xbf\xbf", 0xffff },
		{ "\xf0\x90\x80\x80", 0x10000 },
		{ "\xf4\x8f\xbf\xbf", 0x10ffff },
	};
	size_t i;

	for (i = 0; i < N(rows); i++) {
		size_t n = strlen(rows[i].text);
		uint32_t point = 0;

		cr_assert_eq(utf8_decode(rows[i].text, n, &point), n);
		cr_assert_eq(point, rows[i].point);
	}
}

Test(utf8, decodes_a_nul_byte)
{
	uint32_t point = 1;

	cr_assert_eq(utf8_decode("\0", 1, &point), 1);
	cr_assert_eq(point, 0);
}

Test(utf8, refuses_what_rfc_3629_forbids)
{
	static const char *const texts[] = {
		"\x80",                 /* a continuation alone */
		"\xbf",                 /* the last of them */
		"\xc0\x80",             /* overlong NUL */
		"\xc1\xbf",             /* overlong, two bytes */
		"\xe0\x9f\xbf",         /* overlong, three */
		"\xf0\x8f\xbf\xbf",     /* overlong, four */
		"\xed\xa0\x80",         /* the first surrogate */
		"\xed\xbf\xbf",         /* the last surrogate */
		"\xf4\x90\x80\x80",     /* above U+10FFFF */
		"\xf8\x88\x80\x80\x80", /* five bytes */
		"\xff",
		"\xc3(",
		"\xe2\x82(",
		"\xf0\x9f\x98(",
	};
	size_t i;

	for (i = 0; i < N(texts); i++) {
		uint32_t point = 77;

		cr_assert_eq(utf8_decode(texts[i], strlen(texts[i]), &point), 0, "row %zu", i);
		cr_assert_eq(point, 77);
		cr_assert_not(utf8_valid(texts[i], strlen(texts[i])), "row %zu", i);
	}
}

Test(utf8, refuses_characters_that_are_cut_off)
{
	const char *smile = "\xf0\x9f\x98\x80";
	uint32_t point;
	size_t n;

	for (n = 1; n < 4; n++) {
		cr_assert_eq(utf8_decode(smile, n, &point), 0);
		cr_assert_not(utf8_valid(smile, n));
	}
	cr_assert(utf8_valid(smile, 4));
	cr_assert(utf8_valid("", 0));
	cr_assert(utf8_valid("a\0b", 3));
}

Test(utf8, counts_points)
{
	cr_assert_eq(utf8_length(""), 0);
	cr_assert_eq(utf8_length("abc"), 3);
	cr_assert_eq(utf8_length("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), 4);
}

Test(utf8, knows_blank_texts)
{
	static const char *const blank[] = { "", " ", " \t\n\v\f\r", "\xc2\x85", "\xc2\xa0",
		"\xe1\x9a\x80", "\xe2\x80\x80\xe2\x80\x8a", "\xe2\x80\x8b",
		"\xe2\x80\xa8\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe2\x81\xa0",
		"\xe3\x80\x80", "\xef\xbb\xbf" };
	static const char *const shown[] = { "a", " a ", "\xe2\x80\x8c", "\xe1\x9a\x81", "\xc2\x86",
		"\x01", "\xf0\x9f\x98\x80", " \xff" };
	size_t i;

	for (i = 0; i < N(blank); i++)
		cr_assert(utf8_is_blank(blank[i]), "row %zu", i);
	for (i = 0; i < N(shown); i++)
		cr_assert_not(utf8_is_blank(shown[i]), "row %zu", i);
}

Test(utf8, finds_blanks)
{
	static const char *const with[] = { " ", "a b", "a\n", "\xc2\xa0", "x\xe3\x80\x80y" };
	static const char *const without[] = { "", "ab", "\xc3\xa9", "\x01", "\xff" };
	size_t i;

	for (i = 0; i < N(with); i++)
		cr_assert(utf8_has_blank(with[i]), "row %zu", i);
	for (i = 0; i < N(without); i++)
		cr_assert_not(utf8_has_blank(without[i]), "row %zu", i);
}

Test(utf8, finds_control_characters)
{
	static const char *const with[] = { "\x01", "a\n", "\t", "\x1f", "\x7f", "x\xc2\x80",
		"\xc2\x9f" };
	static const char *const without[] = { "", "a b", "\xc2\xa0", "\xe2\x80\xa8",
		"\xf0\x9f\x98\x80", "~" };
	size_t i;

	for (i = 0; i < N(with); i++)
		cr_assert(utf8_has_control(with[i]), "row %zu", i);
	for (i = 0; i < N(without); i++)
		cr_assert_not(utf8_has_control(without[i]), "row %zu", i);
}

static void
assert_clean(const char *in, size_t n, size_t cap, const char *want)
{
	char out[64];

	memset(out, 'Z', sizeof(out));
	cr_assert_eq(utf8_copy_clean(out, cap, in, n), strlen(want));
	cr_assert_str_eq(out, want);
	cr_assert_eq(out[cap], 'Z');
}

Test(utf8, copies_clean_text)
{
	assert_clean("", 0, 1, "");
	assert_clean("abc", 3, 1, "");
	assert_clean("abc", 3, 3, "ab");
	assert_clean("abc", 3, 4, "abc");
	assert_clean("a\0b\xff\xc3", 5, 20, "a?b??");
	assert_clean("\xed\xa0\x80", 3, 20, "???");
}

Test(utf8, copies_no_half_character)
{
	assert_clean("a\xc3\xa9", 3, 3, "a");
	assert_clean("a\xc3\xa9", 3, 4, "a\xc3\xa9");
	assert_clean("\xf0\x9f\x98\x80", 4, 4, "");
	assert_clean("\xf0\x9f\x98\x80", 4, 5, "\xf0\x9f\x98\x80");
}

Test(utf8, cleans_every_byte_at_every_place)
{
	char text[24], copy[25], expected[25];

	for (int byte = 0; byte < 256; byte++)
		for (size_t at = 0; at < sizeof(text); at++) {
			memset(text, 'x', sizeof(text));
			text[at] = (char)byte;
			memcpy(expected, text, sizeof(text));
			expected[sizeof(text)] = '\0';
			if (byte == 0 || byte >= 0x80)
				expected[at] = '?';
			cr_assert_eq(
			    utf8_copy_clean(copy, sizeof(copy), text, sizeof(text)), sizeof(text));
			cr_assert_str_eq(copy, expected);
			cr_assert_eq(utf8_copy_clean(copy, at + 1, text, sizeof(text)), at);
			cr_assert_eq(memcmp(copy, expected, at), 0);
		}
}
