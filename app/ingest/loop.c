#include "app/ingest/loop.h"

#include <poll.h>
#include <stdbool.h>

#include "app/ingest/drain.h"
#include "app/ingest/house.h"
#include "app/ingest/ingest.h"
#include "app/ingest/tail.h"
#include "app/ingest/task.h"
#include "app/ingest/waiters.h"
#include "lib/base/arena.h"
#include "lib/base/attr.h"
#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/base/metric_process.h"
#include "lib/base/settings.h"
#include "lib/base/stop.h"
#include "lib/data/breaker.h"
#include "lib/data/click_store.h"
#include "lib/data/migrate.h"
#include "lib/data/news.h"

enum { STEP_TIMEOUT_MS = 10 * 1000, STOP_US = 3 * 1000 * 1000, LOG_AGE_US = 100 * 1000 };

/* Changes that are told of within this time are looked for together. */
enum { GATHER_US = 20 * 1000 };

/* In the order in which they run when several are due. */
enum { PREPARE, SYNC, DRAIN, TAIL, HOUSE, TASKS };

struct loop {
	struct ingest *in;
	int signal_fd;
	bool is_ready; /* the schema is this program's */
	bool must_stop;
	struct house house;
	struct metric_process process;
	struct task tasks[TASKS];
};

/*
 * Steps of the tasks.
 */

static enum err
prepare(struct loop *l, struct ctx *cx, bool *ret_more)
{
	enum err e = migrate_check(l->in->db, cx);

	if (!e)
		e = click_partitions_ahead(l->in->db, cx);
	if (e)
		return e;
	l->is_ready = true;
	*ret_more = false;
	if (log_begin(LOG_INFO, "ready"))
		log_end();
	return ERR_OK;
}

static enum err
sync_journal(struct loop *l, struct ctx *cx, bool *ret_more)
{
	*ret_more = false;
	return drain_sync(l->in->drain, cx);
}

static enum err
drain(struct loop *l, struct ctx *cx, bool *ret_more)
{
	enum err e = drain_step(l->in->drain, cx, ret_more);

	l->tasks[DRAIN].interval_us = drain_pause_us(l->in->drain);
	return e;
}

static enum err
tail(struct loop *l, struct ctx *cx, bool *ret_more)
{
	return tail_step(l->in->tail, cx, ret_more);
}

static enum err
house(struct loop *l, struct ctx *cx, bool *ret_more)
{
	bool is_idle = clock_mono_us() - drain_stored_us(l->in->drain) < 1000 * 1000;

	*ret_more = false;
	return house_step(&l->house, l->in->db, cx, is_idle);
}

static const struct {
	const char *name;
	int64_t interval_ms; /* 0: the setting for the journal */
	bool needs_schema;
	enum err (*step)(struct loop *l, struct ctx *cx, bool *ret_more);
} rows[] = {
	[PREPARE] = { "prepare", 500, false, prepare },
	[SYNC] = { "sync", 200, false, sync_journal },
	[DRAIN] = { "drain", 0, true, drain },
	[TAIL] = { "tail", 200, true, tail },
	[HOUSE] = { "house", 1000, true, house },
};

_Static_assert(N(rows) == TASKS, "one row per task");

/*
 * The loop.
 */

/* Runs a task's step once; returns whether there is more to do at once. */
static bool
run(struct loop *l, int task, int64_t timeout_ms)
{
	struct task *t = &l->tasks[task];
	bool more = false;
	struct ctx cx;
	enum err e;

	ctx_init(&cx, l->in->arena, timeout_ms);
	e = rows[task].step(l, &cx, &more);
	if (e)
		task_failed(t, clock_mono_us(), e, &cx);
	else
		task_went(t, clock_mono_us(), more);
	arena_reset(l->in->arena);
	return more;
}

static bool
is_wanted(const struct loop *l, int task)
{
	if (task == PREPARE)
		return !l->is_ready;
	return l->is_ready || !rows[task].needs_schema;
}

static void
run_what_is_due(struct loop *l)
{
	int task;

	for (task = 0; task < TASKS; task++)
		if (is_wanted(l, task) && task_is_due(&l->tasks[task], clock_mono_us()))
			run(l, task, STEP_TIMEOUT_MS);
}

static void
serve_waiters(struct loop *l)
{
	waiters_answer(l->in->waiters, drain_stored_us(l->in->drain));
	if (waiters_count(l->in->waiters) > 0)
		task_hurry(&l->tasks[DRAIN], clock_mono_us());
}

static void
hear_news(struct loop *l)
{
	int64_t now_us = clock_mono_us();

	if (news_turn(l->in->news, now_us) && l->tasks[TAIL].due_us > now_us + GATHER_US)
		task_hurry(&l->tasks[TAIL], now_us + GATHER_US);
}

static int
until_next_ms(const struct loop *l)
{
	int64_t due_us = INT64_MAX, left_us;
	int task;

	for (task = 0; task < TASKS; task++)
		if (is_wanted(l, task) && l->tasks[task].due_us < due_us)
			due_us = l->tasks[task].due_us;
	left_us = due_us - clock_mono_us();
	return left_us <= 0 ? 0 : (int)((left_us + 999) / 1000);
}

static void
wait_for_events(struct loop *l)
{
	struct pollfd fds[] = {
		{ .fd = l->signal_fd, .events = POLLIN },
		{ .fd = waiters_fd(l->in->waiters), .events = POLLIN },
		{ .fd = news_fd(l->in->news), .events = POLLIN }, /* for hear_news */
	};

	if (poll(fds, N(fds), until_next_ms(l)) <= 0)
		return;
	if (fds[0].revents)
		l->must_stop = stop_turn(l->signal_fd) || l->must_stop;
	if (fds[1].revents)
		waiters_turn(l->in->waiters);
}

/* One whole pass through the journal, begun now, unless the database is away. */
static void
drain_for_the_last_time(struct loop *l)
{
	int64_t began_us = clock_mono_us(), left_us;

	do {
		left_us = began_us + STOP_US - clock_mono_us();
		if (left_us <= 0 || l->tasks[DRAIN].failures > 0)
			return;
		run(l, DRAIN, left_us / 1000);
	} while (drain_stored_us(l->in->drain) < began_us);
}

static void
loop_init(struct loop *l, struct ingest *in, int signal_fd)
{
	int task;

	*l = (struct loop){ .in = in, .signal_fd = signal_fd };
	l->process.program = PROGRAM_INGEST;
	for (task = 0; task < TASKS; task++) {
		int64_t ms = rows[task].interval_ms;

		l->tasks[task].name = rows[task].name;
		l->tasks[task].interval_us = (ms ? ms : in->settings->ingest_interval_ms) * 1000;
	}
}

void
loop_run(struct ingest *in, int signal_fd)
{
	struct loop l;

	loop_init(&l, in, signal_fd);
	while (!l.must_stop) {
		run_what_is_due(&l);
		serve_waiters(&l);
		hear_news(&l);
		tail_publish_lag(in->tail);
		metric_set(M_CACHE_OPEN, breaker_is_open(in->breaker));
		metric_process_turn(&l.process, clock_mono_us());
		log_flush_if_older(LOG_AGE_US);
		wait_for_events(&l);
	}
	if (l.is_ready)
		drain_for_the_last_time(&l);
	serve_waiters(&l);
}
