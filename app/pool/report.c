#include "app/pool/report.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/pool/pool.h"
#include "lib/base/log.h"

static const char *const reason_texts[] = {
	[REASON_NONE] = "crashed",
	[REASON_CRASHED] = "crashed",
	[REASON_HUNG] = "hung",
	[REASON_BUSY] = "busy",
	[REASON_IDLE] = "idle",
	[REASON_RECYCLED] = "recycled",
	[REASON_ROLLED] = "rolled",
	[REASON_ABORTED] = "aborted",
	[REASON_STOPPED] = "stopped",
};

_Static_assert(N(reason_texts) == REASON__COUNT, "one text per reason");

void
report_end(const struct pool *p, const struct child *c, int status, int64_t now_us)
{
	bool crashed = c->ends == REASON_NONE || c->ends == REASON_HUNG;

	if (log_begin(crashed ? LOG_WARN : LOG_INFO, "worker ended")) {
		log_text("pool", p->name);
		log_int("worker", c->pid);
		log_int("slot", c - p->children);
		log_text("reason", reason_texts[c->ends]);
		if (WIFSIGNALED(status))
			log_text("signal", sigabbrev_np(WTERMSIG(status)));
		else
			log_int("exit_status", WEXITSTATUS(status));
		log_int("age_ms", (now_us - c->started_us) / 1000);
		log_int("requests", (int64_t)c->pulse.view.requests);
		log_end();
	}
	if (crashed || c->ends == REASON_RECYCLED || c->ends == REASON_ROLLED)
		metric_add(M_POOL_RESTARTS, p->label,
		    c->ends == REASON_NONE ? REASON_CRASHED : c->ends, 0, 1);
}

void
report_roll(const struct pool *p, const char *why)
{
	char path[4096], new[sizeof(path) + 4];
	FILE *f;

	metric_add(M_POOL_ROLLS, p->label, why ? OUTCOME_ERROR : OUTCOME_OK, 0, 1);
	snprintf(path, sizeof(path), "%s/%s.rolled", p->run_dir, p->name);
	snprintf(new, sizeof(new), "%s.new", path);
	f = fopen(new, "we");
	if (!f)
		return;
	fprintf(f, "%s%s\n", why ? "failed: " : "ok", why ? why : "");
	if (fclose(f) != 0 || rename(new, path) != 0)
		unlink(new);
}

static enum metric_worker
state_of(const struct child *c)
{
	if (!child_is_serving(c) || c->watch == WATCH_DRAINS)
		return WORKER_DRAINING;
	switch (c->watch) {
	case WATCH_STARTS:
		return WORKER_STARTING;
	case WATCH_ABLE:
		return c->pulse.view.state == BEAT_IDLE ? WORKER_IDLE : WORKER_BUSY;
	case WATCH_UNABLE:
	case WATCH_RETRY:
	case WATCH_DRAINS:
	case WATCH_HUNG:
		break;
	}
	return WORKER_UNABLE;
}

void
report_turn(struct pool *p, int64_t now_us)
{
	unsigned n[WORKER__COUNT] = { 0 }, i;
	char status[sizeof(p->notify.status)];

	for (struct child *c = NULL; (c = pool_next(p, c));)
		n[state_of(c)]++;
	for (i = 0; i < WORKER__COUNT; i++)
		metric_set_at(M_POOL_WORKERS, p->label, i, n[i]);
	metric_set_at(M_POOL_LIMIT, p->label, BOUND_MIN, p->rules.min);
	metric_set_at(M_POOL_LIMIT, p->label, BOUND_MAX, p->rules.max);
	metric_set_at(M_POOL_BUSY, p->label, 0, p->scale.ratio);
	metric_set_at(M_POOL_ROTATION, p->label, 0, p->rotation.is_in);
	snprintf(status, sizeof(status),
	    "%u of %u workers: %u starting, %u unable, %u draining; %s",
	    n[WORKER_IDLE] + n[WORKER_BUSY], p->scale.workers, n[WORKER_STARTING], n[WORKER_UNABLE],
	    n[WORKER_DRAINING], p->rotation.is_in ? "in rotation" : "out of rotation");
	notify_turn(&p->notify, now_us, status);
	metric_process_turn(&p->process, now_us);
}
