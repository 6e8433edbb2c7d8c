/*
 * What the imports of all kinds have in common: a chunk is stored in a transaction. One
 * statement settles its rows, and is sent again for those that somebody else's changes left
 * over; a chunk is cut in two when one of its rows can't be stored at all.
 */
#ifndef LIB_DATA_IMPORT_CHUNK_H
#define LIB_DATA_IMPORT_CHUNK_H

#include "lib/data/db.h"
#include "lib/data/import_store.h"

/*
 * The planner knows nothing of how many rows a chunk's steps give, and would join them by
 * nested loops. So rows of tables are looked up by subqueries in expressions, and steps are
 * compared by this: a subquery that it hashes.
 */
#define CHUNK_IS_IN(column, step) "(" column " IN (SELECT " column " FROM " step ")) IS TRUE"

struct chunk_kind {
	struct db_query lock; /* imports of a kind take turns, else they could deadlock */
	struct db_query pass; /* moves the sequence past $1 */
	/* Returns (number, outcome, reason, is_final) of each row it has settled. One that is
	 * not final is tried again as long as others are settled. */
	struct db_query store;
	/* Does what that statement only judged, and may correct results. ERR_CONFLICT: others
	 * were in the way, the chunk is to be stored again. NULL: nothing is left to do. */
	enum err (*settle)(struct db *db, struct ctx *cx, const void *rows,
	    const struct db_rows *judged, struct import_result *results);
	const char *const *reasons;
	/* The id that a row wants to keep; 0: none. */
	int64_t (*id)(const void *rows, int i);
	/* Adds the columns of the n rows that `which` lists, after that of their numbers. */
	void (*add)(struct db_args *args, const void *rows, const int *which, int n);
};

MUST_CHECK enum err chunk_store(struct db *db, struct ctx *cx, const struct chunk_kind *kind,
    const void *rows, int n, struct import_result *results);

#endif
