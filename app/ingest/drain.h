/*
 * Moves the click journal into PostgreSQL, each line exactly once: lines and the offset
 * behind them are stored in one transaction. It works in passes: what is in the journal
 * when a pass begins is stored when the pass is over, in batches of bounded size.
 */
#ifndef APP_INGEST_DRAIN_H
#define APP_INGEST_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct ctx;
struct db;
struct drain;
struct settings;

/* Everything is borrowed. NULL: no memory. */
struct drain *drain_new(const struct settings *s, struct db *db);
void drain_free(struct drain *d);

/* Moves at most one batch. *ret_more: the pass goes on. A line that can't be stored goes to
 * the dead letters. Fails as click_store does, and with ERR_UNAVAILABLE when the journal
 * can't be read; then the next call begins a new pass. */
MUST_CHECK enum err drain_step(struct drain *d, struct ctx *cx, bool *ret_more);

/* Everything journaled before this moment (clock_mono_us() scale) is stored; 0: unknown. */
int64_t drain_stored_us(const struct drain *d);

/* How long to wait after a pass before the next one begins: longer while many lines come. */
int64_t drain_pause_us(const struct drain *d);

/* Writes to disk what waits for the database longer than a pass takes when all is well, so
 * that a power cut costs no more than that. */
MUST_CHECK enum err drain_sync(struct drain *d, struct ctx *cx);

#endif
