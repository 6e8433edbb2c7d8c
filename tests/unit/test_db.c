#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/data/db.h"
#include "lib/data/db_array.h"
#include "tests/unit/pg.h"

static struct arena *arena;
static struct ctx cx;
static struct db *db;

static void
fresh_ctx(void)
{
	ctx_init(&cx, arena, 10000);
}

static void
set_up(void)
{
	arena = arena_new(64 << 20);
	db = db_new(pg_shared(), "", 10000);
	fresh_ctx();
}

static void
tear_down(void)
{
	db_free(db);
	arena_free(arena);
}

TestSuite(db, .init = set_up, .fini = tear_down, .timeout = 60);

static enum err
run(const char *text)
{
	const struct db_query q = { "run", text, false };

	return db_exec(db, &cx, &q, NULL, NULL);
}

static enum err
run_idempotent(const char *text)
{
	const struct db_query q = { "run", text, true };

	return db_exec(db, &cx, &q, NULL, NULL);
}

static int64_t
number(struct db *of, const char *text)
{
	const struct db_query q = { "number", text, false };
	struct db_rows rows;

	cr_assert_eq(db_exec(of, &cx, &q, NULL, &rows), ERR_OK, "%s", cx.diag);
	cr_assert_eq(rows.n, 1);
	return db_int(&rows, 0, 0);
}

Test(db, passes_parameters_and_reads_cells)
{
	const struct db_query q = { "all",
		"SELECT $1::text, $2::bigint, $3::bigint, $4::bool, $5::bool,"
		" $6::timestamptz = '2026-01-31T23:59:59.5Z', $7::timestamptz, NULL::bool",
		true };
	struct db_args a;
	struct db_rows rows;
	int64_t at;

	cr_assert_eq(clock_parse("2026-01-31T23:59:59.5Z", &at), ERR_OK);
	db_args_init(&a, arena);
	db_arg_text(&a, "it's \\ \"ü\" $1");
	db_arg_int(&a, INT64_MIN);
	db_arg_id(&a, 0);
	db_arg_bool(&a, true);
	db_arg_bool(&a, false);
	db_arg_time(&a, at);
	db_arg_time(&a, 0);
	cr_assert_eq(db_exec(db, &cx, &q, &a, &rows), ERR_OK, "%s", cx.diag);
	cr_assert_eq(rows.n, 1);
	cr_assert_str_eq(db_text(&rows, 0, 0), "it's \\ \"ü\" $1");
	cr_assert_eq(db_int(&rows, 0, 1), INT64_MIN);
	cr_assert_null(db_text(&rows, 0, 2));
	cr_assert_eq(db_int(&rows, 0, 2), 0);
	cr_assert(db_bool(&rows, 0, 3));
	cr_assert_not(db_bool(&rows, 0, 4));
	cr_assert(db_bool(&rows, 0, 5));
	cr_assert_null(db_text(&rows, 0, 6));
	cr_assert_not(db_bool(&rows, 0, 7));
}

Test(db, counts_changed_rows)
{
	const struct db_query insert = { "insert",
		"INSERT INTO counted SELECT generate_series(1, 5)", false };
	struct db_rows rows;

	cr_assert_eq(run("CREATE TABLE counted (n int)"), ERR_OK, "%s", cx.diag);
	cr_assert_eq(db_exec(db, &cx, &insert, NULL, &rows), ERR_OK);
	cr_assert_eq(rows.affected, 5);
	cr_assert_eq(rows.n, 0);
}

Test(db, clamps_numbers_beyond_int64)
{
	cr_assert_eq(number(db, "SELECT 99999999999999999999"), INT64_MAX);
}

