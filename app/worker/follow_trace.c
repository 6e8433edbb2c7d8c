#include "app/worker/follow_trace.h"

#include <string.h>

#include "app/worker/app.h"
#include "app/worker/follow.h"
#include "lib/base/clock.h"
#include "lib/base/trace_visits.h"
#include "lib/data/cache.h"
#include "lib/data/click_note.h"
#include "lib/http/dispatch.h"

enum { NOTABLE_US = 10 * 1000 };

void
follow_trace_memory(const struct visit *v, int64_t began_us, bool has_hit)
{
	struct trace_part p = {
		.name = "l1",
		.kind = SPAN_INTERNAL,
		.began_us = began_us,
		.unit = "hits",
		.n = has_hit,
	};

	if (!trace_is_sampled(&v->x->trace))
		return;
	p.ended_us = clock_mono_us();
	trace_add(&v->x->trace, &p);
}

void
follow_trace_redis(
    struct visit *const visits[], const struct cache_found *found, size_t n, int64_t began_us)
{
	struct trace_part p = {
		.name = "redis GET",
		.kind = SPAN_CLIENT,
		.began_us = began_us,
		.ended_us = clock_mono_us(),
		.unit = "codes",
		.n = (int64_t)n,
	};

	for (size_t i = 0; i < n; i++) {
		p.has_failed = found[i].e && found[i].e != ERR_NOT_FOUND;
		trace_add(&visits[i]->x->trace, &p);
	}
}

/* Only those that will be kept for sure: who knows how the others end is not the journal. */
static void
note_for_ingest(struct app *app, const struct visit *v, uint64_t span)
{
	const char *id = v->x->rq.visit_id;
	struct trace_ref ref = v->x->trace.ref;
	uint64_t number;

	ref.span = span;
	if (click_visit(id, strlen(id), &number) == ERR_OK)
		trace_visits_note(app->trace_visits, number, &ref);
}

void
follow_trace_journal(
    struct app *app, struct visit *const visits[], size_t n, int64_t began_us, bool has_failed)
{
	struct trace_part p = {
		.name = "journal append",
		.kind = SPAN_PRODUCER,
		.has_failed = has_failed,
		.began_us = began_us,
		.ended_us = clock_mono_us(),
		.unit = "visits",
		.n = (int64_t)n,
	};
	bool is_notable = has_failed || p.ended_us - began_us >= NOTABLE_US;

	for (size_t i = 0; i < n; i++) {
		struct trace *t = &visits[i]->x->trace;
		bool is_sampled = trace_is_sampled(t);

		if (!visit_is_click(visits[i]) || !(is_sampled || t->parts || is_notable))
			continue;
		p.id = is_sampled ? tracer_span(t->tracer) : 0;
		trace_add(t, &p);
		if (is_sampled && !has_failed)
			note_for_ingest(app, visits[i], p.id);
	}
}

struct follow_query
follow_trace_begin_query(struct visit *const visits[], size_t n)
{
	struct follow_query q = { .began_us = clock_mono_us(), .n = n };

	for (size_t i = 0; i < n && !q.ref.is_sampled; i++)
		if (trace_is_sampled(&visits[i]->x->trace)) {
			q.ref = visits[i]->x->trace.ref;
			q.ref.span = tracer_span(visits[i]->x->trace.tracer);
		}
	return q;
}

void
follow_trace_query(const struct visit *v, struct follow_query *q, bool has_failed)
{
	struct trace *t = &v->x->trace;
	bool is_named = q->ref.is_sampled && memcmp(q->ref.id, t->ref.id, sizeof(t->ref.id)) == 0;
	const struct trace_part p = {
		.name = "url_look_up",
		.kind = SPAN_CLIENT,
		.has_failed = has_failed,
		.began_us = q->began_us,
		.ended_us = clock_mono_us(),
		.unit = "codes",
		.n = (int64_t)q->n,
		.id = is_named ? q->ref.span : 0,
	};

	trace_add(t, &p);
	if (is_named)
		q->ref.is_sampled = false; /* two visits may be of one trace */
}

void
follow_trace_taught(
    struct app *app, const struct trace_ref *to, size_t n, int64_t began_us, bool has_failed)
{
	const struct trace_part p = {
		.name = "redis SET",
		.kind = SPAN_CLIENT,
		.has_failed = has_failed,
		.began_us = began_us,
		.ended_us = clock_mono_us(),
		.unit = "codes",
		.n = (int64_t)n,
	};

	tracer_put(app->tracer, to, &p);
}
