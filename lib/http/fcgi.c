#include "lib/http/fcgi.h"

#include <assert.h>
#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/http/resp.h"

enum {
	RESPONDER = 1, /* FastCGI 1.0, 6.2: the only role served */
	/* The web server sends the parameters in the turn in which it connects. Bodies come
	 * from its disk, and answers wait for its buffers: they get the whole I/O timeout. */
	PARAMS_TIMEOUT_MS = 500
};

struct fcgi {
	FCGX_Request request;
	int listen_fd; /* the caller's */
	int epoll_fd;
	int64_t io_timeout_ms;
	bool active; /* between fcgi_accept and fcgi_finish */
};

/* libfcgi's initialisation takes SIGPIPE and SIGUSR1 where they have no handler. An empty
 * handler for SIGPIPE is what we want, too; SIGUSR1 is the program's. */
static bool
init_library(void)
{
	struct sigaction usr1;
	int failed;

	sigaction(SIGUSR1, NULL, &usr1);
	failed = FCGX_Init();
	sigaction(SIGUSR1, &usr1, NULL);
	return !failed;
}

static bool
is_listening(int fd)
{
	int on = 0;
	socklen_t len = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on;
}

/* An epoll instance that shares the listening socket with the other workers: one
 * connection wakes one of them. */
static int
watch(int listen_fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int flags = fcntl(listen_fd, F_GETFL), epoll_fd;

	if (flags < 0 || fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -1;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		return -1;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &ev) < 0) {
		close(epoll_fd);
		return -1;
	}
	return epoll_fd;
}

struct fcgi *
fcgi_new(int listen_fd, int64_t io_timeout_ms)
{
	struct fcgi *f;

	if (!is_listening(listen_fd) || !init_library())
		return NULL;
	f = malloc(sizeof(*f));
	if (!f)
		return NULL;
	*f = (struct fcgi){
		.listen_fd = listen_fd,
		.epoll_fd = watch(listen_fd),
		.io_timeout_ms = io_timeout_ms,
	};
	if (f->epoll_fd < 0) {
		free(f);
		return NULL;
	}
	FCGX_InitRequest(&f->request, -1, 0);
	return f;
}

void
fcgi_free(struct fcgi *f)
{
	if (!f)
		return;
	if (f->active)
		fcgi_finish(f);
	close(f->epoll_fd);
	free(f);
}

static void
set_timeout(int fd, int which, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	/* It fails only for a descriptor that is no socket. */
	(void)setsockopt(fd, SOL_SOCKET, which, &tv, sizeof(tv));
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Lets libfcgi parse the request on fd; it closes fd when that fails. */
static bool
parse(struct fcgi *f, int fd)
{
	FCGX_Request *r = &f->request;

	r->in = r->out = r->err = NULL;
	r->ipcFd = fd;
	/* FCGX_Accept_r first finishes "the last request": without this it would close fd. */
	r->keepConnection = 1;
	/* Detached, libfcgi closes a connection without waiting for the peer to do so: faster
	 * when all went well, and no way to hold a worker for seconds when it did not. */
	FCGX_Detach(r);
	/* listen_sock is -1, so when the parameters are broken and libfcgi goes on to accept
	 * another connection, it fails at once instead. */
	if (FCGX_Accept_r(r) < 0)
		return false;
	r->keepConnection = 0;
	f->active = true;
	/* libfcgi takes an error between two parameters for their end. */
	return FCGX_GetError(r->in) == 0 && r->role == RESPONDER;
}

/* Waits for a connection. The empty mask lets in all signals that the caller blocks. */
static bool
wait_ready(const struct fcgi *f, int64_t wait_ms)
{
	struct epoll_event ev;
	sigset_t none;
	int n;

	sigemptyset(&none);
	n = epoll_pwait(f->epoll_fd, &ev, 1, (int)least(wait_ms, INT_MAX), &none);
	assert(n >= 0 || errno == EINTR);
	return n > 0;
}

enum err
fcgi_accept(struct fcgi *f, int64_t wait_ms)
{
	int fd;

	assert(!f->active);
	if (!wait_ready(f, wait_ms))
		return ERR_DEADLINE;
	fd = accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0) /* EAGAIN: another worker was faster */
		return errno == EAGAIN || errno == EINTR ? ERR_DEADLINE : ERR_ABORTED;
	set_timeout(fd, SO_RCVTIMEO, least(f->io_timeout_ms, PARAMS_TIMEOUT_MS));
	set_timeout(fd, SO_SNDTIMEO, f->io_timeout_ms);
	if (parse(f, fd)) {
		set_timeout(fd, SO_RCVTIMEO, f->io_timeout_ms);
		return ERR_OK;
	}
	if (f->active)
		fcgi_finish(f);
	return ERR_ABORTED;
}

const char *
fcgi_param(const struct fcgi *f, const char *name)
{
	assert(f->active);
	return FCGX_GetParam(name, f->request.envp);
}

int64_t
fcgi_read(struct fcgi *f, char *bytes, size_t n)
{
	FCGX_Stream *in = f->request.in;
	int got, want = n < INT_MAX ? (int)n : INT_MAX;

	assert(f->active);
	got = FCGX_GetStr(bytes, want, in);
	return got < want && FCGX_GetError(in) != 0 ? -1 : got;
}

static void
put(struct fcgi *f, const char *bytes, size_t n)
{
	while (n > 0) {
		int piece = n < INT_MAX ? (int)n : INT_MAX;

		if (FCGX_PutStr(bytes, piece, f->request.out) < 0)
			return;
		bytes += piece;
		n -= (size_t)piece;
	}
}

static void
put_header(struct fcgi *f, const char *name, const char *value)
{
	put(f, name, strlen(name));
	put(f, ": ", 2);
	put(f, value, strlen(value));
	put(f, "\r\n", 2);
}

static void
put_number(struct fcgi *f, const char *name, size_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%zu", value);
	put_header(f, name, digits);
}

static void
put_status(struct fcgi *f, int status)
{
	char line[64];

	snprintf(line, sizeof(line), "%d %s", status, resp_phrase(status));
	put_header(f, "Status", line);
}

enum err
fcgi_send(struct fcgi *f, const struct resp *rs, bool head)
{
	unsigned i;

	assert(f->active);
	put_status(f, rs->status);
	if (rs->type)
		put_header(f, "Content-Type", rs->type);
	for (i = 0; i < rs->n_headers; i++)
		put_header(f, rs->headers[i].name, rs->headers[i].value);
	/* Without it the web server would chunk the answer. */
	put_number(f, "Content-Length", rs->body.len);
	put(f, "\r\n", 2);
	if (!head)
		put(f, rs->body.data, rs->body.len);
	return FCGX_GetError(f->request.out) == 0 ? ERR_OK : ERR_ABORTED;
}

void
fcgi_finish(struct fcgi *f)
{
	char rest[4096];

	assert(f->active);
	/* A close with bytes unread resets the connection: the answer would be lost. */
	while (fcgi_read(f, rest, sizeof(rest)) > 0)
		;
	FCGX_Finish_r(&f->request);
	f->active = false;
}
