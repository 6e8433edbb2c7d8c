#include "lib/http/csv.h"

#include <csv.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/ctx.h"
#include "lib/base/utf8.h"

enum { WANTED_MAX = 32, FILE_COLUMNS_MAX = 1024 };

/* A longer cell is a fault of its row. */
#define CELL_MAX ((size_t)128 << 10)
/* What libcsv may hold: a cell, its closing quote, and the byte that it looks at. */
#define HELD_MAX (CELL_MAX + 2)
#define HELD_STEP 4096

static const char too_long[] = "a cell is longer than 128 KiB";

static const char bom[] = { '\xef', '\xbb', '\xbf' };

struct csv_reader {
	struct csv_parser parser;
	const char *const *columns;
	size_t n;
	unsigned required;
	csv_row_fn *fn;
	void *arg;

	size_t n_bom; /* bytes of a BOM seen; SIZE_MAX: past the beginning */
	bool has_header;
	unsigned found;             /* a bit per column that the header has */
	size_t n_columns;           /* of the file */
	int slot[FILE_COLUMNS_MAX]; /* which of columns each is; -1: none */

	size_t number;     /* of rows given */
	size_t cell;       /* the next one's place in its row */
	const char *fault; /* of the row that is being read */
	char *text;        /* its cells, each with a NUL */
	size_t text_n, text_cap;
	size_t start[WANTED_MAX]; /* where in text a cell begins; SIZE_MAX: empty */

	enum err failed;
	const char *detail;
};

/* Refuses libcsv more: it then stops where it is, and can go on. */
static void *
hold(void *p, size_t bytes)
{
	return bytes > HELD_MAX ? NULL : realloc(p, bytes);
}

/* Blanks around a cell are the cell's. */
static int
is_space(unsigned char c)
{
	(void)c;
	return 0;
}

static void
begin_row(struct csv_reader *c)
{
	c->cell = 0;
	c->fault = NULL;
	c->text_n = 0;
	for (size_t i = 0; i < c->n; i++)
		c->start[i] = SIZE_MAX;
}

struct csv_reader *
csv_reader_new(const char *const *columns, size_t n, unsigned required, csv_row_fn *fn, void *arg)
{
	struct csv_reader *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	(void)csv_init(&c->parser, CSV_STRICT); /* fails for NULL alone */
	csv_set_blk_size(&c->parser, HELD_STEP);
	csv_set_realloc_func(&c->parser, hold);
	csv_set_space_func(&c->parser, is_space);
	c->columns = columns;
	c->n = n;
	c->required = required;
	c->fn = fn;
	c->arg = arg;
	begin_row(c);
	return c;
}

void
csv_reader_free(struct csv_reader *c)
{
	if (c == NULL)
		return;
	csv_free(&c->parser);
	free(c->text);
	free(c);
}

static void
fail(struct csv_reader *c, enum err e, const char *detail)
{
	if (c->failed)
		return;
	c->failed = e;
	c->detail = detail;
}

/*
 * The header
 */

static int
column_of(const struct csv_reader *c, const char *name, size_t n)
{
	while (n > 0 && (name[0] == ' ' || name[0] == '\t')) {
		name++;
		n--;
	}
	while (n > 0 && (name[n - 1] == ' ' || name[n - 1] == '\t'))
		n--;
	for (size_t i = 0; i < c->n; i++)
		if (strlen(c->columns[i]) == n && memcmp(c->columns[i], name, n) == 0)
			return (int)i;
	return -1;
}

static void
read_name(struct csv_reader *c, const char *name, size_t n)
{
	int i;

	if (c->n_columns == FILE_COLUMNS_MAX) {
		fail(c, ERR_INVALID, "the header has too many columns");
		return;
	}
	i = column_of(c, name, n);
	if (i >= 0 && c->found & 1U << i)
		fail(c, ERR_INVALID, "the header names a column twice");
	if (i >= 0)
		c->found |= 1U << i;
	c->slot[c->n_columns++] = i;
}

/*
 * Rows
 */

static bool
make_room(struct csv_reader *c, size_t n)
{
	size_t cap = c->text_cap ? c->text_cap : 4096;
	char *text;

	if (n <= c->text_cap - c->text_n)
		return true;
	while (cap - c->text_n < n)
		cap *= 2;
	text = realloc(c->text, cap);
	if (text == NULL)
		return false;
	c->text = text;
	c->text_cap = cap;
	return true;
}

static const char *
fault_of(const char *cell, size_t n)
{
	if (n > CELL_MAX)
		return too_long;
	if (memchr(cell, '\0', n) != NULL)
		return "a cell holds a NUL";
	return utf8_valid(cell, n) ? NULL : "a cell is not UTF-8";
}