Test(db, tells_errors_apart)
{
	static const struct {
		const char *text, *state;
		enum err err;
	} rows[] = {
		{ "INSERT INTO apart VALUES (1, 1)", "23505", ERR_CONFLICT },
		{ "INSERT INTO apart VALUES (2, 9)", "23503", ERR_NOT_FOUND },
		{ "INSERT INTO apart VALUES (-1, 1)", "23514", ERR_INTERNAL },
		{ "SELECT 1/0", "22012", ERR_INVALID },
		{ "SELECT '\xff'", "22021", ERR_INVALID },
		{ "SELECT", "", ERR_OK },
		{ "SELEC", "42601", ERR_INTERNAL },
		{ "SELECT * FROM nowhere", "42P01", ERR_UNAVAILABLE },
		{ "SELECT nothing FROM apart", "42703", ERR_UNAVAILABLE },
		{ "DO $$BEGIN RAISE SQLSTATE '53100'; END$$", "53100", ERR_UNAVAILABLE },
	};

	cr_assert_eq(
	    db_script(db, &cx, "make",
		"CREATE TABLE apart (id int CONSTRAINT apart_key PRIMARY KEY CHECK (id > 0),"
		" other int REFERENCES apart); INSERT INTO apart VALUES (1, 1)"),
	    ERR_OK, "%s", cx.diag);
	for (size_t i = 0; i < N(rows); i++) {
		fresh_ctx();
		cr_expect_eq(run(rows[i].text), rows[i].err, "%s", rows[i].text);
		cr_expect_str_eq(db_state(db), rows[i].state);
		cr_expect_eq(cx.diag[0] == '\0', rows[i].err == ERR_OK);
	}
	cr_expect_eq(run(rows[0].text), ERR_CONFLICT);
	cr_expect_str_eq(db_constraint(db), "apart_key");
	cr_expect_eq(run("SELECT 1"), ERR_OK);
	cr_expect_str_eq(db_constraint(db), "");
}

Test(db, keeps_the_connection_after_an_error)
{
	int64_t pid = number(db, "SELECT pg_backend_pid()");

	cr_assert_eq(run("SELECT 1/0"), ERR_INVALID);
	cr_assert_eq(number(db, "SELECT pg_backend_pid()"), pid);
}

Test(db, gives_up_at_the_deadline_and_connects_anew)
{
	int64_t pid = number(db, "SELECT pg_backend_pid()"), began_us = clock_mono_us();

	ctx_init(&cx, arena, 200);
	cr_assert_eq(run_idempotent("SELECT pg_sleep(30)"), ERR_DEADLINE);
	cr_assert_lt(clock_mono_us() - began_us, 5000000);
	cr_assert_not_null(strstr(cx.diag, "no answer in time"), "%s", cx.diag);
	fresh_ctx();
	cr_assert_neq(number(db, "SELECT pg_backend_pid()"), pid);
}

Test(db, takes_the_shorter_of_both_deadlines)
{
	struct db *hasty = db_new(pg_shared(), "", 150);
	const struct db_query q = { "sleep", "SELECT pg_sleep(30)", false };
	int64_t began_us = clock_mono_us();

	cr_assert_eq(db_exec(hasty, &cx, &q, NULL, NULL), ERR_DEADLINE);
	cr_assert_lt(clock_mono_us() - began_us, 5000000);
	db_free(hasty);
}

Test(db, does_not_begin_without_time)
{
	ctx_init(&cx, arena, -1);
	cr_assert_eq(run("SELECT 1"), ERR_DEADLINE);
	cr_assert_not(db_is_open_circuit(db));
}

Test(db, reports_the_servers_own_timeout)
{
	cr_assert_eq(run("SET statement_timeout = 50"), ERR_OK);
	cr_assert_eq(run("SELECT pg_sleep(30)"), ERR_DEADLINE);
	cr_assert_str_eq(db_state(db), "57014");
}

static void
terminate(const struct db_query *q, int64_t pid)
{
	struct db *other = db_new(pg_shared(), "", 10000);
	struct db_args a;
	struct db_rows rows;

	db_args_init(&a, arena);
	db_arg_int(&a, pid);
	cr_assert_eq(db_exec(other, &cx, q, &a, &rows), ERR_OK, "%s", cx.diag);
	db_free(other);
}

