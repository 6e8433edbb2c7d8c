/*
 * The rows of an import that will be stored by one statement: checked ones to store, and
 * the faulty ones between them, so that outcomes are told in the file's order.
 */
#ifndef APP_WORKER_SLICE_H
#define APP_WORKER_SLICE_H

#include <stdbool.h>
#include <stddef.h>

#include "app/worker/import.h"

struct slice;

/* Rows of kind; NULL: no memory. */
struct slice *slice_new(const struct import_kind *kind);
void slice_free(struct slice *c);

/* Memory for the texts of the rows; taken back by slice_reset. */
struct arena *slice_arena(struct slice *c);

/* Room for the next row, prepared; used up by slice_keep. */
void *slice_next(struct slice *c);

/* Whether the next row, once read, has no key that the slice has already. */
bool slice_fits(struct slice *c);

/* Takes the next row in as the file's row `number`. */
void slice_keep(struct slice *c, size_t number);

/* Notes that the file's row `number` is skipped, with the reason (static text). */
void slice_skip(struct slice *c, size_t number, const char *reason);

bool slice_is_full(const struct slice *c);

/* What came of a row: its number in the file, and its result; the row is NULL when it could
 * not be read. */
typedef void slice_outcome_fn(
    void *arg, size_t number, const struct import_result *result, const void *row);

/* Stores the rows and tells the outcome of each, in the file's order; empties the slice. */
MUST_CHECK enum err slice_store(
    struct slice *c, struct db *db, struct ctx *cx, slice_outcome_fn *fn, void *arg);

#endif
