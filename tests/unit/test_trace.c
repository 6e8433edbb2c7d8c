#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/attr.h"
#include "lib/base/clock.h"
#include "lib/base/settings.h"
#include "lib/base/trace.h"
#include "tests/unit/daemon.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"
#define VISIT "0123456789abcdef0123456789abcdef"

static char dir[64];
static struct settings settings;
static struct tracer *tracer;
static struct arena *arena;
static struct trace_ring *ring;
static struct trace t;

static void
set_up(void)
{
	daemon_dir(dir, "trace");
	settings = (struct settings){
		.run_dir = dir,
		.pool = "api-a",
		.trace_sample_ppm = 0,
		.trace_slow_ms = 500,
		.trace_from_clients = true,
	};
	tracer = tracer_new(&settings, PROGRAM_WORKER);
	arena = arena_new(1 << 20);
	ring = trace_ring_open(dir);
	cr_assert(tracer && arena && ring);
}

static void
tear_down(void)
{
	trace_ring_close(ring);
	arena_free(arena);
	tracer_free(tracer);
	daemon_remove_dir(dir);
}

TestSuite(trace, .init = set_up, .fini = tear_down);

static void
sample(int64_t ppm)
{
	tracer_free(tracer);
	settings.trace_sample_ppm = ppm;
	tracer = tracer_new(&settings, PROGRAM_WORKER);
	cr_assert_not_null(tracer);
}

static size_t
take(struct span spans[64])
{
	uint64_t cursor = 0, missed;

	return trace_ring_take(ring, &cursor, spans, 64, &missed);
}

Test(trace, reads_a_traceparent)
{
	struct trace_ref ref;
	char text[TRACE_PARENT_SIZE], id[TRACE_ID_SIZE];

	cr_assert_eq(trace_parse("00-" ID "-" SPAN "-01", &ref), ERR_OK);
	cr_assert_eq(ref.span, 0x00f067aa0ba902b7u);
	cr_assert(ref.is_sampled);
	cr_assert_str_eq(trace_id_format(ref.id, id), ID);
	cr_assert_str_eq(trace_format(&ref, text), "00-" ID "-" SPAN "-01");
	cr_assert_eq(trace_parse("00-" ID "-" SPAN "-00", &ref), ERR_OK);
	cr_assert_not(ref.is_sampled);
	cr_assert_str_eq(trace_format(&ref, text), "00-" ID "-" SPAN "-00");
	cr_assert_eq(trace_parse("00-" ID "-" SPAN "-03", &ref), ERR_OK);
	cr_assert(ref.is_sampled);
	cr_assert_eq(trace_parse("00-" ID "-" SPAN "-fe", &ref), ERR_OK);
	cr_assert_not(ref.is_sampled);
}

Test(trace, reads_versions_to_come)
{
	struct trace_ref ref;

	cr_assert_eq(trace_parse("01-" ID "-" SPAN "-01", &ref), ERR_OK);
	cr_assert_eq(trace_parse("cc-" ID "-" SPAN "-01-what-comes", &ref), ERR_OK);
	cr_assert_eq(trace_parse("fe-" ID "-" SPAN "-01-", &ref), ERR_OK);
}

Test(trace, refuses_what_is_no_traceparent)
{
	static const char *const bad[] = {
		"",
		"-",
		"00",
		"00-" ID "-" SPAN,
		"00-" ID "-" SPAN "-",
		"00-" ID "-" SPAN "-0",
		"00-" ID "-" SPAN "-01-",
		"00-" ID "-" SPAN "-01-more",
		"00-" ID "-" SPAN "-01 ",
		" 00-" ID "-" SPAN "-01",
		"ff-" ID "-" SPAN "-01",
		"01-" ID "-" SPAN "-01more",
		"0-" ID "-" SPAN "-001",
		"0g-" ID "-" SPAN "-01",
		"00-" ID "-" SPAN "-0g",
		"00-" ID "-" SPAN "-g1",
		"00-" ID "_" SPAN "-01",
		"00_" ID "-" SPAN "-01",
		"00-" ID "-" SPAN "_01",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01",
		"00-" ID "-00F067AA0BA902B7-01",
		"00-00000000000000000000000000000000-" SPAN "-01",
		"00-" ID "-0000000000000000-01",
		"00-" ID "\xff-" SPAN "-01",
		"00-4bf92f3577b34da6a3ce929d0e0e473z-" SPAN "-01",
	};
	struct trace_ref ref = { .span = 42 };

	for (size_t i = 0; i < N(bad); i++) {
		cr_assert_eq(trace_parse(bad[i], &ref), ERR_MALFORMED, "%s", bad[i]);
		cr_assert_eq(ref.span, 42);
	}
}

