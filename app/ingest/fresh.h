/*
 * The part of a batch that is new: the rows of its lines without those of visits that are
 * stored, and what is counted of each.
 */
#ifndef APP_INGEST_FRESH_H
#define APP_INGEST_FRESH_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/data/click_note.h"

struct visits;

struct fresh {
	/* owned */
	struct click_note *notes; /* one per row */
	char *rows;               /* for COPY */
	size_t n_notes;
	size_t n;       /* bytes of rows */
	size_t repeats; /* lines left out */
};

/* False: no memory. Needs fresh_release either way. */
bool fresh_init(struct fresh *f);
void fresh_release(struct fresh *f);

/* Goes through lines (n bytes, n_lines lines) and begins a batch of visits with those that
 * are new. ERR_INVALID: one is no click's line. ERR_MEMORY. */
MUST_CHECK enum err fresh_take(
    struct fresh *f, const char *lines, size_t n, size_t n_lines, struct visits *visits);

#endif
