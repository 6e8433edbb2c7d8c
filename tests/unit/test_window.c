#include <criterion/criterion.h>
#include <stdlib.h>

#include "app/ingest/window.h"

static struct window *w;

static void
set_up(void)
{
	w = calloc(1, sizeof(*w));
	cr_assert_not_null(w);
}

static void
tear_down(void)
{
	free(w);
}

TestSuite(window, .init = set_up, .fini = tear_down);

static void
add(int64_t xid, int64_t id)
{
	window_add(w, &(struct outbox_cursor){ xid, id });
}

static bool
has(int64_t xid, int64_t id)
{
	return window_has(w, &(struct outbox_cursor){ xid, id });
}

Test(window, cursors_are_ordered_by_transaction_first)
{
	const struct outbox_cursor a = { 1, 9 }, b = { 2, 1 }, c = { 2, 2 };

	cr_assert_lt(cursor_compare(&a, &b), 0);
	cr_assert_gt(cursor_compare(&c, &b), 0);
	cr_assert_eq(cursor_compare(&b, &b), 0);
}

Test(window, remembers_rows_in_whatever_order_they_come)
{
	add(5, 1);
	add(3, 2);
	add(5, 0);
	add(4, 7);
	cr_assert(has(5, 1) && has(3, 2) && has(5, 0) && has(4, 7));
	cr_assert_not(has(3, 1));
	cr_assert_not(has(6, 0));
}

Test(window, forgets_the_rows_that_are_passed)
{
	add(3, 1);
	add(3, 2);
	add(4, 1);
	window_pass(w, &(struct outbox_cursor){ 3, 2 });
	cr_assert_not(has(3, 1));
	cr_assert_not(has(3, 2));
	cr_assert(has(4, 1));
	window_pass(w, &(struct outbox_cursor){ 9, 9 });
	cr_assert_eq(w->n, 0);
}

Test(window, keeps_the_first_rows_when_it_is_full)
{
	for (int i = 0; i < WINDOW_MAX; i++)
		add(10 + i, 0);
	add(10 + WINDOW_MAX, 0);
	cr_assert_not(has(10 + WINDOW_MAX, 0));
	add(1, 0);
	cr_assert(has(1, 0));
	cr_assert(has(10, 0));
	cr_assert_not(has(10 + WINDOW_MAX - 1, 0));
	cr_assert_eq(w->n, WINDOW_MAX);
}