Test(trace, has_the_visits_id_without_a_client)
{
	char id[TRACE_ID_SIZE];

	trace_begin(&t, tracer, arena, NULL, VISIT);
	cr_assert_str_eq(trace_id_format(t.ref.id, id), VISIT);
	cr_assert_eq(t.parent, 0);
	cr_assert_neq(t.ref.span, 0);
	trace_begin(&t, tracer, arena, "nonsense", VISIT);
	cr_assert_str_eq(trace_id_format(t.ref.id, id), VISIT);
}

Test(trace, goes_on_with_a_clients)
{
	char id[TRACE_ID_SIZE];

	trace_begin(&t, tracer, arena, "00-" ID "-" SPAN "-01", VISIT);
	cr_assert_str_eq(trace_id_format(t.ref.id, id), ID);
	cr_assert_eq(t.parent, 0x00f067aa0ba902b7u);
	cr_assert_neq(t.ref.span, t.parent);
	cr_assert(trace_is_sampled(&t));
	sample(1000000);
	trace_begin(&t, tracer, arena, "00-" ID "-" SPAN "-00", VISIT);
	cr_assert_not(trace_is_sampled(&t), "the client says no");
}

Test(trace, is_not_sampled_by_clients_that_are_not_believed)
{
	settings.trace_from_clients = false;
	trace_begin(&t, tracer, arena, "00-" ID "-" SPAN "-01", VISIT);
	cr_assert_not(trace_is_sampled(&t));
	cr_assert_eq(t.parent, 0x00f067aa0ba902b7u, "it belongs to its trace all the same");
	sample(1000000);
	trace_begin(&t, tracer, arena, "00-" ID "-" SPAN "-00", VISIT);
	cr_assert(trace_is_sampled(&t));
}

Test(trace, samples_by_the_low_bits_of_its_id)
{
	unsigned n = 0;
	uint64_t state = 1;

	sample(100000);
	for (int i = 0; i < 10000; i++) {
		char visit[TRACE_ID_SIZE];

		state = state * 6364136223846793005u + 1442695040888963407u;
		snprintf(visit, sizeof(visit), "ffffffffffffffff%016llx",
		    (unsigned long long)(state ^ state >> 29));
		trace_begin(&t, tracer, arena, NULL, visit);
		n += trace_is_sampled(&t);
	}
	cr_assert(n > 900 && n < 1100, "%u of 10000", n);
	trace_begin(&t, tracer, arena, NULL, "0123456789abcdefff00000000000000");
	cr_assert(trace_is_sampled(&t));
	trace_begin(&t, tracer, arena, NULL, "0123456789abcdef00ffffffffffffff");
	cr_assert_not(trace_is_sampled(&t));
	sample(1000000);
	trace_begin(&t, tracer, arena, NULL, "0123456789abcdefffffffffffffffff");
	cr_assert(trace_is_sampled(&t));
	sample(0);
	trace_begin(&t, tracer, arena, NULL, "0123456789abcdef0000000000000000");
	cr_assert_not(trace_is_sampled(&t));
}

Test(trace, is_kept_when_sampled_failed_or_slow)
{
	trace_begin(&t, tracer, arena, NULL, VISIT);
	cr_assert_not(trace_is_kept(&t, 404, 499999));
	cr_assert(trace_is_kept(&t, 500, 1));
	cr_assert(trace_is_kept(&t, 503, 1));
	cr_assert(trace_is_kept(&t, 302, 500000));
	t.ref.is_sampled = true;
	cr_assert(trace_is_kept(&t, 302, 1));
}

static void
add(const char *name, int64_t began_us, int64_t ended_us, uint64_t id)
{
	const struct trace_part p = {
		.name = name,
		.kind = SPAN_CLIENT,
		.began_us = began_us,
		.ended_us = ended_us,
		.unit = "rows",
		.n = 3,
		.id = id,
	};

	trace_add(&t, &p);
}

