/* lookup against servers that are away, silent, or break off. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/metric.h"
#include "lib/data/lookup.h"
#include "lib/data/url_store.h"
#include "tests/unit/daemon.h"
#include "tests/unit/fake_pg.h"
#include "tests/unit/looker.h"

static struct looker k;
static struct fake_pg fake;
static char dir[64];

static void
set_up(void)
{
	char conninfo[128];

	daemon_dir(dir, "fake");
	snprintf(conninfo, sizeof(conninfo), "host=%s user=terse dbname=terse", dir);
	k.l = lookup_new(conninfo, "secret", 5000);
	fake = (struct fake_pg){ .dir = dir };
}

static void
tear_down(void)
{
	if (fake.pid)
		fake_pg_stop(&fake);
	lookup_free(k.l);
	daemon_remove_dir(dir);
}

TestSuite(lookup_away, .init = set_up, .fini = tear_down, .timeout = 60);

static void
start(const struct fake_answer *answers, int n)
{
	fake.answers = answers;
	fake.n_answers = n;
	fake_pg_start(&fake);
}

static enum err
look(int64_t timeout_ms)
{
	return looker_look(&k, "abc", timeout_ms);
}

Test(lookup_away, waits_for_a_server_that_is_just_starting)
{
	static const struct fake_answer answers[] = { FAKE_ANSWER(FAKE_OK, false) };

	fake.start_after_ms = 400;
	start(answers, N(answers));
	cr_assert_eq(look(5000), ERR_OK);
	cr_assert_eq(fake.counts->queries, 1);
}

Test(lookup_away, waits_only_for_a_while)
{
	looker_start(&k, "abc", 5000);
	cr_assert_eq(looker_finish(&k), ERR_UNAVAILABLE);
	cr_assert_geq(looker_took_ms(&k), 1000);
	cr_assert_lt(looker_took_ms(&k), 4000);
	cr_assert_lt(k.calls, 100, "with pauses");
	cr_assert_eq(
	    strncmp(lookup_why(k.l), "url_look_up: connect: ", 22), 0, "%s", lookup_why(k.l));
	cr_assert_not(lookup_is_up(k.l));
}

Test(lookup_away, waits_no_longer_than_the_deadline)
{
	looker_start(&k, "abc", 200);
	cr_assert_eq(looker_finish(&k), ERR_UNAVAILABLE);
	cr_assert_leq(looker_took_ms(&k), 200);
}

Test(lookup_away, does_not_wait_for_tcp_either)
{
	lookup_free(k.l);
	k.l = lookup_new("host=127.0.0.1 port=1 user=terse dbname=terse", "", 5000);
	looker_start(&k, "abc", 300);
	cr_assert_eq(looker_finish(&k), ERR_UNAVAILABLE);
	cr_assert_leq(looker_took_ms(&k), 300);
}

Test(lookup_away, stops_asking_after_two_seconds_and_comes_back)
{
	static const struct fake_answer answers[] = { FAKE_ANSWER(FAKE_OK, false) };

	cr_assert_eq(look(5000), ERR_UNAVAILABLE);
	cr_assert_eq(look(5000), ERR_UNAVAILABLE);
	looker_start(&k, "abc", 5000);
	cr_assert_eq(lookup_state(k.l), LOOKUP_DONE, "the circuit is open");
	cr_assert_eq(lookup_result(k.l), ERR_UNAVAILABLE);
	cr_assert_str_eq(lookup_why(k.l), "url_look_up: the database is away");
	lookup_clear(k.l);

	/* One try every 250 ms, and it does not wait. */
	usleep(260000);
	looker_start(&k, "abc", 5000);
	cr_assert_eq(looker_finish(&k), ERR_UNAVAILABLE);
	cr_assert_lt(looker_took_ms(&k), 400);
	lookup_clear(k.l);
	cr_assert_eq(look(5000), ERR_UNAVAILABLE);
	cr_assert_not(lookup_is_up(k.l));

	start(answers, N(answers));
	usleep(260000);
	cr_assert_eq(look(5000), ERR_OK);
	cr_assert(lookup_is_up(k.l));
	cr_assert_eq(fake.counts->queries, 2, "a probe and the query");
	cr_assert_eq(look(5000), ERR_OK);
	cr_assert_eq(fake.counts->connections, 1);
	cr_assert_eq(fake.counts->queries, 3);
}

Test(lookup_away, does_not_wait_for_a_silent_server_to_log_in)
{
	fake.login = "";
	start(NULL, 0);
	looker_start(&k, "abc", 300);
	cr_assert_eq(looker_finish(&k), ERR_DEADLINE);
	cr_assert_lt(looker_took_ms(&k), 2000);
	cr_assert_str_eq(lookup_why(k.l), "url_look_up: connect: no answer in time");
}

Test(lookup_away, does_not_wait_for_a_silent_server_to_answer)
{
	static const struct fake_answer answers[] = { { NULL, 0, false } };

	start(answers, N(answers));
	looker_start(&k, "abc", 300);
	cr_assert_eq(looker_finish(&k), ERR_DEADLINE);
	cr_assert_lt(looker_took_ms(&k), 2000);
	cr_assert_eq(fake.counts->queries, 1);
}

Test(lookup_away, does_not_wait_for_the_rest_of_an_answer)
{
	static const struct fake_answer answers[] = { FAKE_ANSWER("1\0\0\0\4"
								  "2\0\0",
	    false) };

	start(answers, N(answers));
	cr_assert_eq(look(300), ERR_DEADLINE);
}

