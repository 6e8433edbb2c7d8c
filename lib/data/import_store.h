/*
 * Chunks of an import: many rows, one transaction. Of users and events a chunk holds no two
 * rows with the same key (username, e-mail, or id): the caller starts a new chunk instead.
 * Each row's outcome is told apart, so that imported + updated + skipped is exact.
 */
#ifndef LIB_DATA_IMPORT_STORE_H
#define LIB_DATA_IMPORT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct ctx;
struct db;

/* Most rows of a chunk. */
#define IMPORT_CHUNK 5000
/* Greater ids are given new ones, else one row could spend the sequence. */
#define IMPORT_ID_MAX INT64_C(1000000000000)

enum import_outcome {
	IMPORT_NEW,
	IMPORT_UPDATED,
	IMPORT_SKIPPED,
	IMPORT_RENEWED, /* new, but the mark of a deletion may still be in a cache */
	IMPORT__COUNT
};

struct import_result {
	enum import_outcome outcome;
	const char *reason; /* static text, of a skipped row */
};

/* Rows; ids 0: a new one. Times 0: now (updated_us 0: created_us). Strings are borrowed. */
struct import_user {
	unsigned given;
	int64_t id, created_us;
	const char *username, *email;
};

struct import_url {
	unsigned given;
	int64_t id, user_id, created_us, updated_us;
	const char *short_code, *original_url, *title;
	bool is_active;
};

struct import_event {
	unsigned given;
	int64_t id, url_id, user_id, at_us;
	const char *event_type, *details;
};

/* results has n elements and is filled in row order. A repeated username updates the
 * e-mail; an e-mail of another user skips. */
MUST_CHECK enum err import_users(struct db *db, struct ctx *cx, const struct import_user *rows,
    int n, struct import_result *results);

/* A repeated short code updates target, title and is_active (event and outbox like an edit;
 * a row that changes nothing counts as updated, too). When it is repeated within the chunk,
 * its last row is what it is changed to, and the one change that is noted. An id is kept by
 * the first row that has it. New rows get no event: the file of events has it. An unknown
 * user skips. */
MUST_CHECK enum err import_urls(struct db *db, struct ctx *cx, const struct import_url *rows, int n,
    struct import_result *results);

/* An unknown url or user skips. A row whose id, url, type and time are already stored
 * skips, so that a file may be sent again. */
MUST_CHECK enum err import_events(struct db *db, struct ctx *cx, const struct import_event *rows,
    int n, struct import_result *results);

#endif
