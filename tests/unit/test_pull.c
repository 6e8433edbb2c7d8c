#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/http/fcgi.h"
#include "lib/http/pull.h"
#include "lib/http/resp.h"
#include "tests/unit/fcgi_client.h"

enum { IO_TIMEOUT_MS = 200, WAIT_MS = 5000, RESPONDER = 1, AUTHORIZER = 2 };

static const char *const params[] = { "REQUEST_METHOD", "GET", "REQUEST_URI", "/a?b", "EMPTY", "",
	NULL };
static int listen_fd;
static struct pull *pull;
static struct fcgi *fcgi; /* the request accepted last */
static struct arena *arena;
static struct resp rs;

static void
setup(void)
{
	listen_fd = fcgi_client_listen();
	cr_assert_geq(listen_fd, 0);
	pull = pull_new(listen_fd, IO_TIMEOUT_MS);
	cr_assert_not_null(pull);
	arena = arena_new(4 << 20);
	resp_init(&rs, arena);
}

static void
teardown(void)
{
	pull_free(pull);
	arena_free(arena);
	close(listen_fd);
}

TestSuite(pull, .init = setup, .fini = teardown, .timeout = 60);

static int
connected(void)
{
	int fd = fcgi_client_connect(listen_fd);

	cr_assert_geq(fd, 0);
	return fd;
}

/* The number of descriptors that this process has open. */
static int
descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Sends a whole request and accepts it. */
static int
requested(const char *body)
{
	int fd = connected();

	cr_assert(fcgi_client_request(fd, params, body, strlen(body)));
	cr_assert_eq(pull_accept(pull, WAIT_MS, &fcgi), ERR_OK);
	return fd;
}

static void
expect_answer(int fd, int status, const char *body)
{
	struct fcgi_answer answer;

	fcgi_client_answer(fd, &answer);
	cr_assert(answer.complete);
	cr_assert_eq(answer.status, status);
	cr_assert_str_eq(answer.body, body);
	fcgi_answer_release(&answer);
}

/* What came on fd is refused in time, takes no descriptor, and the next request is served. */
static void
expect_refused(int fd, int before)
{
	int64_t started_us = clock_mono_us();

	cr_assert_eq(pull_accept(pull, WAIT_MS, &fcgi), ERR_ABORTED);
	cr_assert_lt(clock_mono_us() - started_us, 2 * 1000 * 1000, "took too long");
	close(fd);
	cr_assert_eq(descriptors(), before);
	fd = requested("");
	cr_assert_eq(resp_empty(&rs, 204), ERR_OK);
	cr_assert_eq(fcgi_send(fcgi, &rs, false), ERR_OK);
	fcgi_finish(fcgi, false);
	expect_answer(fd, 204, "");
	cr_assert_eq(descriptors(), before);
}

Test(pull, needs_a_listening_socket)
{
	int ends[2], file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	cr_assert_null(pull_new(ends[0], IO_TIMEOUT_MS));
	cr_assert_null(pull_new(file, IO_TIMEOUT_MS));
	cr_assert_null(pull_new(-1, IO_TIMEOUT_MS));
}

Test(pull, frees_nothing)
{
	pull_free(NULL);
}

Test(pull, leaves_the_programs_signal_handlers_alone)
{
	struct sigaction sa;

	cr_assert_eq(sigaction(SIGUSR1, NULL, &sa), 0);
	cr_assert(sa.sa_handler == SIG_DFL);
	cr_assert_eq(sigaction(SIGPIPE, NULL, &sa), 0);
	cr_assert(sa.sa_handler != SIG_DFL, "a write to a closed connection would kill");
}

Test(pull, waits_no_longer_than_told)
{
	int64_t started_us = clock_mono_us();

	cr_assert_eq(pull_accept(pull, 20, &fcgi), ERR_DEADLINE);
	cr_assert_geq(clock_mono_us() - started_us, 20 * 1000);
	cr_assert_eq(pull_accept(pull, 0, &fcgi), ERR_DEADLINE);
}

