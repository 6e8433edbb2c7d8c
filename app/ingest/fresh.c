#include "app/ingest/fresh.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "app/ingest/batch.h"
#include "app/ingest/visits.h"

/* No line that can be read is shorter. */
enum { LINE_LEAST = 64, NOTES_MAX = BATCH_BYTES / LINE_LEAST };

bool
fresh_init(struct fresh *f)
{
	*f = (struct fresh){ .notes = malloc(NOTES_MAX * sizeof(*f->notes)) };
	return f->notes != NULL;
}

void
fresh_release(struct fresh *f)
{
	free(f->notes);
}

enum err
fresh_take(struct fresh *f, char *lines, size_t n, size_t n_lines, struct visits *visits)
{
	const char *line = lines, *end = lines + n;
	enum err e = visits_begin(visits, n_lines);

	f->n_notes = f->n = f->repeats = 0;
	while (!e && line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t len = newline ? (size_t)(newline - line) + 1 : (size_t)(end - line);
		struct click_note note;

		e = click_note_read(line, len, &note);
		if (!e && visits_add(visits, note.visit)) {
			assert(f->n_notes < NOTES_MAX);
			f->notes[f->n_notes++] = note;
			memmove(lines + f->n, line, len);
			f->n += len;
		} else if (!e) {
			f->repeats++;
		}
		line += len;
	}
	return e;
}
