/*
 * The ring of spans: what is taken out is what one process put in, in order, and all that is
 * not taken is counted, whoever writes, overwrites, stops or is killed in the middle.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/trace_ring.h"
#include "tests/unit/daemon.h"

enum { SLOTS = 16384, MANY = 4096, WRITERS = 4, EACH = 20000 };

static char dir[64];
static struct trace_ring *ring;
static struct span taken[MANY];
static uint64_t cursor, missed;

static void
set_up(void)
{
	daemon_dir(dir, "ring");
	ring = trace_ring_open(dir);
	cr_assert_not_null(ring);
}

static void
tear_down(void)
{
	trace_ring_close(ring);
	daemon_remove_dir(dir);
}

TestSuite(trace_ring, .init = set_up, .fini = tear_down, .timeout = 120);

/* All of a span follows from its id, so that a torn one shows. */
static void
make(struct span *s, uint64_t id)
{
	memset(s, 0, sizeof(*s));
	memset(s->trace_id, (int)(id % 251), sizeof(s->trace_id));
	s->id = id;
	s->parent = id * 3;
	s->start_us = (int64_t)id * 7;
	s->duration_us = (int64_t)id;
	s->kind = (uint8_t)(id % 5);
	s->program = (uint8_t)(id % 3);
	s->failed = id % 2;
	s->status = (uint16_t)(id % 600);
	snprintf(s->name, sizeof(s->name), "name %llu", (unsigned long long)id);
	memset(s->detail, 'a' + (int)(id % 26), sizeof(s->detail) - 1);
	memset(s->pool, 'A' + (int)(id % 26), sizeof(s->pool) - 1);
	memset(s->request_id, '0' + (int)(id % 10), sizeof(s->request_id) - 1);
}

static void
put(uint64_t id)
{
	struct span s;

	make(&s, id);
	trace_ring_put(ring, &s);
}

static bool
is_whole(const struct span *s)
{
	struct span whole;

	make(&whole, s->id);
	return memcmp(s, &whole, sizeof(whole)) == 0;
}

static size_t
take(size_t max)
{
	size_t n = trace_ring_take(ring, &cursor, taken, max, &missed);

	for (size_t i = 0; i < n; i++)
		cr_assert(
		    is_whole(&taken[i]), "span %llu is torn", (unsigned long long)taken[i].id);
	return n;
}

Test(trace_ring, is_empty_at_first)
{
	cr_assert_eq(take(MANY), 0);
	cr_assert_eq(missed, 0);
}

Test(trace_ring, gives_spans_back_in_order_and_once)
{
	for (uint64_t id = 1; id <= 10; id++)
		put(id);
	cr_assert_eq(take(4), 4);
	cr_assert_eq(taken[0].id, 1);
	cr_assert_eq(take(MANY), 6);
	cr_assert_eq(taken[0].id, 5);
	cr_assert_eq(taken[5].id, 10);
	cr_assert_eq(take(MANY), 0);
	put(11);
	cr_assert_eq(take(MANY), 1);
	cr_assert_eq(taken[0].id, 11);
	cr_assert_eq(missed, 0);
}

Test(trace_ring, takes_nothing_into_no_room)
{
	put(1);
	cr_assert_eq(take(0), 0);
	cr_assert_eq(take(1), 1);
}

Test(trace_ring, may_be_none_for_who_puts)
{
	struct span s;

	make(&s, 1);
	trace_ring_put(NULL, &s);
	trace_ring_close(NULL);
}

Test(trace_ring, says_why_it_cannot_be_mapped)
{
	cr_assert_null(trace_ring_open("/nowhere/at/all"));
	cr_assert_eq(errno, ENOENT);
}

Test(trace_ring, ends_texts_that_do_not_end)
{
	struct span s = { .id = 1 };

	memset(s.name, 'n', sizeof(s.name));
	memset(s.detail, 'd', sizeof(s.detail));
	memset(s.pool, 'p', sizeof(s.pool));
	memset(s.request_id, 'r', sizeof(s.request_id));
	trace_ring_put(ring, &s);
	cr_assert_eq(trace_ring_take(ring, &cursor, taken, 1, &missed), 1);
	cr_assert_eq(strlen(taken[0].name), sizeof(s.name) - 1);
	cr_assert_eq(strlen(taken[0].detail), sizeof(s.detail) - 1);
	cr_assert_eq(strlen(taken[0].pool), sizeof(s.pool) - 1);
	cr_assert_eq(strlen(taken[0].request_id), sizeof(s.request_id) - 1);
}

Test(trace_ring, counts_what_was_overwritten)
{
	put(1);
	cr_assert_eq(take(MANY), 1);
	for (uint64_t id = 2; id <= SLOTS + 100; id++)
		put(id);
	cr_assert_eq(take(1), 1);
	cr_assert_eq(taken[0].id, 101);
	cr_assert_eq(missed, 99);
	cr_assert_eq(take(1), 1);
	cr_assert_eq(missed, 0);
}

Test(trace_ring, begins_with_the_oldest_there_is_and_has_missed_nothing)
{
	for (uint64_t id = 1; id <= SLOTS + 5; id++)
		put(id);
	cr_assert_eq(take(1), 1);
	cr_assert_eq(taken[0].id, 6);
	cr_assert_eq(missed, 0);
}

