#include <criterion/criterion.h>
#include <stdlib.h>

#include "app/ingest/visits.h"

#define NUMBER(i) ((uint64_t)(i)*UINT64_C(0xd1342543de82ef95))

static struct visits v;

static void
set_up(void)
{
	v = (struct visits){ 0 };
}

static void
tear_down(void)
{
	visits_release(&v);
}

TestSuite(visits, .init = set_up, .fini = tear_down);

/* Stores visits first..last; returns how many of them were new. */
static int
store(int first, int last, int64_t now_us)
{
	int n = 0;

	cr_assert_eq(visits_begin(&v, (size_t)(last - first + 1)), ERR_OK);
	for (int i = first; i <= last; i++)
		n += visits_add(&v, NUMBER(i));
	visits_keep(&v, now_us);
	return n;
}

Test(visits, are_new_once)
{
	cr_assert_eq(store(0, 9, 1), 10);
	cr_assert_eq(store(5, 14, 2), 5);
	cr_assert_eq(store(0, 14, 3), 0);
}

Test(visits, are_new_once_in_a_batch)
{
	cr_assert_eq(visits_begin(&v, 3), ERR_OK);
	cr_assert(visits_add(&v, 7));
	cr_assert_not(visits_add(&v, 7));
	cr_assert(visits_add(&v, 0));
	cr_assert_not(visits_add(&v, 0));
}

Test(visits, of_a_batch_that_is_not_stored_are_new_again)
{
	cr_assert_eq(visits_begin(&v, 1), ERR_OK);
	cr_assert(visits_add(&v, 7));
	cr_assert_eq(visits_begin(&v, 1), ERR_OK);
	cr_assert(visits_add(&v, 7));
	visits_keep(&v, 1);
	cr_assert_eq(visits_begin(&v, 1), ERR_OK);
	cr_assert_not(visits_add(&v, 7));
}

Test(visits, are_forgotten_only_when_all_that_came_with_them_are_old)
{
	store(0, 9, 100);
	store(10, 19, 200);
	visits_forget(&v, 100);
	cr_assert_eq(store(0, 19, 300), 0);
	visits_forget(&v, 101); /* they are the older half now */
	cr_assert_eq(store(0, 29, 400), 10);
	visits_forget(&v, 400);
	cr_assert_eq(store(20, 29, 500), 0);
	visits_forget(&v, 401);
	cr_assert_eq(store(0, 19, 600), 20);
	cr_assert_eq(store(20, 29, 700), 0);
}

Test(visits, millions_are_kept_and_then_the_oldest_go)
{
	enum { STEP = 500000, ALL = 10000000 };

	for (int i = 0; i < ALL; i += STEP)
		cr_assert_eq(store(i, i + STEP - 1, i), STEP);
	cr_assert_eq(store(ALL - 4 * STEP, ALL - 1, ALL), 0);
	cr_assert_eq(visits_begin(&v, 1), ERR_OK);
	cr_assert(visits_add(&v, NUMBER(0)));
}
