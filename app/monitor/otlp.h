/*
 * Spans as OTLP/HTTP takes them: one ExportTraceServiceRequest in JSON, and the answer to it
 * (https://opentelemetry.io/docs/specs/otlp/#otlphttp).
 */
#ifndef APP_MONITOR_OTLP_H
#define APP_MONITOR_OTLP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/base/trace_ring.h"

struct buf;
struct ctx;

/* Appends the request for n spans of the machine that host names. ERR_MEMORY. */
MUST_CHECK enum err otlp_write(
    const char *host, const struct span *spans, size_t n, struct buf *out);

/* How many spans an answer of status 200 says were rejected; 0 if it says nothing of the kind.
 * ret_why: in its words, or "", in cx's arena. */
int64_t otlp_rejected(struct ctx *cx, const char *body, size_t n, const char **ret_why);

#endif
