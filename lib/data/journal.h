/*
 * The click journal: each worker appends lines to a segment file of its own, one write(2)
 * per append, before the response goes out. A segment is locked (flock) by its worker as
 * long as it is written; names are never used again. terse-ingest reads from the other
 * end. Nothing here waits for another process.
 */
#ifndef LIB_DATA_JOURNAL_H
#define LIB_DATA_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct journal;

/* Appends into dir (made when missing); a segment is left for a new one when it is larger
 * or older than this. The first append makes the first segment. NULL: no memory. */
struct journal *journal_new(const char *dir, int64_t segment_bytes, int64_t segment_age_ms);
void journal_free(struct journal *j);

/* Appends n bytes, whole lines. A write that ends short is taken back. ERR_UNAVAILABLE: it
 * is not in the journal (disk full, no directory); errno says why. */
MUST_CHECK enum err journal_append(struct journal *j, const char *lines, size_t n);

/* Leaves a segment that is too old, so that terse-ingest can remove it. */
void journal_tick(struct journal *j);

/*
 * The reading end.
 */
#define SEGMENT_NAME_SIZE 64

struct segment {
	char name[SEGMENT_NAME_SIZE];
	int64_t bytes; /* size when listed */
};

/* Lists the segments of dir by name (which is by time), at most max; the number in all. -1:
 * errno says why. */
int journal_list(const char *dir, struct segment *segments, int max);

/* Reads up to cap bytes (CLICK_LINE_MAX at least) at offset, cut after the last newline:
 * whole lines only. ret_n 0: none there. CLICK_LINE_MAX bytes and more without any newline
 * are no line: they are returned as they are, for the caller to put aside. */
MUST_CHECK enum err journal_read(
    const char *dir, const char *name, int64_t offset, char *bytes, size_t cap, size_t *ret_n);

/* Whether no worker writes the segment any more (its lock can be taken). */
bool journal_is_done(const char *dir, const char *name);

/* Removes a segment if it is done and has no more than bytes; false: it stays. */
bool journal_remove(const char *dir, const char *name, int64_t bytes);

#endif