Test(lookup_away, a_probe_of_a_silent_server_is_short)
{
	static const struct fake_answer answers[] = { { NULL, 0, false } };

	start(answers, N(answers));
	for (int i = 0; i < 2; i++)
		cr_assert_eq(look(1200), ERR_DEADLINE);
	usleep(260000);
	looker_start(&k, "abc", 5000);
	cr_assert_eq(looker_finish(&k), ERR_DEADLINE);
	cr_assert_lt(looker_took_ms(&k), 1500);
	cr_assert_str_eq(lookup_why(k.l), "url_look_up: probe: no answer in time");
}

Test(lookup_away, survives_garbage_at_login)
{
	fake.login = "HTTP/1.1 400 Bad Request\r\n\r\n";
	start(NULL, 0);
	cr_assert_neq(look(300), ERR_OK);
}

Test(lookup_away, survives_garbage_as_an_answer)
{
	static const struct fake_answer answers[] = {
		FAKE_ANSWER("T\0\0\0\5garbage and more garbage", true),
		FAKE_ANSWER(FAKE_OK, false),
	};

	start(answers, N(answers));
	cr_assert_eq(look(5000), ERR_OK);
	cr_assert_eq(fake.counts->queries, 2);
}

Test(lookup_away, hang_ups_cost_pauses)
{
	static const struct fake_answer answers[] = {
		FAKE_ANSWER("", true),
		FAKE_ANSWER(FAKE_POOLER, true),
		FAKE_ANSWER(FAKE_NO_SERVER, true),
		FAKE_ANSWER(FAKE_SERIAL, false),
		FAKE_ANSWER(FAKE_OK, false),
	};

	start(answers, N(answers));
	looker_start(&k, "abc", 5000);
	cr_assert_eq(looker_finish(&k), ERR_OK, "%s", lookup_why(k.l));
	cr_assert_geq(looker_took_ms(&k), 150, "three pauses of 50 ms");
	cr_assert_eq(fake.counts->queries, 5);
	cr_assert_eq(fake.counts->connections, 4);
	cr_assert_str_eq(lookup_why(k.l), "");
}

Test(lookup_away, the_first_hang_up_costs_no_pause)
{
	static const struct fake_answer answers[] = { FAKE_ANSWER("", true),
		FAKE_ANSWER(FAKE_OK, false) };

	start(answers, N(answers));
	/* With pauses there would be no time for a second try. */
	cr_assert_eq(look(5000), ERR_OK);
	looker_start(&k, "abc", 5000);
	cr_assert_eq(looker_finish(&k), ERR_OK);
	cr_assert_lt(k.calls, 10);
}

Test(lookup_away, a_pooler_without_a_server_is_asked_for_a_while)
{
	static const struct fake_answer answers[] = { FAKE_ANSWER(FAKE_NO_SERVER, true) };

	start(answers, N(answers));
	looker_start(&k, "abc", 5000);
	cr_assert_eq(looker_finish(&k), ERR_UNAVAILABLE);
	cr_assert_geq(looker_took_ms(&k), 1000);
	cr_assert_lt(looker_took_ms(&k), 4000);
	cr_assert_lt(fake.counts->queries, 40);
	cr_assert_str_eq(
	    lookup_why(k.l), "url_look_up: query: 08P01 server login has been failing");
}

Test(lookup_away, an_error_on_a_good_connection_is_our_fault)
{
	static const struct fake_answer answers[] = { FAKE_ANSWER(FAKE_PROTOCOL, false) };

	start(answers, N(answers));
	cr_assert_eq(look(5000), ERR_INTERNAL);
	cr_assert_eq(fake.counts->queries, 1);
	cr_assert(lookup_is_up(k.l));
}

Test(lookup_away, refuses_a_copy)
{
	static const struct fake_answer answers[] = { FAKE_ANSWER("1\0\0\0\4"
								  "2\0\0\0\4"
								  "H\0\0\0\7\0\0\0",
	    false) };

	start(answers, N(answers));
	cr_assert_eq(look(5000), ERR_INTERNAL);
	cr_assert_not(lookup_is_up(k.l));
}

/* A counter's value. */
static long
counted(const char *name, const char *outcome)
{
	struct arena *a = arena_new(1 << 20);
	char line[96];
	struct buf page;
	const char *at;
	long n = 0;

	snprintf(line, sizeof(line), "%s{outcome=\"%s\"} ", name, outcome);
	buf_init(&page, a);
	metric_render(&page, METRIC_TEXT);
	cr_assert_not_null(buf_str(&page));
	at = strstr(buf_str(&page), line);
	if (at)
		n = strtol(at + strlen(line), NULL, 10);
	arena_free(a);
	return n;
}

Test(lookup_away, is_counted)
{
	static const struct fake_answer answers[] = { FAKE_ANSWER("", true),
		FAKE_ANSWER(FAKE_OK, false), FAKE_ANSWER(FAKE_PROTOCOL, false),
		{ NULL, 0, false } };

	cr_assert_eq(metric_open(dir, NULL, 0), ERR_OK);
	cr_assert_eq(look(20), ERR_UNAVAILABLE);
	cr_expect_eq(counted("terse_db_connects_total", "error"), 1);
	cr_expect_eq(counted("terse_db_queries_total", "error"), 1);
	start(answers, N(answers));
	cr_assert_eq(look(5000), ERR_OK);
	cr_expect_eq(counted("terse_db_connects_total", "ok"), 2);
	cr_expect_eq(counted("terse_db_queries_total", "ok"), 1);
	cr_assert_eq(look(5000), ERR_INTERNAL);
	cr_expect_eq(counted("terse_db_queries_total", "ok"), 2, "it did answer");
	cr_assert_eq(look(100), ERR_DEADLINE);
	cr_expect_eq(counted("terse_db_connects_total", "ok"), 2);
	cr_expect_eq(counted("terse_db_connects_total", "error"), 1);
	cr_expect_eq(counted("terse_db_queries_total", "error"), 2);
	metric_close();
}
