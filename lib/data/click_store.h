/*
 * Storing clicks: a batch of rows, the counters and the journal's offsets, in one
 * transaction, so that each line counts exactly once. Who calls leaves out repeats. For
 * terse-ingest, on a direct connection.
 */
#ifndef LIB_DATA_CLICK_STORE_H
#define LIB_DATA_CLICK_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct click_note;
struct ctx;
struct db;

/* How far a segment is stored. */
struct segment_offset {
	const char *name;
	int64_t offset;
	int64_t from; /* what it was before; 0: not known to the database */
};

struct click_batch {
	const char *rows;         /* for COPY: head, rows and tail of click_note.h */
	size_t n;                 /* bytes */
	struct click_note *notes; /* one per line; they are put into another order */
	size_t n_notes;
	const struct segment_offset *offsets; /* the segments' new offsets */
	int n_offsets;
};

/* Stores the batch. *ret_last_id: no click of it has a greater id. ERR_INVALID: a line is bad
 * (bisect). ERR_UNAVAILABLE also when a segment does not stand where the batch begins: then
 * an earlier transaction of unknown outcome has been committed. After an error nothing is
 * stored, unless the answer was lost. */
MUST_CHECK enum err click_store_batch(struct db *db, struct ctx *cx, const char *host,
    const struct click_batch *batch, int64_t *ret_last_id);

/* Visits of the newest clicks; they live as long as the arena. */
struct click_recent {
	const uint64_t *visits; /* numbers as click_visit gives them */
	int n;
	int64_t first_id;  /* the least id among them */
	int64_t newest_us; /* when the latest was made; 0: there is none */
};

/* Finds the last `most` with ids above after_id and, unless it is 0, below before_id. */
MUST_CHECK enum err click_find_recent(struct db *db, struct ctx *cx, int64_t after_id,
    int64_t before_id, int64_t most, struct click_recent *ret_recent);

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
