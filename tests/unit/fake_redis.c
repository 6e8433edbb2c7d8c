#include "tests/unit/fake_redis.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void
serve(const struct fake_redis *f, int listener)
{
	static char asked[1 << 20];
	int fd = accept(listener, NULL, NULL);

	for (size_t i = 0; i < f->n_answers && recv(fd, asked, sizeof(asked), 0) > 0; i++)
		send(fd, f->answers[i], strlen(f->answers[i]), MSG_NOSIGNAL);
	if (f->hang_up)
		close(fd);
}

void
fake_redis_start(struct fake_redis *f, const char *socket_path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", socket_path);
	unlink(at.sun_path);
	cr_assert_eq(bind(listener, (const struct sockaddr *)&at, sizeof(at)), 0);
	cr_assert_eq(listen(listener, 8), 0);
	f->pid = fork();
	if (f->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			serve(f, listener);
	}
	close(listener);
}

void
fake_redis_stop(struct fake_redis *f)
{
	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
	f->pid = 0;
}
