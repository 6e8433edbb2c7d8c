/*
 * Probes of PostgreSQL and of PgBouncer's console: up, down, silent, and what it tells.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/monitor/bouncer.h"
#include "app/monitor/probe.h"
#include "lib/base/arena.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "tests/unit/pg.h"
#include "tests/unit/pooler.h"

enum { EVERY_US = 1000 };

static const struct probe_question select_1[] = {
	{ { .text = "SELECT 1" }, NULL },
	{ { .text = NULL }, NULL },
};

static struct pg pg;
static struct pooler pooler;
static struct health health;
static struct probe probe;
static struct bouncer bouncer;

static void
set_up(void)
{
	pg_create(&pg);
	pg_start(&pg);
	pooler_create(&pooler, pg.dir);
	pooler_start(&pooler);
}

static void
tear_down(void)
{
	probe_release(&probe);
	pooler_destroy(&pooler);
	pg_destroy(&pg);
}

TestSuite(probe, .init = set_up, .fini = tear_down, .timeout = 60);

static void
turn(void)
{
	struct pollfd p = probe_events(&probe);
	int64_t left_us = probe_due_us(&probe) - clock_mono_us();

	poll(&p, 1, left_us < 0 ? 0 : (int)(left_us / 1000 + 1));
	probe_turn(&probe, clock_mono_us());
}

static void
turn_until(enum metric_dependency what, enum health_state state)
{
	while (health.states[what] != state)
		turn();
}

/* One whole look more. */
static void
look(void)
{
	while (probe.began_us == 0)
		turn();
	while (probe.began_us != 0)
		turn();
}

static double
shown(const char *series)
{
	struct arena *a = arena_new(1 << 22);
	struct buf out;
	char line[128];
	double value = -1;
	const char *at;

	buf_init(&out, a);
	metric_render(&out, METRIC_TEXT);
	snprintf(line, sizeof(line), "\n%s ", series);
	at = strstr(buf_str(&out), line);
	if (at)
		value = strtod(at + strlen(line), NULL);
	arena_free(a);
	return value;
}

static void
ask_postgresql(void)
{
	cr_assert(probe_init(
	    &probe, DEPENDENCY_POSTGRESQL, &health, wire_new(pg.conninfo, ""), EVERY_US));
	probe_ask(&probe, select_1, NULL);
}

static void
ask_console(void)
{
	char *console = bouncer_conninfo(pooler.conninfo);

	cr_assert(
	    probe_init(&probe, DEPENDENCY_PGBOUNCER, &health, wire_new(console, ""), EVERY_US));
	probe_ask(&probe, bouncer_questions, &bouncer);
	free(console);
}

Test(probe, sees_a_server_go_and_come_back)
{
	ask_postgresql();
	turn_until(DEPENDENCY_POSTGRESQL, HEALTH_UP);
	cr_assert_eq(shown("terse_dependency_up{dependency=\"postgresql\"}"), 1);
	look();
	pg_kill(&pg);
	turn_until(DEPENDENCY_POSTGRESQL, HEALTH_DOWN);
	cr_assert_eq(shown("terse_dependency_up{dependency=\"postgresql\"}"), 0);
	pg_start(&pg);
	turn_until(DEPENDENCY_POSTGRESQL, HEALTH_UP);
}

Test(probe, sees_within_a_second_that_a_server_is_stopped)
{
	int64_t began_us;

	ask_console();
	turn_until(DEPENDENCY_PGBOUNCER, HEALTH_UP);
	kill(pooler.pid, SIGSTOP);
	began_us = clock_mono_us();
	turn_until(DEPENDENCY_PGBOUNCER, HEALTH_DOWN);
	cr_assert_lt(clock_mono_us() - began_us, 3 * 1000 * 1000);
	cr_assert_geq(
	    shown("terse_dependency_check_duration_seconds{dependency=\"pgbouncer\"}"), 1);
	kill(pooler.pid, SIGCONT);
	turn_until(DEPENDENCY_PGBOUNCER, HEALTH_UP);
	cr_assert_lt(shown("terse_dependency_check_duration_seconds{dependency=\"pgbouncer\"}"), 1);
}

/* Runs statements through PgBouncer; the connection is left open. */
static struct wire *
use_pooler(int n)
{
	static const struct wire_work work = { .text = "SELECT pg_sleep(0.001)" };
	struct wire *w = wire_new(pooler.conninfo, "");
	int64_t deadline_us = clock_mono_us() + 10 * 1000 * 1000;

	cr_assert_eq(wire_connect(w, deadline_us), ERR_OK);
	for (int i = 0; i < n; i++) {
		struct wire_result *r = NULL;

		cr_assert_eq(wire_run(w, &work, deadline_us, &r), ERR_OK);
		wire_result_free(r);
	}
	return w;
}

Test(probe, reads_what_the_console_shows)
{
	struct wire *w = use_pooler(3);

	ask_console();
	turn_until(DEPENDENCY_PGBOUNCER, HEALTH_UP);
	cr_assert_eq(shown("terse_pgbouncer_pool_size"), 2);
	cr_assert_eq(shown("terse_pgbouncer_clients{state=\"active\"}"), 1);
	cr_assert_eq(shown("terse_pgbouncer_clients{state=\"waiting\"}"), 0);
	cr_assert_eq(shown("terse_pgbouncer_servers{state=\"idle\"}"), 1);
	cr_assert_eq(shown("terse_pgbouncer_max_wait_seconds"), 0);
	cr_assert_geq(bouncer.totals[BOUNCER_QUERIES], 3);
	wire_free(w);
}

Test(probe, adds_what_the_totals_have_grown_by)
{
	double before;

	ask_console();
	turn_until(DEPENDENCY_PGBOUNCER, HEALTH_UP);
	before = shown("terse_pgbouncer_queries_total");
	wire_free(use_pooler(5));
	look();
	cr_assert_eq(shown("terse_pgbouncer_queries_total"), (before < 0 ? 0 : before) + 5);
	cr_assert_gt(shown("terse_pgbouncer_seconds_total{effort=\"query\"}"), 0);
}

Test(probe, goes_on_counting_when_pgbouncer_begins_anew)
{
	wire_free(use_pooler(9));
	ask_console();
	turn_until(DEPENDENCY_PGBOUNCER, HEALTH_UP);
	pooler_kill(&pooler);
	turn_until(DEPENDENCY_PGBOUNCER, HEALTH_DOWN);
	bouncer_away();
	cr_assert_eq(shown("terse_pgbouncer_clients{state=\"active\"}"), 0);
	pooler_start(&pooler);
	wire_free(use_pooler(4));
	turn_until(DEPENDENCY_PGBOUNCER, HEALTH_UP);
	cr_assert_eq(shown("terse_pgbouncer_queries_total"), 4);
}
