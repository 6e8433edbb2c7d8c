#include "lib/base/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/settings.h"

/* Of a traceparent: 00-<trace-id>-<parent-id>-<flags>. */
enum { VERSION_AT = 0, ID_AT = 3, SPAN_AT = 36, FLAGS_AT = 53, LENGTH = TRACE_PARENT_SIZE - 1 };
enum { FLAG_SAMPLED = 1 };

/* As many of an id's low bits are random, and decide whether it is sampled. */
#define RANDOM_BITS 56

struct tracer {
	const struct settings *settings;
	struct trace_ring *ring;
	enum metric_program program;
	uint64_t limit; /* sampled are the ids below */
	uint64_t state; /* of the spans' ids */
};

/*
 * Texts
 */

/* What a lower-case hex digit counts, and one more: digits are random, branches on them are
 * dear. */
/* clang-format off */
static const unsigned char hex_values[256] = {
	['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7, ['7'] = 8,
	['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15,
	['f'] = 16,
};
/* clang-format on */

/* s has 2 * n characters at least. */
static bool
read_hex(const char *s, unsigned char *ret_bytes, size_t n)
{
	bool is_good = true;

	for (size_t i = 0; i < n; i++) {
		unsigned high = hex_values[(unsigned char)s[2 * i]];
		unsigned low = hex_values[(unsigned char)s[2 * i + 1]];

		is_good &= high != 0 && low != 0;
		ret_bytes[i] = (unsigned char)((high - 1) << 4 | ((low - 1) & 15));
	}
	return is_good;
}

static char *
write_hex(char *to, const unsigned char *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*to++ = digits[bytes[i] >> 4];
		*to++ = digits[bytes[i] & 15];
	}
	return to;
}

static uint64_t
read_number(const unsigned char bytes[8])
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

static bool
is_zero(const unsigned char id[16])
{
	static const unsigned char zero[16];

	return memcmp(id, zero, sizeof(zero)) == 0;
}

/* Versions to come may have more after the flags. */
static bool
has_shape(const char *s)
{
	size_t n = strnlen(s, LENGTH + 1);

	if (n < LENGTH || s[ID_AT - 1] != '-' || s[SPAN_AT - 1] != '-' || s[FLAGS_AT - 1] != '-')
		return false;
	if (strncmp(s, "00", 2) == 0)
		return n == LENGTH;
	return n == LENGTH || s[LENGTH] == '-';
}

enum err
trace_parse(const char *traceparent, struct trace_ref *ret_ref)
{
	unsigned char version, flags, span[8];
	struct trace_ref ref;

	if (!has_shape(traceparent) || !read_hex(traceparent + VERSION_AT, &version, 1) ||
	    !read_hex(traceparent + ID_AT, ref.id, sizeof(ref.id)) ||
	    !read_hex(traceparent + SPAN_AT, span, sizeof(span)) ||
	    !read_hex(traceparent + FLAGS_AT, &flags, 1))
		return ERR_MALFORMED;
	ref.span = read_number(span);
	ref.is_sampled = flags & FLAG_SAMPLED;
	if (version == 0xff || is_zero(ref.id) || ref.span == 0)
		return ERR_MALFORMED;
	*ret_ref = ref;
	return ERR_OK;
}

const char *
trace_id_format(const unsigned char id[16], char text[TRACE_ID_SIZE])
{
	*write_hex(text, id, 16) = '\0';
	return text;
}

const char *
trace_format(const struct trace_ref *ref, char text[TRACE_PARENT_SIZE])
{
	char id[TRACE_ID_SIZE];

	snprintf(text, TRACE_PARENT_SIZE, "00-%s-%016" PRIx64 "-%02x", trace_id_format(ref->id, id),
	    ref->span, ref->is_sampled ? FLAG_SAMPLED : 0U);
	return text;
}

/*
 * What traces share
 */

struct tracer *
tracer_new(const struct settings *s, enum metric_program program)
{
	struct tracer *tr = calloc(1, sizeof(*tr));

	if (!tr)
		return NULL;
	tr->settings = s;
	tr->program = program;
	tr->limit = ((UINT64_C(1) << RANDOM_BITS) / 1000000) * (uint64_t)s->trace_sample_ppm;
	if (s->trace_sample_ppm == 1000000)
		tr->limit = UINT64_MAX;
	if (getrandom(&tr->state, sizeof(tr->state), 0) == (ssize_t)sizeof(tr->state))
		tr->ring = trace_ring_open(s->run_dir);
	if (tr->ring)
		return tr;
	free(tr);
	return NULL;
}

void
tracer_free(struct tracer *tr)
{
	if (!tr)
		return;
	trace_ring_close(tr->ring);
	free(tr);
}

/* splitmix64 (Steele, Lea, Flood 2014): ids of spans need to differ, not to be secret. */
uint64_t
tracer_span(struct tracer *tr)
{
	uint64_t z = tr->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return z != 0 ? z : 1;
}

static bool
is_sampled(const struct tracer *tr, const unsigned char id[16])
{
	uint64_t low = read_number(id + 8) & ((UINT64_C(1) << RANDOM_BITS) - 1);

	return low < tr->limit;
}

/* What all spans of a process have. */
static void
fill(struct span *s, const struct tracer *tr, const unsigned char id[16])
{
	memcpy(s->trace_id, id, sizeof(s->trace_id));
	s->program = (uint8_t)tr->program;
	snprintf(s->pool, sizeof(s->pool), "%s", tr->settings->pool);
}

/* wall_us: what to add to clock_mono_us() for the time since 1970. */
static void
put_part(struct tracer *tr, const struct trace_ref *to, const struct trace_part *p,
    const char *request_id, int64_t wall_us)
{
	struct span s = {
		.id = p->id ? p->id : tracer_span(tr),
		.parent = to->span,
		.kind = (uint8_t)p->kind,
		.failed = p->has_failed,
		.start_us = p->began_us + wall_us,
		.duration_us = p->ended_us - p->began_us,
	};

	fill(&s, tr, to->id);
	snprintf(s.name, sizeof(s.name), "%s", p->name);
	if (p->unit)
		snprintf(s.detail, sizeof(s.detail), "%" PRId64 " %s", p->n, p->unit);
	snprintf(s.request_id, sizeof(s.request_id), "%s", request_id);
	trace_ring_put(tr->ring, &s);
}

static int64_t
wall_offset_us(void)
{
	return clock_wall_us() - clock_mono_us();
}

void
tracer_put(struct tracer *tr, const struct trace_ref *to, const struct trace_part *p)
{
	if (tr)
		put_part(tr, to, p, "", wall_offset_us());
}

/*
 * One trace
 */

void
trace_begin(struct trace *t, struct tracer *tr, struct arena *a, const char *traceparent,
    const char *visit_id)
{
	struct trace_ref from = { .is_sampled = false };

	*t = (struct trace){ .tracer = tr, .arena = a };
	if (traceparent && trace_parse(traceparent, &from) == ERR_OK) {
		memcpy(t->ref.id, from.id, sizeof(from.id));
		t->parent = from.span;
	} else if (strnlen(visit_id, TRACE_ID_SIZE) != TRACE_ID_SIZE - 1 ||
		   !read_hex(visit_id, t->ref.id, sizeof(t->ref.id))) {
		t->ref = (struct trace_ref){ .span = 0 };
		t->tracer = NULL; /* nothing to find it by */
	}
	if (!t->tracer)
		return;
	t->ref.span = tracer_span(tr);
	if (t->parent != 0 && tr->settings->trace_from_clients)
		t->ref.is_sampled = from.is_sampled;
	else
		t->ref.is_sampled = is_sampled(tr, t->ref.id);
}

void
trace_join(struct trace *t, struct tracer *tr, struct arena *a, const struct trace_ref *to)
{
	*t = (struct trace){ .ref = *to, .parent = to->span, .tracer = tr, .arena = a };
	if (!tr)
		return;
	t->ref.span = tracer_span(tr);
	t->ref.is_sampled = true;
}

void
trace_add(struct trace *t, const struct trace_part *p)
{
	if (!t || !t->tracer)
		return;
	if (!t->parts)
		t->parts = arena_alloc(t->arena, TRACE_PARTS_MAX * sizeof(*t->parts));
	if (t->parts && t->n < TRACE_PARTS_MAX)
		t->parts[t->n++] = *p;
	else
		t->n_more++;
}

bool
trace_has_id(const struct trace *t)
{
	return !is_zero(t->ref.id);
}

bool
trace_is_sampled(const struct trace *t)
{
	return t && t->tracer && t->ref.is_sampled;
}

bool
trace_is_kept(const struct trace *t, int status, int64_t duration_us)
{
	if (!t || !t->tracer)
		return false;
	return t->ref.is_sampled || status >= 500 ||
	       duration_us >= t->tracer->settings->trace_slow_ms * 1000;
}

static void
tell_of_more(struct span *s, unsigned n_more)
{
	char text[24];
	int n = snprintf(text, sizeof(text), " (%u spans more)", n_more);
	size_t used = strlen(s->detail), room = sizeof(s->detail) - 1 - (size_t)n;

	snprintf(s->detail + (used < room ? used : room), (size_t)n + 1, "%s", text);
}

void
trace_keep(struct trace *t, struct span *self, int64_t began_us)
{
	int64_t wall_us;

	if (!t || !t->tracer)
		return;
	wall_us = wall_offset_us();
	for (unsigned i = 0; i < t->n; i++)
		put_part(t->tracer, &t->ref, &t->parts[i], self->request_id, wall_us);
	fill(self, t->tracer, t->ref.id);
	self->id = t->ref.span;
	self->parent = t->parent;
	self->start_us = began_us + wall_us;
	if (t->n_more > 0)
		tell_of_more(self, t->n_more);
	trace_ring_put(t->tracer->ring, self);
}
