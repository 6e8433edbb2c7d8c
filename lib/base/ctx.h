/*
 * What every call made for one request shares: its arena, its deadline, its id, its trace, and
 * the two explanations of a failure: `detail` for the client (static text of ours),
 * `diag` for the operator's log line. Each is set once; the first reason wins.
 */
#ifndef LIB_BASE_CTX_H
#define LIB_BASE_CTX_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct arena;
struct trace;

struct ctx {
	struct arena *arena;    /* borrowed */
	const char *request_id; /* borrowed; "" outside a request */
	struct trace *trace;    /* borrowed; NULL: its work is not traced */
	int64_t deadline_us;    /* clock_mono_us() scale */
	const char *detail;     /* NULL: the error's title says it all */
	char diag[256];         /* "": nothing to say */
};

/* A context whose work must end timeout_ms from now. */
void ctx_init(struct ctx *cx, struct arena *a, int64_t timeout_ms);

/* Microseconds until the deadline; 0 once it has passed. */
int64_t ctx_left_us(const struct ctx *cx);

/* Notes why for the operator and returns e. */
enum err ctx_fail(struct ctx *cx, enum err e, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Notes why for the client (detail is static text) and returns e. */
enum err ctx_refuse(struct ctx *cx, enum err e, const char *detail);

#endif
