#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/escape.h"
#include "lib/base/utf8.h"

Test(escape, finds_the_bytes_that_stand_for_themselves)
{
	cr_assert_eq(escape_plain("", 0), 0);
	cr_assert_eq(escape_plain("abc", 2), 2);
	cr_assert_eq(escape_plain("ab\"c", 4), 2);
	cr_assert_eq(escape_plain("ab\\", 3), 2);
	cr_assert_eq(escape_plain("a\n", 2), 1);
	cr_assert_eq(escape_plain("a\x7f", 2), 1);
	cr_assert_eq(escape_plain("a\xc3\xa9", 3), 1);
}

Test(escape, writes_valid_text_for_every_pair_of_bytes)
{
	int first, second;

	for (first = 0; first < 256; first++) {
		for (second = 0; second < 256; second++) {
			char in[] = { (char)first, (char)second }, out[ESCAPE_SIZE];
			size_t len = 0, taken = escape_one(in, sizeof(in), out, &len);

			cr_assert(taken >= 1 && taken <= 2);
			cr_assert(len >= 1 && len <= ESCAPE_SIZE);
			cr_assert(utf8_valid(out, len));
			cr_assert_geq((unsigned char)out[0], 0x20);
			cr_assert_neq(out[0], '"');
		}
	}
}

Test(escape, takes_no_byte_beyond_the_given_ones)
{
	char out[ESCAPE_SIZE];
	size_t len;

	cr_assert_eq(escape_one("\xc3\xa9", 1, out, &len), 1);
	cr_assert_eq(len, 3);
	cr_assert_arr_eq(out, "\xef\xbf\xbd", 3);
}

Test(escape, finds_every_special_byte_at_every_place)
{
	char text[24];

	for (int byte = 0; byte < 256; byte++)
		for (size_t at = 0; at < sizeof(text); at++) {
			bool is_plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';

			memset(text, 'x', sizeof(text));
			text[at] = (char)byte;
			cr_assert_eq(
			    escape_plain(text, sizeof(text)), is_plain ? sizeof(text) : at);
			cr_assert_eq(escape_plain(text, at), at);
		}
}
