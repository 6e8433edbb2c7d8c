/*
 * A circuit breaker in the host's shared memory, for Redis. It opens on failures, lets one
 * process try again after a pause with jitter, and knows a second reason to stay open: a
 * change that could not be written to the cache. Until terse-ingest has replayed the
 * outbox, nobody reads from a cache that may hold what that change made old.
 */
#ifndef LIB_DATA_BREAKER_H
#define LIB_DATA_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct breaker;

/* Maps run_dir's breaker; NULL: errno says why. */
struct breaker *breaker_new(const char *run_dir);
void breaker_free(struct breaker *b);

/* Whether a reader may try now. False while open, or dirty. When the pause has passed, one
 * caller gets true to probe. */
bool breaker_allows(struct breaker *b);

/* Whether a writer (an invalidation) may try now: like breaker_allows, but dirty or not. */
bool breaker_allows_write(struct breaker *b);

/* What came of a try. 3 failures in a row open it for 200..400 ms, doubling up to 2 s. */
void breaker_report(struct breaker *b, bool success);

/* A committed change did not reach the cache. */
void breaker_mark_dirty(struct breaker *b);

/* terse-ingest: the mark to remember before reading the outbox, and to clear once all it
 * read has reached the cache. Changes marked in between keep it dirty. */
uint64_t breaker_dirty_mark(const struct breaker *b);
void breaker_clear_dirty(struct breaker *b, uint64_t mark);

bool breaker_is_open(const struct breaker *b);

#endif
