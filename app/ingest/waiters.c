#include "app/ingest/waiters.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/data/barrier.h"

enum { BACKLOG = 1024, EVENTS = 64 };

struct waiter {
	int fd;
	int64_t since_us;
};

struct waiters {
	int epoll_fd, listen_fd;
	struct sockaddr_un address;
	int most, n;
	struct waiter waiting[];
};

static bool
watch(const struct waiters *w, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool
listen_at(struct waiters *w, const char *run_dir)
{
	struct sockaddr_un *a = &w->address;
	int n = snprintf(a->sun_path, sizeof(a->sun_path), "%s/%s", run_dir, BARRIER_SOCKET);

	if (n < 0 || (size_t)n >= sizeof(a->sun_path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	a->sun_family = AF_UNIX;
	unlink(a->sun_path);
	w->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* Nobody can connect between bind and listen, so the mode is right in time. */
	return w->listen_fd >= 0 &&
	       bind(w->listen_fd, (const struct sockaddr *)(const void *)a, sizeof(*a)) == 0 &&
	       chmod(a->sun_path, 0660) == 0 && listen(w->listen_fd, BACKLOG) == 0;
}

struct waiters *
waiters_new(const char *run_dir, int most)
{
	struct waiters *w = calloc(1, sizeof(*w) + (size_t)most * sizeof(w->waiting[0]));

	if (w == NULL)
		return NULL;
	w->most = most;
	w->listen_fd = -1;
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll_fd < 0 || !listen_at(w, run_dir) || !watch(w, w->listen_fd, EPOLLIN)) {
		int why = errno;

		waiters_free(w);
		errno = why;
		return NULL;
	}
	return w;
}

void
waiters_free(struct waiters *w)
{
	if (w == NULL)
		return;
	while (w->n > 0)
		close(w->waiting[--w->n].fd);
	if (w->listen_fd >= 0) {
		unlink(w->address.sun_path);
		close(w->listen_fd);
	}
	if (w->epoll_fd >= 0)
		close(w->epoll_fd);
	free(w);
}

int
waiters_fd(const struct waiters *w)
{
	return w->epoll_fd;
}

int
waiters_count(const struct waiters *w)
{
	return w->n;
}

/* Says the word and hangs up. A client that does not take one byte has gone. */
static void
answer(int fd, char word)
{
	(void)!send(fd, &word, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void
take_in(struct waiters *w)
{
	int fd;

	while ((fd = accept4(w->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (w->n == w->most || !watch(w, fd, EPOLLRDHUP)) {
			answer(fd, BARRIER_BUSY);
			continue;
		}
		w->waiting[w->n++] = (struct waiter){ fd, clock_mono_us() };
	}
}

static void
forget(struct waiters *w, int fd)
{
	int i = 0;

	while (i < w->n && w->waiting[i].fd != fd)
		i++;
	if (i == w->n)
		return;
	close(fd);
	w->waiting[i] = w->waiting[--w->n];
}

void
waiters_turn(struct waiters *w)
{
	struct epoll_event events[EVENTS];
	int i, n = epoll_wait(w->epoll_fd, events, EVENTS, 0);
	bool someone_came = false;

	for (i = 0; i < n; i++) {
		if (events[i].data.fd == w->listen_fd)
			someone_came = true;
		else
			forget(w, events[i].data.fd);
	}
	/* Last: a descriptor that was just closed may come again as a new client's. */
	if (someone_came)
		take_in(w);
}

void
waiters_answer(struct waiters *w, int64_t stored_us)
{
	int i, kept = 0;

	for (i = 0; i < w->n; i++) {
		if (w->waiting[i].since_us <= stored_us)
			answer(w->waiting[i].fd, BARRIER_DONE);
		else
			w->waiting[kept++] = w->waiting[i];
	}
	w->n = kept;
}
