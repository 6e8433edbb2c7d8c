#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/ingest/waiters.h"
#include "lib/base/clock.h"
#include "lib/data/barrier.h"
#include "tests/unit/daemon.h"

static char dir[64], path[96];
static struct waiters *w;

static void
set_up(void)
{
	daemon_dir(dir, "waiters");
	snprintf(path, sizeof(path), "%s/%s", dir, BARRIER_SOCKET);
	w = waiters_new(dir, 2);
	cr_assert_not_null(w);
}

static void
tear_down(void)
{
	waiters_free(w);
	daemon_remove_dir(dir);
}

TestSuite(waiters, .init = set_up, .fini = tear_down, .timeout = 30);

static int
come(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	cr_assert_geq(fd, 0);
	strcpy(a.sun_path, path);
	cr_assert_eq(connect(fd, (const struct sockaddr *)(const void *)&a, sizeof(a)), 0);
	return fd;
}

/* The word that came; 0: none yet, -1: hung up. */
static int
word(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, 0);

	if (n == 1)
		return c;
	return n == 0 ? -1 : 0;
}

static bool
is_readable(void)
{
	struct pollfd p = { .fd = waiters_fd(w), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

Test(waiters, are_answered_once_what_was_before_them_is_stored)
{
	int64_t before_us = clock_mono_us() - 1;
	int fd;

	cr_assert_not(is_readable());
	fd = come();
	cr_assert(is_readable());
	waiters_turn(w);
	cr_assert_eq(waiters_count(w), 1);
	cr_assert_not(is_readable());
	waiters_answer(w, before_us);
	cr_assert_eq(waiters_count(w), 1);
	cr_assert_eq(word(fd), 0);
	waiters_answer(w, clock_mono_us());
	cr_assert_eq(waiters_count(w), 0);
	cr_assert_eq(word(fd), BARRIER_DONE);
	cr_assert_eq(word(fd), -1);
	close(fd);
}

Test(waiters, are_told_when_too_many_wait)
{
	int first = come(), second = come(), third = come();

	waiters_turn(w);
	cr_assert_eq(waiters_count(w), 2);
	cr_assert_eq(word(first), 0);
	cr_assert_eq(word(second), 0);
	cr_assert_eq(word(third), BARRIER_BUSY);
	close(first);
	close(second);
	close(third);
}

Test(waiters, that_hang_up_make_room)
{
	int first = come(), second = come(), third;

	waiters_turn(w);
	close(first);
	cr_assert(is_readable());
	third = come();
	waiters_turn(w);
	cr_assert_eq(waiters_count(w), 2);
	cr_assert_eq(word(third), 0);
	waiters_answer(w, clock_mono_us());
	cr_assert_eq(word(second), BARRIER_DONE);
	cr_assert_eq(word(third), BARRIER_DONE);
	close(second);
	close(third);
}

Test(waiters, that_talk_cost_nothing)
{
	int fd = come();

	waiters_turn(w);
	cr_assert_eq(send(fd, "hello", 5, 0), 5);
	cr_assert_not(is_readable());
	waiters_answer(w, clock_mono_us());
	cr_assert_eq(waiters_count(w), 0);
	close(fd);
}

Test(waiters, those_that_were_not_heard_yet_are_answered_later)
{
	int first = come(), second;
	int64_t between_us;

	waiters_turn(w);
	between_us = clock_mono_us();
	while (clock_mono_us() == between_us)
		;
	second = come();
	waiters_turn(w);
	waiters_answer(w, between_us);
	cr_assert_eq(word(first), BARRIER_DONE);
	cr_assert_eq(word(second), 0);
	cr_assert_eq(waiters_count(w), 1);
	close(first);
	close(second);
}

Test(waiters, the_socket_is_for_the_group_and_goes_with_its_owner)
{
	struct stat st;

	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0660);
	waiters_free(w);
	w = NULL;
	cr_assert_neq(stat(path, &st), 0);
}

Test(waiters, take_the_place_of_a_dead_ones_socket)
{
	struct waiters *old = w;
	int fd;

	w = waiters_new(dir, 2);
	cr_assert_not_null(w);
	fd = come();
	waiters_turn(w);
	cr_assert_eq(waiters_count(w), 1);
	close(fd);
	waiters_free(old);
}

Test(waiters, need_a_directory_whose_name_fits)
{
	char far[200];

	cr_assert_null(waiters_new("/nonexistent", 2));
	cr_assert_eq(errno, ENOENT);
	memset(far, 'x', sizeof(far) - 1);
	far[sizeof(far) - 1] = '\0';
	cr_assert_null(waiters_new(far, 2));
	cr_assert_eq(errno, ENAMETOOLONG);
	waiters_free(NULL);
}

Test(waiters, are_hung_up_on_at_the_end)
{
	int fd = come();

	waiters_turn(w);
	cr_assert_eq(waiters_count(w), 1);
	waiters_free(w);
	w = NULL;
	cr_assert_eq(word(fd), -1);
	close(fd);
}
