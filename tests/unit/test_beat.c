#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/beat.h"

static char dir[] = "/tmp/test_beat.XXXXXX";
static struct beat *board;

static void
set_up(void)
{
	cr_assert_not_null(mkdtemp(dir));
	board = beat_board(dir, "api-a");
	cr_assert_not_null(board);
}

static void
tear_down(void)
{
	char path[64];

	beat_free(board);
	snprintf(path, sizeof(path), "%s/beat-api-a.%016x", dir, 1);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(rmdir(dir), 0);
}

TestSuite(beat, .init = set_up, .fini = tear_down);

/* This process as the worker of a slot. */
static struct beat *
worker(unsigned slot)
{
	struct beat *b;

	beat_assign(board, slot, getpid(), 100);
	b = beat_attach(dir, "api-a", (int)slot);
	cr_assert_not_null(b);
	return b;
}

static void
assert_view(
    unsigned slot, enum beat_state state, int64_t at_us, uint64_t busy_us, uint64_t requests)
{
	struct beat_view v = beat_view(board, slot);

	cr_assert_eq(v.state, state);
	cr_assert_eq(v.at_us, at_us);
	cr_assert_eq(v.busy_us, busy_us);
	cr_assert_eq(v.requests, requests);
}

Test(beat, has_no_worker_at_first)
{
	unsigned i;

	for (i = 0; i < BEAT_SLOTS; i++) {
		assert_view(i, BEAT_NONE, 0, 0, 0);
		cr_assert_eq(beat_view(board, i).pid, 0);
	}
}

Test(beat, starts_when_assigned)
{
	beat_assign(board, 63, 4711, 100);
	assert_view(63, BEAT_STARTS, 100, 0, 0);
	cr_assert_eq(beat_view(board, 63).pid, 4711);
	cr_assert_eq(beat_view(board, 62).state, BEAT_NONE);
}

Test(beat, tells_what_the_worker_does)
{
	struct beat *b = worker(7);

	beat_idle(b, 200);
	assert_view(7, BEAT_IDLE, 200, 0, 0);
	beat_works(b, 300, 10300, true, 1);
	assert_view(7, BEAT_SAFE, 300, 0, 1);
	cr_assert_eq(beat_view(board, 7).deadline_us, 10300);
	beat_idle(b, 350);
	assert_view(7, BEAT_IDLE, 350, 50, 1);
	beat_works(b, 400, 10400, false, 1);
	assert_view(7, BEAT_UNSAFE, 400, 50, 2);
	beat_drains(b, 410);
	assert_view(7, BEAT_DRAINS, 410, 60, 2);
	beat_free(b);
}

Test(beat, counts_waiting_and_draining_as_no_work)
{
	struct beat *b = worker(0);

	beat_idle(b, 200);
	beat_idle(b, 900);
	beat_drains(b, 1000);
	beat_drains(b, 2000);
	assert_view(0, BEAT_DRAINS, 2000, 0, 0);
	beat_free(b);
}

Test(beat, moves_the_deadline_of_a_worker_that_takes_more)
{
	struct beat *b = worker(0);

	beat_works(b, 200, 1200, true, 16);
	beat_works(b, 300, 1300, true, 3);
	assert_view(0, BEAT_SAFE, 300, 100, 19);
	cr_assert_eq(beat_view(board, 0).deadline_us, 1300);
	beat_works(b, 350, 1350, false, 0);
	assert_view(0, BEAT_UNSAFE, 350, 150, 19);
	beat_free(b);
}

Test(beat, gains_nothing_from_a_time_that_goes_back)
{
	struct beat *b = worker(0);

	beat_works(b, 500, 1200, true, 1);
	beat_idle(b, 400);
	assert_view(0, BEAT_IDLE, 400, 0, 1);
	beat_free(b);
}

Test(beat, begins_anew_for_the_next_worker)
{
	struct beat *b = worker(5);

	beat_works(b, 200, 1200, true, 4);
	beat_idle(b, 300);
	beat_free(b);
	beat_assign(board, 5, 1, 900);
	assert_view(5, BEAT_STARTS, 900, 0, 0);
	cr_assert_eq(beat_view(board, 5).deadline_us, 0);
	beat_clear(board, 5);
	assert_view(5, BEAT_NONE, 0, 0, 0);
}

Test(beat, survives_its_reader)
{
	struct beat *b = worker(2), *successor;

	beat_works(b, 200, 1200, false, 4);
	successor = beat_board(dir, "api-a");
	cr_assert_eq(beat_view(successor, 2).state, BEAT_UNSAFE);
	cr_assert_eq(beat_view(successor, 2).pid, getpid());
	beat_free(successor);
	beat_free(b);
}

Test(beat, is_seen_from_another_process)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct beat *b;

		beat_assign(board, 9, getpid(), 1);
		b = beat_attach(dir, "api-a", 9);
		if (!b)
			_exit(1);
		beat_works(b, 77, 88, true, 5);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	assert_view(9, BEAT_SAFE, 77, 0, 5);
	cr_assert_eq(beat_view(board, 9).pid, pid);
}

Test(beat, leaves_the_slot_of_another_alone)
{
	beat_assign(board, 3, getppid(), 100);
	cr_assert_null(beat_attach(dir, "api-a", 3));
	cr_assert_eq(errno, EBUSY);
	assert_view(3, BEAT_STARTS, 100, 0, 0);
}

Test(beat, takes_a_slot_that_nobody_has)
{
	struct beat *b = beat_attach(dir, "api-a", 4);

	cr_assert_not_null(b);
	cr_assert_eq(beat_view(board, 4).pid, getpid());
	beat_free(b);
}

Test(beat, beats_into_its_own_memory_without_a_pool)
{
	struct beat *b = beat_attach("/nonexistent", "", -1);

	cr_assert_not_null(b);
	beat_idle(b, 1);
	beat_works(b, 2, 3, true, 1);
	beat_drains(b, 4);
	beat_free(b);
	beat_free(NULL);
}

Test(beat, refuses_slots_that_are_none)
{
	cr_assert_null(beat_attach(dir, "api-a", BEAT_SLOTS));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(beat_attach(dir, "api-a", INT_MAX));
	cr_assert_eq(errno, EINVAL);
}

Test(beat, refuses_names_that_are_no_file)
{
	static const char *const names[] = { "", "../x", "a/b",
		"0123456789012345678901234567890123" };
	size_t i;

	for (i = 0; i < N(names); i++) {
		cr_assert_null(beat_board(dir, names[i]), "%s", names[i]);
		cr_assert_eq(errno, EINVAL);
		cr_assert_null(beat_attach(dir, names[i], 0), "%s", names[i]);
	}
}

Test(beat, tells_why_there_is_no_board)
{
	cr_assert_null(beat_board("/nonexistent", "api-a"));
	cr_assert_eq(errno, ENOENT);
	cr_assert_null(beat_attach("/nonexistent", "api-a", 0));
	cr_assert_eq(errno, ENOENT);
}
