#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/ingest/tail.h"
#include "lib/base/clock.h"
#include "lib/base/metric.h"
#include "lib/data/breaker.h"
#include "lib/data/cache.h"
#include "lib/data/db.h"
#include "lib/data/l1.h"
#include "lib/data/unknown.h"
#include "lib/data/url_store.h"
#include "tests/unit/daemon.h"
#include "tests/unit/database.h"
#include "tests/unit/redis.h"

static struct database d;
static struct redis redis;
static struct tail_targets to;
static struct tail *tail;
static char dir[64];

/* One step, and the outbox from before the test is behind the cursor. */
static enum err
step(bool *ret_more)
{
	database_fresh(&d);
	return tail_step(tail, &d.cx, ret_more);
}

static void
follow(void)
{
	bool more = true;

	while (more)
		cr_assert_eq(step(&more), ERR_OK, "%s", d.cx.diag);
}

static void
set_up(void)
{
	database_init(&d);
	daemon_dir(dir, "tail");
	redis_create(&redis);
	redis_start(&redis);
	to.breaker = breaker_new(dir);
	to.unknown = unknown_new(dir);
	to.l1 = l1_new(dir, 1 << 20);
	to.cache = cache_new(redis.socket, 1000, to.breaker);
	tail = tail_new("h", d.db, &to);
	cr_assert(to.breaker && to.unknown && to.l1 && to.cache && tail);
	follow();
}

static void
tear_down(void)
{
	tail_free(tail);
	cache_free(to.cache);
	unknown_free(to.unknown);
	l1_free(to.l1);
	breaker_free(to.breaker);
	redis_destroy(&redis);
	daemon_remove_dir(dir);
	database_release(&d);
}

TestSuite(tail, .init = set_up, .fini = tear_down, .timeout = 120);

static struct url
make_url(const char *code, const char *original_url)
{
	const struct url_new in = { .original_url = original_url, .short_code = code };
	struct url u = { 0 };
	bool found;

	cr_assert_eq(url_insert(d.db, &d.cx, &in, 7, &u, &found), ERR_OK, "%s", d.cx.diag);
	return u;
}

static enum err
cached(const char *code, struct url_target *ret_target)
{
	database_fresh(&d);
	return cache_get(to.cache, &d.cx, code, ret_target);
}

Test(tail, brings_new_changed_and_deleted_urls_to_the_cache)
{
	struct url one = make_url("one", "http://a.b/"),
		   two = make_url("two", "http://\xc3\xa4.b/");
	const struct url_edit off = { .given = 1U << URL_EDIT_ACTIVE };
	struct url_target t;
	bool changed;

	follow();
	cr_assert_eq(cached("one", &t), ERR_OK);
	cr_assert_eq(t.url_id, one.id);
	cr_assert_eq(t.version, one.version);
	cr_assert_eq(t.status, 302);
	cr_assert(t.is_active);
	cr_assert_str_eq(t.location, "http://a.b/");
	cr_assert_eq(cached("two", &t), ERR_OK);
	cr_assert_str_eq(t.location, "http://xn--4ca.b/");
	cr_assert_eq(url_update(d.db, &d.cx, one.id, &off, 0, &one, &changed), ERR_OK);
	cr_assert_eq(url_delete(d.db, &d.cx, two.id, 0, &two), ERR_OK);
	follow();
	cr_assert_eq(cached("one", &t), ERR_OK);
	cr_assert_not(t.is_active);
	cr_assert_eq(cached("two", &t), ERR_OK);
	cr_assert_eq(t.url_id, 0);
	cr_assert_eq(t.version, two.version);
}

Test(tail, makes_a_code_known)
{
	uint64_t ticket;

	cr_assert_not(unknown_has(to.unknown, "one", &ticket));
	unknown_fill(to.unknown, "one", ticket);
	cr_assert(unknown_has(to.unknown, "one", &ticket));
	make_url("one", "http://a.b/");
	follow();
	cr_assert_not(unknown_has(to.unknown, "one", &ticket));
}

Test(tail, follows_many_pages)
{
	struct url_target t;

	database_run(&d, "INSERT INTO outbox (short_code, version, url_id, original_url, is_active)"
			 " SELECT 'c' || n, n, n, 'http://a.b/' || n, true"
			 " FROM generate_series(1, 1700) AS n");
	follow();
	cr_assert_eq(cached("c1700", &t), ERR_OK);
	cr_assert_str_eq(t.location, "http://a.b/1700");
}

Test(tail, never_puts_a_target_that_a_later_page_makes_old)
{
	struct url one = make_url("one", "http://old/");
	const struct url_edit to_new = { .given = 1U << URL_EDIT_TARGET,
		.original_url = "http://new/" };
	struct url_target t;
	bool changed, more;

	database_run(&d, "INSERT INTO outbox (short_code, version, url_id, original_url, is_active)"
			 " SELECT 'c' || n, n, n, 'http://a.b/' || n, true"
			 " FROM generate_series(1, 600) AS n");
	cr_assert_eq(url_update(d.db, &d.cx, one.id, &to_new, 0, &one, &changed), ERR_OK);
	cr_assert_eq(step(&more), ERR_OK, "%s", d.cx.diag);
	cr_assert(more);
	cr_assert_eq(cached("c1", &t), ERR_OK);
	cr_assert_eq(cached("one", &t), ERR_NOT_FOUND);
	follow();
	cr_assert_eq(cached("one", &t), ERR_OK);
	cr_assert_str_eq(t.location, "http://new/");
}

Test(tail, skips_a_target_that_can_not_be_sent)
{
	struct url_target t;

	database_run(&d, "INSERT INTO outbox (short_code, version, url_id, original_url, is_active)"
			 " VALUES ('long', 1, 1, 'http://a.b/' || repeat(U&'\\00E4', 2000), true)");
	make_url("after", "http://a.b/");
	follow();
	cr_assert_eq(cached("long", &t), ERR_NOT_FOUND);
	cr_assert_eq(cached("after", &t), ERR_OK);
}

