/*
 * The outbox: changes of urls in commit order, tailed by each host's terse-ingest to bring
 * its caches forward. Rows are written by the statements of url_store and import_store.
 */
#ifndef LIB_DATA_OUTBOX_H
#define LIB_DATA_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct ctx;
struct db;

/* Where a host stands: rows are ordered by (transaction, id), and only rows of transactions
 * that ended before all that are running now are passed for good. */
struct outbox_cursor {
	int64_t xid, id;
};

struct outbox_row {
	int64_t xid, id, version, at_us;
	const char *short_code;
	int64_t url_id; /* 0: deleted */
	int64_t user_id;
	const char *original_url;
	bool is_active;
	bool is_settled; /* no row before it can appear any more */
	bool is_latest;  /* of its code, when it was read */
};

struct outbox_rows {
	struct outbox_row *rows;
	int n;
};

/* The host's stored cursor; a host seen first starts at the end of what is settled. */
MUST_CHECK enum err outbox_open(
    struct db *db, struct ctx *cx, const char *host, struct outbox_cursor *ret_cursor);

/* Committed rows after the cursor, in order, at most max. */
MUST_CHECK enum err outbox_read(struct db *db, struct ctx *cx, const struct outbox_cursor *after,
    int max, struct outbox_rows *ret_rows);

MUST_CHECK enum err outbox_store(
    struct db *db, struct ctx *cx, const char *host, const struct outbox_cursor *cursor);

/* Deletes rows that every host seen in the last hour has passed, and that are older than a
 * deletion's mark in a cache can be; at most max. A host that was silent for longer may
 * have missed rows: its cache has to be emptied. */
MUST_CHECK enum err outbox_trim(struct db *db, struct ctx *cx, int max);

#endif
