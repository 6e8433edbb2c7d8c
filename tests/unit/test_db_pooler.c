/* db through a real PgBouncer in transaction mode, and what happens when either dies. */
#include <criterion/criterion.h>
#include <signal.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/data/db.h"
#include "tests/unit/pg.h"
#include "tests/unit/pooler.h"

static struct arena *arena;
static struct ctx cx;
static struct db *db;
static struct pg pg;
static struct pooler pooler;

static void
set_up(void)
{
	pg_create(&pg);
	pg_start(&pg);
	pooler_create(&pooler, pg.dir);
	pooler_start(&pooler);
	arena = arena_new(1 << 20);
	db = db_new(pooler.conninfo, "", 5000);
	ctx_init(&cx, arena, 60000);
}

static void
tear_down(void)
{
	db_free(db);
	arena_free(arena);
	pooler_destroy(&pooler);
	pg_destroy(&pg);
}

TestSuite(db_pooler, .init = set_up, .fini = tear_down, .timeout = 90);

static enum err
run(const char *text, bool idempotent)
{
	const struct db_query q = { "run", text, idempotent };

	ctx_init(&cx, arena, 10000);
	return db_exec(db, &cx, &q, NULL, NULL);
}

Test(db_pooler, runs_statements_and_transactions)
{
	cr_assert_eq(run("CREATE TABLE t (n int)", false), ERR_OK, "%s", cx.diag);
	cr_assert_eq(db_begin(db, &cx), ERR_OK);
	cr_assert_eq(run("INSERT INTO t VALUES (1)", false), ERR_OK);
	cr_assert_eq(db_commit(db, &cx), ERR_OK);
	cr_assert_eq(run("INSERT INTO t SELECT 1/0", false), ERR_INVALID);
	cr_assert_eq(run("SELECT 1/count(*) FROM t", true), ERR_OK);
}

Test(db_pooler, does_not_notice_that_the_pooler_was_restarted)
{
	cr_assert_eq(run("CREATE TABLE t (n int)", false), ERR_OK, "%s", cx.diag);
	pooler_kill(&pooler);
	pooler_start(&pooler);
	cr_assert_eq(run("INSERT INTO t VALUES (1)", false), ERR_OK, "%s", cx.diag);
}

Test(db_pooler, waits_for_a_database_that_restarts)
{
	cr_assert_eq(run("CREATE TABLE t (n int)", false), ERR_OK, "%s", cx.diag);
	pg_kill(&pg);
	pg_start(&pg);
	cr_assert_eq(run("SELECT count(*) FROM t", true), ERR_OK, "%s", cx.diag);
}

Test(db_pooler, answers_in_time_while_the_database_is_away)
{
	int64_t away_us, began_us;
	enum err e;

	cr_assert_eq(run("SELECT 1", true), ERR_OK, "%s", cx.diag);
	pg_kill(&pg);
	away_us = clock_mono_us();
	/* A backend may answer once more before it notices that it is an orphan. */
	while (run("SELECT 1", true) == ERR_OK && clock_mono_us() - away_us < 10000000)
		usleep(10000);
	do {
		began_us = clock_mono_us();
		e = run("SELECT 1", true);
		cr_expect(e == ERR_UNAVAILABLE || e == ERR_DEADLINE, "%d", e);
		cr_expect_lt(clock_mono_us() - began_us, 8000000);
	} while (!db_is_open_circuit(db) && clock_mono_us() - away_us < 20000000);
	cr_expect(db_is_open_circuit(db));
	pg_start(&pg);
	began_us = clock_mono_us();
	while (run("SELECT 1", true) && clock_mono_us() - began_us < 10000000)
		usleep(10000);
	cr_expect_eq(run("SELECT 1", false), ERR_OK, "%s", cx.diag);
}

Test(db_pooler, a_stopped_pooler_costs_no_more_than_the_deadline)
{
	int64_t began_us = clock_mono_us();

	kill(pooler.pid, SIGSTOP);
	ctx_init(&cx, arena, 300);
	cr_expect_eq(db_begin(db, &cx), ERR_DEADLINE);
	cr_expect_lt(clock_mono_us() - began_us, 3000000);
	kill(pooler.pid, SIGCONT);
	cr_expect_eq(run("SELECT 1", true), ERR_OK, "%s", cx.diag);
}
