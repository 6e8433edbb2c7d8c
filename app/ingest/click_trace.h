/*
 * The spans of clicks whose requests are traced: their way from the journal into the
 * database. A batch of which some are is itself traced, as work for the first of them.
 */
#ifndef APP_INGEST_CLICK_TRACE_H
#define APP_INGEST_CLICK_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/trace.h"

struct click_note;
struct ctx;
struct settings;
struct trace_visits;

enum { CLICK_TRACES_MAX = 256 }; /* of a batch; the others have no span */

struct click_trace {
	struct tracer *tracer;       /* owned; NULL: nothing is traced */
	struct trace_visits *visits; /* owned, likewise */
	struct trace_ref refs[CLICK_TRACES_MAX];
	size_t n;
	size_t n_clicks;
	int64_t began_us;
	struct trace trace; /* the batch's */
};

void click_trace_init(struct click_trace *c, const struct settings *s);
void click_trace_release(struct click_trace *c);

/* Begins a batch: cx's work is traced until click_trace_end if any of its clicks is. */
void click_trace_begin(
    struct click_trace *c, struct ctx *cx, const struct click_note *notes, size_t n);

void click_trace_end(struct click_trace *c, struct ctx *cx, bool has_failed);

#endif
