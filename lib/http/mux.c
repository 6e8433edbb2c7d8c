#include "lib/http/mux.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/attr.h"
#include "lib/base/clock.h"
#include "lib/http/fcgi.h"
#include "lib/http/ready.h"

enum {
	ACCEPTS_MAX = 16, /* in one turn; more starve those that are connected, fewer the new */
	SLOW_US = MUX_IO_MS * 1000 / 2,
	DEAF_US = 100 * 1000, /* how long a lack of descriptors stops accepting */
	FILES_MIN = 32        /* descriptors left for journal, log and databases */
};

/* What is known of a descriptor; the table is indexed by it. */
struct connection {
	bool is_open;
	bool is_parked;
	bool is_busy; /* a request is under way */
};

struct mux {
	int listen_fd; /* the caller's */
	struct ready ready;
	int watch_fd; /* the caller's; -1: none */
	bool is_listening, is_draining;
	int64_t deaf_until_us;
	struct connection *connections;
	size_t cap, n, most;
	struct fcgi **spare; /* request objects that nobody uses */
	size_t n_spare, cap_spare;
	/* What mux_wait found: no more than can be taken, since what is passed over comes last
	 * again, and might never be reached. */
	struct epoll_event events[MUX_BATCH];
	int n_events;
};

static bool
epoll_set(const struct mux *m, int op, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	return epoll_ctl(m->ready.epoll_fd, op, fd, &ev) == 0;
}

/* Shares the listening socket with the other workers: one connection wakes one of them. */
static bool
listen_again(struct mux *m)
{
	m->is_listening = epoll_set(m, EPOLL_CTL_ADD, m->listen_fd, EPOLLIN | EPOLLEXCLUSIVE);
	return m->is_listening;
}

static void
stop_listening(struct mux *m)
{
	if (m->is_listening)
		epoll_set(m, EPOLL_CTL_DEL, m->listen_fd, 0);
	m->is_listening = false;
}

/* How many connections there may be, when first_fd is the lowest descriptor left. */
static size_t
most_connections(int first_fd)
{
	struct rlimit files;
	size_t left;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur <= (rlim_t)first_fd)
		return 0;
	left = files.rlim_cur - (size_t)first_fd;
	return left - (left / 2 < FILES_MIN ? left / 2 : FILES_MIN);
}

struct mux *
mux_new(int listen_fd)
{
	struct mux *m;

	if (!fcgi_listens(listen_fd) || !fcgi_init())
		return NULL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->listen_fd = listen_fd;
	m->watch_fd = -1;
	m->ready.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (m->ready.epoll_fd < 0 || !listen_again(m)) {
		mux_free(m);
		return NULL;
	}
	m->most = most_connections(m->ready.epoll_fd);
	return m;
}

void
mux_free(struct mux *m)
{
	size_t i;

	if (!m)
		return;
	for (i = 0; i < m->cap; i++)
		if (m->connections[i].is_open)
			close((int)i);
	for (i = 0; i < m->n_spare; i++)
		fcgi_free(m->spare[i]);
	if (m->ready.epoll_fd >= 0)
		close(m->ready.epoll_fd);
	free(m->spare);
	free(m->connections);
	free(m);
}

size_t
mux_connections(const struct mux *m)
{
	return m->n;
}

/*
 * Request objects
 */

static struct fcgi *
take_object(struct mux *m)
{
	return m->n_spare > 0 ? m->spare[--m->n_spare] : fcgi_new();
}

static void
give_object(struct mux *m, struct fcgi *f)
{
	size_t cap = m->cap_spare ? 2 * m->cap_spare : 2 * MUX_BATCH;
	struct fcgi **grown;

	if (m->n_spare == m->cap_spare) {
		grown = realloc(m->spare, cap * sizeof(struct fcgi *));
		if (!grown) {
			fcgi_free(f);
			return;
		}
		m->spare = grown;
		m->cap_spare = cap;
	}
	m->spare[m->n_spare++] = f;
}

/*
 * Connections
 */

static bool
make_room(struct mux *m, int fd)
{
	size_t cap = m->cap ? m->cap : 64;
	struct connection *grown;

	if ((size_t)fd < m->cap)
		return true;
	while (cap <= (size_t)fd)
		cap *= 2;
	grown = realloc(m->connections, cap * sizeof(*grown));
	if (!grown)
		return false;
	memset(grown + m->cap, 0, (cap - m->cap) * sizeof(*grown));
	m->connections = grown;
	m->cap = cap;
	return true;
}

static void
admit(struct mux *m, int fd)
{
	if (!make_room(m, fd) || !epoll_set(m, EPOLL_CTL_ADD, fd, EPOLLIN)) {
		close(fd);
		return;
	}
	m->connections[fd] = (struct connection){ .is_open = true };
	m->n++;
}

