#include "app/ingest/task.h"

#include <stddef.h>

#include "lib/base/ctx.h"
#include "lib/base/log.h"

enum { PAUSE_LEAST_US = 50 * 1000, PAUSE_MOST_US = 1000 * 1000, DOUBLINGS_MAX = 5 };
enum { SILENCE_US = 5 * 1000 * 1000 };

bool
task_is_due(const struct task *t, int64_t now_us)
{
	return now_us >= t->due_us;
}

void
task_hurry(struct task *t, int64_t now_us)
{
	if (t->failures == 0)
		t->due_us = now_us;
}

void
task_went(struct task *t, int64_t now_us, bool more)
{
	if (t->failures > 0 && log_begin(LOG_INFO, "goes on")) {
		log_text("task", t->name);
		log_int("failures", t->failures);
		log_end();
	}
	t->failures = 0;
	t->silent_until_us = 0;
	t->due_us = more ? now_us : now_us + t->interval_us;
}

static int64_t
pause_us(int64_t failures)
{
	int64_t us = (int64_t)PAUSE_LEAST_US
		     << (failures < DOUBLINGS_MAX ? failures : DOUBLINGS_MAX);

	return us < PAUSE_MOST_US ? us : PAUSE_MOST_US;
}

void
task_failed(struct task *t, int64_t now_us, enum err e, const struct ctx *cx)
{
	t->due_us = now_us + pause_us(t->failures);
	t->failures++;
	if (now_us < t->silent_until_us)
		return;
	t->silent_until_us = now_us + SILENCE_US;
	if (!log_begin(LOG_WARN, "failed"))
		return;
	log_text("task", t->name);
	log_text("error", err_info(e)->slug);
	log_text("diag", cx->diag[0] != '\0' ? cx->diag : NULL);
	log_int("failures", t->failures);
	log_end();
}