Test(pull, gives_the_parameters)
{
	int fd = requested("");

	cr_assert_str_eq(fcgi_param(fcgi, "REQUEST_METHOD"), "GET");
	cr_assert_str_eq(fcgi_param(fcgi, "REQUEST_URI"), "/a?b");
	cr_assert_str_eq(fcgi_param(fcgi, "EMPTY"), "");
	cr_assert_null(fcgi_param(fcgi, "REQUEST"));
	cr_assert_null(fcgi_param(fcgi, "ABSENT"));
	fcgi_finish(fcgi, false);
	close(fd);
}

Test(pull, gives_the_body_in_pieces)
{
	char bytes[8] = "";
	int fd = requested("0123456789");

	cr_assert_eq(fcgi_read(fcgi, bytes, 7), 7);
	cr_assert_arr_eq(bytes, "0123456", 7);
	cr_assert_eq(fcgi_read(fcgi, bytes, 7), 3);
	cr_assert_arr_eq(bytes, "789", 3);
	cr_assert_eq(fcgi_read(fcgi, bytes, 7), 0);
	fcgi_finish(fcgi, false);
	close(fd);
}

Test(pull, sends_status_headers_and_body)
{
	struct fcgi_answer answer;
	int fd = requested("");

	rs.status = 201;
	rs.type = "text/plain";
	resp_header(&rs, "Location", "/urls/7");
	buf_adds(&rs.body, "made");
	cr_assert_eq(fcgi_send(fcgi, &rs, false), ERR_OK);
	fcgi_finish(fcgi, false);
	fcgi_client_answer(fd, &answer);
	cr_assert(answer.complete);
	cr_assert_str_eq(answer.head, "Status: 201 Created\r\nContent-Type: text/plain\r\n"
				      "Location: /urls/7\r\nContent-Length: 4\r\n");
	cr_assert_str_eq(answer.body, "made");
	fcgi_answer_release(&answer);
}

Test(pull, sends_head_a_length_but_no_body)
{
	struct fcgi_answer answer;
	int fd = requested("");

	rs.status = 200;
	buf_adds(&rs.body, "made");
	cr_assert_eq(fcgi_send(fcgi, &rs, true), ERR_OK);
	fcgi_finish(fcgi, false);
	fcgi_client_answer(fd, &answer);
	cr_assert(answer.complete);
	cr_assert(fcgi_answer_has(&answer, "Content-Length: 4"));
	cr_assert_eq(answer.body_n, 0);
	fcgi_answer_release(&answer);
}

Test(pull, sends_more_than_a_record)
{
	struct fcgi_answer answer;
	int fd = requested(""), i;

	rs.status = 200;
	for (i = 0; i < 10000; i++)
		buf_adds(&rs.body, "0123456789");
	cr_assert_eq(fcgi_send(fcgi, &rs, false), ERR_OK);
	fcgi_finish(fcgi, false);
	fcgi_client_answer(fd, &answer);
	cr_assert(answer.complete);
	cr_assert_eq(answer.body_n, 100 * 1000);
	cr_assert_arr_eq(answer.body, rs.body.data, 100 * 1000);
	fcgi_answer_release(&answer);
}

/* A close with bytes unread would reset the connection and lose the answer. */
Test(pull, answers_though_the_body_was_not_read)
{
	static char body[60 * 1000];
	int fd = connected();

	cr_assert(fcgi_client_request(fd, params, body, sizeof(body)));
	cr_assert_eq(pull_accept(pull, WAIT_MS, &fcgi), ERR_OK);
	cr_assert_eq(resp_empty(&rs, 413), ERR_OK);
	cr_assert_eq(fcgi_send(fcgi, &rs, false), ERR_OK);
	fcgi_finish(fcgi, false);
	expect_answer(fd, 413, "");
}

Test(pull, closes_even_when_asked_to_keep_the_connection)
{
	static const unsigned char keep[8] = { 0, RESPONDER, 1 };
	int fd = connected(), before = descriptors() + 1;

	cr_assert(fcgi_client_record(fd, FCGI_BEGIN, keep, sizeof(keep)));
	cr_assert(fcgi_client_record(fd, FCGI_PARAMS, "", 0));
	cr_assert(fcgi_client_record(fd, FCGI_STDIN, "", 0));
	cr_assert_eq(pull_accept(pull, WAIT_MS, &fcgi), ERR_OK);
	cr_assert_eq(descriptors(), before);
	cr_assert_eq(resp_empty(&rs, 204), ERR_OK);
	cr_assert_eq(fcgi_send(fcgi, &rs, false), ERR_OK);
	fcgi_finish(fcgi, false);
	cr_assert_eq(descriptors(), before - 1);
	expect_answer(fd, 204, "");
}

