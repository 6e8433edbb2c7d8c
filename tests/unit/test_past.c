#include <criterion/criterion.h>

#include "app/ingest/past.h"

Test(past, has_nothing_at_first)
{
	const struct past p = { .spacing_us = 10 };

	cr_assert_null(past_find(&p, INT64_MAX));
}

Test(past, finds_the_newest_note_that_is_old_enough)
{
	struct past p = { .spacing_us = 10 };

	past_add(&p, 100, 1, 11);
	past_add(&p, 110, 2, 12);
	past_add(&p, 120, 3, 13);
	cr_assert_null(past_find(&p, 99));
	cr_assert_eq(past_find(&p, 100)->major, 1);
	cr_assert_eq(past_find(&p, 119)->minor, 12);
	cr_assert_eq(past_find(&p, 500)->major, 3);
}

Test(past, takes_no_notes_that_are_too_close)
{
	struct past p = { .spacing_us = 10 };

	past_add(&p, 100, 1, 0);
	past_add(&p, 109, 2, 0);
	cr_assert_eq(past_find(&p, 200)->major, 1);
}

Test(past, forgets_the_oldest_when_it_is_full)
{
	struct past p = { .spacing_us = 1 };

	for (int64_t i = 0; i < 3 * PAST_NOTES; i++)
		past_add(&p, i, i, 0);
	cr_assert_null(past_find(&p, 2 * PAST_NOTES - 1));
	cr_assert_eq(past_find(&p, 2 * PAST_NOTES)->major, 2 * PAST_NOTES);
	cr_assert_eq(past_find(&p, INT64_MAX)->major, 3 * PAST_NOTES - 1);
}
