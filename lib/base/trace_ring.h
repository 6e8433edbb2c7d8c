/*
 * The host's finished spans, in shared memory: any process puts them in, terse-monitor takes
 * them out and sends them on. Its size is fixed: whoever puts never waits and never fails, and
 * overwrites what nobody has taken. A writer that dies in the middle costs that one span.
 */
#ifndef LIB_BASE_TRACE_RING_H
#define LIB_BASE_TRACE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

/* As OpenTelemetry tells spans apart. */
enum span_kind { SPAN_INTERNAL, SPAN_SERVER, SPAN_CLIENT, SPAN_PRODUCER, SPAN_CONSUMER };

/* One span, as it lies in the ring. Texts are UTF-8, end in NUL and may be cut. */
struct span {
	unsigned char trace_id[16];
	uint64_t id, parent; /* parent 0: the trace begins here */
	int64_t start_us;    /* since 1970 */
	int64_t duration_us;
	uint8_t kind;        /* enum span_kind */
	uint8_t program;     /* enum metric_program */
	uint8_t failed;      /* bool */
	uint16_t status;     /* HTTP; 0: none */
	char name[32];       /* route's name, "redis GET", a query's name, "journal append" */
	char detail[48];     /* method and path's pattern, number of rows, diag; "": none */
	char pool[16];       /* "": none */
	char request_id[48]; /* "": none */
};

struct trace_ring;

/* Maps run_dir's ring. NULL: errno says why. */
struct trace_ring *trace_ring_open(const char *run_dir);
void trace_ring_close(struct trace_ring *r);

/* Puts a span in; r may be NULL. */
void trace_ring_put(struct trace_ring *r, const struct span *s);

/* Takes up to max spans, in the order in which they were put in, from *cursor on (0 at first:
 * the oldest there is), and moves it. ret_missed: spans since the last call that were
 * overwritten, or that a dead writer left unfinished. A span that is being written is waited
 * for, by returning without it, at most a second. */
size_t trace_ring_take(
    struct trace_ring *r, uint64_t *cursor, struct span *spans, size_t max, uint64_t *ret_missed);

#endif
