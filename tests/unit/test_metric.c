#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/metric.h"
#include "lib/base/metric_exemplar.h"
#include "lib/base/metric_family.h"
#include "lib/base/metric_process.h"

static char dir[] = "/tmp/test_metric.XXXXXX";
static struct arena *a;
static struct buf out;

static const char *const routes[] = { "url_get", "url_create" };

static void
set_up(void)
{
	cr_assert_not_null(mkdtemp(dir));
	a = arena_new(1 << 22);
}

static void
tear_down(void)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	metric_close();
	while ((entry = readdir(d)))
		unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
	rmdir(dir);
	arena_free(a);
}

TestSuite(metric, .init = set_up, .fini = tear_down);

static void
open_all(void)
{
	cr_assert_eq(metric_open(dir, routes, N(routes)), ERR_OK);
}

static const char *
page(void)
{
	const char *text;

	buf_init(&out, a);
	metric_render(&out, METRIC_TEXT);
	text = buf_str(&out);
	cr_assert_not_null(text);
	return text;
}

static const char *
open_page(void)
{
	buf_init(&out, a);
	metric_render(&out, METRIC_OPENMETRICS);
	cr_assert_not_null(buf_str(&out));
	return buf_str(&out);
}

/* Whether the page has this line. */
static bool
shows(const char *line)
{
	const char *text = page(), *at;
	size_t n = strlen(line);

	for (at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && at[n] == '\n')
			return true;
	return false;
}

