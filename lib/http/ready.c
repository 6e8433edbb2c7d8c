#include "lib/http/ready.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>

#include "lib/base/clock.h"

enum { HEAR_US = 50 * 1000 };

/* epoll_pwait(2) lets signals in only when it has to wait, which under full load it never
 * has. Seldom, since it costs two system calls. */
static void
hear_signals(struct ready *r, const sigset_t *none)
{
	int64_t now_us = clock_mono_us();
	sigset_t blocked;

	if (now_us - r->heard_us < HEAR_US)
		return;
	r->heard_us = now_us;
	sigprocmask(SIG_SETMASK, none, &blocked);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

int
ready_wait(struct ready *r, struct epoll_event *events, int max, int64_t wait_ms)
{
	sigset_t none;
	int n;

	sigemptyset(&none);
	n = epoll_pwait(
	    r->epoll_fd, events, max, wait_ms < INT_MAX ? (int)wait_ms : INT_MAX, &none);
	assert(n >= 0 || errno == EINTR);
	if (n > 0)
		hear_signals(r, &none);
	return n > 0 ? n : 0;
}