Test(pull, is_freed_in_the_middle_of_a_request)
{
	int before = descriptors(), fd = requested("");

	pull_free(pull);
	close(fd);
	cr_assert_eq(descriptors(), before - 1); /* the epoll instance */
	pull = NULL;
}

/*
 * Broken and hostile peers
 */

Test(pull, refuses_a_connection_that_says_nothing)
{
	int before = descriptors();

	expect_refused(connected(), before);
}

Test(pull, refuses_a_connection_that_closes_at_once)
{
	int before = descriptors(), fd = connected();

	shutdown(fd, SHUT_WR);
	expect_refused(fd, before);
}

Test(pull, refuses_four_bytes_and_silence)
{
	int before = descriptors(), fd = connected();

	cr_assert(fcgi_client_send(fd, "\1\1\0\1", 4));
	expect_refused(fd, before);
}

Test(pull, refuses_garbage)
{
	int before = descriptors(), fd = connected();

	cr_assert(fcgi_client_send(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27));
	expect_refused(fd, before);
}

Test(pull, refuses_another_version)
{
	int before = descriptors(), fd = connected();

	cr_assert(fcgi_client_send(fd, "\2\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0", 16));
	expect_refused(fd, before);
}

Test(pull, refuses_other_roles)
{
	int before = descriptors(), role;

	for (role = 0; role < 5; role++) {
		int fd;

		if (role == RESPONDER)
			continue;
		fd = connected();
		cr_assert(fcgi_client_begin(fd, role));
		cr_assert(fcgi_client_record(fd, FCGI_PARAMS, "", 0));
		cr_assert(fcgi_client_record(fd, FCGI_STDIN, "", 0));
		expect_refused(fd, before);
	}
}

Test(pull, refuses_parameters_that_stop_between_two)
{
	int before = descriptors(), fd = connected();

	cr_assert(fcgi_client_begin(fd, RESPONDER));
	cr_assert(fcgi_client_params(fd, params));
	expect_refused(fd, before);
}

Test(pull, refuses_parameters_that_stop_within_one)
{
	int before = descriptors(), fd = connected();

	cr_assert(fcgi_client_begin(fd, RESPONDER));
	cr_assert(fcgi_client_record(fd, FCGI_PARAMS, "\16\3REQ", 5));
	expect_refused(fd, before);
}

Test(pull, refuses_parameters_that_promise_two_gigabytes)
{
	int before = descriptors(), fd = connected();

	cr_assert(fcgi_client_begin(fd, RESPONDER));
	cr_assert(fcgi_client_record(fd, FCGI_PARAMS,
	    "\xff\xff\xff\xff\xff\xff\xff\xff"
	    "a",
	    9));
	expect_refused(fd, before);
}

Test(pull, refuses_an_aborted_request)
{
	int before = descriptors(), fd = connected();

	cr_assert(fcgi_client_begin(fd, RESPONDER));
	cr_assert(fcgi_client_record(fd, FCGI_ABORT, "", 0));
	expect_refused(fd, before);
}

Test(pull, takes_parameters_of_100_kilobytes)
{
	static char value[100 * 1000 + 1];
	const char *const large[] = { "LARGE", value, "REQUEST_METHOD", "PUT", NULL };
	int fd = connected();

	memset(value, 'x', sizeof(value) - 1);
	cr_assert(fcgi_client_request(fd, large, "", 0));
	cr_assert_eq(pull_accept(pull, WAIT_MS, &fcgi), ERR_OK);
	cr_assert_str_eq(fcgi_param(fcgi, "LARGE"), value);
	cr_assert_str_eq(fcgi_param(fcgi, "REQUEST_METHOD"), "PUT");
	fcgi_finish(fcgi, false);
	close(fd);
}

