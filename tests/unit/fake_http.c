#include "tests/unit/fake_http.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Bytes that the body of a request has, by its header. */
static size_t
body_length(const char *asked)
{
	const char *at = strstr(asked, "Content-Length: ");

	return at ? strtoul(at + strlen("Content-Length: "), NULL, 10) : 0;
}

static void
read_request(int fd, struct fake_http_seen *seen)
{
	static char asked[FAKE_HTTP_ASKED];
	size_t n = 0;

	for (;;) {
		const char *end;
		ssize_t got = recv(fd, asked + n, sizeof(asked) - 1 - n, 0);

		if (got <= 0)
			return;
		n += (size_t)got;
		asked[n] = '\0';
		end = strstr(asked, "\r\n\r\n");
		if (end && n >= (size_t)(end + 4 - asked) + body_length(asked))
			break;
	}
	memcpy(seen->asked, asked, n + 1);
	seen->n = n;
}

static void
serve(const struct fake_http *f, int listener)
{
	int fd = accept(listener, NULL, NULL);
	size_t i = (size_t)f->seen->connections;
	const char *answer;

	read_request(fd, f->seen);
	answer = f->answers[i < f->n_answers ? i : f->n_answers - 1];
	f->seen->connections++;
	if (answer) {
		send(fd, answer, strlen(answer), MSG_NOSIGNAL);
		close(fd);
	}
}

void
fake_http_start(struct fake_http *f)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t n = sizeof(at);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(bind(listener, (const struct sockaddr *)&at, sizeof(at)), 0);
	cr_assert_eq(listen(listener, 8), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&at, &n), 0);
	f->port = ntohs(at.sin_port);
	f->seen =
	    mmap(NULL, sizeof(*f->seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(f->seen, MAP_FAILED);
	f->pid = fork();
	if (f->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			serve(f, listener);
	}
	close(listener);
}

void
fake_http_stop(struct fake_http *f)
{
	if (!f->pid)
		return;
	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
	munmap(f->seen, sizeof(*f->seen));
	f->pid = 0;
}
