#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/attr.h"
#include "lib/data/click.h"
#include "lib/data/click_note.h"

#define ID "0123456789abcdef0123456789ABCDEF"

static const unsigned char key[16] = "0123456789abcde";

Test(click_note, reads_back_what_click_format_writes)
{
	static const struct click clicks[] = {
		{ ID, 1000001, 7, 8, "abc", "https://r/\t\n\\x", "Mozilla/5.0", "192.0.2.1" },
		{ ID, 1790000000000000, INT64_MAX, 0, "abc", NULL, "curl/8", NULL },
		{ ID, 1, 1, INT64_MAX, "abc", "\xff", NULL, "::1" },
	};
	char line[CLICK_LINE_MAX], row[CLICK_LINE_MAX + CLICK_ROW_MORE];
	uint64_t visit;

	cr_assert_eq(click_visit(ID, 32, &visit), ERR_OK);
	for (size_t i = 0; i < N(clicks); i++) {
		struct click_note note;
		size_t n = click_format(&clicks[i], key, line), n_row;

		cr_assert_eq(click_note_read(line, n, &note, row, &n_row), ERR_OK);
		cr_assert_leq(n_row, n + CLICK_ROW_MORE);
		cr_assert_eq(note.visit, visit);
		cr_assert_eq(note.at_us, clicks[i].at_us);
		cr_assert_eq(note.url_id, clicks[i].url_id);
		cr_assert_eq(note.user_id, clicks[i].user_id);
		cr_assert_neq(note.visitor, 0);
		cr_assert_eq(note.is_bot, i > 0);
	}
}

Test(click_note, refuses_whatever_else)
{
	static const char *const bad[] = {
		"",
		"\n",
		"x\n",
		"\t\t\t\t\t\t\t\t\n",
		ID "\t2025-01-01\t1\t\\N\tc\t\\N\t\\N\t1\tf",
		ID "\t2025-01-01\t1\t\\N\tc\t\\N\t\\N\t1\tf\n\n",
		ID "\t2025-01-01\t1\t\\N\tc\t\\N\t\\N\t1\tf\tf\n",
		ID "\t2025-01-01\t1\t\\N\tc\t\\N\t\\N\t1\n",
		ID "\t2025-01-01\t1\t\\N\tc\t\\N\t\\N\t1\tx\n",
		ID "\t2025-01-01\t1\t\\N\tc\t\\N\t\\N\t\\N\tf\n",
		ID "\t2025-01-01\t\\N\t\\N\tc\t\\N\t\\N\t1\tf\n",
		ID "\t2025-01-01\t99999999999999999999\t\\N\tc\t\\N\t\\N\t1\tf\n",
		ID "\t2025-01-01\t1\tx\tc\t\\N\t\\N\t1\tf\n",
		ID "\tnever\t1\t\\N\tc\t\\N\t\\N\t1\tf\n",
		ID "\t2025-01-01T00:00:00.00000000000000000000Z\t1\t\\N\tc\t\\N\t\\N\t1\tf\n",
		ID "\t2025-01-01\t1\t\\N\tc\\b\t\\N\t\\N\t1\tf\n",
		ID "\t2025-01-01\t1\t\\N\tc\\\t\\N\t\\N\t1\tf\n",
		"\\N\t2025-01-01\t1\t\\N\tc\t\\N\t\\N\t1\tf\n",
		ID "0\t2025-01-01\t1\t\\N\tc\t\\N\t\\N\t1\tf\n",
	};

	for (size_t i = 0; i < N(bad); i++) {
		struct click_note note = { .url_id = -1 };
		char row[1024];
		size_t n;

		cr_assert_eq(click_note_read(bad[i], strlen(bad[i]), &note, row, &n), ERR_INVALID,
		    "%s", bad[i]);
		cr_assert_eq(note.url_id, -1);
	}
}

Test(click_note, knows_a_visit_however_it_is_written)
{
	uint64_t visit, same, other;

	cr_assert_eq(click_visit(ID, 32, &visit), ERR_OK);
	cr_assert_eq(click_visit("01234567-89ab-cdef-0123-456789abcdef", 36, &same), ERR_OK);
	cr_assert_eq(visit, same);
	cr_assert_eq(click_visit("01234567-89ab-cdef-0123-456789abcdee", 36, &other), ERR_OK);
	cr_assert_neq(visit, other);
	cr_assert_eq(click_visit("11234567-89ab-cdef-0123-456789abcdef", 36, &other), ERR_OK);
	cr_assert_neq(visit, other);
	cr_assert_eq(click_visit(ID, 31, &other), ERR_INVALID);
	cr_assert_eq(click_visit("01234567-89ab-cdef-0123-456789abcdeg", 36, &other), ERR_INVALID);
}
