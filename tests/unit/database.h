/*
 * A database with the schema for a test of a store: each test has its own, on the server
 * that all tests of the program share. What a test asks of it outside the stores must
 * succeed, else the test fails.
 */
#ifndef TESTS_UNIT_DATABASE_H
#define TESTS_UNIT_DATABASE_H

#include <stdint.h>

#include "lib/base/ctx.h"

struct arena;
struct db;

struct database {
	struct arena *arena;
	struct ctx cx;
	struct db *db;
	char conninfo[256];
};

/* With the schema (from a template that is migrated once), or empty. */
void database_init(struct database *d);
void database_init_empty(struct database *d);
void database_release(struct database *d);

/* One more connection; db_free it. */
struct db *database_connect(const struct database *d);

/* Forgets what the context remembers of earlier calls. */
void database_fresh(struct database *d);

void database_run(struct database *d, const char *sql);
/* The first cell of the first row; NULL and 0 when it is NULL. */
const char *database_text(struct database *d, const char *sql);
int64_t database_int(struct database *d, const char *sql);

#endif
