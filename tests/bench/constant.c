/*
 * The constant worker: terse-worker's mux front with nothing behind it. It answers every
 * request with the same redirect, with the headers that a real one has: no look-up, no click,
 * no log, no metrics. What is left of it in the worker is what the rest costs.
 */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/http/fcgi.h"
#include "lib/http/mux.h"
#include "lib/http/resp.h"

#define IDLE_MS 500
#define TARGET "https://example.com/a"

static volatile sig_atomic_t stopping;

static void
on_stop(int sig)
{
	(void)sig;
	stopping = 1;
}

/* Blocked but while mux_wait waits, as in terse-worker. */
static void
take_signals(void)
{
	struct sigaction stop = { .sa_handler = on_stop };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaction(SIGTERM, &stop, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static enum err
redirect(struct resp *rs, struct arena *a)
{
	resp_init(rs, a);
	resp_header(rs, "Location", TARGET);
	resp_header(rs, "Cache-Control", "private, no-store");
	return resp_empty(rs, 302);
}

static void
serve(struct mux *m, const struct resp *rs)
{
	struct fcgi *ready[MUX_BATCH];
	size_t n, i;

	while (!stopping) {
		n = mux_wait(m, IDLE_MS, ready);
		for (i = 0; i < n; i++) {
			/* Whoever went away needs no answer. */
			(void)!fcgi_send(ready[i], rs, false);
			mux_finish(m, ready[i]);
		}
	}
}

int
main(void)
{
	pid_t parent = getppid();
	struct arena *a = arena_new((size_t)1 << 16);
	struct mux *m;
	struct resp rs;

	take_signals();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		return 1;
	m = mux_new(STDIN_FILENO);
	if (a == NULL || m == NULL || redirect(&rs, a) != ERR_OK) {
		perror("constant");
		return 1;
	}
	serve(m, &rs);
	mux_free(m);
	arena_free(a);
	return 0;
}
