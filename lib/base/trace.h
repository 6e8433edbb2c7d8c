/*
 * The trace of one request: its ids (W3C Trace Context) and the spans of its work, which are
 * kept until it ends and then put into the host's ring (trace_ring.h), or dropped. Kept are
 * those sampled from the start, failures and slow ones. Nothing here waits, and nothing but
 * tracer_new makes a system call; a trace that is dropped costs some tens of nanoseconds.
 */
#ifndef LIB_BASE_TRACE_H
#define LIB_BASE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/base/metric.h"
#include "lib/base/trace_ring.h"

struct arena;
struct settings;

#define TRACE_ID_SIZE 33
#define TRACE_PARENT_SIZE 56
#define TRACE_PARTS_MAX 16 /* of one request; its span says how many more there were */

/* A span that others may belong to. */
struct trace_ref {
	unsigned char id[16]; /* the trace's */
	uint64_t span;
	bool is_sampled;
};

/* Reads a traceparent. ERR_MALFORMED. */
MUST_CHECK enum err trace_parse(const char *traceparent, struct trace_ref *ret_ref);

/* Writes a traceparent; the trace's id in 32 digits. Both return text. */
const char *trace_format(const struct trace_ref *ref, char text[TRACE_PARENT_SIZE]);
const char *trace_id_format(const unsigned char id[16], char text[TRACE_ID_SIZE]);

/* What the traces of a process share: the ring, and who is sampled. NULL stands for one that
 * keeps nothing. */
struct tracer;

/* s is borrowed. NULL: errno says why. */
struct tracer *tracer_new(const struct settings *s, enum metric_program program);
void tracer_free(struct tracer *tr);

/* A span's id; never 0. */
uint64_t tracer_span(struct tracer *tr);

/* A piece of work that has ended. Texts are static. */
struct trace_part {
	const char *name;
	enum span_kind kind;
	bool has_failed;
	int64_t began_us, ended_us; /* on clock_mono_us()'s scale */
	const char *unit;           /* of what there were n; NULL: of nothing */
	int64_t n;
	uint64_t id; /* 0: any */
};

/* Puts one span in that belongs to `to`, outside of a request. */
void tracer_put(struct tracer *tr, const struct trace_ref *to, const struct trace_part *p);

struct trace {
	struct trace_ref ref; /* the request's own span */
	uint64_t parent;      /* the client's span; 0: none */
	struct tracer *tracer;
	struct arena *arena;      /* of parts */
	struct trace_part *parts; /* NULL: none yet */
	unsigned n, n_more;
};

/* Begins the trace that traceparent (NULL or bad: none) names, or else one whose id is that
 * of the visit, 32 hex digits. */
void trace_begin(struct trace *t, struct tracer *tr, struct arena *a, const char *traceparent,
    const char *visit_id);

/* Begins a sampled trace of work that belongs to `to`. */
void trace_join(struct trace *t, struct tracer *tr, struct arena *a, const struct trace_ref *to);

/* Adds a part. t may be NULL, as everywhere below. */
void trace_add(struct trace *t, const struct trace_part *p);

/* False when neither the client nor the web server named it; t is not NULL. */
bool trace_has_id(const struct trace *t);

/* Whether it is kept whatever comes. */
bool trace_is_sampled(const struct trace *t);

/* Whether it is kept, if it ends so. */
bool trace_is_kept(const struct trace *t, int status, int64_t duration_us);

/* Puts its parts into the ring, and at last its own span: `self` with its name, kind, detail,
 * status, request_id and duration_us; the rest is filled in. began_us: on clock_mono_us()'s
 * scale. */
void trace_keep(struct trace *t, struct span *self, int64_t began_us);

#endif