/* Waits for the end of the backend. */
static const struct db_query end_backend = { "end", "SELECT pg_terminate_backend($1::int, 5000)",
	false };

Test(db, finds_a_dead_connection_before_it_sends)
{
	terminate(&end_backend, number(db, "SELECT pg_backend_pid()"));
	cr_assert_eq(run("CREATE TABLE sent_once (n int)"), ERR_OK, "%s", cx.diag);
	cr_assert_str_eq(cx.diag, "");
}

Test(db, never_sends_twice_what_is_not_idempotent)
{
	cr_assert_eq(run("CREATE SEQUENCE runs"), ERR_OK);
	cr_assert_eq(
	    run("SELECT nextval('runs'), pg_terminate_backend(pg_backend_pid())"), ERR_UNAVAILABLE);
	cr_assert_str_eq(db_state(db), "57P01");
	cr_assert_eq(number(db, "SELECT last_value FROM runs"), 1);
}

Test(db, sends_an_idempotent_statement_once_more)
{
	cr_assert_eq(run("CREATE SEQUENCE reruns"), ERR_OK);
	/* The first run ends the backend, the second does not. */
	cr_assert_eq(
	    run_idempotent("SELECT CASE WHEN nextval('reruns') = 1"
			   " THEN pg_terminate_backend(pg_backend_pid()) END, pg_sleep(0.01)"),
	    ERR_OK, "%s", cx.diag);
	cr_assert_eq(number(db, "SELECT last_value FROM reruns"), 2);
	cr_assert_str_eq(cx.diag, "");
}

Test(db, sends_an_idempotent_statement_only_once_more)
{
	cr_assert_eq(run("CREATE SEQUENCE twice"), ERR_OK);
	cr_assert_eq(
	    run_idempotent("SELECT nextval('twice'), pg_terminate_backend(pg_backend_pid())"),
	    ERR_UNAVAILABLE);
	cr_assert_eq(number(db, "SELECT last_value FROM twice"), 2);
}

Test(db, commits_and_rolls_back)
{
	cr_assert_eq(run("CREATE TABLE kept (n int)"), ERR_OK);
	cr_assert_eq(db_begin(db, &cx), ERR_OK);
	cr_assert_eq(run("INSERT INTO kept VALUES (1)"), ERR_OK);
	cr_assert_eq(db_commit(db, &cx), ERR_OK);
	cr_assert_eq(db_begin(db, &cx), ERR_OK);
	cr_assert_eq(run("INSERT INTO kept VALUES (2)"), ERR_OK);
	db_rollback(db);
	db_rollback(db);
	cr_assert_eq(number(db, "SELECT sum(n) FROM kept"), 1);
}

Test(db, does_not_take_a_failed_transaction_for_committed)
{
	cr_assert_eq(db_begin(db, &cx), ERR_OK);
	cr_assert_eq(run("SELECT 1/0"), ERR_INVALID);
	cr_assert_eq(db_commit(db, &cx), ERR_INTERNAL);
	db_rollback(db);
	cr_assert_eq(number(db, "SELECT 1"), 1);
}

Test(db, never_continues_a_transaction_on_another_connection)
{
	cr_assert_eq(run("CREATE TABLE halves (n int)"), ERR_OK);
	cr_assert_eq(db_begin(db, &cx), ERR_OK);
	terminate(&end_backend, number(db, "SELECT pg_backend_pid()"));
	cr_assert_eq(run_idempotent("INSERT INTO halves VALUES (1)"), ERR_UNAVAILABLE);
	cr_assert_eq(run_idempotent("INSERT INTO halves VALUES (2)"), ERR_UNAVAILABLE);
	cr_assert_eq(db_commit(db, &cx), ERR_UNAVAILABLE);
	db_rollback(db);
	cr_assert_eq(number(db, "SELECT count(*) FROM halves"), 0);
}

