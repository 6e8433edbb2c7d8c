/*
 * Which visits are stored, asked from the database: at the start, and when it is not known
 * what came of a transaction.
 */
#ifndef APP_INGEST_RECALL_H
#define APP_INGEST_RECALL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct ctx;
struct db;
struct visits;

/* Zeroed, then recall_again: nothing is known. */
struct recall {
	bool is_due;
	int64_t known_id;  /* visits of clicks up to this id are known, or too old to matter */
	int64_t before_id; /* those from this id are recalled; 0: none is */
	int64_t n;         /* recalled so far */
};

/* One step from the newest click to older ones, until those up to known_id, those of before
 * since_us (wall clock), or some millions: then it is no longer due. Fails as db_exec, and
 * with ERR_MEMORY. */
MUST_CHECK enum err recall_step(
    struct recall *r, struct db *db, struct ctx *cx, int64_t since_us, struct visits *visits);

/* Clicks up to this id are stored and known. */
void recall_note(struct recall *r, int64_t known_id);

/* There may be others after it: recalling is due, from its beginning. */
void recall_again(struct recall *r);

#endif
