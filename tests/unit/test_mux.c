#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/attr.h"
#include "lib/base/clock.h"
#include "lib/http/fcgi.h"
#include "lib/http/mux.h"
#include "lib/http/resp.h"
#include "tests/unit/fcgi_client.h"

enum { WAIT_MS = 2000, RESPONDER = 1, MANY = 50 };

static const char *const params[] = { "REQUEST_METHOD", "GET", "REQUEST_URI", "/a", NULL };
static int listen_fd;
static struct mux *mux;
static struct arena *arena;
static struct fcgi *ready[MUX_BATCH];

static void
setup(void)
{
	listen_fd = fcgi_client_listen();
	cr_assert_geq(listen_fd, 0);
	mux = mux_new(listen_fd);
	cr_assert_not_null(mux);
	arena = arena_new(1 << 20);
}

static void
teardown(void)
{
	mux_free(mux);
	arena_free(arena);
	close(listen_fd);
}

TestSuite(mux, .init = setup, .fini = teardown, .timeout = 60);

static int
connected(void)
{
	int fd = fcgi_client_connect(listen_fd);

	cr_assert_geq(fd, 0);
	return fd;
}

static void
ask(int fd)
{
	cr_assert(fcgi_client_request_kept(fd, params, "", 0));
}

static int
asked(void)
{
	int fd = connected();

	ask(fd);
	return fd;
}

static size_t
wait_and_take(int64_t wait_ms)
{
	mux_wait(mux, wait_ms);
	return mux_take(mux, ready);
}

/* Waits for at least one request. */
static size_t
next(void)
{
	int64_t until_us = clock_mono_us() + WAIT_MS * 1000;
	size_t n = 0;

	while (n == 0 && clock_mono_us() < until_us)
		n = wait_and_take(WAIT_MS);
	return n;
}

/* Lets the loop see what is there, of which nothing is a request. */
static void
turn_idly(int turns)
{
	while (turns-- > 0)
		cr_assert_eq(wait_and_take(1), 0);
}

static void
answer(struct fcgi *f)
{
	struct resp rs;

	resp_init(&rs, arena);
	cr_assert_eq(resp_empty(&rs, 204), ERR_OK);
	(void)!fcgi_send(f, &rs, false); /* the peer may be gone */
	mux_finish(mux, f);
	arena_reset(arena);
}

static void
answer_all(size_t n)
{
	for (size_t i = 0; i < n; i++)
		answer(ready[i]);
}

static void
expect_kept(int fd)
{
	struct fcgi_answer a;

	fcgi_client_answer_kept(fd, &a);
	cr_assert(a.complete);
	cr_assert_eq(a.status, 204);
	fcgi_answer_release(&a);
}

static void
expect_closed(int fd)
{
	struct fcgi_answer a;

	fcgi_client_answer(fd, &a);
	cr_assert(a.complete);
	cr_assert_eq(a.status, 204);
	fcgi_answer_release(&a);
}

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

Test(mux, needs_a_listening_socket)
{
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	cr_assert_null(mux_new(ends[0]));
	cr_assert_null(mux_new(-1));
	mux_free(NULL);
}

Test(mux, serves_one_request_after_another_on_a_kept_connection)
{
	int fd = connected();

	for (int i = 0; i < 100; i++) {
		ask(fd);
		cr_assert_eq(next(), 1);
		answer_all(1);
		expect_kept(fd);
	}
	cr_assert_eq(mux_connections(mux), 1);
	close(fd);
	turn_idly(2);
	cr_assert_eq(mux_connections(mux), 0);
}

Test(mux, closes_a_connection_that_is_not_to_be_kept)
{
	int fd = connected();

	cr_assert(fcgi_client_request(fd, params, "", 0));
	cr_assert_eq(next(), 1);
	answer_all(1);
	expect_closed(fd);
	cr_assert_eq(mux_connections(mux), 0);
}

Test(mux, serves_more_connections_than_a_batch_has_room_for)
{
	int fds[MANY];
	size_t served = 0;

	for (int i = 0; i < MANY; i++)
		fds[i] = asked();
	while (served < MANY) {
		size_t n = next();

		cr_assert_gt(n, 0);
		cr_assert_leq(n, MUX_BATCH);
		answer_all(n);
		served += n;
	}
	for (int i = 0; i < MANY; i++) {
		expect_kept(fds[i]);
		close(fds[i]);
	}
}

