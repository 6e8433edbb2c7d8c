#include "app/ingest/batch.h"

#include <assert.h>
#include <stdlib.h>

#include "app/ingest/sources.h"
#include "lib/data/click.h"
#include "lib/data/journal.h"

/* Room for less than this is none: a line always fits. */
enum { PIECE_LEAST = 8 * CLICK_LINE_MAX };

bool
batch_init(struct batch *b)
{
	*b = (struct batch){ .bytes = malloc(BATCH_BYTES) };
	return b->bytes != NULL;
}

void
batch_release(struct batch *b)
{
	free(b->bytes);
}

void
batch_begin(struct batch *b, int64_t most_lines)
{
	b->n = 0;
	b->lines = 0;
	b->most_lines = most_lines;
	b->n_segments = 0;
	b->is_full = false;
}

/* How much to read at once: no more than the lines that are wanted can be long. */
static size_t
piece_bytes(const struct batch *b)
{
	size_t room = BATCH_BYTES - b->n;
	int64_t lines = b->most_lines - b->lines;

	if (lines >= BATCH_BYTES / CLICK_LINE_MAX)
		return room;
	if ((size_t)lines * CLICK_LINE_MAX > PIECE_LEAST)
		return (size_t)lines * CLICK_LINE_MAX < room ? (size_t)lines * CLICK_LINE_MAX
							     : room;
	return PIECE_LEAST;
}

static void
move_to(struct batch *b, struct source *source, int64_t offset)
{
	assert(b->n_segments < BATCH_SEGMENTS);
	b->offsets[b->n_segments] =
	    (struct segment_offset){ source->segment.name, offset, source->offset };
	b->sources[b->n_segments++] = source;
	if (b->n_segments == BATCH_SEGMENTS)
		b->is_full = true;
}

/* Takes a run of good lines out of the `got` bytes that were read; what is no click ends
 * the batch, or is handed back when the batch is empty. */
static struct line_run
take(struct batch *b, struct source *source, size_t got)
{
	struct line_run run = lines_run(b->bytes + b->n, got, b->most_lines - b->lines);

	if (run.is_junk && b->lines == 0)
		return run;
	if (!run.is_junk) {
		move_to(b, source, source->offset + (int64_t)run.bytes);
		b->n += run.bytes;
		b->lines += run.lines;
	}
	if (run.is_junk || run.bytes < got || BATCH_BYTES - b->n < PIECE_LEAST)
		b->is_full = true;
	return (struct line_run){ 0 };
}

enum err
batch_read(struct batch *b, const char *dir, struct source *source, struct line_run *ret_junk)
{
	int64_t left = source->segment.bytes - source->offset;
	size_t want = piece_bytes(b), got;
	enum err e;

	assert(!b->is_full && left > 0);
	*ret_junk = (struct line_run){ 0 };
	if ((int64_t)want > left)
		want = (size_t)left;
	e = journal_read(dir, source->segment.name, source->offset, b->bytes + b->n, want, &got);
	if (e)
		return e;
	if (got > 0)
		*ret_junk = take(b, source, got);
	else
		source->has_tail = true;
	return ERR_OK;
}

void
batch_skip(struct batch *b, struct source *source, int64_t n)
{
	assert(b->n_segments == 0);
	move_to(b, source, source->offset + n);
	b->is_full = true;
}

void
batch_drop_lines(struct batch *b)
{
	b->n = 0;
	b->lines = 0;
}

void
batch_stored(const struct batch *b)
{
	int i;

	for (i = 0; i < b->n_segments; i++)
		b->sources[i]->offset = b->offsets[i].offset;
}