Test(pull, gives_up_on_a_body_that_never_ends)
{
	char bytes[8];
	int64_t started_us = clock_mono_us();
	int fd = connected();

	cr_assert(fcgi_client_begin(fd, RESPONDER));
	cr_assert(fcgi_client_record(fd, FCGI_PARAMS, "", 0));
	cr_assert(fcgi_client_record(fd, FCGI_STDIN, "abc", 3));
	cr_assert_eq(pull_accept(pull, WAIT_MS, &fcgi), ERR_OK);
	cr_assert_eq(fcgi_read(fcgi, bytes, sizeof(bytes)), -1);
	cr_assert_eq(fcgi_read(fcgi, bytes, sizeof(bytes)), -1);
	fcgi_finish(fcgi, false);
	cr_assert_lt(clock_mono_us() - started_us, 2 * 1000 * 1000);
	close(fd);
}

Test(pull, notices_a_request_aborted_in_its_body)
{
	char bytes[8];
	int fd = connected();

	cr_assert(fcgi_client_begin(fd, RESPONDER));
	cr_assert(fcgi_client_record(fd, FCGI_PARAMS, "", 0));
	cr_assert(fcgi_client_record(fd, FCGI_ABORT, "", 0));
	cr_assert_eq(pull_accept(pull, WAIT_MS, &fcgi), ERR_OK);
	cr_assert_eq(fcgi_read(fcgi, bytes, sizeof(bytes)), -1);
	fcgi_finish(fcgi, false);
	close(fd);
}

/* More than the socket holds, so that the send meets the peer's silence, or its absence. */
static void
fill_large_body(void)
{
	int i;

	rs.status = 200;
	for (i = 0; i < 800; i++)
		buf_printf(&rs.body, "%01000d", i);
}

Test(pull, notices_that_the_web_server_went_away)
{
	int fd = requested("");

	close(fd);
	fill_large_body();
	cr_assert_eq(fcgi_send(fcgi, &rs, false), ERR_ABORTED);
	fcgi_finish(fcgi, false);
}

Test(pull, gives_up_on_a_web_server_that_does_not_read)
{
	int64_t started_us = clock_mono_us();
	int fd = requested("");

	fill_large_body();
	cr_assert_eq(fcgi_send(fcgi, &rs, false), ERR_ABORTED);
	fcgi_finish(fcgi, false);
	cr_assert_lt(clock_mono_us() - started_us, 2 * 1000 * 1000);
	close(fd);
}

/*
 * Signals
 */

static volatile sig_atomic_t arrived;

static void
note_signal(int signo)
{
	arrived = signo;
}

static void
block_and_catch(int signo)
{
	struct sigaction sa = { .sa_handler = note_signal };
	sigset_t set;

	sigemptyset(&sa.sa_mask);
	sigaction(signo, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, signo);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

Test(pull, lets_a_blocked_signal_in_only_while_it_waits)
{
	int64_t started_us = clock_mono_us();

	block_and_catch(SIGTERM);
	raise(SIGTERM);
	cr_assert_eq(arrived, 0);
	cr_assert_eq(pull_accept(pull, WAIT_MS, &fcgi), ERR_DEADLINE);
	cr_assert_eq(arrived, SIGTERM);
	cr_assert_lt(clock_mono_us() - started_us, 2 * 1000 * 1000, "the signal did not wake it");
}

Test(pull, lets_a_signal_in_though_there_is_always_a_request)
{
	int64_t until_us = clock_mono_us() + 1000 * 1000;

	block_and_catch(SIGTERM);
	raise(SIGTERM);
	while (arrived == 0 && clock_mono_us() < until_us) {
		int fd = requested("");

		fcgi_finish(fcgi, false);
		close(fd);
	}
	cr_assert_eq(arrived, SIGTERM);
}

Test(pull, serves_one_connection_by_one_worker)
{
	struct pull *other = pull_new(listen_fd, IO_TIMEOUT_MS);
	int fd = requested("");

	cr_assert_not_null(other);
	cr_assert_eq(pull_accept(other, 0, &fcgi), ERR_DEADLINE);
	fcgi_finish(fcgi, false);
	pull_free(other);
	close(fd);
}