Test(tail, heals_the_cache_after_an_outage_of_redis)
{
	struct url_target t;
	bool more;

	redis_kill(&redis);
	make_url("one", "http://a.b/");
	breaker_mark_dirty(to.breaker);
	cr_assert_eq(step(&more), ERR_OK);
	cr_assert_not(breaker_allows(to.breaker));
	redis_start(&redis);
	cr_assert_not(breaker_allows(to.breaker), "the change is not in the cache");
	cr_assert_eq(step(&more), ERR_OK);
	cr_assert(breaker_allows(to.breaker));
	cr_assert_eq(cached("one", &t), ERR_OK);
}

/* Fills the host's table as a look-up that began now would. */
static void
remember(const char *code)
{
	const struct url_target t = { .version = 1, .url_id = 1, .location = "http://old/" };
	char location[L1_LOCATION_SIZE];
	struct url_target unused;
	uint64_t ticket;

	l1_get(to.l1, code, &unused, location, &ticket);
	l1_fill(to.l1, code, &t, ticket);
}

static bool
remembered(const char *code)
{
	char location[L1_LOCATION_SIZE];
	struct url_target unused;
	uint64_t ticket;

	return l1_get(to.l1, code, &unused, location, &ticket);
}

Test(tail, makes_the_host_forget_what_was_changed)
{
	make_url("one", "http://a.b/");
	remember("one");
	remember("two");
	follow();
	cr_assert_not(remembered("one"));
	cr_assert(remembered("two"));
}

/* More than a page, so that it has to go on without Redis; then all of it gets there. */
Test(tail, makes_the_host_forget_though_redis_is_away)
{
	struct url_target t;
	bool more = true;

	redis_kill(&redis);
	remember("c1");
	remember("c1700");
	database_run(&d, "INSERT INTO outbox (short_code, version, url_id, original_url, is_active)"
			 " SELECT 'c' || n, n, n, 'http://a.b/' || n, true"
			 " FROM generate_series(1, 1700) AS n");
	follow();
	cr_assert_not(remembered("c1"));
	cr_assert_not(remembered("c1700"));
	cr_assert_not(breaker_allows(to.breaker));
	remember("c1");
	redis_start(&redis);
	while (more)
		cr_assert_eq(step(&more), ERR_OK, "%s", d.cx.diag);
	cr_assert(breaker_allows(to.breaker));
	cr_assert_eq(cached("c1", &t), ERR_OK);
	cr_assert_eq(cached("c1700", &t), ERR_OK);
	cr_assert_not(remembered("c1"), "what was found while Redis was away is void");
}

Test(tail, says_for_how_long_it_has_not_known_all)
{
	int64_t until_us;

	tail_publish_lag(tail);
	cr_assert_lt(metric_get(M_OUTBOX_LAG), 5.0);
	until_us = clock_mono_us() + 300 * 1000;
	while (clock_mono_us() < until_us)
		usleep(10000);
	tail_publish_lag(tail);
	cr_assert_geq(metric_get(M_OUTBOX_LAG), 0.3);
	follow();
	tail_publish_lag(tail);
	cr_assert_lt(metric_get(M_OUTBOX_LAG), 0.3);
}

Test(tail, a_change_is_applied_though_an_older_transaction_runs)
{
	static const struct db_query begin_write = { .name = "write",
		.text = "INSERT INTO outbox (short_code, version, url_id, original_url, is_active)"
			" VALUES ('early', 1, 1, 'http://a.b/early', true)" };
	struct db *other = database_connect(&d);
	struct url_target t;

	cr_assert_eq(db_begin(other, &d.cx), ERR_OK);
	cr_assert_eq(db_exec(other, &d.cx, &begin_write, NULL, NULL), ERR_OK);
	make_url("late", "http://a.b/late");
	follow();
	cr_assert_eq(cached("late", &t), ERR_OK);
	cr_assert_eq(cached("early", &t), ERR_NOT_FOUND);
	database_fresh(&d);
	cr_assert_eq(db_commit(other, &d.cx), ERR_OK);
	follow();
	cr_assert_eq(cached("early", &t), ERR_OK);
	db_free(other);
}

Test(tail, applies_each_change_once_more_and_only_then_passes_it)
{
	int64_t began_us, cursor;
	struct url_target t;

	cursor = database_int(&d, "SELECT xid::text::bigint FROM outbox_cursors");
	make_url("one", "http://a.b/");
	began_us = clock_mono_us();
	follow();
	cr_assert_eq(cached("one", &t), ERR_OK);
	redis_kill(&redis); /* it forgets all */
	redis_start(&redis);
	while (cached("one", &t) != ERR_OK) {
		bool more;

		if (clock_mono_us() - began_us < 9500 * 1000)
			cr_assert_eq(database_int(&d, "SELECT xid::text::bigint"
						      " FROM outbox_cursors"),
			    cursor);
		cr_assert_eq(step(&more), ERR_OK, "%s", d.cx.diag);
		usleep(100000);
	}
	cr_assert_geq(clock_mono_us() - began_us, 10000 * 1000);
	cr_assert_gt(database_int(&d, "SELECT xid::text::bigint FROM outbox_cursors"), cursor);
}

Test(tail, begins_again_where_the_last_one_had_passed)
{
	struct url_target t;

	make_url("one", "http://a.b/");
	follow();
	tail_free(tail);
	redis_kill(&redis);
	redis_start(&redis);
	tail = tail_new("h", d.db, &to);
	follow();
	cr_assert_eq(cached("one", &t), ERR_OK);
}
