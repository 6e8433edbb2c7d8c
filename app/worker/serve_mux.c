#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/worker/app.h"
#include "app/worker/follow.h"
#include "app/worker/serve.h"
#include "app/worker/signals.h"
#include "lib/base/arena.h"
#include "lib/base/beat.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/base/metric_process.h"
#include "lib/data/journal.h"
#include "lib/data/lookup.h"
#include "lib/http/dispatch.h"
#include "lib/http/mux.h"

enum {
	REQUEST_MEMORY = 1 << 20,
	LOG_AGE_US = 100 * 1000,
	TURN_US = 1000 * 1000, /* longer than the longest turn: two waits for Redis */
	RIDES_KEPT = 64        /* a burst of parked visits does not keep its memory */
};

/* A request with all that it needs while it is served. */
struct ride {
	struct visit visit;
	struct exchange x;
	struct arena *arena;
	struct ride *next; /* of those that are free */
};

struct loop {
	struct app *app;
	const struct dispatch *d;
	struct beat *beat;
	struct mux *mux;
	struct follow *follow;
	struct ride *free;
	size_t n_free;
	struct metric_process process;
	bool is_draining;
};

static struct ride *
ride_new(void)
{
	struct ride *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->arena = arena_new(REQUEST_MEMORY);
	if (!r->arena) {
		free(r);
		return NULL;
	}
	return r;
}

static void
ride_free(struct ride *r)
{
	arena_free(r->arena);
	free(r);
}

static struct ride *
take_ride(struct loop *l)
{
	struct ride *r = l->free;

	if (!r)
		return ride_new();
	l->free = r->next;
	l->n_free--;
	return r;
}

static void
end_ride(struct loop *l, struct ride *r)
{
	arena_reset(r->arena);
	mux_finish(l->mux, r->x.fcgi);
	if (l->n_free >= RIDES_KEPT) {
		ride_free(r);
		return;
	}
	r->next = l->free;
	l->free = r;
	l->n_free++;
}

_Static_assert(offsetof(struct ride, visit) == 0, "a visit is the beginning of its ride");

static struct ride *
ride_of(struct visit *v)
{
	return (struct ride *)v;
}

static void
answered(void *arg, struct visit *v)
{
	dispatch_end(v->x, v->e);
	metric_observe(M_REDIRECT_DURATION, v->layer, clock_mono_us() - v->x->started_us);
	end_ride(arg, ride_of(v));
}

static void
parked(void *arg, struct visit *v)
{
	const struct loop *l = arg;

	mux_park(l->mux, v->x->fcgi);
}

/* Reads one request; NULL: it is answered already, since it follows no code. */
static struct ride *
begin_ride(struct loop *l, struct fcgi *fcgi)
{
	struct ride *r = take_ride(l);
	route_handler *handler;
	enum err e;

	if (!r) {
		/* The web server takes the empty answer for an error, and asks elsewhere. */
		mux_finish(l->mux, fcgi);
		return NULL;
	}
	e = dispatch_begin(&r->x, l->d, fcgi, r->arena, &handler);
	if (!e && !handler) {
		r->visit = (struct visit){ .x = &r->x, .code = r->x.rq.params[0] };
		return r;
	}
	if (!e)
		e = handler(l->app, &r->x.rq, &r->x.rs);
	dispatch_end(&r->x, e);
	end_ride(l, r);
	return NULL;
}

static void
serve_batch(struct loop *l, struct fcgi *const ready[], size_t n)
{
	struct visit *visits[FOLLOW_BATCH];
	size_t n_visits = 0;

	for (size_t i = 0; i < n; i++) {
		struct ride *r = begin_ride(l, ready[i]);

		if (r)
			visits[n_visits++] = &r->visit;
	}
	if (n_visits > 0)
		follow_batch(l->follow, visits, n_visits);
}

/* How long the loop may wait. Whoever writes to the look-up's socket is watched meanwhile. */
static int64_t
prepare_wait(struct loop *l)
{
	int64_t wake_us = follow_wake_us(l->follow), left_us = wake_us - clock_mono_us();
	const struct lookup *lookup = l->app->lookup;
	bool runs = lookup_state(lookup) == LOOKUP_RUNS;

	mux_watch(l->mux, runs ? lookup_fd(lookup) : -1, runs ? lookup_events(lookup) : 0);
	if (left_us > BEAT_IDLE_MS * 1000)
		return BEAT_IDLE_MS;
	return left_us > 0 ? left_us / 1000 + 1 : 0;
}

/* Nothing came for a while: what was put off is done. */
static void
tidy(struct loop *l)
{
	log_flush();
	journal_tick(l->app->journal);
}

/* A worker that drains accepts nobody, so nobody is to be sent to it, whatever it does. */
static void
beat(struct loop *l, int64_t now_us, bool works, unsigned n)
{
	if (l->is_draining)
		beat_drains(l->beat, now_us);
	else if (works)
		beat_works(l->beat, now_us, now_us + TURN_US, true, n);
	else
		beat_idle(l->beat, now_us);
}

static void
turn(struct loop *l)
{
	struct fcgi *ready[MUX_BATCH];
	int64_t wait_ms = prepare_wait(l), now_us;
	size_t n;

	beat(l, clock_mono_us(), false, 0);
	mux_wait(l->mux, wait_ms);
	now_us = clock_mono_us();
	beat(l, now_us, true, 0);
	n = mux_take(l->mux, ready);
	beat(l, now_us, true, (unsigned)n);
	if (n == 0)
		tidy(l);
	metric_set(M_HTTP_IN_FLIGHT, (double)(n + follow_waiting(l->follow)));
	serve_batch(l, ready, n);
	follow_step(l->follow);
	metric_set(M_HTTP_IN_FLIGHT, (double)follow_waiting(l->follow));
	metric_process_turn(&l->process, now_us);
	log_flush_if_older(LOG_AGE_US);
}

static void
run(struct loop *l)
{
	for (;;) {
		if (signals_say_stop() && !l->is_draining) {
			l->is_draining = true;
			orphan_leave(&l->app->orphan);
			mux_drain(l->mux);
		}
		if (l->is_draining && mux_connections(l->mux) == 0)
			return;
		turn(l);
		if (signals_say_reopen())
			log_reopen();
	}
}

bool
serve_mux(struct app *app, const struct dispatch *d, struct beat *beat)
{
	struct loop l = {
		.app = app, .d = d, .beat = beat, .process = { .program = PROGRAM_WORKER }
	};
	const struct follow_front front = { &l, answered, parked };
	bool is_able;

	l.mux = mux_new(STDIN_FILENO);
	l.follow = follow_new(app, &front);
	is_able = l.mux && l.follow;
	if (is_able)
		run(&l);
	follow_free(l.follow);
	mux_free(l.mux);
	while (l.free) {
		struct ride *r = l.free;

		l.free = r->next;
		ride_free(r);
	}
	return is_able;
}
