#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/http/dispatch.h"
#include "lib/http/fcgi.h"
#include "lib/http/json.h"
#include "lib/http/resp.h"
#include "tests/unit/served.h"

#define ADMIN_KEY "correct horse"

struct app {
	int calls;
};

struct in {
	unsigned given;
	const char *name;
};

static const struct field rows[] = {
	{ "name", FIELD_TEXT, 1, 8, FIELD_REQUIRED, NULL, offsetof(struct in, name) },
};

static enum err
thing_create(struct app *app, struct req *rq, struct resp *rs)
{
	struct in in = { 0 };
	struct json j;
	enum err e;

	app->calls++;
	e = req_json_fields(rq, rows, N(rows), &in);
	if (e)
		return e;
	json_map_init(&j, rq->cx->arena);
	json_add_text(&j, NULL, "name", in.name);
	rs->layer = "db";
	resp_header(rs, "Location", "/things/7");
	return resp_json(rs, 201, &j);
}

static enum err
thing_show(struct app *app, struct req *rq, struct resp *rs)
{
	const char *host = rq->env->host;

	app->calls++;
	rs->status = 200;
	rs->type = "text/plain";
	resp_header(rs, "Cache-Control", "private");
	buf_printf(&rs->body, "%s at %s", rq->params[0], host ? host : "no host");
	return ERR_OK;
}

static enum err
thing_break(struct app *app, struct req *rq, struct resp *rs)
{
	app->calls++;
	resp_header(rs, "Location", "/half-done");
	return ctx_fail(rq->cx, ERR_UNAVAILABLE, "the database is away");
}

static enum err
thing_split(struct app *app, struct req *rq, struct resp *rs)
{
	(void)app;
	(void)rq;
	resp_header(rs, "Location", "/a\r\nSet-Cookie: b");
	return resp_empty(rs, 302);
}

static enum err
secret_show(struct app *app, struct req *rq, struct resp *rs)
{
	(void)rq;
	app->calls++;
	return resp_empty(rs, 204);
}

static const struct route routes[] = {
	{ METHOD_POST, "/things", thing_create, "thing_create", AUTH_PUBLIC, false },
	{ METHOD_GET, "/things/:id", thing_show, "thing_show", AUTH_PUBLIC, false },
	{ METHOD_GET, "/broken", thing_break, "thing_break", AUTH_PUBLIC, false },
	{ METHOD_GET, "/split", thing_split, "thing_split", AUTH_PUBLIC, false },
	{ METHOD_GET, "/secret", secret_show, "secret_show", AUTH_OPERATOR, false },
	{ METHOD_GET, "/vault", secret_show, "vault_show", AUTH_ADMIN, false },
};

static const struct field_env env;
static char dir[] = "/tmp/test_dispatch.XXXXXX";
static char log_path[64];
static const char *names[N(routes) + 1];
static struct served served;
static struct app app;
static struct fcgi_answer answer;
static struct dispatch d = {
	.routes = routes,
	.n_routes = N(routes),
	.app = &app,
	.env = &env,
	.admin_key = ADMIN_KEY,
	.cors_origins = "https://a.example",
	.pool = "api-1",
	.timeout_ms = 1000,
	.body_max = 100,
};

static void
setup(void)
{
	served_start(&served);
	cr_assert_not_null(mkdtemp(dir));
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	cr_assert_eq(log_open(log_path, "test", LOG_INFO), ERR_OK);
	dispatch_route_names(routes, N(routes), names);
	cr_assert_eq(metric_open(dir, names, N(names)), ERR_OK);
}

static void
teardown(void)
{
	DIR *folder = opendir(dir);
	struct dirent *entry;

	fcgi_answer_release(&answer);
	log_close();
	metric_close();
	while ((entry = readdir(folder)))
		unlinkat(dirfd(folder), entry->d_name, 0);
	closedir(folder);
	rmdir(dir);
	served_stop(&served);
}

TestSuite(dispatch, .init = setup, .fini = teardown, .timeout = 60);

static void
serve(const char *const *pairs, const char *body)
{
	served_request(&served, pairs, body, strlen(body));
	served_answer(&served, &d, served.arena);
	fcgi_answer_release(&answer);
	fcgi_client_answer(served.fd, &answer);
	cr_assert(answer.complete);
	cr_assert_eq(arena_used(served.arena), 0);
}

