/*
 * Storing clicks: a batch of journal lines, the counters and the journal's offsets, in one
 * transaction, so that each line counts exactly once. For terse-ingest, on a direct
 * connection.
 */
#ifndef LIB_DATA_CLICK_STORE_H
#define LIB_DATA_CLICK_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct ctx;
struct db;

/* How far a segment is stored. */
struct segment_offset {
	const char *name;
	int64_t offset;
};

struct click_batch {
	const char *lines;                    /* COPY text format, whole lines */
	size_t n;                             /* bytes */
	const struct segment_offset *offsets; /* the segments' new offsets */
	int n_offsets;
	int64_t repeats_from_id; /* a repeat's first line has a greater id; 0: unknown */
};

struct click_counts {
	int64_t stored, repeats;
	int64_t last_id; /* greatest id given to a click; 0: none */
};

/* Stores the batch. ERR_INVALID: a line is bad (bisect); nothing is stored then. */
MUST_CHECK enum err click_store_batch(struct db *db, struct ctx *cx, const char *host,
    const struct click_batch *batch, struct click_counts *ret_counts);

/* The stored offset of a segment; 0 when there is none. */
MUST_CHECK enum err click_offset(
    struct db *db, struct ctx *cx, const char *host, const char *name, int64_t *ret_offset);

/* Forgets a segment that has been removed. */
MUST_CHECK enum err click_offset_drop(
    struct db *db, struct ctx *cx, const char *host, const char *name);

/* Makes the partitions that the sequence will need next. */
MUST_CHECK enum err click_partitions_ahead(struct db *db, struct ctx *cx);

/* One batch (some thousand rows) of cleaning after deleted users and urls; *ret_left says
 * whether there is more. */
MUST_CHECK enum err click_clean(struct db *db, struct ctx *cx, bool *ret_left);

#endif
