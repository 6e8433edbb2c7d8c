/*
 * The export of spans: all that the collector takes is counted, and what it does not take is
 * tried again, refused or dropped as OTLP has it, with nothing lost while there is room.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/monitor/export.h"
#include "lib/base/arena.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/metric.h"
#include "lib/base/trace_ring.h"
#include "lib/http/client.h"
#include "tests/unit/daemon.h"
#include "tests/unit/fake_http.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
#define EMPTY(status) "HTTP/1.1 " status "\r\nContent-Length: 0\r\n\r\n"

static char dir[64], url[64];
static struct fake_http server;
static struct client *client;
static struct trace_ring *ring;
static struct export *export;

static void
set_up(void)
{
	daemon_dir(dir, "export");
	client = client_new(4096);
	ring = trace_ring_open(dir);
	cr_assert(client && ring);
}

static void
tear_down(void)
{
	export_free(export);
	trace_ring_close(ring);
	client_free(client);
	fake_http_stop(&server);
	daemon_remove_dir(dir);
}

TestSuite(export, .init = set_up, .fini = tear_down, .timeout = 60);

static void
start(const char *const *answers, size_t n)
{
	server.answers = answers;
	server.n_answers = n;
	fake_http_start(&server);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1/traces", server.port);
	export = export_new(dir, url, "box", client);
	cr_assert_not_null(export);
}

static void
put(uint64_t first, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		const struct span s = { .trace_id = { 1 }, .id = first + i, .name = "x" };

		trace_ring_put(ring, &s);
	}
}

/* One turn of the loop; pauses are skipped by a clock that is the test's. */
static int64_t now_us = 1;

static void
turn(void)
{
	export_turn(export, now_us);
	client_wait(client, NULL, 0, 5);
	if (export_due_us(export) > now_us && export_due_us(export) != INT64_MAX)
		now_us = export_due_us(export);
}

static uint64_t
counted(const char *fate)
{
	struct arena *a = arena_new(1 << 22);
	struct buf out;
	char start_of[64];
	uint64_t n = 0;
	const char *at;

	buf_init(&out, a);
	metric_render(&out, METRIC_TEXT);
	snprintf(start_of, sizeof(start_of), "terse_trace_spans_total{fate=\"%s\"} ", fate);
	at = strstr(buf_str(&out), start_of);
	if (at)
		cr_assert_eq(sscanf(at + strlen(start_of), "%" SCNu64, &n), 1);
	arena_free(a);
	return n;
}

static void
turn_until(const char *fate, uint64_t n)
{
	while (counted(fate) < n)
		turn();
	cr_assert_eq(counted(fate), n);
}

Test(export, sends_spans_in_batches)
{
	static const char *const answers[] = { OK };

	start(answers, N(answers));
	put(1, 1100);
	turn_until("exported", 1100);
	cr_assert_eq(server.seen->connections, 3);
	cr_assert(strstr(server.seen->asked, "POST /v1/traces HTTP/1.1\r\n"));
	cr_assert(strstr(server.seen->asked, "Content-Type: application/json\r\n"));
	cr_assert(strstr(server.seen->asked, "\"spanId\":\"000000000000044c\""));
}

Test(export, gathers_for_a_second)
{
	static const char *const answers[] = { OK };
	int64_t began_us;

	start(answers, N(answers));
	put(1, 1);
	began_us = now_us;
	turn_until("exported", 1);
	put(2, 1);
	turn_until("exported", 2);
	cr_assert_geq(now_us - began_us, 1000 * 1000);
}

Test(export, tries_again_after_what_passes)
{
	static const char *const answers[] = { EMPTY("429 Too Many Requests"),
		EMPTY("502 Bad Gateway"), EMPTY("503 Service Unavailable"),
		EMPTY("504 Gateway Timeout"), "", OK };

	start(answers, N(answers));
	put(1, 600);
	turn_until("exported", 600);
	cr_assert_eq(counted("dropped") + counted("refused"), 0);
	cr_assert_eq(server.seen->connections, N(answers) + 1);
}

Test(export, waits_longer_after_each_failure)
{
	static const char *const answers[] = { EMPTY("503 Service Unavailable") };
	int64_t pauses_us[9], before_us;

	start(answers, N(answers));
	put(1, 1);
	for (size_t i = 0; i < N(pauses_us); i++) {
		before_us = now_us;
		while (now_us == before_us)
			turn();
		pauses_us[i] = now_us - before_us;
	}
	cr_assert_leq(pauses_us[0], 200 * 1000);
	cr_assert_geq(pauses_us[3], 4 * 200 * 1000);
	cr_assert_leq(pauses_us[8], 64 * 200 * 1000);
}

Test(export, waits_as_long_as_it_is_asked_to_within_reason)
{
	static const char *const answers[] = {
		"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
		("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 86400\r\n"
		 "Content-Length: 0\r\n\r\n"),
		OK
	};
	int64_t began_us = now_us;

	start(answers, N(answers));
	put(1, 1);
	turn_until("exported", 1);
	cr_assert_geq(now_us - began_us, (7 + 60) * 1000 * 1000);
	cr_assert_leq(now_us - began_us, (7 + 60 + 2) * 1000 * 1000);
}

Test(export, does_not_send_again_what_was_refused)
{
	static const char *const answers[] = { EMPTY("400 Bad Request"), EMPTY("500 Oops"),
		EMPTY("302 Found"), OK };

	start(answers, N(answers));
	put(1, 3 * 512 + 1);
	turn_until("exported", 1);
	cr_assert_eq(counted("refused"), 3 * 512);
	cr_assert_eq(server.seen->connections, 4);
}

Test(export, counts_what_a_partial_success_rejects)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\n\r\n"
		"{\"partialSuccess\":{\"rejectedSpans\":\"2\",\"errorMessage\":\"odd ids\"}}",
		"HTTP/1.1 200 OK\r\n\r\n"
		"{\"partialSuccess\":{\"rejectedSpans\":\"99\"}}",
	};

	start(answers, N(answers));
	put(1, 5);
	turn_until("exported", 3);
	cr_assert_eq(counted("refused"), 2);
	put(6, 5);
	turn_until("refused", 7);
	cr_assert_eq(counted("exported"), 3);
}

Test(export, counts_what_the_ring_could_not_hold)
{
	static const char *const answers[] = { EMPTY("503 Service Unavailable"), OK };

	start(answers, N(answers));
	put(1, 1);
	while (server.seen->connections < 1)
		turn();
	put(2, 16384 + 100);
	turn_until("dropped", 100);
	turn_until("exported", 1 + 16384);
	cr_assert_eq(counted("dropped"), 100);
}

/* A batch that was sent is not sent again; one that was not, is. */
Test(export, goes_on_where_the_last_one_was_killed)
{
	static const char *const answers[] = { OK, NULL, OK };

	start(answers, N(answers));
	put(1, 3);
	turn_until("exported", 3);
	put(4, 4);
	while (server.seen->connections < 2)
		turn();
	export_free(export);
	export = export_new(dir, url, "box", client);
	turn_until("exported", 7);
	cr_assert(strstr(server.seen->asked, "\"spanId\":\"0000000000000004\""));
	cr_assert_null(strstr(server.seen->asked, "\"spanId\":\"0000000000000003\""));
}

Test(export, says_why_it_can_not_be)
{
	cr_assert_null(export_new("/nonexistent", "http://127.0.0.1/", "box", client));
}