/* Runs fn in a process of its own, which then ends without metric_close. */
static void
in_child(void (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		fn();
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}

static void
count_one(void)
{
	if (metric_open(dir, routes, N(routes)))
		_exit(1);
	metric_add(M_HTTP_REQUESTS, 1, 2, metric_status(201), 1);
	metric_set(M_HTTP_IN_FLIGHT, 7);
	metric_set(M_OUTBOX_LAG, 9);
	metric_set(M_INGEST_CAUGHT_UP, 1764046000.125);
	metric_set_at(M_PROCESSES, PROGRAM_WORKER, 0, 1);
}

#define CREATED "terse_http_requests_total{route=\"url_create\",method=\"POST\",status=\"201\"} "

Test(metric, counts_into_private_memory_before_it_is_opened)
{
	cr_assert_eq(metric_get(M_HTTP_IN_FLIGHT), 0);
	metric_add(M_DB_QUERIES, OUTCOME_OK, 0, 0, 2);
	metric_add(M_HTTP_REQUESTS, 1, 0, metric_status(200), 1);
	metric_add(M_HTTP_REQUESTS, 0, 0, metric_status(200), 1);
	metric_set(M_HTTP_IN_FLIGHT, 3);
	metric_set_at(M_PROCESSES, PROGRAM_WORKER, 0, 1);
	cr_assert(shows("terse_db_queries_total{outcome=\"ok\"} 2"));
	cr_assert(
	    shows("terse_http_requests_total{route=\"other\",method=\"GET\",status=\"200\"} 2"));
	cr_assert(shows("terse_http_requests_in_flight 3"));
	cr_assert(shows("terse_processes{program=\"worker\"} 1"));
}

Test(metric, renders_before_anything_was_counted)
{
	cr_assert(shows("terse_journal_bytes_total 0"));
}

Test(metric, sets_a_gauge_before_anything_was_counted)
{
	metric_set(M_CACHE_OPEN, 1);
	cr_assert(shows("terse_cache_breaker_open 1"));
}

Test(metric, keeps_series_apart_by_labels)
{
	open_all();
	metric_add(M_HTTP_REQUESTS, 1, 2, metric_status(201), 3);
	metric_add(M_HTTP_REQUESTS, 0, 7, metric_status(299), 4);
	metric_add(M_REDIRECTS, LAYER_DB, REDIRECT_FAILED, 0, 5);
	metric_add(M_REDIRECTS, LAYER_NONE, REDIRECT_FOUND, 0, 6);
	cr_assert(shows(CREATED "3"));
	cr_assert(shows(
	    "terse_http_requests_total{route=\"url_get\",method=\"other\",status=\"other\"} 4"));
	cr_assert(shows("terse_redirects_total{layer=\"db\",outcome=\"failed\"} 5"));
	cr_assert(shows("terse_redirects_total{layer=\"none\",outcome=\"found\"} 6"));
}

Test(metric, shows_no_labelled_series_that_never_counted)
{
	const char *text;

	open_all();
	text = page();
	cr_assert_null(strstr(text, "route="));
	cr_assert_null(strstr(text, "outcome="));
	cr_assert_not_null(strstr(text, "# TYPE terse_http_requests_total counter\n"));
	cr_assert_not_null(strstr(text, "terse_build_info{version=\""));
}

Test(metric, sorts_durations_into_buckets)
{
	open_all();
	metric_observe(M_DB_DURATION, 0, -5);
	metric_observe(M_DB_DURATION, 0, 500);
	metric_observe(M_DB_DURATION, 0, 501);
	metric_observe(M_DB_DURATION, 0, 10000000);
	metric_observe(M_DB_DURATION, 0, 10000001);
	cr_assert(shows("terse_db_query_duration_seconds_bucket{le=\"0.0005\"} 2"));
	cr_assert(shows("terse_db_query_duration_seconds_bucket{le=\"0.001\"} 3"));
	cr_assert(shows("terse_db_query_duration_seconds_bucket{le=\"5.0\"} 3"));
	cr_assert(shows("terse_db_query_duration_seconds_bucket{le=\"10.0\"} 4"));
	cr_assert(shows("terse_db_query_duration_seconds_bucket{le=\"+Inf\"} 5"));
	cr_assert(shows("terse_db_query_duration_seconds_sum 20.001002"));
	cr_assert(shows("terse_db_query_duration_seconds_count 5"));
}

Test(metric, labels_histograms)
{
	open_all();
	metric_observe(M_HTTP_DURATION, 1, 2000);
	cr_assert(shows(
	    "terse_http_request_duration_seconds_bucket{route=\"url_create\",le=\"0.0025\"} 1"));
	cr_assert(shows("terse_http_request_duration_seconds_sum{route=\"url_create\"} 0.002000"));
	cr_assert(shows("terse_http_request_duration_seconds_count{route=\"url_create\"} 1"));
	cr_assert_null(strstr(buf_str(&out), "url_get"));
}

Test(metric, numbers_statuses)
{
	static const int odd[] = { -200, 0, 20, 99, 202, 299, 1200, 20000 };
	unsigned other = metric_status(999);
	size_t i;

	for (i = 0; i < N(odd); i++)
		cr_assert_eq(metric_status(odd[i]), other, "%d", odd[i]);
	cr_assert_eq(metric_status(200), 0);
	cr_assert_eq(metric_status(503), other - 1);
	cr_assert_neq(metric_status(301), metric_status(302));
}

Test(metric, sums_over_processes_and_keeps_what_the_dead_counted)
{
	open_all();
	metric_set_at(M_PROCESSES, PROGRAM_WORKER, 0, 1);
	metric_add(M_HTTP_REQUESTS, 1, 2, metric_status(201), 1);
	in_child(count_one);
	in_child(count_one);
	in_child(count_one);
	cr_assert(shows(CREATED "4"));
	cr_assert(shows("terse_processes{program=\"worker\"} 1"));
}

Test(metric, forgets_the_gauges_of_the_dead_but_the_time_of_the_last_catch_up)
{
	in_child(count_one);
	open_all();
	cr_assert(shows("terse_http_requests_in_flight 0"));
	cr_assert(shows("terse_outbox_lag_seconds 0"));
	cr_assert(shows("terse_ingest_caught_up_timestamp_seconds 1764046000.125"));
	cr_assert_eq(metric_get(M_INGEST_CAUGHT_UP), 1764046000.125);
}

Test(metric, counts_the_living)
{
	int ready[2], go[2];
	pid_t pid;
	char byte;

	cr_assert_eq(pipe(ready), 0);
	cr_assert_eq(pipe(go), 0);
	open_all();
	metric_set_at(M_PROCESSES, PROGRAM_WORKER, 0, 1);
	metric_set(M_HTTP_IN_FLIGHT, 2);
	metric_set(M_OUTBOX_LAG, 11);
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		count_one();
		_exit(write(ready[1], "x", 1) != 1 || read(go[0], &byte, 1) != 0);
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	cr_assert_eq(metric_get(M_HTTP_IN_FLIGHT), 9);
	cr_assert_eq(metric_get(M_OUTBOX_LAG), 11);
	cr_assert(shows("terse_processes{program=\"worker\"} 2"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	cr_assert_eq(metric_get(M_HTTP_IN_FLIGHT), 2);
	cr_assert(shows("terse_processes{program=\"worker\"} 1"));
	cr_assert(shows(CREATED "1"));
}

Test(metric, frees_its_slot_when_closed_and_keeps_its_counts)
{
	int i;

	for (i = 0; i < 200; i++) {
		open_all();
		metric_add(M_JOURNAL_BYTES, 0, 0, 0, 10);
		metric_set(M_HTTP_IN_FLIGHT, 5);
		metric_close();
	}
	open_all();
	cr_assert(shows("terse_journal_bytes_total 2000"));
	cr_assert(shows("terse_http_requests_in_flight 0"));
}

Test(metric, forgets_who_has_died_though_nobody_has_asked_how)
{
	pid_t pid;
	siginfo_t info;

	open_all();
	metric_set(M_HTTP_IN_FLIGHT, 2);
	pid = fork();
	if (pid == 0) {
		count_one();
		_exit(0);
	}
	/* Its number is still taken, as it may be when a later process has it. */
	cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	cr_assert_eq(kill(pid, 0), 0);
	cr_assert_eq(metric_get(M_HTTP_IN_FLIGHT), 2);
	waitpid(pid, NULL, 0);
}

Test(metric, takes_over_the_slots_of_dead_processes)
{
	int i;

	for (i = 0; i < 200; i++)
		in_child(count_one);
	open_all();
	cr_assert(shows(CREATED "200"));
}

Test(metric, refuses_when_every_slot_is_alive)
{
	enum { CHILDREN = 128 };
	int ready[2], go[2], i;
	char byte;

	cr_assert_eq(pipe(ready), 0);
	cr_assert_eq(pipe(go), 0);
	for (i = 0; i < CHILDREN; i++) {
		if (fork() == 0) {
			close(go[1]);
			count_one();
			_exit(write(ready[1], "x", 1) != 1 || read(go[0], &byte, 1) != 0);
		}
	}
	for (i = 0; i < CHILDREN; i++)
		cr_assert_eq(read(ready[0], &byte, 1), 1);
	cr_assert_eq(metric_open(dir, routes, N(routes)), ERR_UNAVAILABLE);
	cr_assert_eq(errno, ENOSPC);
	metric_add(M_JOURNAL_BYTES, 0, 0, 0, 1);
	close(go[1]);
	while (wait(NULL) > 0)
		;
	open_all();
	cr_assert(shows(CREATED "128"));
}

Test(metric, tells_why_it_can_not_be_opened)
{
	cr_assert_eq(metric_open("/nonexistent", routes, N(routes)), ERR_UNAVAILABLE);
	cr_assert_eq(errno, ENOENT);
	metric_add(M_JOURNAL_BYTES, 0, 0, 0, 1);
	cr_assert(shows("terse_journal_bytes_total 1"));
}

Test(metric, agrees_on_routes_with_programs_that_have_others)
{
	static const char *const others[] = { "oncall_tick", "url_create" };

	in_child(count_one);
	cr_assert_eq(metric_open(dir, others, N(others)), ERR_OK);
	metric_add(M_HTTP_REQUESTS, 1, 2, metric_status(201), 1);
	metric_add(M_HTTP_REQUESTS, 0, 2, metric_status(201), 1);
	cr_assert(shows(CREATED "2"));
	cr_assert(shows(
	    "terse_http_requests_total{route=\"oncall_tick\",method=\"POST\",status=\"201\"} 1"));
}

Test(metric, renders_the_routes_of_others_without_having_any)
{
	in_child(count_one);
	cr_assert_eq(metric_open(dir, NULL, 0), ERR_OK);
	cr_assert(shows(CREATED "1"));
}

Test(metric, counts_routes_that_no_name_is_left_for_as_other)
{
	char names[64][60];
	const char *all[64];
	size_t i;

	for (i = 0; i < N(all); i++) {
		snprintf(names[i], sizeof(names[i]), "route_%zu_%050d", i, 1);
		all[i] = names[i];
	}
	all[62] = "the_last_one";
	cr_assert_eq(metric_open(dir, all, N(all)), ERR_OK);
	for (i = 0; i < N(all); i++)
		metric_observe(M_HTTP_DURATION, (unsigned)i, 1);
	cr_assert(shows("terse_http_request_duration_seconds_count{route=\"the_last_one\"} 1"));
	cr_assert(shows("terse_http_request_duration_seconds_count{route=\"other\"} 1"));
	snprintf(names[0], sizeof(names[0]), "route_0_%040d", 0);
	cr_assert_not_null(strstr(buf_str(&out), names[0]));
}

Test(metric, gives_all_that_open_at_once_a_slot_of_their_own)
{
	enum { CHILDREN = 20 };
	int go[2], i, status;
	char byte;

	cr_assert_eq(pipe(go), 0);
	for (i = 0; i < CHILDREN; i++) {
		if (fork() == 0) {
			close(go[1]);
			if (read(go[0], &byte, 1) != 0)
				_exit(1);
			count_one();
			_exit(0);
		}
	}
	close(go[1]); /* all start */
	for (i = 0; i < CHILDREN; i++) {
		cr_assert_gt(wait(&status), 0);
		cr_assert_eq(status, 0);
	}
	open_all();
	cr_assert(shows(
	    "terse_http_requests_total{route=\"url_create\",method=\"POST\",status=\"201\"} 20"));
}

Test(metric, has_gauges_with_labels)
{
	unsigned a_pool, b_pool;

	open_all();
	a_pool = metric_pool("api-a");
	b_pool = metric_pool("api-b");
	cr_assert_neq(a_pool, b_pool);
	cr_assert_eq(metric_pool("api-a"), a_pool);
	metric_set_at(M_POOL_WORKERS, a_pool, WORKER_IDLE, 3);
	metric_set_at(M_POOL_WORKERS, b_pool, WORKER_DRAINING, 1);
	metric_set_at(M_POOL_BUSY, b_pool, 0, 0.25);
	metric_add(M_POOL_SCALED, b_pool, DIRECTION_UP, REASON_BUSY, 1);
	cr_assert(shows("terse_pool_workers{pool=\"api-a\",state=\"idle\"} 3"));
	cr_assert(shows("terse_pool_workers{pool=\"api-b\",state=\"draining\"} 1"));
	cr_assert(shows("terse_pool_busy_ratio{pool=\"api-b\"} 0.25"));
	cr_assert(shows(
	    "terse_pool_scale_events_total{pool=\"api-b\",direction=\"up\",reason=\"busy\"} 1"));
	cr_assert_null(strstr(page(), "state=\"busy\""));
}

Test(metric, shows_a_labelled_gauge_that_is_zero)
{
	open_all();
	cr_assert_null(strstr(page(), "in_rotation{"));
	metric_set_at(M_POOL_ROTATION, metric_pool("api-a"), 0, 1);
	metric_set_at(M_POOL_ROTATION, metric_pool("api-a"), 0, 0);
	cr_assert(shows("terse_pool_in_rotation{pool=\"api-a\"} 0"));
}

static void
set_pool(void)
{
	if (metric_open(dir, NULL, 0))
		_exit(1);
	metric_set_at(M_POOL_ROTATION, metric_pool("api-b"), 0, 1);
}

Test(metric, forgets_the_labelled_gauges_of_the_dead_and_their_series)
{
	in_child(set_pool);
	open_all();
	cr_assert_null(strstr(page(), "api-b"));
}

Test(metric, counts_pools_that_no_number_is_left_for_as_other)
{
	char name[16];
	int i;

	open_all();
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "pool-%d", i);
		metric_add(M_POOL_RESTARTS, metric_pool(name), REASON_CRASHED, 0, 1);
	}
	cr_assert(shows("terse_pool_restarts_total{pool=\"pool-14\",reason=\"crashed\"} 1"));
	cr_assert(shows("terse_pool_restarts_total{pool=\"other\",reason=\"crashed\"} 5"));
}

Test(metric, names_pools_before_it_is_opened)
{
	metric_set_at(M_POOL_BUSY, metric_pool("api-a"), 0, 1);
	cr_assert(shows("terse_pool_busy_ratio{pool=\"api-a\"} 1"));
}

/*
 * OpenMetrics
 */

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define BUCKET "terse_http_request_duration_seconds_bucket{route=\"url_create\",le="

Test(metric, has_the_suffix_total_on_every_counter_and_on_nothing_else)
{
	for (int m = 0; m < M__COUNT; m++) {
		const char *at = strstr(metric_families[m].name, "_total");

		cr_expect_eq(at && at[6] == '\0', metric_families[m].type <= COUNTER_US, "%s",
		    metric_families[m].name);
	}
}

Test(metric, renders_openmetrics)
{
	const char *text;

	open_all();
	metric_add(M_HTTP_REQUESTS, 1, 2, metric_status(201), 3);
	text = open_page();
	cr_assert_not_null(strstr(text, "# TYPE terse_http_requests counter\n"));
	cr_assert_not_null(strstr(text, "# HELP terse_http_requests Requests answered.\n"));
	cr_assert_not_null(strstr(text, CREATED "3\n"));
	cr_assert_not_null(strstr(text, "# TYPE terse_http_request_duration_seconds histogram\n"));
	cr_assert_str_eq(text + out.len - 6, "# EOF\n");
	cr_assert_null(strstr(page(), "EOF"));
}

Test(metric, shows_the_last_trace_of_a_bucket_in_openmetrics_alone)
{
	open_all();
	metric_observe_traced(M_HTTP_DURATION, 1, 2000, "00000000000000000000000000000001");
	metric_observe_traced(M_HTTP_DURATION, 1, 1500, TRACE);
	metric_observe_traced(M_HTTP_DURATION, 1, 1600, NULL);
	metric_observe_traced(M_HTTP_DURATION, 1, INT64_MAX, TRACE);
	cr_assert_not_null(
	    strstr(open_page(), "\n" BUCKET "\"0.0025\"} 3 # {trace_id=\"" TRACE "\"} 0.001500 "));
	cr_assert_not_null(strstr(buf_str(&out), "\n" BUCKET "\"0.001\"} 0\n"));
	cr_assert_not_null(strstr(buf_str(&out), "\n" BUCKET "\"+Inf\"} 4 # {"));
	cr_assert_null(strstr(page(), TRACE));
}

Test(metric, keeps_no_trace_that_is_none)
{
	static const char *const ids[] = { "", "4bf92f35", "4BF92F3577B34DA6A3CE929D0E0E4736",
		"00000000000000000000000000000000", TRACE "0",
		"4bf92f3577b34da6a3ce929d0e0e473\"" };

	for (size_t i = 0; i < N(ids); i++)
		metric_observe_traced(M_HTTP_DURATION, 1, 1500, ids[i]);
	metric_observe_traced(M_DB_DURATION, 0, 1500, TRACE);
	cr_assert_null(strstr(open_page(), "trace_id"));
	cr_assert_not_null(strstr(buf_str(&out), "_bucket{route=\"other\",le=\"0.0025\"} 6\n"));
}

Test(metric, shows_the_traces_of_others)
{
	open_all();
	metric_observe_traced(M_HTTP_DURATION, 1, 1500, TRACE);
	metric_close();
	cr_assert_eq(metric_open(dir, NULL, 0), ERR_OK);
	cr_assert_not_null(strstr(open_page(), "\"} 1 # {trace_id=\"" TRACE "\"} "));
}

Test(metric, makes_nothing_of_an_exemplar_that_is_half_written)
{
	struct metric_exemplar shared = { 0 };
	const struct exemplar e = { { 1, 2 }, 3, 4 };
	struct exemplar got;

	cr_assert_not(exemplar_load(&shared, &got));
	exemplar_store(&shared, &e);
	cr_assert(exemplar_load(&shared, &got));
	cr_assert_arr_eq(&got, &e, sizeof(e));
	for (int i = 0; i < 4; i++) {
		shared.words[i] ^= 1;
		cr_assert_not(exemplar_load(&shared, &got));
		shared.words[i] ^= 1;
	}
}

/*
 * Processes
 */

/* The figure of this program's processes. */
static double
of_process(const char *name)
{
	char series[128];
	const char *at;

	snprintf(series, sizeof(series), "\n%s{program=\"pool\"} ", name);
	at = strstr(page(), series);
	return at ? strtod(at + strlen(series), NULL) : -1;
}

static void
burn(int64_t ms)
{
	int64_t until_us = clock_mono_us() + ms * 1000;

	while (clock_mono_us() < until_us)
		;
}

Test(metric, measures_a_process)
{
	struct metric_process p = { .program = PROGRAM_POOL };
	double cpu, files;
	int fd;

	metric_process_turn(&p, 1000);
	cr_assert_eq(of_process("terse_processes"), 1);
	cr_assert_gt(of_process("terse_process_resident_memory_bytes"), 100000);
	files = of_process("terse_process_open_fds");
	cr_assert_geq(files, 3);
	cpu = of_process("terse_process_cpu_seconds_total");
	burn(100);
	fd = dup(0);
	metric_process_turn(&p, 1000999);
	cr_assert_eq(of_process("terse_process_cpu_seconds_total"), cpu, "too soon");
	metric_process_turn(&p, 1001000);
	cr_assert_gt(of_process("terse_process_cpu_seconds_total"), cpu);
	cr_assert_lt(of_process("terse_process_cpu_seconds_total"), cpu + 60);
	cr_assert_eq(of_process("terse_process_open_fds"), files, "rarely");
	metric_process_turn(&p, 11001000);
	cr_assert_eq(of_process("terse_process_open_fds"), files + 1);
	close(fd);
}