/* A request with one more parameter. */
static void
ask_with(const char *method, const char *target, const char *name, const char *value)
{
	const char *const pairs[] = { "REQUEST_METHOD", method, "REQUEST_URI", target,
		"REMOTE_ADDR", "192.0.2.77", "TERSE_REQUEST_ID", "r-1", name, value, NULL };

	serve(pairs, "");
}

static void
ask(const char *method, const char *target)
{
	ask_with(method, target, "HTTP_HOST", "terse.example");
}

static void
create(const char *body)
{
	const char *const pairs[] = { "REQUEST_METHOD", "POST", "REQUEST_URI", "/api/v1/things",
		"TERSE_TARGET", "/things", "CONTENT_TYPE", "application/json", NULL };

	serve(pairs, body);
}

static void
expect(int status, const char *in_body)
{
	cr_assert_eq(answer.status, status, "%d: %s", answer.status, answer.body);
	cr_assert(strstr(answer.body, in_body), "%s lacks %s", answer.body, in_body);
}

static void
expect_header(const char *line)
{
	cr_assert(fcgi_answer_has(&answer, line), "%s lacks %s", answer.head, line);
}

/* All that was logged so far. */
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

static void
expect_logged(const char *part)
{
	cr_assert(strstr(logged(), part), "%s lacks %s", logged(), part);
}

static void
expect_counted(const char *sample)
{
	struct arena *a = arena_new(4 << 20);
	struct buf out;

	buf_init(&out, a);
	metric_render(&out, METRIC_TEXT);
	cr_assert(strstr(buf_str(&out), sample), "no %s in %s", sample, buf_str(&out));
	arena_free(a);
}

Test(dispatch, runs_the_handler_of_the_route)
{
	create("{\"name\":\"ann\"}");
	expect(201, "{\"name\":\"ann\"}");
	expect_header("Content-Type: application/json");
	expect_header("Location: /things/7");
	expect_header("Cache-Control: no-store");
	expect_header("Content-Length: 14");
	cr_assert_eq(app.calls, 1);
}

Test(dispatch, leaves_a_handlers_cache_control_alone)
{
	ask("GET", "/things/a%20b");
	expect(200, "a b at terse.example");
	expect_header("Cache-Control: private");
	cr_assert_null(strstr(answer.head, "no-store"));
}

Test(dispatch, answers_head_like_get_without_the_body)
{
	ask("HEAD", "/things/7");
	cr_assert_eq(answer.status, 200);
	expect_header("Content-Length: 18");
	cr_assert_eq(answer.body_n, 0);
	ask("HEAD", "/no/such/path");
	cr_assert_eq(answer.status, 404);
	cr_assert_eq(answer.body_n, 0);
}

Test(dispatch, answers_an_unknown_path_with_a_problem)
{
	ask("GET", "/no/such/path");
	expect(404, "\"instance\":\"/no/such/path\"");
	expect_header("Content-Type: application/problem+json");
	expect_header("Cache-Control: no-store");
	expect(404, "\"request_id\":\"r-1\"");
}

Test(dispatch, answers_a_wrong_method_with_those_allowed)
{
	ask("DELETE", "/things/7");
	expect(405, "urn:terse:problem:method-not-allowed");
	expect_header("Allow: GET, HEAD, OPTIONS");
	ask("BREW", "/things/7");
	expect(405, "");
	ask("BREW", "/teapot");
	expect(404, "");
}

Test(dispatch, answers_options_without_a_handler)
{
	ask("OPTIONS", "/things");
	cr_assert_eq(answer.status, 204);
	cr_assert_eq(answer.body_n, 0);
	expect_header("Allow: POST, OPTIONS");
	cr_assert_null(strstr(answer.head, "Access-Control"));
	ask("OPTIONS", "/teapot");
	expect(404, "");
	cr_assert_eq(app.calls, 0);
}

Test(dispatch, lets_a_listed_origin_read_every_response)
{
	ask_with("OPTIONS", "/things", "HTTP_ORIGIN", "https://a.example");
	expect_header("Access-Control-Allow-Methods: POST, OPTIONS");
	expect_header("Access-Control-Allow-Origin: https://a.example");
	ask_with("GET", "/teapot", "HTTP_ORIGIN", "https://a.example");
	expect(404, "");
	expect_header("Access-Control-Allow-Origin: https://a.example");
	expect_header("Vary: Origin");
	ask_with("GET", "/teapot", "HTTP_ORIGIN", "https://b.example");
	cr_assert_null(strstr(answer.head, "Access-Control"));
}

