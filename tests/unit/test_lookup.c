/* lookup on a real database. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/data/db.h"
#include "lib/data/lookup.h"
#include "lib/data/url_store.h"
#include "tests/unit/database.h"
#include "tests/unit/looker.h"

static struct database d;
static struct looker k;

static void
set_up(void)
{
	database_init(&d);
	k.l = lookup_new(d.conninfo, "", 10000);
	database_run(&d, "INSERT INTO users (id, username, email) VALUES (7, 'u', 'u@b.c')");
	database_run(&d,
	    "INSERT INTO urls (id, user_id, short_code, original_url, title, is_active) VALUES"
	    " (1011, 7, 'abc', 'https://example.com/a', 'A', true),"
	    " (1012, NULL, 'off', 'https://example.com/off', NULL, false)");
}

static void
tear_down(void)
{
	lookup_free(k.l);
	database_release(&d);
}

TestSuite(lookup, .init = set_up, .fini = tear_down, .timeout = 60);

/* Of the lookup's connection, from the outside. */
#define OTHERS                                                                                     \
	"FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

static int64_t
backend(void)
{
	return database_int(&d, "SELECT pid " OTHERS);
}

static void
end_backend(void)
{
	cr_assert_eq(database_int(&d, "SELECT count(pg_terminate_backend(pid, 5000)) " OTHERS), 1);
}

/* Nobody else reads urls from now on. */
static void
lock(void)
{
	cr_assert_eq(db_begin(d.db, &d.cx), ERR_OK, "%s", d.cx.diag);
	database_run(&d, "LOCK TABLE urls");
}

static void
unlock(void)
{
	db_rollback(d.db);
}

Test(lookup, fills_in_what_a_redirect_needs)
{
	struct url u;

	looker_start(&k, "abc", 5000);
	cr_assert_eq(looker_finish(&k), ERR_OK, "%s", lookup_why(k.l));
	cr_assert(lookup_find(k.l, "abc", &u));
	cr_expect_eq(u.id, 1011);
	cr_expect_eq(u.user_id, 7);
	cr_expect_eq(u.version, database_int(&d, "SELECT version FROM urls WHERE id = 1011"));
	cr_expect_str_eq(u.short_code, "abc");
	cr_expect_str_eq(u.original_url, "https://example.com/a");
	cr_expect(u.is_active);
	cr_expect_str_eq(lookup_why(k.l), "");
	cr_expect(lookup_is_up(k.l));
	lookup_clear(k.l);
}

Test(lookup, an_owner_that_is_gone_reads_as_none)
{
	struct url u;

	database_run(&d, "UPDATE urls SET user_id = 999 WHERE id = 1011");
	looker_start_many(&k, (const char *const[]){ "abc", "off" }, 2, 5000);
	cr_assert_eq(looker_finish(&k), ERR_OK, "%s", lookup_why(k.l));
	cr_assert(lookup_find(k.l, "abc", &u));
	cr_expect_eq(u.user_id, 0);
	cr_assert(lookup_find(k.l, "off", &u));
	cr_expect_eq(u.user_id, 0);
	cr_expect_not(u.is_active);
}

Test(lookup, finds_some_and_not_others)
{
	static const char *const codes[] = { "none", "abc", "off", "abc", "ABC", "ab" };
	static const bool found[] = { false, true, true, true, false, false };
	struct url u = { .id = -1 };

	looker_start_many(&k, codes, N(codes), 5000);
	cr_assert_eq(looker_finish(&k), ERR_OK, "%s", lookup_why(k.l));
	for (size_t i = 0; i < N(codes); i++) {
		u.id = -1;
		cr_expect_eq(lookup_find(k.l, codes[i], &u), found[i], "%s", codes[i]);
		cr_expect_eq(u.id != -1, found[i], "written only when found");
	}
}

