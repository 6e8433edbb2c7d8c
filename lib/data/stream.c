#include "lib/data/stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/clock.h"

enum err
stream_wait(int fd, short events, int64_t deadline_us)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		int64_t left_us = deadline_us - clock_mono_us();

		if (left_us <= 0)
			return ERR_DEADLINE;
		/* A signal only makes it look at the clock again; errors show at the next call. */
		if (poll(&p, 1, (int)((left_us + 999) / 1000)) > 0)
			return ERR_OK;
	}
}

bool
stream_is_ready(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, 0) != 0;
}

bool
stream_has_input(int fd)
{
	return stream_is_ready(fd, POLLIN);
}

enum err
stream_connect(const char *path, int64_t deadline_us, int *ret_fd)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	int fd;

	if (clock_mono_us() >= deadline_us)
		return ERR_DEADLINE;
	if (n >= sizeof(to.sun_path))
		return ERR_UNAVAILABLE;
	memcpy(to.sun_path, path, n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_UNAVAILABLE;
	/* On a unix socket this is done at once, or refused: EAGAIN is a full backlog. */
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
		close(fd);
		return ERR_UNAVAILABLE;
	}
	*ret_fd = fd;
	return ERR_OK;
}

enum err
stream_send(int fd, const void *bytes, size_t n, int64_t deadline_us)
{
	const char *at = bytes;

	while (n > 0) {
		ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return ERR_UNAVAILABLE;
		if (sent < 0) {
			enum err e = stream_wait(fd, POLLOUT, deadline_us);

			if (e)
				return e;
			continue;
		}
		at += sent;
		n -= (size_t)sent;
	}
	return ERR_OK;
}

enum err
stream_receive(int fd, void *bytes, size_t cap, int64_t deadline_us, size_t *ret_n)
{
	for (;;) {
		enum err e = stream_wait(fd, POLLIN, deadline_us);
		ssize_t n;

		if (e)
			return e;
		n = recv(fd, bytes, cap, 0);
		if (n > 0) {
			*ret_n = (size_t)n;
			return ERR_OK;
		}
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return ERR_UNAVAILABLE;
	}
}
