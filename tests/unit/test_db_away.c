/* db against servers that are away, silent, or break off. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/data/db.h"
#include "tests/unit/daemon.h"
#include "tests/unit/fake_pg.h"

static struct arena *arena;
static struct ctx cx;
static struct db *db;
static struct fake_pg fake;
static char dir[64];

static const struct db_query once = { "once", "SELECT 1", false };
static const struct db_query again = { "again", "SELECT 1", true };

static void
set_up(void)
{
	char conninfo[128];

	daemon_dir(dir, "fake");
	snprintf(conninfo, sizeof(conninfo), "host=%s user=terse dbname=terse", dir);
	arena = arena_new(1 << 20);
	db = db_new(conninfo, "secret", 5000);
	ctx_init(&cx, arena, 60000);
	fake = (struct fake_pg){ .dir = dir };
}

static void
tear_down(void)
{
	if (fake.pid)
		fake_pg_stop(&fake);
	db_free(db);
	arena_free(arena);
	daemon_remove_dir(dir);
}

TestSuite(db_away, .init = set_up, .fini = tear_down, .timeout = 60);

static void
start(const struct fake_answer *answers, int n)
{
	fake.answers = answers;
	fake.n_answers = n;
	fake_pg_start(&fake);
}

static int64_t
since_ms(int64_t began_us)
{
	return (clock_mono_us() - began_us) / 1000;
}

Test(db_away, waits_for_a_server_that_is_just_starting)
{
	static const struct fake_answer answers[] = { FAKE_ANSWER(FAKE_OK, false) };

	fake.start_after_ms = 400;
	start(answers, N(answers));
	cr_assert_eq(db_exec(db, &cx, &once, NULL, NULL), ERR_OK, "%s", cx.diag);
	cr_assert_str_eq(cx.diag, "");
}

Test(db_away, knows_whether_anybody_listens)
{
	static const struct fake_answer answers[] = { FAKE_ANSWER(FAKE_OK, false) };
	struct db *tcp = db_new("host=127.0.0.1 port=1", "", 1000);

	cr_assert_not(db_is_listening(db));
	cr_assert_not(db_is_listening(tcp), "unless connected, nobody knows");
	start(answers, N(answers));
	cr_assert(db_is_listening(db));
	cr_assert_not(db_is_connected(db));
	cr_assert_eq(db_exec(db, &cx, &once, NULL, NULL), ERR_OK, "%s", cx.diag);
	cr_assert(db_is_connected(db));
	db_close(db);
	cr_assert_not(db_is_connected(db));
	db_free(tcp);
}

Test(db_away, waits_only_for_a_while)
{
	int64_t began_us = clock_mono_us();

	cr_assert_eq(db_exec(db, &cx, &once, NULL, NULL), ERR_UNAVAILABLE);
	cr_assert_geq(since_ms(began_us), 1000);
	cr_assert_lt(since_ms(began_us), 4000);
}

Test(db_away, stops_asking_after_two_seconds_and_comes_back)
{
	static const struct fake_answer answers[] = { FAKE_ANSWER(FAKE_OK, false) };
	int64_t began_us;

	cr_assert_eq(db_exec(db, &cx, &once, NULL, NULL), ERR_UNAVAILABLE);
	cr_assert_not(db_is_open_circuit(db));
	cr_assert_eq(db_exec(db, &cx, &once, NULL, NULL), ERR_UNAVAILABLE);
	cr_assert(db_is_open_circuit(db));
	began_us = clock_mono_us();
	cr_assert_eq(db_exec(db, &cx, &once, NULL, NULL), ERR_UNAVAILABLE);
	cr_assert_lt(since_ms(began_us), 100);

	/* One try every 250 ms, and it does not wait. */
	while (db_is_open_circuit(db))
		usleep(10000);
	began_us = clock_mono_us();
	cr_assert_eq(db_exec(db, &cx, &once, NULL, NULL), ERR_UNAVAILABLE);
	cr_assert_lt(since_ms(began_us), 400);
	cr_assert(db_is_open_circuit(db));

	start(answers, N(answers));
	while (db_is_open_circuit(db))
		usleep(10000);
	cr_assert_eq(db_exec(db, &cx, &once, NULL, NULL), ERR_OK, "%s", cx.diag);
	cr_assert_eq(fake.counts->queries, 2, "a probe and the statement");
	cr_assert_eq(db_exec(db, &cx, &once, NULL, NULL), ERR_OK);
	cr_assert_eq(fake.counts->connections, 1);
}

Test(db_away, does_not_wait_for_a_silent_server_to_log_in)
{
	int64_t began_us = clock_mono_us();

	fake.login = "";
	start(NULL, 0);
	ctx_init(&cx, arena, 300);
	cr_assert_eq(db_exec(db, &cx, &again, NULL, NULL), ERR_DEADLINE);
	cr_assert_lt(since_ms(began_us), 3000);
}

Test(db_away, does_not_wait_for_a_silent_server_to_answer)
{
	static const struct fake_answer answers[] = { { NULL, 0, false } };
	int64_t began_us = clock_mono_us();

	start(answers, N(answers));
	ctx_init(&cx, arena, 300);
	cr_assert_eq(db_exec(db, &cx, &again, NULL, NULL), ERR_DEADLINE);
	cr_assert_lt(since_ms(began_us), 3000);
	cr_assert_eq(fake.counts->queries, 1);
}

Test(db_away, a_probe_of_a_silent_server_is_short)
{
	static const struct fake_answer answers[] = { { NULL, 0, false } };
	int64_t began_us;

	start(answers, N(answers));
	for (int i = 0; i < 2; i++) {
		ctx_init(&cx, arena, 1200);
		cr_assert_eq(db_exec(db, &cx, &once, NULL, NULL), ERR_DEADLINE);
	}
	while (db_is_open_circuit(db))
		usleep(10000);
	ctx_init(&cx, arena, 60000);
	began_us = clock_mono_us();
	cr_assert_eq(db_exec(db, &cx, &once, NULL, NULL), ERR_DEADLINE);
	cr_assert_lt(since_ms(began_us), 1500);
}

