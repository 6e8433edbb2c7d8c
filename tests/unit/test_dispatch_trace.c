/*
 * What dispatch says of a request's trace and of its client: in the log line, and in the
 * ring of spans.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/attr.h"
#include "lib/base/log.h"
#include "lib/base/settings.h"
#include "lib/base/trace_ring.h"
#include "lib/http/dispatch.h"
#include "tests/unit/daemon.h"
#include "tests/unit/served.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define VISIT "0123456789abcdef0123456789abcdef"

struct app {
	enum err e;
};

static enum err
thing_show(struct app *app, struct req *rq, struct resp *rs)
{
	if (app->e)
		return ctx_fail(rq->cx, app->e, "the thing is away");
	return resp_empty(rs, 204);
}

static const struct route routes[] = {
	{ METHOD_GET, "/things/:id", thing_show, "thing_show", AUTH_PUBLIC, false },
};

static const struct field_env env;
static char dir[64], log_path[80];
static struct settings settings;
static struct served served;
static struct app app;
static struct dispatch d = {
	.routes = routes,
	.n_routes = N(routes),
	.app = &app,
	.env = &env,
	.admin_key = "",
	.cors_origins = "",
	.pool = "api-1",
	.timeout_ms = 1000,
};

static void
set_up(void)
{
	served_start(&served);
	daemon_dir(dir, "dispatch");
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	cr_assert_eq(log_open(log_path, "test", LOG_INFO), ERR_OK);
	settings = (struct settings){
		.run_dir = dir,
		.pool = "api-1",
		.trace_slow_ms = 1000,
		.trace_from_clients = true,
	};
	d.tracer = tracer_new(&settings, PROGRAM_WORKER);
	cr_assert_not_null(d.tracer);
}

static void
tear_down(void)
{
	log_close();
	tracer_free(d.tracer);
	served_stop(&served);
	daemon_remove_dir(dir);
}

TestSuite(dispatch_trace, .init = set_up, .fini = tear_down, .timeout = 60);

static void
ask_in(struct arena *a, const char *visit, const char *traceparent)
{
	const char *const pairs[] = { "REQUEST_METHOD", "GET", "REQUEST_URI", "/things/1",
		"REMOTE_ADDR", "192.0.2.77", "TERSE_REQUEST_ID", "r-1", "TERSE_VISIT_ID", visit,
		"HTTP_TRACEPARENT", traceparent, NULL };
	struct fcgi_answer answer = { 0 };

	served_request(&served, pairs, "", 0);
	served_answer(&served, &d, a);
	fcgi_client_answer(served.fd, &answer);
	cr_assert(answer.complete);
	fcgi_answer_release(&answer);
}

static void
ask(const char *traceparent)
{
	ask_in(served.arena, VISIT, traceparent);
}

static const char *
logged(void)
{
	static char text[16 * 1024];
	int fd;
	ssize_t n;

	log_flush();
	fd = open(log_path, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	cr_assert_geq(n, 0);
	text[n] = '\0';
	return text;
}

static size_t
take(struct span spans[8])
{
	struct trace_ring *r = trace_ring_open(dir);
	uint64_t cursor = 0, missed;
	size_t n;

	cr_assert_not_null(r);
	n = trace_ring_take(r, &cursor, spans, 8, &missed);
	trace_ring_close(r);
	return n;
}

Test(dispatch_trace, the_log_line_names_the_trace_after_the_request)
{
	ask("");
	cr_assert(strstr(logged(), "\"request_id\":\"r-1\",\"trace_id\":\"" VISIT "\",\"route\""));
	ask("00-" ID "-00f067aa0ba902b7-00");
	cr_assert(strstr(logged(), "\"trace_id\":\"" ID "\""));
}

Test(dispatch_trace, a_request_without_memory_for_its_name_has_no_trace)
{
	struct arena *tiny = arena_new(16);
	struct span spans[8];

	ask_in(tiny, "", "");
	cr_assert(strstr(logged(), "\"msg\":\"request\""));
	cr_assert_not(strstr(logged(), "trace_id"));
	cr_assert_eq(take(spans), 0);
	arena_free(tiny);
}

Test(dispatch_trace, a_sampled_request_is_a_span)
{
	struct span spans[8];

	ask("00-" ID "-00f067aa0ba902b7-01");
	cr_assert_eq(take(spans), 1);
	cr_assert_str_eq(spans[0].name, "thing_show");
	cr_assert_str_eq(spans[0].detail, "GET /things/:id");
	cr_assert_str_eq(spans[0].request_id, "r-1");
	cr_assert_str_eq(spans[0].pool, "api-1");
	cr_assert_eq(spans[0].parent, 0x00f067aa0ba902b7u);
	cr_assert_eq(spans[0].status, 204);
	cr_assert_eq(spans[0].kind, SPAN_SERVER);
	cr_assert_eq(spans[0].failed, 0);
}

Test(dispatch_trace, of_others_only_failures_are)
{
	struct span spans[8];

	ask("");
	cr_assert_eq(take(spans), 0);
	app.e = ERR_UNAVAILABLE;
	ask("");
	cr_assert_eq(take(spans), 1);
	cr_assert_eq(spans[0].failed, 1);
	cr_assert_str_eq(spans[0].detail, "GET /things/:id the thing is away");
}

Test(dispatch_trace, as_much_of_the_client_is_logged_as_is_set)
{
	d.client_ip = dispatch_client_ip("network");
	ask("");
	cr_assert(strstr(logged(), "\"client_ip\":\"192.0.2.0\""));
	cr_assert_not(strstr(logged(), "192.0.2.77"));
	d.client_ip = dispatch_client_ip("full");
	ask("");
	cr_assert(strstr(logged(), "\"client_ip\":\"192.0.2.77\""));
}

Test(dispatch_trace, nothing_of_the_client_is_logged_if_that_is_set)
{
	d.client_ip = dispatch_client_ip("none");
	ask("");
	cr_assert_not(strstr(logged(), "client_ip"));
	cr_assert_not(strstr(logged(), "192.0.2"));
}
