/*
 * The HTTP client: what it sends, what it makes of answers, and that it ends in time, whatever
 * the server does.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/attr.h"
#include "lib/base/clock.h"
#include "lib/http/client.h"
#include "tests/unit/daemon.h"
#include "tests/unit/fake_http.h"

enum { MAX_BYTES = 100 };

static struct fake_http server;
static struct client *client;
static char url[64];

static void
set_up(void)
{
	client = client_new(MAX_BYTES);
	cr_assert_not_null(client);
}

static void
tear_down(void)
{
	client_free(client);
	fake_http_stop(&server);
}

TestSuite(client, .init = set_up, .fini = tear_down, .timeout = 60);

static void
serve(const char *const *answers, size_t n)
{
	server.answers = answers;
	server.n_answers = n;
	fake_http_start(&server);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/path", server.port);
}

/* Runs the call to its end; the caller frees it. */
static struct client_call *
run(const struct client_request *rq)
{
	struct client_call *call = client_begin(client, rq);

	cr_assert_not_null(call);
	cr_assert_null(client_answer(call));
	while (!client_answer(call))
		client_wait(client, NULL, 0, 1000);
	return call;
}

Test(client, sends_what_it_is_given)
{
	static const char *const answers[] = { "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n"
					       "Retry-After: 7\r\n\r\nhi" };
	struct client_request rq = {
		.method = "PUT",
		.headers = { "X-One: 1", "Content-Type: text/plain" },
		.body = "a\0b",
		.body_n = 3,
		.timeout_ms = 5000,
	};
	const struct client_answer *a;
	struct client_call *call;

	serve(answers, N(answers));
	rq.url = url;
	call = run(&rq);
	a = client_answer(call);
	cr_assert_eq(a->e, ERR_OK);
	cr_assert_eq(a->status, 201);
	cr_assert_eq(a->retry_after_s, 7);
	cr_assert_eq(a->body_n, 2);
	cr_assert_str_eq(a->body, "hi");
	cr_assert_eq(a->certificate_end_s, 0);
	cr_assert_eq(strncmp(server.seen->asked, "PUT /path HTTP/1.1\r\n", 20), 0);
	cr_assert(strstr(server.seen->asked, "\r\nX-One: 1\r\n"));
	cr_assert(strstr(server.seen->asked, "\r\nContent-Type: text/plain\r\n"));
	cr_assert_null(strstr(server.seen->asked, "Expect"));
	cr_assert_eq(memcmp(server.seen->asked + server.seen->n - 3, "a\0b", 3), 0);
	client_call_free(call);
}

Test(client, cuts_a_body_that_is_too_long)
{
	static char answer[400] = "HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n";
	static const char *const answers[] = { answer };
	struct client_request rq = { .timeout_ms = 5000 };
	size_t n = strlen(answer);
	struct client_call *call;

	memset(answer + n, 'x', 300);
	serve(answers, N(answers));
	rq.url = url;
	call = run(&rq);
	cr_assert_eq(client_answer(call)->status, 200);
	cr_assert_eq(client_answer(call)->retry_after_s, -1);
	cr_assert_eq(client_answer(call)->body_n, MAX_BYTES);
	cr_assert_eq(strlen(client_answer(call)->body), MAX_BYTES);
	client_call_free(call);
}

Test(client, does_not_follow_redirects)
{
	static const char *const answers[] = { "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n"
					       "Content-Length: 0\r\n\r\n" };
	struct client_request rq = { .timeout_ms = 5000 };
	struct client_call *call;

	serve(answers, N(answers));
	rq.url = url;
	call = run(&rq);
	cr_assert_eq(client_answer(call)->status, 302);
	cr_assert_eq(server.seen->connections, 1);
	client_call_free(call);
}

Test(client, ends_by_its_deadline_when_the_server_is_silent)
{
	static const char *const answers[] = { NULL };
	struct client_request rq = { .timeout_ms = 200 };
	int64_t began_us = clock_mono_us();
	struct client_call *call;

	serve(answers, N(answers));
	rq.url = url;
	call = run(&rq);
	cr_assert_eq(client_answer(call)->e, ERR_DEADLINE);
	cr_assert_eq(client_answer(call)->status, 0);
	cr_assert_geq(clock_mono_us() - began_us, 190 * 1000);
	client_call_free(call);
}