/* The descriptor was closed by someone who had to. */
static void
forget(struct mux *m, int fd)
{
	m->connections[fd].is_open = false;
	m->n--;
}

/* Without this a worker that has no descriptor to spare would spin on those who wait. */
static void
go_deaf(struct mux *m)
{
	stop_listening(m);
	m->deaf_until_us = clock_mono_us() + DEAF_US;
}

static void
accept_some(struct mux *m)
{
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		int fd;

		if (m->n >= m->most) {
			go_deaf(m);
			return;
		}
		fd = fcgi_accept(m->listen_fd, MUX_IO_MS, MUX_IO_MS);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
				go_deaf(m);
			return;
		}
		admit(m, fd);
	}
}

/* The kernel wakes the worker that has watched the socket for longest. So whoever has accepted
 * gives his place up, or those that came later would get nothing. */
static void
go_to_the_end(struct mux *m)
{
	if (!m->is_listening)
		return;
	stop_listening(m);
	listen_again(m);
}

/* Reads the request on fd into *ret_f; false: it was broken, or the connection's end. */
static bool
begin(struct mux *m, int fd, struct fcgi **ret_f)
{
	struct fcgi *f = take_object(m);

	if (!f)
		return false;
	if (fcgi_begin(f, fd) != ERR_OK) {
		forget(m, fd);
		give_object(m, f);
		return false;
	}
	m->connections[fd].is_busy = true;
	*ret_f = f;
	return true;
}

/*
 * The loop
 */

void
mux_wait(struct mux *m, int64_t wait_ms)
{
	if (!m->is_listening && !m->is_draining) {
		if (clock_mono_us() >= m->deaf_until_us)
			listen_again(m);
		else if (wait_ms > DEAF_US / 1000)
			wait_ms = DEAF_US / 1000;
	}
	m->n_events = ready_wait(&m->ready, m->events, N(m->events), wait_ms);
}

size_t
mux_take(struct mux *m, struct fcgi *ready[MUX_BATCH])
{
	int64_t began_us = clock_mono_us();
	bool has_new = false, is_slow = false;
	size_t got = 0;

	for (int i = 0; i < m->n_events; i++) {
		int fd = m->events[i].data.fd;

		if (fd == m->listen_fd) {
			has_new = true;
		} else if (fd != m->watch_fd && (!is_slow || fcgi_is_ready(fd))) {
			got += begin(m, fd, &ready[got]);
			is_slow = clock_mono_us() - began_us > SLOW_US;
		}
	}
	m->n_events = 0;
	/* Last, so that no descriptor closed above comes back under its old events. */
	if (has_new) {
		accept_some(m);
		go_to_the_end(m);
	}
	return got;
}

void
mux_park(struct mux *m, struct fcgi *f)
{
	int fd = fcgi_fd(f);

	/* Else a web server that leaves would wake the loop again and again. */
	epoll_set(m, EPOLL_CTL_DEL, fd, 0);
	m->connections[fd].is_parked = true;
}

void
mux_finish(struct mux *m, struct fcgi *f)
{
	int fd = fcgi_fd(f);
	struct connection *c = &m->connections[fd];

	if (fcgi_finish(f, !m->is_draining) < 0)
		forget(m, fd);
	else if (c->is_parked && !epoll_set(m, EPOLL_CTL_ADD, fd, EPOLLIN)) {
		close(fd);
		forget(m, fd);
	}
	c->is_parked = c->is_busy = false;
	give_object(m, f);
}

void
mux_watch(struct mux *m, int fd, short events)
{
	uint32_t wanted = (events & POLLIN ? EPOLLIN : 0u) | (events & POLLOUT ? EPOLLOUT : 0u);

	if (m->watch_fd >= 0 && m->watch_fd != fd)
		epoll_set(m, EPOLL_CTL_DEL, m->watch_fd, 0);
	m->watch_fd = fd;
	if (fd >= 0 && !epoll_set(m, EPOLL_CTL_MOD, fd, wanted))
		epoll_set(m, EPOLL_CTL_ADD, fd, wanted);
}

/* Whether the connection waits for a request of which nothing has come. */
static bool
is_idle(const struct connection *c, int fd)
{
	char byte;

	return c->is_open && !c->is_busy && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       errno == EAGAIN;
}

void
mux_drain(struct mux *m)
{
	m->is_draining = true;
	stop_listening(m);
	/* A request that comes in this moment meets a closed connection, which the web server
	 * had kept: it sends it again elsewhere. */
	for (size_t i = 0; i < m->cap; i++)
		if (is_idle(&m->connections[i], (int)i)) {
			close((int)i);
			forget(m, (int)i);
		}
}
