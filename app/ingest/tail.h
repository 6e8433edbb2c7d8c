/*
 * Brings this host's caches forward by what the outbox says: each change at once, and once
 * more when every request that may have read the state before it has ended, since such a
 * request may have put that state back into a cache that had lost the new one.
 */
#ifndef APP_INGEST_TAIL_H
#define APP_INGEST_TAIL_H

#include <stdbool.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct breaker;
struct cache;
struct ctx;
struct db;
struct l1;
struct tail;
struct unknown;

/* Where changes go. */
struct tail_targets {
	struct cache *cache;
	struct breaker *breaker;
	struct l1 *l1;
	struct unknown *unknown;
};

/* Everything is borrowed. NULL: no memory. */
struct tail *tail_new(const char *host, struct db *db, const struct tail_targets *targets);
void tail_free(struct tail *t);

/* Applies at most a page of changes. *ret_more: there may be more already. Fails as outbox
 * does; nothing that was not applied is passed then. While Redis is away the host's own
 * tables go on, nobody reads from Redis, and what it lacks is applied when it is back. */
MUST_CHECK enum err tail_step(struct tail *t, struct ctx *cx, bool *ret_more);

/* Publishes for how long this host has not known all changes. */
void tail_publish_lag(const struct tail *t);

#endif
