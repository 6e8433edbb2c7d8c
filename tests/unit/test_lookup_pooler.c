/* lookup through a real PgBouncer in transaction mode, and what happens when either dies. */
#include <criterion/criterion.h>
#include <signal.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/data/db.h"
#include "lib/data/lookup.h"
#include "lib/data/url_store.h"
#include "tests/unit/looker.h"
#include "tests/unit/pg.h"
#include "tests/unit/pooler.h"

static struct arena *arena;
static struct ctx cx;
static struct db *db; /* past the pooler */
static struct pg pg;
static struct pooler pooler;
static struct looker k;

static void
run(const char *sql)
{
	cr_assert_eq(db_script(db, &cx, "test", sql), ERR_OK, "%s", cx.diag);
}

static void
set_up(void)
{
	pg_create(&pg);
	pg_start(&pg);
	pooler_create(&pooler, pg.dir);
	pooler_start(&pooler);
	arena = arena_new(1 << 20);
	db = db_new(pg.conninfo, "", 60000);
	ctx_init(&cx, arena, 60000);
	run("CREATE TABLE users (id bigint); CREATE TABLE urls (id bigint, user_id bigint,"
	    " version bigint, short_code text, original_url text, is_active bool);"
	    " INSERT INTO urls VALUES (1, NULL, 2, 'abc', 'http://x/', true)");
	k.l = lookup_new(pooler.conninfo, "", 5000);
}

static void
tear_down(void)
{
	lookup_free(k.l);
	db_free(db);
	arena_free(arena);
	pooler_destroy(&pooler);
	pg_destroy(&pg);
}

TestSuite(lookup_pooler, .init = set_up, .fini = tear_down, .timeout = 90);

static void
lock(void)
{
	cr_assert_eq(db_begin(db, &cx), ERR_OK);
	run("LOCK TABLE urls");
}

Test(lookup_pooler, looks_codes_up)
{
	struct url u;

	for (int i = 0; i < 100; i++) {
		looker_start_many(&k, (const char *const[]){ "abc", "none" }, 2, 5000);
		cr_assert_eq(looker_finish(&k), ERR_OK, "%s", lookup_why(k.l));
		cr_assert(lookup_find(k.l, "abc", &u));
		cr_assert_not(lookup_find(k.l, "none", &u));
		lookup_clear(k.l);
	}
}

Test(lookup_pooler, does_not_notice_that_the_pooler_was_restarted)
{
	cr_assert_eq(looker_look(&k, "abc", 5000), ERR_OK);
	pooler_kill(&pooler);
	pooler_start(&pooler);
	cr_assert_eq(looker_look(&k, "abc", 5000), ERR_OK);
}

Test(lookup_pooler, asks_again_when_the_pooler_is_restarted_in_mid_query)
{
	struct url u;

	lock();
	looker_start(&k, "abc", 5000);
	cr_assert_not(looker_drive(&k, 200));
	pooler_kill(&pooler);
	cr_assert_not(looker_drive(&k, 200));
	pooler_start(&pooler);
	cr_assert_not(looker_drive(&k, 200));
	db_rollback(db);
	cr_assert_eq(looker_finish(&k), ERR_OK, "%s", lookup_why(k.l));
	cr_assert(lookup_find(k.l, "abc", &u));
}

Test(lookup_pooler, waits_for_a_database_that_restarts)
{
	cr_assert_eq(looker_look(&k, "abc", 5000), ERR_OK);
	pg_kill(&pg);
	pg_start(&pg);
	looker_start(&k, "abc", 5000);
	cr_assert_eq(looker_finish(&k), ERR_OK, "%s", lookup_why(k.l));
}

Test(lookup_pooler, answers_in_time_while_the_database_is_away)
{
	int64_t away_us;
	bool is_refused = false;
	enum err e;

	cr_assert_eq(looker_look(&k, "abc", 5000), ERR_OK);
	pg_kill(&pg);
	away_us = clock_mono_us();
	/* A backend may answer once more before it notices that it is an orphan. */
	while (looker_look(&k, "abc", 1000) == ERR_OK && clock_mono_us() - away_us < 10000000)
		usleep(10000);
	do {
		looker_start(&k, "abc", 2000);
		is_refused = lookup_state(k.l) == LOOKUP_DONE;
		e = looker_finish(&k);
		cr_expect(e == ERR_UNAVAILABLE || e == ERR_DEADLINE, "%d", e);
		cr_expect_lt(looker_took_ms(&k), 3000);
		lookup_clear(k.l);
	} while (!is_refused && clock_mono_us() - away_us < 20000000);
	cr_expect(is_refused);
	pg_start(&pg);
	away_us = clock_mono_us();
	while (looker_look(&k, "abc", 5000) && clock_mono_us() - away_us < 10000000)
		usleep(10000);
	cr_expect_eq(looker_look(&k, "abc", 5000), ERR_OK);
}

Test(lookup_pooler, never_waits_for_a_stopped_pooler)
{
	cr_assert_eq(looker_look(&k, "abc", 5000), ERR_OK);
	kill(pooler.pid, SIGSTOP);
	/* The first has a connection, the others have to make one. */
	for (int i = 0; i < 3; i++) {
		looker_start(&k, "abc", 200);
		cr_expect_eq(looker_finish(&k), ERR_DEADLINE);
		cr_expect_lt(looker_took_ms(&k), 2000);
		lookup_clear(k.l);
	}
	kill(pooler.pid, SIGCONT);
	cr_expect_eq(looker_look(&k, "abc", 5000), ERR_OK);
}