/* Asks again on each connection that has its answer. */
static void
ask_again(const int fds[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct pollfd p = { .fd = fds[i], .events = POLLIN };

		if (poll(&p, 1, 0) == 0)
			continue;
		expect_kept(fds[i]);
		ask(fds[i]);
	}
}

Test(mux, accepts_though_those_that_are_connected_fill_every_batch)
{
	enum { MORE = MUX_BATCH + 1 };
	int fds[MORE], late;

	for (int i = 0; i < MORE; i++)
		fds[i] = connected();
	turn_idly(3);
	for (int i = 0; i < MORE; i++)
		ask(fds[i]);
	late = connected();
	for (int turns = 0; turns < 4; turns++) {
		answer_all(wait_and_take(WAIT_MS));
		ask_again(fds, MORE);
	}
	cr_assert_eq(mux_connections(mux), MORE + 1);
	close(late);
	for (int i = 0; i < MORE; i++)
		close(fds[i]);
}

Test(mux, leaves_nothing_of_a_body_for_the_next_request)
{
	static char body[100 * 1000];
	int fd = connected();

	memset(body, 'x', sizeof(body));
	for (int i = 0; i < 3; i++) {
		cr_assert(fcgi_client_request_kept(fd, params, body, sizeof(body)));
		cr_assert_eq(next(), 1);
		answer_all(1);
		expect_kept(fd);
	}
	close(fd);
}

Test(mux, is_not_starved_by_half_sent_requests)
{
	int half[MANY], fd, before;
	int64_t began_us;

	for (int i = 0; i < MANY; i++)
		half[i] = connected();
	turn_idly(MANY);
	before = descriptors();
	for (int i = 0; i < MANY; i++)
		cr_assert(fcgi_client_send(half[i], "\1\1\0\1", 4));
	fd = asked();
	began_us = clock_mono_us();
	while (next() != 1)
		;
	/* In each turn one of the silent ones is waited for, and not one after the other. */
	cr_assert_lt(clock_mono_us() - began_us, (MANY / MUX_BATCH + 5) * MUX_IO_MS * 1000);
	answer_all(1);
	expect_kept(fd);
	for (int i = 0; i < MANY; i++)
		close(half[i]);
	turn_idly(2 * MANY);
	cr_assert_eq(mux_connections(mux), 1);
	cr_assert_leq(descriptors(), before);
	close(fd);
}

Test(mux, gives_up_on_a_request_that_stops_half_way_and_closes_it)
{
	int fd = connected();
	char byte;

	cr_assert(fcgi_client_begin(fd, RESPONDER));
	cr_assert(fcgi_client_params(fd, params));
	cr_assert_eq(wait_and_take(WAIT_MS), 0); /* accepts */
	cr_assert_eq(wait_and_take(WAIT_MS), 0); /* reads in vain */
	while (recv(fd, &byte, 1, 0) > 0)        /* an end without an answer */
		;
	cr_assert_eq(mux_connections(mux), 0);
	close(fd);
}

Test(mux, closes_what_is_no_fastcgi)
{
	int fd = connected();
	char byte;

	cr_assert(fcgi_client_send(fd, "GET / HTTP/1.1\r\n\r\n", 18));
	turn_idly(2);
	cr_assert_leq(recv(fd, &byte, 1, 0), 0);
	cr_assert_eq(mux_connections(mux), 0);
	close(fd);
}

Test(mux, serves_others_while_a_request_is_parked)
{
	int parked_fd = asked(), fd;
	struct fcgi *parked;

	cr_assert_eq(next(), 1);
	parked = ready[0];
	mux_park(mux, parked);
	fd = asked();
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(next(), 1);
		answer_all(1);
		expect_kept(fd);
		ask(fd);
	}
	answer(parked);
	expect_kept(parked_fd);
	ask(parked_fd);
	cr_assert_geq(next(), 1);
	close(fd);
	close(parked_fd);
	mux_finish(mux, ready[0]);
}