Test(db, rolls_back_by_closing_when_the_server_is_stopped)
{
	int64_t pid, began_us;

	cr_assert_eq(db_begin(db, &cx), ERR_OK);
	pid = number(db, "SELECT pg_backend_pid()");
	kill((pid_t)pid, SIGSTOP);
	began_us = clock_mono_us();
	db_rollback(db);
	kill((pid_t)pid, SIGCONT);
	cr_assert_lt(clock_mono_us() - began_us, 3000000);
	cr_assert_neq(number(db, "SELECT pg_backend_pid()"), pid);
}

Test(db, undoes_a_script_that_fails)
{
	cr_assert_eq(db_script(db, &cx, "bad", "CREATE TABLE undone (n int); SELECT 1/0; SELECT 2"),
	    ERR_INVALID);
	cr_assert_not_null(strstr(cx.diag, "bad: 22012"), "%s", cx.diag);
	cr_assert_eq(run("SELECT * FROM undone"), ERR_UNAVAILABLE);
}

Test(db, does_not_reuse_a_connection_left_in_a_transaction)
{
	cr_assert_eq(db_script(db, &cx, "open", "BEGIN; CREATE TABLE dangling (n int)"), ERR_OK);
	cr_assert_eq(run("SELECT * FROM dangling"), ERR_UNAVAILABLE);
}

static const struct db_query copy = { "copy", "COPY copied FROM STDIN", false };

Test(db, copies_many_lines)
{
	enum { LINES = 500000, LINE = 12 };
	char *lines = malloc(LINES * LINE + 1);

	cr_assert_eq(run("CREATE TABLE copied (n int)"), ERR_OK);
	for (int i = 0; i < LINES; i++)
		sprintf(lines + i * LINE, "%011d\n", i);
	cr_assert_eq(db_copy(db, &cx, &copy, lines, (size_t)LINES * LINE), ERR_OK, "%s", cx.diag);
	free(lines);
	cr_assert_eq(number(db, "SELECT count(DISTINCT n) FROM copied"), LINES);
	cr_assert_eq(db_copy(db, &cx, &copy, "", 0), ERR_OK);
	cr_assert_eq(db_copy(db, &cx, &copy, "7\nseven\n", 8), ERR_INVALID);
	cr_assert_str_eq(db_state(db), "22P02");
	cr_assert_eq(number(db, "SELECT count(*) FROM copied"), LINES);
	cr_assert_eq(run("DROP TABLE copied"), ERR_OK);
	cr_assert_eq(db_copy(db, &cx, &copy, "7\n", 2), ERR_UNAVAILABLE);
}

Test(db, refuses_copy_where_it_is_not_expected)
{
	cr_assert_eq(run("CREATE TABLE uncopied (n int)"), ERR_OK);
	cr_assert_eq(run("COPY uncopied FROM STDIN"), ERR_INTERNAL);
	cr_assert_eq(run("COPY uncopied TO STDOUT"), ERR_INTERNAL);
	cr_assert_eq(number(db, "SELECT 1"), 1);
}

Test(db, moves_large_values_both_ways)
{
	enum { BYTES = 16 << 20 };
	const struct db_query q = { "echo", "SELECT $1::text || $1", true };
	char *value = malloc(BYTES + 1);
	struct db_args a;
	struct db_rows rows;

	memset(value, 'x', BYTES);
	value[BYTES] = '\0';
	db_args_init(&a, arena);
	db_arg_text(&a, value);
	cr_assert_eq(db_exec(db, &cx, &q, &a, &rows), ERR_OK, "%s", cx.diag);
	cr_assert_eq(strlen(db_text(&rows, 0, 0)), 2 * (size_t)BYTES);
	free(value);
}

Test(db, says_when_the_arena_is_full)
{
	struct arena *tiny = arena_new(1);
	const struct db_query q = { "one", "SELECT 1", true };
	struct db_args a;
	struct db_rows rows;

	cr_assert_not_null(arena_alloc(tiny, 1));
	db_args_init(&a, tiny);
	db_arg_int(&a, 1);
	cr_assert(a.failed);
	cr_assert_eq(db_exec(db, &cx, &q, &a, &rows), ERR_MEMORY);
	ctx_init(&cx, tiny, 10000);
	cr_assert_eq(db_exec(db, &cx, &q, NULL, &rows), ERR_MEMORY);
	cr_assert_eq(db_exec(db, &cx, &q, NULL, NULL), ERR_OK);
	arena_free(tiny);
}

