#include "app/ingest/fresh.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "app/ingest/batch.h"
#include "app/ingest/visits.h"

/* No line that can be read is shorter. */
enum { LINE_LEAST = 48, NOTES_MAX = BATCH_BYTES / LINE_LEAST };

/* Pages that no batch needs are never touched. */
#define ROWS_BYTES                                                                                 \
	(BATCH_BYTES + (size_t)NOTES_MAX * CLICK_ROW_MORE + CLICK_HEAD_BYTES + CLICK_TAIL_BYTES)

bool
fresh_init(struct fresh *f)
{
	*f = (struct fresh){ .notes = malloc(NOTES_MAX * sizeof(*f->notes)),
		.rows = malloc(ROWS_BYTES) };
	return f->notes != NULL && f->rows != NULL;
}

void
fresh_release(struct fresh *f)
{
	free(f->notes);
	free(f->rows);
}

static void
add_raw(struct fresh *f, const char *bytes, size_t n)
{
	memcpy(f->rows + f->n, bytes, n);
	f->n += n;
}

static enum err
take_line(struct fresh *f, const char *line, size_t n, struct visits *visits)
{
	struct click_note note;
	size_t n_row;
	enum err e = click_note_read(line, n, &note, f->rows + f->n, &n_row);

	if (e)
		return e;
	if (!visits_add(visits, note.visit)) {
		f->repeats++;
		return ERR_OK;
	}
	assert(f->n_notes < NOTES_MAX);
	f->notes[f->n_notes++] = note;
	f->n += n_row;
	return ERR_OK;
}

enum err
fresh_take(struct fresh *f, const char *lines, size_t n, size_t n_lines, struct visits *visits)
{
	const char *line = lines, *end = lines + n;
	enum err e = visits_begin(visits, n_lines);

	f->n_notes = f->n = f->repeats = 0;
	add_raw(f, click_head, sizeof(click_head));
	while (!e && line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t len = newline ? (size_t)(newline - line) + 1 : (size_t)(end - line);

		e = take_line(f, line, len, visits);
		line += len;
	}
	add_raw(f, click_tail, sizeof(click_tail));
	return e;
}