Test(lookup, takes_as_many_as_it_says)
{
	static char text[LOOKUP_CODES_MAX][64];
	const char *codes[LOOKUP_CODES_MAX];
	struct url u;

	/* Rows of 50 kB each: the answer comes in many pieces. */
	database_run(&d,
	    "INSERT INTO urls (short_code, original_url) SELECT repeat('c', 60) || n,"
	    " 'https://example.com/' || repeat('x', 50000) || n FROM generate_series(10, 73) AS n");
	for (int i = 0; i < LOOKUP_CODES_MAX; i++) {
		memset(text[i], 'c', 60);
		snprintf(text[i] + 60, 4, "%d", i + 10);
		codes[i] = text[i];
	}
	looker_start_many(&k, codes, LOOKUP_CODES_MAX, 20000);
	memset(text[0], 'd', 1); /* it has its own copy */
	cr_assert_eq(looker_finish(&k), ERR_OK, "%s", lookup_why(k.l));
	memset(text[0], 'c', 1);
	for (int i = 0; i < LOOKUP_CODES_MAX; i++) {
		cr_assert(lookup_find(k.l, codes[i], &u), "%s", codes[i]);
		cr_expect_eq(strlen(u.original_url), 20 + 50000 + 2);
		cr_expect_str_eq(u.original_url + 50020, codes[i] + 60);
	}
}

Test(lookup, hostile_codes_harm_nobody)
{
	static const char *const codes[] = { "", "NULL", "a,b", "{\"x\": \"\\\\\"}",
		"'; DROP TABLE", "\\", "\"", " ü\t\n", "\xff\xfe", "ab\xc3",
		"0123456789012345678901234567890123456789012345678901234567890123",
		"01234567890123456789012345678901234567890123456789012345678901234", "abc" };
	struct url u;

	database_run(&d, "INSERT INTO urls (short_code, original_url) VALUES"
			 " ('{\"x\": \"\\\\\"}', 'http://found/')");
	looker_start_many(&k, codes, N(codes), 5000);
	cr_assert_eq(looker_finish(&k), ERR_OK, "%s", lookup_why(k.l));
	for (size_t i = 0; i < N(codes); i++)
		cr_expect_eq(
		    lookup_find(k.l, codes[i], &u), i == 3 || i == N(codes) - 1, "%s", codes[i]);
}

Test(lookup, asks_nobody_about_what_is_no_code)
{
	static const char *const codes[] = { "\xff", "\xc3" };
	struct url u;

	looker_start_many(&k, codes, 2, 5000);
	cr_assert_eq(lookup_state(k.l), LOOKUP_DONE);
	cr_assert_eq(lookup_result(k.l), ERR_OK);
	cr_assert_not(lookup_find(k.l, codes[0], &u));
	lookup_clear(k.l);
	cr_assert_eq(database_int(&d, "SELECT count(*) " OTHERS), 0, "no connection yet");
}

Test(lookup, keeps_its_connection)
{
	int64_t pid;

	cr_assert_eq(lookup_state(k.l), LOOKUP_FREE);
	cr_assert_eq(looker_look(&k, "abc", 5000), ERR_OK);
	cr_assert_eq(lookup_state(k.l), LOOKUP_FREE);
	pid = backend();
	for (int i = 0; i < 20; i++)
		cr_assert_eq(looker_look(&k, "abc", 5000), ERR_OK);
	cr_assert_eq(backend(), pid);
}

Test(lookup, finds_a_connection_that_was_lost_meanwhile)
{
	struct url u;

	cr_assert_eq(looker_look(&k, "abc", 5000), ERR_OK);
	end_backend();
	looker_start(&k, "abc", 5000);
	cr_assert_eq(looker_finish(&k), ERR_OK, "%s", lookup_why(k.l));
	cr_assert(lookup_find(k.l, "abc", &u));
	cr_assert_str_eq(lookup_why(k.l), "");
}

Test(lookup, asks_again_when_the_connection_is_lost_in_mid_query)
{
	struct url u;

	cr_assert_eq(looker_look(&k, "abc", 5000), ERR_OK);
	lock();
	looker_start(&k, "abc", 5000);
	for (int i = 0; i < 3; i++) {
		cr_assert_not(looker_drive(&k, 100));
		cr_assert_eq(lookup_state(k.l), LOOKUP_RUNS);
		end_backend();
	}
	cr_assert_not(looker_drive(&k, 100));
	unlock();
	cr_assert_eq(looker_finish(&k), ERR_OK, "%s", lookup_why(k.l));
	cr_assert(lookup_find(k.l, "abc", &u));
}

Test(lookup, a_slow_query_takes_until_the_deadline_and_no_longer)
{
	int64_t pid;

	cr_assert_eq(looker_look(&k, "abc", 5000), ERR_OK);
	pid = backend();
	lock();
	looker_start(&k, "abc", 300);
	cr_assert_eq(looker_finish(&k), ERR_DEADLINE);
	cr_assert_geq(looker_took_ms(&k), 300);
	cr_assert_lt(looker_took_ms(&k), 2000);
	cr_assert_str_eq(lookup_why(k.l), "url_look_up: query: no answer in time");
	cr_assert_not(lookup_is_up(k.l));
	lookup_clear(k.l);
	cr_assert_str_eq(lookup_why(k.l), "");
	unlock();
	cr_assert_eq(looker_look(&k, "abc", 5000), ERR_OK);
	cr_assert(lookup_is_up(k.l));
	cr_assert_neq(backend(), pid);
}

