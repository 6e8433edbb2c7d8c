/*
 * The figures of urls: what a batch of clicks that was just stored adds to them.
 */
#ifndef LIB_DATA_CLICK_COUNT_H
#define LIB_DATA_CLICK_COUNT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct click_note;
struct ctx;
struct db;

/* Counts the notes, which it sorts, for the urls that are still there, and takes users that
 * are gone out of clicks from id from_id on. Part of the clicks' transaction. *ret_last_id:
 * no click of it has a greater id. Fails as db_exec. */
MUST_CHECK enum err click_count(struct db *db, struct ctx *cx, struct click_note *notes, size_t n,
    int64_t from_id, int64_t *ret_last_id);

#endif
