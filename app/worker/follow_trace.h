/*
 * The spans of visits, for follow.c. What is done for many visits at once is a span of each
 * of them. What takes next to no time (the host's memory, the journal) is told of a visit only
 * if that is sampled, has been somewhere dearer, or it did take its time.
 */
#ifndef APP_WORKER_FOLLOW_TRACE_H
#define APP_WORKER_FOLLOW_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/trace.h"

struct app;
struct cache_found;
struct visit;

/* The host's memory was asked, and knew, or not. The visit has just begun to be followed. */
void follow_trace_memory(const struct visit *v, int64_t began_us, bool has_hit);

/* Redis was asked for n codes. */
void follow_trace_redis(
    struct visit *const visits[], const struct cache_found *found, size_t n, int64_t began_us);

/* Clicks of n visits were journaled, or not; terse-ingest will ask which spans they are of. */
void follow_trace_journal(
    struct app *app, struct visit *const visits[], size_t n, int64_t began_us, bool has_failed);

/* A query that was asked for many. */
struct follow_query {
	struct trace_ref ref; /* what it says of itself: one sampled visit's trace, its own span */
	int64_t began_us;
	size_t n;
};

/* The span that a query for these visits names as its own; ref.is_sampled is false
 * when none is sampled. */
struct follow_query follow_trace_begin_query(struct visit *const visits[], size_t n);

/* v's query has ended. */
void follow_trace_query(const struct visit *v, struct follow_query *q, bool has_failed);

/* n codes were brought to Redis after the visit that is `to` had been answered. */
void follow_trace_taught(
    struct app *app, const struct trace_ref *to, size_t n, int64_t began_us, bool has_failed);

#endif
