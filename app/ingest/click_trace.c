#include "app/ingest/click_trace.h"

#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/base/settings.h"
#include "lib/base/trace_visits.h"
#include "lib/data/click_note.h"

static const char span_name[] = "click ingest";

void
click_trace_init(struct click_trace *c, const struct settings *s)
{
	c->tracer = tracer_new(s, PROGRAM_INGEST);
	c->visits = trace_visits_open(s->run_dir);
	c->n = 0;
}

void
click_trace_release(struct click_trace *c)
{
	trace_visits_close(c->visits);
	tracer_free(c->tracer);
}

void
click_trace_begin(struct click_trace *c, struct ctx *cx, const struct click_note *notes, size_t n)
{
	c->n = 0;
	c->n_clicks = n;
	if (!c->tracer)
		return;
	for (size_t i = 0; i < n && c->n < CLICK_TRACES_MAX; i++)
		if (trace_visits_find(c->visits, notes[i].visit, &c->refs[c->n]))
			c->n++;
	if (c->n == 0)
		return;
	c->began_us = clock_mono_us();
	trace_join(&c->trace, c->tracer, cx->arena, &c->refs[0]);
	cx->trace = &c->trace;
}

/* Those after the first have spans of their own, without the statements. */
static void
put_others(const struct click_trace *c, bool has_failed, int64_t ended_us)
{
	const struct trace_part p = {
		.name = span_name,
		.kind = SPAN_CONSUMER,
		.has_failed = has_failed,
		.began_us = c->began_us,
		.ended_us = ended_us,
		.unit = "clicks",
		.n = (int64_t)c->n_clicks,
	};

	for (size_t i = 1; i < c->n; i++)
		tracer_put(c->tracer, &c->refs[i], &p);
}

void
click_trace_end(struct click_trace *c, struct ctx *cx, bool has_failed)
{
	int64_t now_us = clock_mono_us();
	struct span self = {
		.kind = SPAN_CONSUMER,
		.failed = has_failed,
		.duration_us = now_us - c->began_us,
	};

	if (c->n == 0)
		return;
	snprintf(self.name, sizeof(self.name), "%s", span_name);
	snprintf(self.detail, sizeof(self.detail), "%zu clicks", c->n_clicks);
	put_others(c, has_failed, now_us);
	trace_keep(&c->trace, &self, c->began_us);
	cx->trace = NULL;
	c->n = 0;
}
