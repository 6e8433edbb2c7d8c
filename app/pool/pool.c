#include "app/pool/pool.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/pool/proc.h"
#include "app/pool/report.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/settings.h"

enum {
	CALM_MS = 100,
	BUSY_MS = 20,
	LATE_US = 500 * 1000,
	TURN_AWAY_US = 500 * 1000, /* how long connections wait for a worker in a lost pool */
	LAST_ONES_US = 1000 * 1000 /* and in one that ends */
};

static void
rules_init(struct scale_rules *r, const struct settings *s, unsigned min, unsigned max)
{
	*r = (struct scale_rules){
		.min = min,
		.max = max > min ? max : min,
		.high = (double)s->pool_high_percent / 100,
		.low = (double)s->pool_low_percent / 100,
		.window_us = s->pool_window_ms * 1000,
		.up_cooldown_us = s->pool_up_cooldown_ms * 1000,
		.down_cooldown_us = s->pool_down_cooldown_ms * 1000,
	};
}

/* Workers of a predecessor that was killed finish what they have, if they live. */
static void
take_over(struct pool *p, int64_t now_us)
{
	unsigned i;

	for (i = 0; i < BEAT_SLOTS; i++) {
		struct beat_view v = beat_view(p->board, i);
		struct child *c = &p->children[i];

		if (v.state == BEAT_NONE || !proc_is_left(v.pid)) {
			beat_clear(p->board, i);
			continue;
		}
		log_event(LOG_WARN, "worker was left", "%s: pid %d", p->name, v.pid);
		*c = (struct child){ .pid = v.pid, .is_left = true, .started_us = now_us };
		pulse_begin(&c->pulse, now_us);
		c->pulse.view = v;
		child_tell(c, REASON_STOPPED, now_us, p->request_us);
	}
}

bool
pool_init(struct pool *p, const struct settings *s, const struct child_command *command,
    unsigned min, unsigned max)
{
	int64_t now_us = clock_mono_us();

	*p = (struct pool){
		.name = s->pool,
		.run_dir = s->run_dir,
		.label = metric_pool(s->pool),
		.command = *command,
		.request_us = s->request_timeout_ms * 1000,
		.recycle_after = s->worker_requests,
		.lost_us = now_us,
		.due_us = now_us,
		.process = { .program = PROGRAM_POOL },
	};
	rules_init(&p->rules, s, min, max);
	scale_init(&p->scale, &p->rules, now_us);
	replace_init(&p->replace);
	notify_init(&p->notify);
	if (!rotation_init(&p->rotation, STDIN_FILENO, s->run_dir, s->pool))
		return false;
	p->board = beat_board(s->run_dir, s->pool);
	if (!p->board)
		return false;
	take_over(p, now_us);
	return true;
}

void
pool_release(struct pool *p)
{
	rotation_release(&p->rotation);
	beat_free(p->board);
}

struct child *
pool_next(struct pool *p, const struct child *c)
{
	size_t i = c ? (size_t)(c - p->children) + 1 : 0;

	while (i < BEAT_SLOTS && !p->children[i].pid)
		i++;
	return i < BEAT_SLOTS ? &p->children[i] : NULL;
}

int
pool_start_child(struct pool *p, int64_t now_us)
{
	unsigned i = 0;

	while (i < BEAT_SLOTS && p->children[i].pid)
		i++;
	if (i == BEAT_SLOTS)
		errno = ENOSPC;
	else if (child_start(&p->children[i], &p->command, p->board, i, now_us) == ERR_OK)
		return (int)i;
	log_event(LOG_ERROR, "no worker can be started", "%s: %s", p->name, strerror(errno));
	p->backoff.until_us = now_us + BACKOFF_LEAST_US;
	return -1;
}

/*
 * What has happened to the workers.
 */

static void
ended(struct pool *p, struct child *c, int status, int64_t now_us)
{
	int place = (int)(c - p->children);

	report_end(p, c, status, now_us);
	if (c->ends == REASON_NONE || c->ends == REASON_HUNG)
		backoff_crashed(&p->backoff, now_us - c->started_us, now_us, (uint32_t)c->pid);
	beat_clear(p->board, (unsigned)place);
	*c = (struct child){ 0 };
	replace_ended(p, place, now_us);
}