Test(dispatch, tells_what_is_wrong_with_a_body)
{
	create("{\"name\":5}");
	expect(422, "\"errors\":[{\"pointer\":\"/name\",\"code\":\"type\"");
	expect(422, "\"instance\":\"/api/v1/things\"");
	create("{");
	expect(400, "urn:terse:problem:malformed");
	create("{\"name\":\"ann\",\"x\":\"0123456789012345678901234567890123456789012345678901234"
	       "5678901234567890123456789012345678901234567890\"}");
	expect(413, "urn:terse:problem:too-large");
}

Test(dispatch, turns_a_handlers_error_into_a_problem)
{
	ask("GET", "/broken");
	expect(503, "urn:terse:problem:unavailable");
	expect_header("Retry-After: 2");
	cr_assert_null(strstr(answer.head, "half-done"));
	cr_assert_null(strstr(answer.body, "database"));
	expect_logged("\"level\":\"warn\"");
	expect_logged("\"diag\":\"the database is away\"");
}

Test(dispatch, sends_no_header_that_would_split_the_response)
{
	ask("GET", "/split");
	expect(500, "urn:terse:problem:internal");
	cr_assert_null(strstr(answer.head, "Set-Cookie"));
	expect_logged("control character in header Location");
}

/*
 * Operators
 */

Test(dispatch, lets_this_machine_see_what_operators_may)
{
	static const char *const here[] = { "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1" };
	size_t i;

	for (i = 0; i < N(here); i++) {
		const char *const pairs[] = { "REQUEST_METHOD", "GET", "REQUEST_URI", "/secret",
			"REMOTE_ADDR", here[i], NULL };

		serve(pairs, "");
		cr_assert_eq(answer.status, 204, "%s", here[i]);
	}
}

Test(dispatch, lets_the_key_open_what_operators_may)
{
	ask_with("GET", "/secret", "HTTP_AUTHORIZATION", "Bearer " ADMIN_KEY);
	cr_assert_eq(answer.status, 204);
	ask_with("GET", "/secret", "HTTP_AUTHORIZATION", "bearer " ADMIN_KEY);
	cr_assert_eq(answer.status, 204);
	ask_with("GET", "/secret", "HTTP_X_API_KEY", ADMIN_KEY);
	cr_assert_eq(answer.status, 204);
}

Test(dispatch, hides_from_others_what_operators_may_see)
{
	static const char *const keys[] = { "", "Bearer ", "Bearer", ADMIN_KEY, "Basic " ADMIN_KEY,
		"Bearer " ADMIN_KEY "x", "Bearer  " ADMIN_KEY, "Bearer correct hors",
		"Bearer correct horsf" };
	size_t i;

	for (i = 0; i < N(keys); i++) {
		ask_with("GET", "/secret", "HTTP_AUTHORIZATION", keys[i]);
		expect(404, "urn:terse:problem:not-found");
	}
	ask("GET", "/secret");
	expect(404, "");
	cr_assert_eq(app.calls, 0);
	cr_assert_null(strstr(logged(), "secret_show"));
}

Test(dispatch, has_no_operators_without_a_key)
{
	d.admin_key = "";
	ask_with("GET", "/secret", "HTTP_X_API_KEY", "");
	expect(404, "");
	ask_with("GET", "/secret", "HTTP_AUTHORIZATION", "Bearer ");
	expect(404, "");
	ask("GET", "/secret");
	expect(404, "");
}

Test(dispatch, wants_the_key_of_an_admin_from_loopback_too)
{
	const char *const local[] = { "REQUEST_METHOD", "GET", "REQUEST_URI", "/vault",
		"REMOTE_ADDR", "127.0.0.1", NULL };

	serve(local, "");
	expect(401, "urn:terse:problem:unauthorized");
	expect_header("WWW-Authenticate: Bearer realm=\"terse\"");
	ask_with("GET", "/vault", "HTTP_X_API_KEY", ADMIN_KEY "x");
	expect(401, "urn:terse:problem:unauthorized");
	cr_assert_eq(app.calls, 0);
	ask_with("GET", "/vault", "HTTP_X_API_KEY", ADMIN_KEY);
	cr_assert_eq(answer.status, 204);
}