Test(db, does_not_print_notices)
{
	cr_redirect_stderr();
	cr_assert_eq(
	    db_script(db, &cx, "notice", "DO $$BEGIN RAISE WARNING 'loud'; END$$"), ERR_OK);
	fprintf(stderr, "end");
	fflush(stderr);
	cr_assert_stderr_eq_str("end");
}

Test(db, arrays_reach_the_server_as_they_are)
{
	const struct db_query q = { "unnest",
		"SELECT t, n, id, b, at = '2026-01-31T23:59:59Z' FROM unnest($1::text[], "
		"$2::bigint[],"
		" $3::bigint[], $4::bool[], $5::timestamptz[]) AS u(t, n, id, b, at)",
		true };
	static const char *const texts[] = { "", "NULL", "a,b", "{\"x\": \"\\\\\"}", " ü\t\n ",
		NULL };
	struct db_array t, n, id, b, at;
	struct db_args a;
	struct db_rows rows;
	int64_t at_us;

	cr_assert_eq(clock_parse("2026-01-31T23:59:59Z", &at_us), ERR_OK);
	db_array_init(&t, arena);
	db_array_init(&n, arena);
	db_array_init(&id, arena);
	db_array_init(&b, arena);
	db_array_init(&at, arena);
	for (size_t i = 0; i < N(texts); i++) {
		db_array_text(&t, texts[i]);
		db_array_int(&n, INT64_MIN + (int64_t)i);
		db_array_id(&id, (int64_t)i);
		db_array_bool(&b, i % 2 == 1);
		db_array_time(&at, i > 0 ? at_us : 0);
	}
	db_args_init(&a, arena);
	db_arg_array(&a, &t);
	db_arg_array(&a, &n);
	db_arg_array(&a, &id);
	db_arg_array(&a, &b);
	db_arg_array(&a, &at);
	cr_assert_eq(db_exec(db, &cx, &q, &a, &rows), ERR_OK, "%s", cx.diag);
	cr_assert_eq(rows.n, N(texts));
	for (int i = 0; i < rows.n; i++) {
		if (texts[i])
			cr_expect_str_eq(db_text(&rows, i, 0), texts[i]);
		else
			cr_expect_null(db_text(&rows, i, 0));
		cr_expect_eq(db_int(&rows, i, 1), INT64_MIN + i);
		cr_expect_eq(db_int(&rows, i, 2), i);
		cr_expect_eq(db_text(&rows, i, 2) == NULL, i == 0);
		cr_expect_eq(db_bool(&rows, i, 3), i % 2 == 1);
		cr_expect_eq(db_bool(&rows, i, 4), i > 0);
	}
}

Test(db, goes_on_after_the_server_was_killed)
{
	struct pg pg;
	struct db *own;
	const struct db_query q = { "count", "SELECT count(*) FROM survived", false };
	const struct db_query insert = { "insert", "INSERT INTO survived VALUES (1)", false };

	pg_create(&pg);
	pg_start(&pg);
	own = db_new(pg.conninfo, "", 10000);
	cr_assert_eq(db_script(own, &cx, "make", "CREATE TABLE survived (n int)"), ERR_OK);
	pg_kill(&pg);
	/* A backend may outlive the postmaster for a moment. */
	while (db_exec(own, &cx, &q, NULL, NULL) == ERR_OK)
		usleep(1000);
	pg_start(&pg);
	fresh_ctx();
	cr_expect_eq(db_exec(own, &cx, &insert, NULL, NULL), ERR_OK, "%s", cx.diag);
	cr_expect_eq(number(own, q.text), 1);
	db_free(own);
	pg_destroy(&pg);
}