Test(client, takes_no_garbage_for_an_answer)
{
	static const char *const answers[] = { "garbage\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "" };
	struct client_request rq = { .timeout_ms = 5000 };

	serve(answers, N(answers));
	rq.url = url;
	for (size_t i = 0; i < N(answers); i++) {
		struct client_call *call = run(&rq);

		cr_assert_eq(client_answer(call)->e, ERR_UNAVAILABLE, "answer %zu", i);
		cr_assert_eq(client_answer(call)->status, 0);
		client_call_free(call);
	}
}

Test(client, says_why_there_is_no_answer)
{
	static const struct {
		const char *url;
		enum err e;
	} rows[] = {
		{ "http://127.0.0.1:1/", ERR_UNAVAILABLE },
		{ "ftp://127.0.0.1/", ERR_INVALID },
		{ "http://", ERR_INVALID },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct client_request rq = { .url = rows[i].url, .timeout_ms = 5000 };
		struct client_call *call = run(&rq);

		cr_assert_eq(client_answer(call)->e, rows[i].e, "%s", rows[i].url);
		cr_assert_str_not_empty(client_answer(call)->why);
		client_call_free(call);
	}
}

Test(client, goes_on_with_several_calls_at_once)
{
	static const char *const answers[] = { NULL, "HTTP/1.1 204 No Content\r\n\r\n" };
	struct client_request slow = { .timeout_ms = 60000 }, quick = { .timeout_ms = 5000 };
	struct client_call *first, *second;

	serve(answers, N(answers));
	slow.url = quick.url = url;
	first = client_begin(client, &slow);
	while (server.seen->connections < 1)
		client_wait(client, NULL, 0, 10);
	second = run(&quick);
	cr_assert_eq(client_answer(second)->status, 204);
	cr_assert_null(client_answer(first));
	client_call_free(first);
	client_call_free(second);
}

Test(client, wakes_for_a_descriptor_of_the_program)
{
	int64_t began_us = clock_mono_us();
	struct pollfd p = { .events = POLLIN };
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	p.fd = ends[0];
	cr_assert_eq(write(ends[1], "x", 1), 1);
	client_wait(client, &p, 1, 30000);
	p = (struct pollfd){ .fd = ends[1], .events = POLLOUT };
	client_wait(client, &p, 1, 30000);
	cr_assert_lt(clock_mono_us() - began_us, 20 * 1000 * 1000);
}

/* openssl makes a certificate of 10 days, which nobody vouches for, and shows it. */
Test(client, tells_when_a_certificate_expires_and_believes_none_unless_told_to)
{
	char dir[64], port[16];
	const char *const make[] = { "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
		"-days", "10", "-subj", "/CN=test", "-keyout", "key", "-out", "cert", NULL };
	const char *const show[] = { "openssl", "s_server", "-accept", port, "-key", "key", "-cert",
		"cert", "-www", NULL };
	struct client_request rq = { .url = url, .timeout_ms = 5000, .trusts_anyone = true };
	static const char *const answers[] = { NULL };
	struct client_call *call;
	int64_t left_s = 0;
	pid_t pid;

	serve(answers, N(answers)); /* for a port that is free once it has stopped */
	fake_http_stop(&server);
	snprintf(port, sizeof(port), "%d", server.port);
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", server.port);
	daemon_dir(dir, "client");
	daemon_run(dir, make);
	pid = daemon_start(dir, show);
	while (left_s <= 0) {
		call = run(&rq);
		left_s = client_answer(call)->certificate_end_s - clock_wall_us() / 1000000;
		client_call_free(call);
		usleep(20000);
	}
	rq.trusts_anyone = false;
	call = run(&rq);
	cr_assert_eq(client_answer(call)->e, ERR_UNAVAILABLE);
	client_call_free(call);
	daemon_stop(pid, SIGKILL);
	daemon_remove_dir(dir);
	cr_assert(left_s > 864000 - 100 && left_s <= 864000, "%ld s", (long)left_s);
}
