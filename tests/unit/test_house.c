#include <criterion/criterion.h>

#include "app/ingest/house.h"
#include "lib/base/clock.h"
#include "lib/data/db.h"
#include "tests/unit/database.h"

static struct database d;
static struct house house;

static void
set_up(void)
{
	database_init(&d);
}

static void
tear_down(void)
{
	database_release(&d);
}

TestSuite(house, .init = set_up, .fini = tear_down, .timeout = 120);

static void
step(bool is_idle)
{
	cr_assert_eq(house_step(&house, d.db, &d.cx, is_idle), ERR_OK, "%s", d.cx.diag);
}

Test(house, makes_partitions_first_and_though_others_wait)
{
	database_run(&d, "SELECT setval('event_id_seq', 1::bigint << 24)");
	step(false);
	cr_assert_eq(
	    database_int(&d, "SELECT count(*) FROM pg_class WHERE relname = 'clicks_p3'"), 1);
}

Test(house, cleans_when_nothing_else_waits)
{
	database_run(&d, "INSERT INTO url_visitors (url_id, visitor) VALUES (7, 1)");
	database_run(&d, "INSERT INTO deleted_urls (id) VALUES (7)");
	for (int i = 0; i < 5; i++)
		step(false);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM url_visitors"), 1);
	step(true);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM url_visitors"), 0);
	cr_assert(house.has_dirt);
	step(true); /* nothing is left of it */
	step(true); /* and there is no other */
	cr_assert_not(house.has_dirt);
}

Test(house, does_each_thing_only_now_and_then)
{
	int64_t first_us;

	for (int i = 0; i < 3; i++)
		step(true);
	first_us = house.partitions_us;
	cr_assert(house.clean_us != 0 && house.trim_us != 0);
	step(true);
	cr_assert_eq(house.partitions_us, first_us);
}

Test(house, tries_again_at_once_when_partitions_could_not_be_made)
{
	database_run(&d, "ALTER FUNCTION event_partitions_ahead() RENAME TO hidden");
	cr_assert_neq(house_step(&house, d.db, &d.cx, true), ERR_OK);
	database_run(&d, "ALTER FUNCTION hidden() RENAME TO event_partitions_ahead");
	cr_assert_eq(house.partitions_us, 0);
	step(true);
	cr_assert_neq(house.partitions_us, 0);
}