Test(db_away, survives_garbage_at_login)
{
	fake.login = "HTTP/1.1 400 Bad Request\r\n\r\n";
	start(NULL, 0);
	ctx_init(&cx, arena, 300);
	cr_assert_neq(db_exec(db, &cx, &again, NULL, NULL), ERR_OK);
}

Test(db_away, survives_garbage_as_an_answer)
{
	static const struct fake_answer answers[] = {
		FAKE_ANSWER("T\0\0\0\5garbage and more garbage", true),
		FAKE_ANSWER(FAKE_OK, false),
	};

	start(answers, N(answers));
	cr_assert_eq(db_exec(db, &cx, &once, NULL, NULL), ERR_UNAVAILABLE);
	cr_assert_eq(db_exec(db, &cx, &once, NULL, NULL), ERR_OK, "%s", cx.diag);
}

Test(db_away, a_hang_up_costs_one_more_try_if_idempotent)
{
	static const struct fake_answer answers[] = {
		FAKE_ANSWER("", true),
		FAKE_ANSWER("", true),
		FAKE_ANSWER(FAKE_OK, false),
	};

	start(answers, N(answers));
	cr_assert_eq(db_exec(db, &cx, &once, NULL, NULL), ERR_UNAVAILABLE);
	cr_assert_str_eq(db_state(db), "");
	cr_assert_eq(fake.counts->queries, 1);
	cr_assert_eq(db_exec(db, &cx, &again, NULL, NULL), ERR_OK, "%s", cx.diag);
	cr_assert_eq(fake.counts->queries, 3);
}

Test(db_away, the_poolers_errors_are_a_lost_connection)
{
	static const struct fake_answer answers[] = {
		FAKE_ANSWER(FAKE_POOLER, true),
		FAKE_ANSWER(FAKE_OK, false),
		FAKE_ANSWER(FAKE_POOLER, true),
	};

	start(answers, N(answers));
	cr_assert_eq(db_exec(db, &cx, &again, NULL, NULL), ERR_OK, "%s", cx.diag);
	cr_assert_eq(db_exec(db, &cx, &once, NULL, NULL), ERR_UNAVAILABLE);
	cr_assert_str_eq(db_state(db), "08P01");
	cr_assert_str_eq(cx.diag, "once: 08P01 crashed");
}

Test(db_away, waits_for_a_server_behind_the_pooler)
{
	static const struct fake_answer answers[] = {
		FAKE_ANSWER(FAKE_NO_SERVER, true),
		FAKE_ANSWER(FAKE_NO_SERVER, true),
		FAKE_ANSWER(FAKE_NO_SERVER, true),
		FAKE_ANSWER(FAKE_OK, false),
		FAKE_ANSWER(FAKE_NO_SERVER, true),
	};
	int64_t began_us;

	start(answers, N(answers));
	cr_assert_eq(db_exec(db, &cx, &once, NULL, NULL), ERR_OK, "%s", cx.diag);
	cr_assert_eq(fake.counts->queries, 4);
	began_us = clock_mono_us();
	cr_assert_eq(db_exec(db, &cx, &again, NULL, NULL), ERR_UNAVAILABLE);
	cr_assert_geq(since_ms(began_us), 1000);
	cr_assert_lt(since_ms(began_us), 4000);
}

Test(db_away, the_same_code_with_a_good_connection_is_our_fault)
{
	static const struct fake_answer answers[] = { FAKE_ANSWER(FAKE_PROTOCOL, false) };

	start(answers, N(answers));
	cr_assert_eq(db_exec(db, &cx, &again, NULL, NULL), ERR_INTERNAL);
	cr_assert_eq(fake.counts->queries, 1);
}

Test(db_away, reruns_serialization_failures_three_times)
{
	static const struct fake_answer answers[] = {
		FAKE_ANSWER(FAKE_SERIAL, false),
		FAKE_ANSWER(FAKE_SERIAL, false),
		FAKE_ANSWER(FAKE_SERIAL, false),
		FAKE_ANSWER(FAKE_OK, false),
		FAKE_ANSWER(FAKE_SERIAL, false),
	};

	start(answers, N(answers));
	cr_assert_eq(db_exec(db, &cx, &once, NULL, NULL), ERR_OK, "%s", cx.diag);
	cr_assert_eq(fake.counts->queries, 4);
	cr_assert_eq(db_exec(db, &cx, &once, NULL, NULL), ERR_UNAVAILABLE);
	cr_assert_str_eq(db_state(db), "40001");
	cr_assert_eq(fake.counts->queries, 8);
	cr_assert_not(db_is_open_circuit(db));
}

Test(db_away, reruns_nothing_inside_a_transaction)
{
	static const struct fake_answer answers[] = {
		FAKE_ANSWER(FAKE_OK, false),
		FAKE_ANSWER(FAKE_SERIAL, false),
		FAKE_ANSWER("", true),
	};

	start(answers, N(answers));
	cr_assert_eq(db_begin(db, &cx), ERR_OK, "%s", cx.diag);
	cr_assert_eq(db_exec(db, &cx, &again, NULL, NULL), ERR_UNAVAILABLE);
	cr_assert_eq(fake.counts->queries, 2);
	cr_assert_eq(db_exec(db, &cx, &again, NULL, NULL), ERR_UNAVAILABLE);
	cr_assert_eq(fake.counts->queries, 3);
	cr_assert_eq(fake.counts->connections, 1);
	db_rollback(db);
}
