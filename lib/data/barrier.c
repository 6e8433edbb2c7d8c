#include "lib/data/barrier.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/data/stream.h"

enum err
barrier_wait(const char *run_dir, struct ctx *cx, int64_t timeout_ms)
{
	int64_t deadline_us = clock_mono_us() + timeout_ms * 1000;
	char path[PATH_MAX], word;
	size_t n;
	enum err e;
	int fd;

	if (deadline_us > cx->deadline_us)
		deadline_us = cx->deadline_us;
	/* A path that does not fit here does not fit into a socket's address either. */
	snprintf(path, sizeof(path), "%s/" BARRIER_SOCKET, run_dir);
	e = stream_connect(path, deadline_us, &fd);
	if (e)
		return e;
	e = stream_receive(fd, &word, sizeof(word), deadline_us, &n);
	close(fd);
	if (e || word == BARRIER_DONE)
		return e;
	return word == BARRIER_BUSY ? ERR_DEADLINE : ERR_UNAVAILABLE;
}