Test(mux, does_not_spin_when_the_peer_of_a_parked_request_leaves)
{
	int fd = asked();
	struct fcgi *parked;
	int64_t began_us;

	cr_assert_eq(next(), 1);
	parked = ready[0];
	mux_park(mux, parked);
	close(fd);
	began_us = clock_mono_us();
	cr_assert_eq(wait_and_take(50), 0);
	cr_assert_geq(clock_mono_us() - began_us, 45 * 1000);
	answer(parked);
	turn_idly(1);
	cr_assert_eq(mux_connections(mux), 0);
}

Test(mux, drains)
{
	int idle = connected(), busy = asked(), late;
	struct fcgi *f;
	char byte;

	while (next() != 1)
		;
	f = ready[0];
	turn_idly(2);
	cr_assert_eq(mux_connections(mux), 2);
	mux_drain(mux);
	cr_assert_eq(recv(idle, &byte, 1, 0), 0);
	cr_assert_eq(mux_connections(mux), 1);
	late = asked(); /* nobody accepts it any more */
	turn_idly(3);
	answer(f);
	expect_closed(busy);
	cr_assert_eq(mux_connections(mux), 0);
	close(idle);
	close(late);
}

Test(mux, answers_what_has_come_before_it_closes_a_connection_when_it_drains)
{
	int fd = connected();

	turn_idly(1);
	ask(fd);
	mux_drain(mux);
	cr_assert_eq(next(), 1);
	answer_all(1);
	expect_closed(fd);
	cr_assert_eq(mux_connections(mux), 0);
}

static volatile sig_atomic_t arrived;

static void
note_signal(int signo)
{
	arrived = signo;
}

Test(mux, lets_a_signal_in_though_there_is_always_a_request)
{
	const struct sigaction sa = { .sa_handler = note_signal };
	int64_t until_us = clock_mono_us() + 1000 * 1000;
	int fd = connected();
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGTERM, &sa, NULL);
	turn_idly(1);
	raise(SIGTERM);
	while (arrived == 0 && clock_mono_us() < until_us) {
		ask(fd);
		answer_all(wait_and_take(WAIT_MS));
		expect_kept(fd);
	}
	cr_assert_eq(arrived, SIGTERM);
	close(fd);
}

Test(mux, returns_when_the_watched_descriptor_is_ready)
{
	int pipes[2][2];
	int64_t began_us = clock_mono_us();

	cr_assert_eq(pipe(pipes[0]), 0);
	cr_assert_eq(pipe(pipes[1]), 0);
	mux_watch(mux, pipes[0][0], POLLIN);
	turn_idly(1);
	cr_assert_eq(write(pipes[0][1], "x", 1), 1);
	cr_assert_eq(wait_and_take(WAIT_MS), 0);
	mux_watch(mux, pipes[1][1], POLLOUT);
	cr_assert_eq(wait_and_take(WAIT_MS), 0);
	cr_assert_lt(clock_mono_us() - began_us, WAIT_MS * 1000);
	mux_watch(mux, -1, 0);
	began_us = clock_mono_us();
	cr_assert_eq(wait_and_take(30), 0);
	cr_assert_geq(clock_mono_us() - began_us, 25 * 1000);
	for (int i = 0; i < 4; i++)
		close(pipes[i / 2][i % 2]);
}

Test(mux, does_not_spin_without_descriptors_and_goes_on_with_some)
{
	struct rlimit old, few;
	int64_t began_us;
	int fd = asked();

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = old;
	few.rlim_cur = (rlim_t)dup(0); /* the lowest that is free */
	close((int)few.rlim_cur);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	began_us = clock_mono_us();
	turn_idly(1);
	cr_assert_eq(wait_and_take(50), 0);
	cr_assert_geq(clock_mono_us() - began_us, 45 * 1000);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	cr_assert_eq(next(), 1);
	answer_all(1);
	expect_kept(fd);
	close(fd);
}

Test(mux, leaves_descriptors_for_others)
{
	int fds[MANY], lowest = dup(0), left;
	struct mux *first = mux;
	struct rlimit few;

	close(lowest);
	for (int i = 0; i < MANY; i++)
		fds[i] = connected();
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &few), 0);
	few.rlim_cur = (rlim_t)(lowest + MANY + MANY);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	mux = mux_new(listen_fd);
	cr_assert_not_null(mux);
	mux_free(first);
	turn_idly(10);
	cr_assert_gt(mux_connections(mux), 0);
	left = dup(0);
	cr_assert_geq(left, 0, "a journal could not be opened");
	close(left);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
}