Test(trace, puts_its_spans_into_the_ring)
{
	struct span spans[64], self = { .kind = SPAN_SERVER, .status = 503, .duration_us = 900 };
	int64_t now_us = clock_mono_us(), wall_us = clock_wall_us();

	snprintf(self.name, sizeof(self.name), "url_follow");
	snprintf(self.request_id, sizeof(self.request_id), "r1");
	trace_begin(&t, tracer, arena, "00-" ID "-" SPAN "-01", VISIT);
	add("url_insert", now_us - 200, now_us - 50, 77);
	add("a name that is far too long for a span's name", now_us - 50, now_us, 0);
	trace_keep(&t, &self, now_us - 900);
	cr_assert_eq(take(spans), 3);
	cr_assert_str_eq(spans[0].name, "url_insert");
	cr_assert_str_eq(spans[0].detail, "3 rows");
	cr_assert_str_eq(spans[0].request_id, "r1");
	cr_assert_str_eq(spans[0].pool, "api-a");
	cr_assert_eq(spans[0].id, 77);
	cr_assert_eq(spans[0].parent, t.ref.span);
	cr_assert_eq(spans[0].duration_us, 150);
	cr_assert_eq(spans[0].kind, SPAN_CLIENT);
	cr_assert_neq(spans[1].id, 0);
	cr_assert_eq(strlen(spans[1].name), sizeof(spans[1].name) - 1);
	cr_assert_str_eq(spans[2].name, "url_follow");
	cr_assert_eq(spans[2].id, t.ref.span);
	cr_assert_eq(spans[2].parent, 0x00f067aa0ba902b7u);
	cr_assert_eq(spans[2].status, 503);
	cr_assert(spans[2].start_us - (wall_us - 900) >= -1000 &&
		  spans[2].start_us - (wall_us - 900) < 1000000);
	for (int i = 0; i < 3; i++)
		cr_assert_arr_eq(spans[i].trace_id, t.ref.id, 16);
}

Test(trace, says_how_many_parts_it_has_no_room_for)
{
	struct span spans[64], self = { .kind = SPAN_SERVER };

	memset(self.detail, 'd', sizeof(self.detail) - 1);
	trace_begin(&t, tracer, arena, NULL, VISIT);
	for (int i = 0; i < TRACE_PARTS_MAX + 5; i++)
		add("q", 0, 1, 0);
	trace_keep(&t, &self, 0);
	cr_assert_eq(take(spans), TRACE_PARTS_MAX + 1);
	cr_assert_str_eq(
	    spans[TRACE_PARTS_MAX].detail + 47 - strlen(" (5 spans more)"), " (5 spans more)");
}

Test(trace, counts_parts_that_found_no_memory)
{
	struct span spans[64], self = { .detail = "GET 5xx" };
	struct arena *tiny = arena_new(16);

	trace_begin(&t, tracer, tiny, NULL, VISIT);
	add("q", 0, 1, 0);
	trace_keep(&t, &self, 0);
	cr_assert_eq(take(spans), 1);
	cr_assert_str_eq(spans[0].detail, "GET 5xx (1 spans more)");
	arena_free(tiny);
}

Test(trace, joins_another)
{
	struct trace_ref to = { .span = 5 };

	memset(to.id, 9, sizeof(to.id));
	trace_join(&t, tracer, arena, &to);
	cr_assert(trace_is_sampled(&t));
	cr_assert_eq(t.parent, 5);
	cr_assert(t.ref.span != 0 && t.ref.span != 5);
	trace_join(&t, NULL, arena, &to);
	cr_assert_not(trace_is_sampled(&t));
}

Test(trace, takes_single_spans)
{
	struct trace_ref to = { .span = 5 };
	const struct trace_part p = {
		.name = "redis SET", .kind = SPAN_CLIENT, .has_failed = true
	};
	struct span spans[64];

	tracer_put(tracer, &to, &p);
	tracer_put(NULL, &to, &p);
	cr_assert_eq(take(spans), 1);
	cr_assert_eq(spans[0].parent, 5);
	cr_assert(spans[0].failed);
	cr_assert_str_eq(spans[0].detail, "");
}

Test(trace, keeps_nothing_without_a_tracer)
{
	struct span spans[64], self = { .status = 500 };
	char id[TRACE_ID_SIZE];

	trace_begin(&t, NULL, arena, "00-" ID "-" SPAN "-01", VISIT);
	cr_assert_str_eq(trace_id_format(t.ref.id, id), ID);
	add("q", 0, 1, 0);
	cr_assert_not(trace_is_sampled(&t));
	cr_assert_not(trace_is_kept(&t, 500, 1000000));
	trace_keep(&t, &self, 0);
	cr_assert(trace_has_id(&t));
	trace_begin(&t, tracer, arena, NULL, "not hexadecimal");
	cr_assert_not(trace_is_kept(&t, 500, 1000000));
	cr_assert_not(trace_has_id(&t));
	trace_begin(&t, tracer, arena, NULL, "0123456789abcdef is no hexadecim");
	cr_assert_not(trace_has_id(&t));
	trace_add(NULL, NULL);
	trace_keep(NULL, &self, 0);
	cr_assert_not(trace_is_sampled(NULL) || trace_is_kept(NULL, 500, 1));
	cr_assert_eq(take(spans), 0);
}

Test(trace, cannot_be_kept_nowhere)
{
	settings.run_dir = "/nowhere/at/all";
	cr_assert_null(tracer_new(&settings, PROGRAM_WORKER));
	cr_assert_eq(errno, ENOENT);
	tracer_free(NULL);
}
