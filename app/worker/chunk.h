/*
 * The rows of an import that will be stored by one statement: checked ones to store, and
 * the faulty ones between them, so that outcomes are told in the file's order.
 */
#ifndef APP_WORKER_CHUNK_H
#define APP_WORKER_CHUNK_H

#include <stdbool.h>
#include <stddef.h>

#include "app/worker/import.h"

struct chunk;

/* Rows of kind; NULL: no memory. */
struct chunk *chunk_new(const struct import_kind *kind);
void chunk_free(struct chunk *c);

/* Memory for the texts of the rows; taken back by chunk_reset. */
struct arena *chunk_arena(struct chunk *c);

/* Room for the next row, prepared; used up by chunk_keep. */
void *chunk_next(struct chunk *c);

/* Whether the next row, once read, has no key that the chunk has already. */
bool chunk_fits(struct chunk *c);

/* Takes the next row in as the file's row `number`. */
void chunk_keep(struct chunk *c, size_t number);

/* Notes that the file's row `number` is skipped, with the reason (static text). */
void chunk_skip(struct chunk *c, size_t number, const char *reason);

bool chunk_is_full(const struct chunk *c);

/* What came of a row: its number in the file, and its result. */
typedef void chunk_outcome_fn(void *arg, size_t number, const struct import_result *result);

/* Stores the rows and tells the outcome of each, in the file's order; empties the chunk. */
MUST_CHECK enum err chunk_store(
    struct chunk *c, struct db *db, struct ctx *cx, chunk_outcome_fn *fn, void *arg);

#endif