/*
 * Shortage and breakage
 */

Test(dispatch, answers_though_there_is_no_memory)
{
	struct arena *none = arena_new(0);
	const char *const pairs[] = { "REQUEST_URI", "/things/7", "REQUEST_METHOD", "GET", NULL };

	served_request(&served, pairs, "", 0);
	served_answer(&served, &d, none);
	fcgi_client_answer(served.fd, &answer);
	cr_assert(answer.complete);
	expect(503, "urn:terse:problem:overloaded");
	expect_header("Retry-After: 1");
	arena_free(none);
}

Test(dispatch, answers_nothing_to_a_broken_body)
{
	const char *const pairs[] = { "REQUEST_METHOD", "POST", "REQUEST_URI", "/things",
		"CONTENT_TYPE", "application/json", "CONTENT_LENGTH", "50", NULL };

	serve(pairs, "{\"name\":\"ann\"}");
	cr_assert_eq(answer.status, 0);
	cr_assert_eq(answer.head[0], '\0');
	expect_logged("\"status\":499");
	expect_logged("\"diag\":\"the body ended after 14 bytes\"");
	expect_logged("\"bytes\":0");
}

/*
 * What is left of a request
 */

Test(dispatch, logs_one_line_per_request)
{
	const char *const pairs[] = { "REQUEST_METHOD", "POST", "REQUEST_URI", "/things?token=x",
		"CONTENT_TYPE", "application/json", "REMOTE_ADDR", "192.0.2.77", "TERSE_REQUEST_ID",
		"r-1", "HTTP_USER_AGENT", "agent \"x\"\x01", NULL };
	const char *line;

	serve(pairs, "{\"name\":\"ann\"}");
	line = logged();
	cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1, "%s", line);
	expect_logged("\"msg\":\"request\"");
	expect_logged("\"level\":\"info\"");
	expect_logged("\"request_id\":\"r-1\"");
	expect_logged("\"route\":\"thing_create\"");
	expect_logged("\"method\":\"POST\"");
	expect_logged("\"path\":\"/things\"");
	expect_logged("\"status\":201");
	expect_logged("\"duration_us\":");
	expect_logged("\"bytes\":14");
	expect_logged("\"client_ip\":\"192.0.2.0\"");
	expect_logged("\"user_agent\":\"agent \\\"x\\\"");
	expect_logged("\"cache\":\"db\"");
	expect_logged("\"pool\":\"api-1\"");
	cr_assert_null(strstr(line, "diag"));
	cr_assert_null(strstr(line, "token"));
	cr_assert_null(strstr(line, "192.0.2.77"));
}

Test(dispatch, cuts_what_it_logs_of_the_path_and_agent)
{
	static char target[3001] = "/", agent[3001];

	memset(target + 1, 'p', sizeof(target) - 2);
	memset(agent, 'q', sizeof(agent) - 1);
	ask_with("GET", target, "HTTP_USER_AGENT", agent);
	expect_logged("\"route\":\"none\"");
	cr_assert_lt(strlen(logged()), 1300);
	target[512] = '\0';
	expect_logged(target);
}

Test(dispatch, counts_requests_by_route_method_and_status)
{
	ask("HEAD", "/things/7");
	ask("GET", "/things/8");
	ask("BREW", "/teapot");
	expect_counted("{route=\"thing_show\",method=\"HEAD\",status=\"200\"} 1\n");
	expect_counted("{route=\"thing_show\",method=\"GET\",status=\"200\"} 1\n");
	expect_counted("{route=\"none\",method=\"other\",status=\"404\"} 1\n");
	expect_counted("_count{route=\"thing_show\"} 2\n");
	cr_assert_eq(metric_get(M_HTTP_IN_FLIGHT), 0);
}

Test(dispatch, names_its_routes_and_the_lack_of_one)
{
	cr_assert_str_eq(names[0], "thing_create");
	cr_assert_str_eq(names[N(routes) - 1], "vault_show");
	cr_assert_str_eq(names[N(routes)], "none");
}