Test(trace_ring, begins_anew_with_a_cursor_of_another_ring)
{
	put(1);
	cursor = 1000;
	cr_assert_eq(take(MANY), 1);
	cr_assert_eq(missed, 0);
}

Test(trace_ring, outlives_its_reader)
{
	put(1);
	put(2);
	cr_assert_eq(take(1), 1);
	trace_ring_close(ring);
	ring = trace_ring_open(dir);
	cr_assert_not_null(ring);
	cr_assert_eq(take(MANY), 1);
	cr_assert_eq(taken[0].id, 2);
	cursor = 0;
	cr_assert_eq(take(MANY), 2);
}

static pid_t
start_writer(unsigned writer, uint64_t spans)
{
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid > 0)
		return pid;
	for (uint64_t i = 1; spans == 0 || i <= spans; i++)
		put(i * WRITERS + writer);
	_exit(0);
}

static void
wait_for(pid_t pid)
{
	int status;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}

/* What all have put in; per writer it comes in order. */
static uint64_t
take_all(uint64_t n_put)
{
	uint64_t latest[WRITERS] = { 0 }, n_seen = 0, n_missed = 0;

	while (n_seen + n_missed < n_put) {
		size_t n = take(MANY);

		for (size_t i = 0; i < n; i++) {
			uint64_t *last = &latest[taken[i].id % WRITERS];

			cr_assert_gt(taken[i].id, *last);
			*last = taken[i].id;
		}
		n_seen += n;
		n_missed += missed;
	}
	cr_assert_eq(n_seen + n_missed, n_put);
	return n_seen;
}

Test(trace_ring, serves_many_writers_at_once)
{
	pid_t writers[WRITERS];

	cr_assert_eq(take(MANY), 0);
	for (unsigned i = 0; i < WRITERS; i++)
		writers[i] = start_writer(i, EACH);
	cr_assert_gt(take_all((uint64_t)WRITERS * EACH), SLOTS / 2);
	for (unsigned i = 0; i < WRITERS; i++)
		wait_for(writers[i]);
	cr_assert_eq(take(MANY), 0);
	cr_assert_eq(missed, 0);
}

/*
 * A writer that is traced, and so stopped after as many instructions as one likes.
 */

enum { STRIDE = 41 };

static pid_t
start_traced(uint64_t id)
{
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		struct span s;

		make(&s, id);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		trace_ring_put(ring, &s);
		raise(SIGSTOP);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSTOPPED(status));
	return pid;
}

/* False: it was done before. */
static bool
step(pid_t pid, unsigned steps)
{
	int status = 0;

	for (unsigned i = 0; i < steps; i++) {
		cr_assert_eq(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert(WIFSTOPPED(status));
		if (WSTOPSIG(status) == SIGSTOP)
			return false;
	}
	return true;
}

static void
finish(pid_t pid)
{
	int status;

	cr_assert_eq(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
}

static void
end(pid_t pid)
{
	kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

Test(trace_ring, loses_no_more_than_the_span_of_a_writer_that_dies)
{
	uint64_t killed = 0, n_living = 0, n_dead = 0, n_missed = 0;

	for (bool stopped = true; stopped; killed++) {
		pid_t pid = start_traced(2 * killed + 1);

		stopped = step(pid, (unsigned)killed * STRIDE);
		end(pid);
		put(2 * killed + 2);
	}
	for (int tries = 0; n_living < killed && tries < 300; tries++) {
		size_t n = take(MANY);

		for (size_t i = 0; i < n; i++)
			*(taken[i].id % 2 ? &n_dead : &n_living) += 1;
		n_missed += missed;
		poll(NULL, 0, 10);
	}
	cr_assert_eq(n_living, killed);
	cr_assert_gt(n_dead, 0);
	cr_assert_gt(n_missed, 0);
	cr_assert_leq(n_dead + n_missed, killed);
}

Test(trace_ring, waits_for_a_span_that_is_being_written)
{
	unsigned n_middle = 0;
	uint64_t rounds = 0;

	for (bool stopped = true; stopped; rounds++) {
		pid_t pid = start_traced(2 * rounds + 1);
		size_t n;

		stopped = step(pid, (unsigned)rounds * STRIDE);
		put(2 * rounds + 2);
		n = take(MANY);
		if (stopped)
			finish(pid);
		end(pid);
		cr_assert_eq(n + take(MANY), 2);
		cr_assert_eq(missed, 0);
		n_middle += n == 0 && taken[0].id == 2 * rounds + 1;
	}
	cr_assert_gt(n_middle, 0);
}

Test(trace_ring, is_not_spoilt_by_a_writer_that_was_stopped_for_a_round)
{
	bool stopped = true;

	cr_assert_eq(take(MANY), 0); /* from here on what is missed counts */
	for (unsigned round = 0; stopped; round++) {
		pid_t pid = start_traced(1);
		uint64_t n_seen = 0, n_missed = 0;

		stopped = step(pid, round * STRIDE);
		for (unsigned i = 0; i < SLOTS; i++)
			put(i + 2);
		if (stopped)
			finish(pid);
		end(pid);
		while (n_seen + n_missed < SLOTS + 1) {
			n_seen += take(MANY);
			n_missed += missed;
		}
		cr_assert_eq(n_seen + n_missed, SLOTS + 1);
		cr_assert_leq(n_missed, 2, "its own and the one that came after it");
	}
}
