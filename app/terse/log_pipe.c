#include "app/terse/log_pipe.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PIPE_BYTES = 1 << 20, /* services write that much while nobody reads: all may ask for it */
	COPY_BYTES = 1 << 18, /* few of its pages are full */
	PATIENCE_MS = 100     /* for the rest of a line */
};

enum err
log_pipe_open(struct log_pipe *p, int fd)
{
	struct stat st;

	p->fd = fd;
	p->copy[0] = p->copy[1] = -1;
	p->n = 0;
	if (fstat(fd, &st) != 0)
		return ERR_UNAVAILABLE;
	if (!S_ISFIFO(st.st_mode))
		return ERR_OK;
	(void)!fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
	if (pipe2(p->copy, O_CLOEXEC) != 0)
		return ERR_UNAVAILABLE;
	(void)!fcntl(p->copy[1], F_SETPIPE_SZ, COPY_BYTES);
	return ERR_OK;
}

void
log_pipe_close(struct log_pipe *p)
{
	if (p->copy[0] < 0)
		return;
	close(p->copy[0]);
	close(p->copy[1]);
}

/* read(2) that no signal disturbs; 0 at the end, or when nothing can be read any more. */
static size_t
read_some(int fd, char *bytes, size_t n)
{
	ssize_t got;

	do
		got = read(fd, bytes, n);
	while (got < 0 && errno == EINTR);
	return got > 0 ? (size_t)got : 0;
}

static size_t
read_all(int fd, char *bytes, size_t n)
{
	size_t done = 0, got;

	while (done < n && (got = read_some(fd, bytes + done, n - done)) > 0)
		done += got;
	return done;
}

/* Copies what is in the pipe. */
static bool
look_again(struct log_pipe *p)
{
	ssize_t n;

	do
		n = tee(p->fd, p->copy[1], sizeof(p->bytes), 0);
	while (n < 0 && errno == EINTR);
	p->n = n > 0 ? read_all(p->copy[0], p->bytes, (size_t)n) : 0;
	return p->n > 0;
}

static bool
read_more(struct log_pipe *p)
{
	size_t got = read_some(p->fd, p->bytes + p->n, sizeof(p->bytes) - p->n);

	p->n += got;
	return got > 0;
}

bool
log_pipe_look(struct log_pipe *p)
{
	if (p->copy[0] >= 0)
		return look_again(p);
	return p->n > 0 || read_more(p);
}

/* Waits for more than was looked at. False: none came. */
static bool
wait_for_more(struct log_pipe *p)
{
	struct pollfd end = { .fd = p->fd };
	int waited_ms, there;

	for (waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms++) {
		bool is_ended = poll(&end, 1, 1) == 1;

		if (ioctl(p->fd, FIONREAD, &there) == 0 && (size_t)there > p->n)
			return true;
		if (is_ended)
			break;
	}
	return false;
}

static bool
look_further(struct log_pipe *p)
{
	if (p->n == sizeof(p->bytes))
		return false;
	if (p->copy[0] < 0)
		return read_more(p);
	return wait_for_more(p) && look_again(p);
}

size_t
log_pipe_lines(struct log_pipe *p)
{
	const char *end;
	size_t before;

	do {
		end = memrchr(p->bytes, '\n', p->n);
		if (end)
			return (size_t)(end + 1 - p->bytes);
		before = p->n;
	} while (look_further(p) && p->n > before);
	return p->n;
}

void
log_pipe_take(struct log_pipe *p, size_t n)
{
	assert(n <= p->n);
	if (p->copy[0] >= 0) {
		/* They were looked at, so they are there. */
		(void)!read_all(p->fd, p->bytes, n);
		p->n = 0;
		return;
	}
	p->n -= n;
	memmove(p->bytes, p->bytes + n, p->n);
}
