/*
 * Imports of CSV files: the body is streamed, rows are checked by a field table, and
 * stored in slices. What differs between users, urls and events is one import_kind.
 */
#ifndef APP_WORKER_IMPORT_H
#define APP_WORKER_IMPORT_H

#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/data/import_store.h"

struct app;
struct arena;
struct ctx;
struct db;
struct field;
struct req;
struct resp;

/* Most errors that are listed; the counts go on. */
#define IMPORT_ERRORS_MAX 1000
/* Keys of a row that must not come twice in a slice. */
#define IMPORT_KEYS_MAX 3

struct import_kind {
	const struct field *fields; /* a column each, of the same name */
	size_t n_fields;
	size_t row_bytes; /* of the struct the fields fill */

	/* Fills in what absent columns mean, before the fields are read. NULL: zero. */
	void (*prepare)(void *row);

	/* The row's keys, of which a slice has none twice, as texts in the arena; how many.
	 * -1: no memory. NULL: a slice may hold any rows. */
	int (*keys)(struct arena *a, const void *row, char *keys[IMPORT_KEYS_MAX]);

	/* What this host must learn of a row that was stored. NULL: nothing. */
	void (*stored)(struct app *app, const void *row, enum import_outcome outcome);

	enum err (*store)(
	    struct db *db, struct ctx *cx, const void *rows, int n, struct import_result *results);
};

/* Imports the request's CSV and answers with the counts. */
MUST_CHECK enum err import_run(
    struct app *app, struct req *rq, struct resp *rs, const struct import_kind *kind);

#endif
