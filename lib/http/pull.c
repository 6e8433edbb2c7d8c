#include "lib/http/pull.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/http/fcgi.h"
#include "lib/http/ready.h"

/* The web server sends the parameters in the turn in which it connects. Bodies come from its
 * disk, and answers wait for its buffers: they get the whole I/O timeout. */
enum { PARAMS_TIMEOUT_MS = 500 };

struct pull {
	int listen_fd; /* the caller's */
	struct ready ready;
	int64_t io_timeout_ms;
	struct fcgi *fcgi;
};

/* An epoll instance that shares the listening socket with the other workers: one
 * connection wakes one of them. */
static int
watch(int listen_fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	if (epoll_fd >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &ev) < 0) {
		close(epoll_fd);
		return -1;
	}
	return epoll_fd;
}

struct pull *
pull_new(int listen_fd, int64_t io_timeout_ms)
{
	struct pull *p;

	if (!fcgi_listens(listen_fd) || !fcgi_init())
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	*p = (struct pull){ listen_fd, { watch(listen_fd), 0 }, io_timeout_ms, fcgi_new() };
	if (p->ready.epoll_fd < 0 || !p->fcgi) {
		pull_free(p);
		return NULL;
	}
	return p;
}

void
pull_free(struct pull *p)
{
	if (!p)
		return;
	fcgi_free(p->fcgi);
	if (p->ready.epoll_fd >= 0)
		close(p->ready.epoll_fd);
	free(p);
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

enum err
pull_accept(struct pull *p, int64_t wait_ms, struct fcgi **ret_f)
{
	struct epoll_event ev;
	enum err e;
	int fd;

	if (ready_wait(&p->ready, &ev, 1, wait_ms) == 0)
		return ERR_DEADLINE;
	fd =
	    fcgi_accept(p->listen_fd, least(p->io_timeout_ms, PARAMS_TIMEOUT_MS), p->io_timeout_ms);
	if (fd < 0) /* EAGAIN: another worker was faster */
		return errno == EAGAIN || errno == EINTR ? ERR_DEADLINE : ERR_ABORTED;
	e = fcgi_begin(p->fcgi, fd);
	if (e)
		return e;
	fcgi_read_timeout(fd, p->io_timeout_ms);
	*ret_f = p->fcgi;
	return ERR_OK;
}
