#include <criterion/criterion.h>
#include <string.h>

#include "lib/data/code.h"

Test(code, has_the_length_and_letters_of_base62)
{
	char code[CODE_MAX + 1];

	for (int length = 4; length <= 32; length++) {
		memset(code, '!', sizeof(code));
		code_draw(length, code);
		cr_expect_eq(strlen(code), (size_t)length);
		cr_expect_eq(strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "abcdefghijklmnopqrstuvwxyz"),
		    (size_t)length);
	}
}

/* 62,000 letters: each is expected 1,000 times, with a deviation of about 32. */
Test(code, prefers_no_letter)
{
	int counts[256] = { 0 };
	int kinds = 0;
	char code[CODE_MAX + 1];

	for (int i = 0; i < 6200; i++) {
		code_draw(10, code);
		for (int k = 0; k < 10; k++)
			counts[(unsigned char)code[k]]++;
	}
	for (int c = 0; c < 256; c++) {
		kinds += counts[c] > 0;
		if (counts[c] > 0)
			cr_expect(counts[c] > 750 && counts[c] < 1250, "%c: %d", c, counts[c]);
	}
	cr_expect_eq(kinds, 62);
}

Test(code, does_not_repeat_itself)
{
	char a[CODE_MAX + 1], b[CODE_MAX + 1];

	code_draw(32, a);
	code_draw(32, b);
	cr_assert_str_neq(a, b);
}
