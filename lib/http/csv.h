/*
 * CSV by streaming, over libcsv: a header that names columns in any order, then rows. Rows
 * are given to the caller one by one; memory is bounded by the longest row. Nothing is
 * trimmed but the header's names (RFC 4180). Blank lines are no rows. libcsv has the names
 * csv_free, csv_parse and so on, hence csv_reader.
 */
#ifndef LIB_HTTP_CSV_H
#define LIB_HTTP_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct csv_reader;
struct ctx;

/* One row: cell i is the text of columns[i], NULL when the file lacks the column or the
 * cell is empty, valid UTF-8 without NUL. Cells live until the call returns. */
struct csv_row {
	size_t number;      /* 1: the first after the header */
	const char **cells; /* as many as columns; all NULL when there is a fault */
	const char *fault;  /* NULL, or why the row can't be read: static text */
};
typedef enum err csv_row_fn(void *arg, const struct csv_row *row);

/* columns: the names looked for (n of them, at most 32), borrowed; required: a bit per column
 * that the header must have. Other columns are ignored. NULL: no memory. A cell above 128 KiB,
 * a row with more or fewer cells than the header, one that is not UTF-8 or holds a NUL, or
 * one with a quoted cell that goes on after its quote is a row with a fault. */
struct csv_reader *csv_reader_new(
    const char *const *columns, size_t n, unsigned required, csv_row_fn *fn, void *arg);
void csv_reader_free(struct csv_reader *c);

/* Feeds bytes, as they come. ERR_INVALID: the header lacks a required column, names one
 * twice, or is no CSV (cx has the detail). Otherwise the first error that fn returned. After
 * an error every call returns it. */
MUST_CHECK enum err csv_reader_feed(
    struct csv_reader *c, struct ctx *cx, const char *bytes, size_t n);

/* The end of the file. A row whose quote is still open is given as one with a fault.
 * ERR_INVALID: there was no header at all, or see above. */
MUST_CHECK enum err csv_reader_end(struct csv_reader *c, struct ctx *cx);

#endif