Test(lookup, takes_an_answer_that_was_there_before_the_deadline)
{
	struct url u;

	cr_assert_eq(looker_look(&k, "abc", 5000), ERR_OK);
	looker_start(&k, "abc", 500);
	/* The loop is busy elsewhere. */
	while (looker_took_ms(&k) < 700)
		;
	cr_assert_eq(looker_finish(&k), ERR_OK, "%s", lookup_why(k.l));
	cr_assert(lookup_find(k.l, "abc", &u));
}

Test(lookup, takes_the_shorter_of_both_deadlines)
{
	struct looker hasty = { .l = lookup_new(d.conninfo, "", 150) };

	lock();
	looker_start(&hasty, "abc", 30000);
	cr_assert_eq(looker_finish(&hasty), ERR_DEADLINE);
	cr_assert_lt(looker_took_ms(&hasty), 5000);
	lookup_free(hasty.l);
}

Test(lookup, does_not_begin_without_time)
{
	for (int i = 0; i < 3; i++) {
		looker_start(&k, "abc", -1);
		cr_assert_eq(lookup_state(k.l), LOOKUP_DONE);
		cr_assert_eq(lookup_result(k.l), ERR_DEADLINE);
		lookup_clear(k.l);
	}
	cr_assert(lookup_is_up(k.l), "that was not the database's fault");
}

Test(lookup, never_waits_for_a_stopped_server)
{
	int64_t pid;

	cr_assert_eq(looker_look(&k, "abc", 5000), ERR_OK);
	pid = backend();
	kill((pid_t)pid, SIGSTOP);
	looker_start(&k, "abc", 300);
	cr_expect_eq(looker_finish(&k), ERR_DEADLINE);
	cr_expect_lt(looker_took_ms(&k), 2000);
	lookup_clear(k.l);
	cr_expect_eq(looker_look(&k, "abc", 5000), ERR_OK);
	kill((pid_t)pid, SIGCONT);
}

Test(lookup, tells_the_servers_own_timeout)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "ALTER DATABASE %s SET statement_timeout = 100",
	    database_text(&d, "SELECT current_database()"));
	database_run(&d, sql);
	lock();
	looker_start(&k, "abc", 5000);
	cr_assert_eq(looker_finish(&k), ERR_DEADLINE);
	cr_assert_not_null(strstr(lookup_why(k.l), "query: 57014 "), "%s", lookup_why(k.l));
	cr_assert(lookup_is_up(k.l), "it did answer");
	lookup_clear(k.l);
	unlock();
	cr_assert_eq(looker_look(&k, "abc", 5000), ERR_OK);
}

Test(lookup, without_a_schema_nothing_is_known)
{
	cr_assert_eq(looker_look(&k, "abc", 5000), ERR_OK);
	database_run(&d, "ALTER TABLE urls RENAME TO gone");
	looker_start(&k, "abc", 5000);
	cr_assert_eq(looker_finish(&k), ERR_UNAVAILABLE);
	cr_assert_lt(looker_took_ms(&k), 1000, "no reason to try again");
	cr_assert_not_null(strstr(lookup_why(k.l), "42P01"), "%s", lookup_why(k.l));
	lookup_clear(k.l);
	database_run(&d,
	    "CREATE VIEW urls AS SELECT id, user_id, version, short_code || 1/0,"
	    " original_url, is_active, short_code FROM gone WHERE 1/id < 0 OR 1/0 > 0");
	looker_start(&k, "abc", 5000);
	cr_assert_eq(looker_finish(&k), ERR_INTERNAL, "data that does not fit is our fault here");
	lookup_clear(k.l);
}

Test(lookup, may_be_freed_at_any_time)
{
	lock();
	looker_start(&k, "abc", 5000);
	cr_assert_not(looker_drive(&k, 100));
	lookup_free(k.l);
	k.l = lookup_new("host=/nowhere", "", 5000);
	looker_start(&k, "abc", 5000);
	cr_assert_not(looker_drive(&k, 20));
	lookup_free(k.l);
	k.l = NULL;
	lookup_free(NULL);
}
