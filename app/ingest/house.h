/*
 * Housekeeping in the database: partitions before they are needed, what deleted records
 * left behind, outbox rows that every host has passed.
 */
#ifndef APP_INGEST_HOUSE_H
#define APP_INGEST_HOUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct ctx;
struct db;

/* When each was done last (clock_mono_us() scale). Zeroed: all is due. */
struct house {
	int64_t partitions_us, clean_us, trim_us;
	bool has_dirt; /* the last cleaning left some */
};

/* One short step. is_idle: nothing waits for the database, so that cleaning delays
 * nobody. Fails as click_store and outbox do. */
MUST_CHECK enum err house_step(struct house *h, struct db *db, struct ctx *cx, bool is_idle);

#endif
