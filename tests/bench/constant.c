/*
 * The constant worker: terse-worker's mux front with nothing behind it. It answers every
 * request with the same redirect, with the headers that a real one has: no look-up, no click,
 * no log, no metrics. It takes terse-worker's place in its pools, so it beats, too.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/beat.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/base/settings.h"
#include "lib/http/fcgi.h"
#include "lib/http/mux.h"
#include "lib/http/resp.h"

#define TURN_US (1000 * 1000)
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
serve(struct mux *m, struct beat *b, const struct resp *rs)
{
	struct fcgi *ready[MUX_BATCH];
	int64_t now_us;
	size_t n, i;

	while (!stopping) {
		beat_idle(b, clock_mono_us());
		mux_wait(m, BEAT_IDLE_MS);
		now_us = clock_mono_us();
		beat_works(b, now_us, now_us + TURN_US, true, 0);
		n = mux_take(m, ready);
		beat_works(b, now_us, now_us + TURN_US, true, (unsigned)n);
		for (i = 0; i < n; i++) {
			/* Whoever went away needs no answer. */
			(void)!fcgi_send(ready[i], rs, false);
			mux_finish(m, ready[i]);
		}
	}
}

/* The pool's slot is the last argument. */
static struct beat *
attach(int argc, char **argv)
{
	struct settings s;
	struct beat *b = NULL;
	int64_t slot;
	char why[256];

	if (settings_load(&s, why, sizeof(why)) == ERR_OK && argc > 1 &&
	    num_parse(argv[argc - 1], strlen(argv[argc - 1]), 0, BEAT_SLOTS - 1, &slot) == ERR_OK)
		b = beat_attach(s.run_dir, s.pool, (int)slot);
	settings_release(&s);
	return b;
}

int
main(int argc, char **argv)
{
	struct beat *b = attach(argc, argv);
	struct arena *a = arena_new((size_t)1 << 16);
	struct mux *m = mux_new(STDIN_FILENO);
	struct resp rs;

	take_signals();
	if (a == NULL || b == NULL || m == NULL || redirect(&rs, a) != ERR_OK) {
		perror("constant");
		return 1;
	}
	serve(m, b, &rs);
	mux_free(m);
	arena_free(a);
	beat_free(b);
	return 0;
}
