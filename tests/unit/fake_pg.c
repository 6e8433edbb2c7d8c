#include "tests/unit/fake_pg.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char right_login[] = "R\0\0\0\10\0\0\0\0"
				  "Z\0\0\0\5I";

static int
listen_in(const char *dir)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/.s.PGSQL.5432", dir);
	unlink(at.sun_path);
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 16) != 0)
		_exit(98);
	return fd;
}

static bool
read_all(int fd, char *bytes, size_t n)
{
	return recv(fd, bytes, n, MSG_WAITALL) == (ssize_t)n;
}

/* Reads a message's body; its length counts itself. */
static bool
skip_body(int fd)
{
	char byte;
	uint32_t n;

	if (!read_all(fd, (char *)&n, sizeof(n)))
		return false;
	for (n = ntohl(n) - 4; n > 0; n--)
		if (!read_all(fd, &byte, 1))
			return false;
	return true;
}

/* Reads messages up to the one that asks for an answer: Query or Sync. */
static bool
read_query(int fd)
{
	char type;

	do {
		if (!read_all(fd, &type, 1) || !skip_body(fd) || type == 'X')
			return false;
	} while (type != 'Q' && type != 'S');
	return true;
}

static void
serve(const struct fake_pg *f, int fd)
{
	f->counts->connections++;
	if (!skip_body(fd))
		return;
	if (f->login)
		send(fd, f->login, strlen(f->login), MSG_NOSIGNAL);
	else
		send(fd, right_login, sizeof(right_login) - 1, MSG_NOSIGNAL);
	while (read_query(fd)) {
		int i = f->counts->queries++;
		const struct fake_answer *a = &f->answers[i < f->n_answers ? i : f->n_answers - 1];

		if (a->bytes)
			send(fd, a->bytes, a->n, MSG_NOSIGNAL);
		if (a->close)
			return;
	}
}

static void
run(const struct fake_pg *f, int ready_fd)
{
	int listener;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	usleep((useconds_t)f->start_after_ms * 1000);
	listener = listen_in(f->dir);
	close(ready_fd);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		serve(f, fd);
		close(fd);
	}
}

void
fake_pg_start(struct fake_pg *f)
{
	int ready[2];
	char byte;

	f->counts = mmap(
	    NULL, sizeof(*f->counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert(f->counts != MAP_FAILED && pipe(ready) == 0);
	f->pid = fork();
	if (f->pid == 0) {
		close(ready[0]);
		run(f, ready[1]);
	}
	close(ready[1]);
	if (f->start_after_ms == 0)
		cr_assert_eq(read(ready[0], &byte, 1), 0);
	close(ready[0]);
}

void
fake_pg_stop(struct fake_pg *f)
{
	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
	munmap(f->counts, sizeof(*f->counts));
}
