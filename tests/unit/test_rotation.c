#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/pool/rotation.h"

static char dir[] = "/tmp/test_rotation.XXXXXX";

/* A pool with its listening socket. */
struct end {
	struct rotation r;
	int fd;
	char path[108];
};

static struct end a, b;

static int
address_of(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(ret->sun_path, sizeof(ret->sun_path), "%s", path);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void
open_end(struct end *e, const char *pool)
{
	struct sockaddr_un address;

	snprintf(e->path, sizeof(e->path), "%s/%s.sock", dir, pool);
	e->fd = address_of(e->path, &address);
	cr_assert_eq(bind(e->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(e->fd, 8), 0);
	cr_assert(rotation_init(&e->r, e->fd, dir, pool));
}

static void
close_end(struct end *e)
{
	rotation_release(&e->r);
	close(e->fd);
	unlink(e->path);
}

static void
set_up(void)
{
	cr_assert_not_null(mkdtemp(dir));
	open_end(&a, "api-a");
	open_end(&b, "api-b");
}

static void
tear_down(void)
{
	char path[64];

	close_end(&a);
	close_end(&b);
	snprintf(path, sizeof(path), "%s/api.rotation", dir);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(rmdir(dir), 0, "something was left");
}

TestSuite(rotation, .init = set_up, .fini = tear_down);

/* What a web server meets: 0, or connect's errno. The connection stays open. */
static int
connects(const struct end *e, int *ret_fd)
{
	struct sockaddr_un address;
	int fd = address_of(e->path, &address);
	int result = connect(fd, (struct sockaddr *)&address, sizeof(address)) ? errno : 0;

	if (ret_fd)
		*ret_fd = fd;
	else
		close(fd);
	return result;
}

Test(rotation, leaves_when_another_is_able)
{
	rotation_update(&a.r, true);
	rotation_update(&b.r, true);
	rotation_update(&a.r, false);
	cr_assert_eq(connects(&a, NULL), ENOENT);
	cr_assert_eq(connects(&b, NULL), 0);
	cr_assert_not(a.r.is_in);
	rotation_update(&a.r, true);
	cr_assert_eq(connects(&a, NULL), 0);
	cr_assert(a.r.is_in);
}

Test(rotation, stays_when_it_is_the_last)
{
	rotation_update(&a.r, false);
	cr_assert(a.r.is_in, "nobody is able");
	rotation_update(&b.r, true);
	rotation_update(&a.r, false);
	cr_assert_not(a.r.is_in);
	rotation_update(&b.r, false);
	cr_assert(b.r.is_in);
	cr_assert_eq(connects(&b, NULL), 0);
}

Test(rotation, comes_back_when_the_other_fails_too)
{
	rotation_update(&b.r, true);
	rotation_update(&a.r, false);
	rotation_update(&b.r, false);
	rotation_update(&a.r, false);
	cr_assert(a.r.is_in && b.r.is_in, "to wait is better than an error");
}

Test(rotation, does_not_rely_on_a_pool_that_was_killed)
{
	int status, ready[2];
	char byte;
	pid_t pid;

	cr_assert_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		/* a descriptor of its own, as another program has */
		cr_assert(rotation_init(&b.r, b.fd, dir, "api-b"));
		rotation_update(&b.r, true);
		_exit(write(ready[1], "x", 1) != 1 || pause());
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	rotation_update(&a.r, false);
	cr_assert_not(a.r.is_in);
	kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	rotation_update(&a.r, false);
	cr_assert(a.r.is_in);
}

Test(rotation, leaves_for_good_whoever_is_there)
{
	rotation_update(&a.r, true);
	rotation_leave(&a.r);
	cr_assert_eq(connects(&a, NULL), ENOENT);
	rotation_update(&b.r, false);
	cr_assert(b.r.is_in, "nobody relies on one that has left");
}

Test(rotation, leaves_the_socket_of_a_successor_alone)
{
	struct end successor = { 0 };

	rotation_update(&b.r, true);
	cr_assert_eq(unlink(a.path), 0);
	open_end(&successor, "api-a");
	rotation_update(&a.r, false);
	rotation_leave(&a.r);
	rotation_release(&a.r);
	cr_assert_eq(connects(&successor, NULL), 0);
	close_end(&successor);
	a.r = (struct rotation){ .lock_fd = -1 };
}

Test(rotation, removes_what_a_predecessor_left_aside)
{
	struct end successor = { 0 };

	rotation_leave(&a.r);
	cr_assert_eq(access(a.r.aside, F_OK), 0);
	open_end(&successor, "api-a");
	cr_assert_neq(access(a.r.aside, F_OK), 0);
	close_end(&successor);
}

Test(rotation, turns_away_those_who_wait)
{
	int fds[3], i;
	char byte;

	cr_assert_not(rotation_has_waiting(&a.r));
	for (i = 0; i < 3; i++)
		cr_assert_eq(connects(&a, &fds[i]), 0);
	cr_assert(rotation_has_waiting(&a.r));
	cr_assert_eq(rotation_turn_away(&a.r), 3);
	cr_assert_not(rotation_has_waiting(&a.r));
	for (i = 0; i < 3; i++) {
		cr_assert_eq(read(fds[i], &byte, 1), 0);
		close(fds[i]);
	}
	cr_assert_eq(rotation_turn_away(&a.r), 0);
}

Test(rotation, kills_for_another_pool_only_when_there_is_one)
{
	cr_assert_not(rotation_may_kill(&a.r, 1000, 100));
	rotation_update(&a.r, true);
	cr_assert_not(rotation_may_kill(&a.r, 1000, 100), "itself is no other");
	rotation_update(&b.r, true);
	cr_assert(rotation_may_kill(&a.r, 1000, 100));
}

static void
note_kill(struct rotation *r, int64_t now_us)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(!rotation_note_kill(r, now_us));
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}

Test(rotation, spares_the_worker_that_got_the_request_of_a_killed_one)
{
	rotation_update(&a.r, true);
	rotation_update(&b.r, true);
	note_kill(&b.r, 1000);
	cr_assert_not(rotation_may_kill(&a.r, 1099, 100));
	cr_assert(rotation_may_kill(&a.r, 1100, 100));
	cr_assert(rotation_may_kill(&a.r, 999, 100), "before the machine's boot");
	cr_assert(rotation_note_kill(&a.r, 1000));
	cr_assert(rotation_may_kill(&a.r, 1050, 100), "its own are no reason");
}

Test(rotation, always_stays_without_a_path)
{
	struct rotation r;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert(rotation_init(&r, fd, dir, "api-c"));
	rotation_update(&b.r, true);
	rotation_update(&r, false);
	rotation_leave(&r);
	cr_assert(r.is_in);
	rotation_release(&r);
	close(fd);
}

Test(rotation, tells_why_it_can_not_be)
{
	struct rotation r;

	cr_assert_not(rotation_init(&r, STDIN_FILENO, dir, "api-c"));
	rotation_release(&r);
	cr_assert_not(rotation_init(&r, a.fd, "/nonexistent", "api-c"));
	cr_assert_eq(errno, ENOENT);
	rotation_release(&r);
}
