/*
 * Statements that insert rows and met what is no fault of theirs: an id that an import took
 * before the sequence came to it, a range of ids that has no partition yet, or a deadlock.
 */
#ifndef LIB_DATA_RETRY_H
#define LIB_DATA_RETRY_H

#include <stdbool.h>

struct ctx;
struct db;

/* Whether the statement that has just failed may be sent again; a missing partition is made.
 * tries: how often it was sent. Not within a transaction: call db_rollback first. */
bool retry_insert(struct db *db, struct ctx *cx, int tries);

#endif
