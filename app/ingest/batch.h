/*
 * What one transaction moves: whole lines of some segments, and where those segments stand
 * after it.
 */
#ifndef APP_INGEST_BATCH_H
#define APP_INGEST_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/ingest/lines.h"
#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/data/click_store.h"

struct source;

enum { BATCH_BYTES = 8 * 1024 * 1024, BATCH_SEGMENTS = 64 };

struct batch {
	char *bytes; /* owned; BATCH_BYTES of them */
	size_t n;
	int64_t lines, most_lines;
	struct segment_offset offsets[BATCH_SEGMENTS]; /* names are the sources' */
	struct source *sources[BATCH_SEGMENTS];
	int n_segments;
	bool is_full;
};

/* False: no memory. Needs batch_release either way. */
bool batch_init(struct batch *b);
void batch_release(struct batch *b);

/* Empties it. */
void batch_begin(struct batch *b, int64_t most_lines);

/* Adds the lines that follow source's offset. Returns in *ret_junk what stands there when
 * that can't be stored and the batch is still empty; otherwise its bytes are 0. The source
 * is borrowed until the batch is emptied. ERR_UNAVAILABLE (errno): it can't be read. */
MUST_CHECK enum err batch_read(
    struct batch *b, const char *dir, struct source *source, struct line_run *ret_junk);

/* Moves source past n bytes without storing them; ends the batch. */
void batch_skip(struct batch *b, struct source *source, int64_t n);

/* Throws the lines away and keeps where they end. */
void batch_drop_lines(struct batch *b);

/* The batch is stored: the sources stand at their new offsets. */
void batch_stored(const struct batch *b);

#endif