static void
keep_cell(struct csv_reader *c, size_t i, const char *cell, size_t n)
{
	if (!make_room(c, n + 1)) {
		fail(c, ERR_MEMORY, NULL);
		return;
	}
	c->start[i] = c->text_n;
	memcpy(c->text + c->text_n, cell, n);
	c->text[c->text_n + n] = '\0';
	c->text_n += n + 1;
}

static void
read_cell(struct csv_reader *c, const char *cell, size_t n)
{
	int i = c->cell < c->n_columns ? c->slot[c->cell] : -1;

	c->cell++;
	if (n == 0 || c->fault != NULL)
		return;
	c->fault = fault_of(cell, n);
	if (c->fault == NULL && i >= 0)
		keep_cell(c, (size_t)i, cell, n);
}

static void
give_row(struct csv_reader *c)
{
	const char *cells[WANTED_MAX] = { NULL };
	struct csv_row row = { .number = ++c->number, .cells = cells };

	if (c->fault == NULL && c->cell != c->n_columns)
		c->fault = "the row has more or fewer cells than the header";
	row.fault = c->fault;
	for (size_t i = 0; i < c->n && c->fault == NULL; i++)
		if (c->start[i] != SIZE_MAX)
			cells[i] = c->text + c->start[i];
	fail(c, c->fn(c->arg, &row), NULL);
}

static void
on_cell(void *cell, size_t n, void *reader)
{
	struct csv_reader *c = reader;

	(void)csv_set_opts(&c->parser, CSV_STRICT); /* recover() may have cleared it */
	if (c->failed)
		return;
	if (c->has_header)
		read_cell(c, cell, n);
	else
		read_name(c, cell, n);
}

static void
on_row(int end, void *reader)
{
	struct csv_reader *c = reader;

	(void)end;
	if (c->failed)
		return;
	if (c->has_header)
		give_row(c);
	else if (c->fault != NULL)
		fail(c, ERR_INVALID, c->fault);
	else if ((c->found & c->required) != c->required)
		fail(c, ERR_INVALID, "the header lacks a column that must be there");
	c->has_header = true;
	begin_row(c);
}

/*
 * Feeding
 */

static enum err
result(struct csv_reader *c, struct ctx *cx)
{
	if (c->failed && c->detail != NULL)
		return ctx_refuse(cx, c->failed, c->detail);
	return c->failed;
}

/*
 * Makes libcsv go on where it stopped. The rest of a cell that goes on after its closing
 * quote is read like one without quotes, so that only its row is lost; a quote in a cell
 * that has none around it is taken as it is.
 */
static void
recover(struct csv_reader *c)
{
	if (csv_error(&c->parser) == CSV_EPARSE) {
		if (c->parser.quoted)
			c->fault = "a cell goes on after its closing quote";
		c->parser.quoted = 0;
		(void)csv_set_opts(&c->parser, 0);
	} else if (csv_get_buffer_size(&c->parser) == HELD_MAX) {
		/* What it held is of no use any more but the one byte that may be a quote. */
		c->fault = too_long;
		c->parser.entry_pos = 1;
		c->parser.spaces = 0;
	} else {
		fail(c, ERR_MEMORY, NULL);
	}
}

static void
parse(struct csv_reader *c, const char *bytes, size_t n)
{
	size_t done;

	while (n > 0 && !c->failed) {
		done = csv_parse(&c->parser, bytes, n, on_cell, on_row, c);
		if (done < n)
			recover(c);
		bytes += done;
		n -= done;
	}
}

/* Passes by a byte order mark, which may come in pieces. Bytes passed by. */
static size_t
skip_bom(struct csv_reader *c, const char *bytes, size_t n)
{
	size_t i = 0;

	while (i < n && c->n_bom < sizeof(bom) && bytes[i] == bom[c->n_bom]) {
		c->n_bom++;
		i++;
	}
	if (i == n && c->n_bom < sizeof(bom))
		return i;
	if (c->n_bom < sizeof(bom))
		parse(c, bom, c->n_bom); /* it only began like one */
	c->n_bom = SIZE_MAX;
	return i;
}

enum err
csv_reader_feed(struct csv_reader *c, struct ctx *cx, const char *bytes, size_t n)
{
	size_t skipped = c->n_bom == SIZE_MAX ? 0 : skip_bom(c, bytes, n);

	if (n > skipped)
		parse(c, bytes + skipped, n - skipped);
	return result(c, cx);
}

enum err
csv_reader_end(struct csv_reader *c, struct ctx *cx)
{
	(void)csv_set_opts(&c->parser, CSV_STRICT | CSV_STRICT_FINI);
	if (!c->failed && csv_fini(&c->parser, on_cell, on_row, c) != 0) {
		c->fault = "a quote is never closed";
		(void)csv_set_opts(&c->parser, 0);
		(void)csv_fini(&c->parser, on_cell, on_row, c);
	}
	if (!c->failed && !c->has_header)
		fail(c, ERR_INVALID, "the file is empty");
	return result(c, cx);
}