static void
changed(struct pool *p, struct child *c, int status, int64_t now_us)
{
	if (WIFSTOPPED(status)) {
		log_event(LOG_WARN, "worker is stopped", "%s: pid %d", p->name, c->pid);
		c->pulse.stopped_us = now_us;
	} else if (WIFCONTINUED(status)) {
		c->pulse.stopped_us = 0;
		pulse_forgive(&c->pulse, now_us);
	} else {
		ended(p, c, status, now_us);
	}
}

static void
reap(struct pool *p, int64_t now_us)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0)
		for (struct child *c = NULL; (c = pool_next(p, c));)
			if (c->pid == pid && !c->is_left) {
				changed(p, c, status, now_us);
				break;
			}
}

static void
look(struct pool *p, int64_t now_us)
{
	for (struct child *c = NULL; (c = pool_next(p, c));)
		if (!child_look(c, p->board, (unsigned)(c - p->children), now_us)) {
			beat_clear(p->board, (unsigned)(c - p->children));
			*c = (struct child){ 0 };
		}
}

/* When this process got no turn for long, nothing can be said of the others. */
static void
be_patient(struct pool *p, int64_t now_us)
{
	if (now_us - p->due_us < LATE_US)
		return;
	p->patient_us = now_us + WATCH_HUNG_US;
	for (struct child *c = NULL; (c = pool_next(p, c));)
		pulse_forgive(&c->pulse, now_us);
}

/*
 * What follows from it.
 */

static void
kill_as_hung(const struct pool *p, struct child *c, const char *why)
{
	log_event(LOG_WARN, "worker is killed", "%s: pid %d: %s", p->name, c->pid, why);
	child_kill(c, REASON_HUNG);
}

/* What hangs in a safe request, or silently in a pool that nobody is led to, is killed before
 * its time: another pool answers sooner. */
static bool
should_retry(const struct pool *p, const struct child *c, int64_t now_us)
{
	bool is_safe = c->pulse.view.state == BEAT_SAFE;

	return c->watch == WATCH_RETRY && (is_safe || !p->rotation.is_in) &&
	       rotation_may_kill(&p->rotation, now_us, p->request_us + 2 * WATCH_HUNG_US) &&
	       rotation_note_kill(&p->rotation, now_us);
}

static void
kill_hung(struct pool *p, int64_t now_us)
{
	if (now_us < p->patient_us)
		return;
	for (struct child *c = NULL; (c = pool_next(p, c));) {
		if (c->is_killed)
			continue;
		if (c->kill_us && now_us > c->kill_us)
			kill_as_hung(p, c, "did not end in time");
		else if (c->watch == WATCH_HUNG)
			kill_as_hung(p, c, "hangs");
		else if (should_retry(p, c, now_us))
			kill_as_hung(p, c, "is silent, and another pool can take its requests");
	}
}

static bool
is_able(const struct pool *p)
{
	unsigned i;

	for (i = 0; i < BEAT_SLOTS; i++)
		if (child_is_serving(&p->children[i]) && p->children[i].watch == WATCH_ABLE)
			return true;
	return false;
}

static void
rotate(struct pool *p, int64_t now_us)
{
	bool can_answer = is_able(p), was_in = p->rotation.is_in;

	if (now_us < p->patient_us)
		return;
	if (can_answer)
		p->lost_us = 0;
	else if (!p->lost_us)
		p->lost_us = now_us;
	rotation_update(&p->rotation, can_answer);
	if (was_in != p->rotation.is_in)
		log_event(can_answer ? LOG_INFO : LOG_WARN,
		    p->rotation.is_in ? "in rotation" : "out of rotation", "%s", p->name);
	if (p->lost_us && !p->rotation.is_in && now_us - p->lost_us >= TURN_AWAY_US)
		rotation_turn_away(&p->rotation);
}

/* Whether it counts among those that there are to be. Those that can't answer are replaced
 * before they are killed. */
static bool
counts(const struct pool *p, const struct child *c)
{
	return child_is_serving(c) && c - p->children != p->replace.newcomer &&
	       (c->watch == WATCH_ABLE || c->watch == WATCH_STARTS);
}

/* When some that were given up have come back. */
static void
end_newest(struct pool *p, int64_t now_us)
{
	struct child *found = NULL;

	for (struct child *c = NULL; (c = pool_next(p, c));)
		if (counts(p, c) && (!found || c->started_us >= found->started_us))
			found = c;
	if (found)
		child_tell(found, REASON_IDLE, now_us, p->request_us);
}

