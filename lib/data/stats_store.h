/*
 * Figures of a url, from the counters that terse-ingest keeps.
 */
#ifndef LIB_DATA_STATS_STORE_H
#define LIB_DATA_STATS_STORE_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct ctx;
struct db;

struct stats {
	int64_t url_id;
	int64_t all, humans, bots, unique; /* humans + bots = all */
	int64_t last_click_us;             /* 0: never */
};

/* ERR_NOT_FOUND: no such code. */
MUST_CHECK enum err stats_get(
    struct db *db, struct ctx *cx, const char *code, struct stats *ret_stats);

#endif
