/*
 * Spans of clicks that are stored: which belong to which visit, and that a batch whose visits
 * are not traced costs none.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "app/ingest/click_trace.h"
#include "lib/base/arena.h"
#include "lib/base/ctx.h"
#include "lib/base/settings.h"
#include "lib/base/trace_ring.h"
#include "lib/base/trace_visits.h"
#include "lib/data/click_note.h"
#include "lib/data/db_trace.h"
#include "tests/unit/daemon.h"

static char dir[64];
static struct settings settings;
static struct click_trace c;
static struct arena *arena;
static struct ctx cx;

static void
set_up(void)
{
	daemon_dir(dir, "clicktrace");
	settings = (struct settings){ .run_dir = dir, .trace_sample_ppm = 0, .pool = "" };
	arena = arena_new(1 << 20);
	ctx_init(&cx, arena, 1000);
	click_trace_init(&c, &settings);
	cr_assert_not_null(c.tracer);
}

static void
tear_down(void)
{
	click_trace_release(&c);
	arena_free(arena);
	daemon_remove_dir(dir);
}

TestSuite(click_trace, .init = set_up, .fini = tear_down, .timeout = 60);

/* A traced visit of this number. */
static void
note(uint64_t visit)
{
	const struct trace_ref ref = { .id = { (unsigned char)visit }, .span = visit };

	trace_visits_note(c.visits, visit, &ref);
}

static size_t
take(struct span spans[8])
{
	struct trace_ring *r = trace_ring_open(dir);
	uint64_t cursor = 0, missed;
	size_t n;

	cr_assert_not_null(r);
	n = trace_ring_take(r, &cursor, spans, 8, &missed);
	trace_ring_close(r);
	return n;
}

Test(click_trace, has_a_span_for_each_traced_visit)
{
	static const struct click_note notes[] = { { .visit = 5 }, { .visit = 6 }, { .visit = 7 } };
	const struct trace_part part = { .name = "click_copy", .kind = SPAN_CLIENT };
	struct span spans[8];

	note(5);
	note(7);
	click_trace_begin(&c, &cx, notes, 3);
	cr_assert_eq(cx.trace, &c.trace);
	trace_add(cx.trace, &part);
	click_trace_end(&c, &cx, true);
	cr_assert_null(cx.trace);
	cr_assert_eq(take(spans), 3);
	cr_assert_eq(spans[0].parent, 7);
	cr_assert_str_eq(spans[0].name, "click ingest");
	cr_assert_str_eq(spans[1].name, "click_copy");
	cr_assert_eq(spans[1].parent, spans[2].id);
	cr_assert_eq(spans[2].parent, 5);
	cr_assert_eq(spans[2].trace_id[0], 5);
	cr_assert_eq(spans[2].kind, SPAN_CONSUMER);
	cr_assert_str_eq(spans[2].detail, "3 clicks");
	cr_assert(spans[0].failed && spans[2].failed);
}

Test(click_trace, has_none_when_no_visit_is_traced)
{
	static const struct click_note notes[] = { { .visit = 5 } };
	struct span spans[8];

	click_trace_begin(&c, &cx, notes, 1);
	cr_assert_null(cx.trace);
	click_trace_end(&c, &cx, true);
	cr_assert_eq(take(spans), 0);
}

Test(click_trace, does_without_shared_memory)
{
	static const struct click_note notes[] = { { .visit = 5 } };

	click_trace_release(&c);
	settings.run_dir = "/nowhere/at/all";
	click_trace_init(&c, &settings);
	cr_assert(!c.tracer && !c.visits);
	click_trace_begin(&c, &cx, notes, 1);
	click_trace_end(&c, &cx, false);
	cr_assert_null(cx.trace);
}

Test(click_trace, signs_a_statement_if_there_is_memory)
{
	const struct trace_ref ref = { .id = { 1 }, .span = 2, .is_sampled = true };
	struct arena *none = arena_new(0);

	cr_assert_str_eq(db_trace_sign(arena, &ref, "SELECT 1"),
	    "/*traceparent='00-01000000000000000000000000000000-0000000000000002-01'*/ SELECT 1");
	cr_assert_str_eq(db_trace_sign(none, &ref, "SELECT 1"), "SELECT 1");
	arena_free(none);
}