static void
keep(struct pool *p, int64_t now_us)
{
	unsigned have = 0, all = 0;

	for (struct child *c = NULL; (c = pool_next(p, c)); all++)
		have += counts(p, c);
	for (; have > p->scale.workers; have--)
		end_newest(p, now_us);
	for (; have < p->scale.workers && all < 2 * p->rules.max; have++, all++)
		if (now_us < p->backoff.until_us || pool_start_child(p, now_us) < 0)
			break;
}

static void
scale(struct pool *p, int64_t now_us)
{
	enum scale_move move;

	if (p->lost_us || replace_is_on(&p->replace) || !scale_is_due(&p->scale, now_us))
		return;
	for (struct child *c = NULL; (c = pool_next(p, c));) {
		int64_t busy_us = child_busy_us(c, now_us);

		if (!c->is_up || !child_is_serving(c))
			continue;
		scale_add(&p->scale, busy_us - c->busy_us, now_us - c->sample_us);
		c->busy_us = busy_us;
		c->sample_us = now_us;
	}
	move = scale_turn(&p->scale, now_us);
	if (move == SCALE_STAY)
		return;
	log_event(LOG_INFO, move == SCALE_UP ? "scales up" : "scales down",
	    "%s: to %u workers, %d %% busy", p->name, p->scale.workers,
	    (int)(p->scale.ratio * 100));
	metric_add(M_POOL_SCALED, p->label, move == SCALE_UP ? DIRECTION_UP : DIRECTION_DOWN,
	    move == SCALE_UP ? REASON_BUSY : REASON_IDLE, 1);
}

/* Those who connected before the socket's path was moved aside are still served. */
static void
drain(struct pool *p, int64_t now_us)
{
	if (is_able(p) && now_us - p->drain_us < LAST_ONES_US && rotation_has_waiting(&p->rotation))
		return;
	for (struct child *c = NULL; (c = pool_next(p, c));) {
		if (child_is_serving(c))
			child_tell(c, REASON_STOPPED, now_us, p->request_us);
		if (c->kill_us > p->drain_us + p->request_us + WATCH_HUNG_US)
			c->kill_us = p->drain_us + p->request_us + WATCH_HUNG_US;
	}
}

static unsigned
up(const struct pool *p)
{
	unsigned n = 0, i;

	for (i = 0; i < BEAT_SLOTS; i++)
		n += child_is_serving(&p->children[i]) && p->children[i].is_up;
	return n;
}

static void
tend(struct pool *p, int64_t now_us)
{
	rotate(p, now_us);
	keep(p, now_us);
	replace_turn(p, now_us);
	scale(p, now_us);
	if (!p->replace.is_roll && up(p) >= p->rules.min)
		notify_ready(&p->notify);
}

static bool
has_children(const struct pool *p)
{
	unsigned i;

	for (i = 0; i < BEAT_SLOTS; i++)
		if (p->children[i].pid)
			return true;
	return false;
}

/* Whether something is on its way that is worth a closer look. */
static bool
is_busy(struct pool *p)
{
	for (struct child *c = NULL; (c = pool_next(p, c));)
		if (c->watch != WATCH_ABLE || c->kill_us)
			return true;
	return p->lost_us || p->drain_us || replace_is_on(&p->replace);
}

int
pool_turn(struct pool *p)
{
	int64_t now_us = clock_mono_us();
	int wait_ms;

	be_patient(p, now_us);
	reap(p, now_us);
	look(p, now_us);
	kill_hung(p, now_us);
	if (p->drain_us)
		drain(p, now_us);
	else
		tend(p, now_us);
	report_turn(p, now_us);
	if (p->drain_us && !has_children(p))
		return -1;
	wait_ms = is_busy(p) ? BUSY_MS : CALM_MS;
	p->due_us = now_us + wait_ms * 1000;
	return wait_ms;
}

/*
 * What signals ask for.
 */

void
pool_roll(struct pool *p)
{
	if (p->drain_us)
		return;
	notify_reloading(&p->notify);
	replace_roll(p, clock_mono_us());
}

void
pool_drain(struct pool *p)
{
	if (p->drain_us)
		return;
	log_event(LOG_INFO, "drains", "%s", p->name);
	notify_stopping();
	p->drain_us = clock_mono_us();
	rotation_leave(&p->rotation);
}

void
pool_reopen_logs(struct pool *p)
{
	log_reopen();
	for (struct child *c = NULL; (c = pool_next(p, c));)
		kill(c->pid, SIGUSR1);
}
