/*
 * The parts of terse-ingest and the connections that they share. One per process.
 */
#ifndef APP_INGEST_INGEST_H
#define APP_INGEST_INGEST_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct breaker;
struct cache;
struct db;
struct drain;
struct l1;
struct news;
struct settings;
struct tail;
struct unknown;
struct waiters;

struct ingest {
	const struct settings *settings; /* borrowed */
	struct arena *arena;             /* of one step of a task */
	struct db *db;
	struct breaker *breaker;
	struct cache *cache;
	struct l1 *l1;
	struct news *news;
	struct unknown *unknown;
	struct drain *drain;
	struct tail *tail;
	struct waiters *waiters;
};

/* Makes everything; nothing is connected yet. The caller holds the journal's lock. False:
 * why (why_size bytes) says what is wrong. Needs ingest_release either way. */
bool ingest_init(struct ingest *in, const struct settings *s, char *why, size_t why_size);
void ingest_release(struct ingest *in);

#endif
