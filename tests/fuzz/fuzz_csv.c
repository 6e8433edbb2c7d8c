/*
 * CSV: the rows do not depend on how the bytes come, their cells are clean text within
 * bounds, and rows that were read and written as CSV are read back the same.
 */
#include <assert.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ctx.h"
#include "lib/base/utf8.h"
#include "lib/http/csv.h"
#include "tests/fuzz/fuzz.h"

#define CELL_MAX (128 << 10)

static const char *const columns[] = { "a", "b", "c" };

/* What came out: a text that tells all of it, and the sound rows as CSV. */
struct seen {
	size_t rows, sound;
	struct buf all, csv;
};

static void
add_quoted(struct buf *out, const char *s)
{
	buf_adds(out, "\"");
	for (; *s; s++) {
		if (*s == '"')
			buf_addc(out, '"');
		buf_addc(out, *s);
	}
	buf_adds(out, "\"");
}

static enum err
note_row(void *arg, const struct csv_row *row)
{
	struct seen *seen = arg;
	const char *cell;

	assert(row->number == ++seen->rows);
	buf_printf(&seen->all, "%zu %s", row->number, row->fault ? row->fault : "");
	seen->sound += !row->fault;
	for (size_t i = 0; i < N(columns); i++) {
		cell = row->cells[i];
		assert(!cell || (!row->fault && *cell && strlen(cell) <= CELL_MAX));
		assert(!cell || utf8_valid(cell, strlen(cell)));
		if (cell)
			add_quoted(&seen->all, cell);
		if (!row->fault) {
			buf_adds(&seen->csv, i ? "," : "");
			add_quoted(&seen->csv, cell ? cell : "");
		}
		buf_adds(&seen->all, ",");
	}
	if (!row->fault)
		buf_adds(&seen->csv, "\r\n");
	return ERR_OK;
}

static enum err
read_in_steps(struct arena *a, const char *bytes, size_t n, size_t step, struct seen *ret_seen)
{
	struct csv_reader *c = csv_reader_new(columns, N(columns), 1, note_row, ret_seen);
	enum err e = ERR_OK;
	struct ctx cx;

	assert(c);
	ctx_init(&cx, a, 1000);
	memset(ret_seen, 0, sizeof(*ret_seen));
	buf_init(&ret_seen->all, a);
	buf_init(&ret_seen->csv, a);
	buf_adds(&ret_seen->csv, "a,b,c\r\n");
	for (size_t at = 0; at < n && !e; at += step)
		e = csv_reader_feed(c, &cx, bytes + at, step < n - at ? step : n - at);
	if (!e)
		e = csv_reader_end(c, &cx);
	csv_reader_free(c);
	assert(e == ERR_OK || (e == ERR_INVALID && cx.detail));
	return e;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *arena = arena_new((size_t)256 << 20);
	const char *bytes = (const char *)data;
	struct seen whole, pieces, again;
	enum err e;

	assert(arena);
	e = read_in_steps(arena, bytes, n, n + 1, &whole);
	for (size_t step = 1; step <= 5; step += 2) {
		assert(read_in_steps(arena, bytes, n, step, &pieces) == e);
		/* Rows before a header's end can't be; after one, a failure comes from no bytes. */
		assert(strcmp(buf_str(&pieces.all), buf_str(&whole.all)) == 0);
	}
	if (e == ERR_OK) {
		e = read_in_steps(arena, buf_str(&whole.csv), whole.csv.len, 4096, &again);
		assert(e == ERR_OK && again.sound == whole.sound && again.rows == again.sound);
		assert(strcmp(buf_str(&again.csv), buf_str(&whole.csv)) == 0);
	}
	arena_free(arena);
	return 0;
}
