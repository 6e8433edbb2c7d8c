#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/data/barrier.h"
#include "tests/unit/daemon.h"

static char dir[64];
static struct ctx cx;

static void
set_up(void)
{
	daemon_dir(dir, "barrier");
	ctx_init(&cx, NULL, 10000);
}

static void
tear_down(void)
{
	daemon_remove_dir(dir);
}

TestSuite(barrier, .init = set_up, .fini = tear_down, .timeout = 30);

/* An ingest that answers word after a while ('\0': hangs up instead). */
static pid_t
answer(char word, useconds_t after_us)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd;
	pid_t pid;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/" BARRIER_SOCKET, dir);
	cr_assert_eq(bind(listener, (const struct sockaddr *)&at, sizeof(at)), 0);
	cr_assert_eq(listen(listener, 1), 0);
	pid = fork();
	if (pid == 0) {
		fd = accept(listener, NULL, NULL);
		usleep(after_us);
		if (word)
			send(fd, &word, 1, MSG_NOSIGNAL);
		_exit(0);
	}
	close(listener);
	return pid;
}

static void
expect(enum err e, char word, useconds_t after_us)
{
	pid_t pid = answer(word, after_us);

	cr_expect_eq(barrier_wait(dir, &cx, 300), e);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

Test(barrier, ends_when_everything_is_stored)
{
	expect(ERR_OK, BARRIER_DONE, 50000);
}

Test(barrier, does_not_wait_when_too_many_do)
{
	expect(ERR_DEADLINE, BARRIER_BUSY, 0);
}

Test(barrier, waits_no_longer_than_told)
{
	int64_t began_us = clock_mono_us();

	expect(ERR_DEADLINE, BARRIER_DONE, 10000000);
	cr_assert_lt(clock_mono_us() - began_us, 3000000);
}

Test(barrier, waits_no_longer_than_the_request_may)
{
	ctx_init(&cx, NULL, -1);
	expect(ERR_DEADLINE, BARRIER_DONE, 0);
}

Test(barrier, is_not_there_when_the_ingest_dies)
{
	expect(ERR_UNAVAILABLE, '\0', 0);
}

Test(barrier, takes_no_other_word)
{
	expect(ERR_UNAVAILABLE, 'x', 0);
}

Test(barrier, is_not_there_without_an_ingest)
{
	char long_dir[300];

	cr_assert_eq(barrier_wait(dir, &cx, 300), ERR_UNAVAILABLE);
	memset(long_dir, 'd', sizeof(long_dir) - 1);
	long_dir[sizeof(long_dir) - 1] = '\0';
	cr_assert_eq(barrier_wait(long_dir, &cx, 300), ERR_UNAVAILABLE);
}
