/*
 * Migrations of the schema, embedded at build time from lib/data/schema/NNNN_name.sql.
 */
#ifndef LIB_DATA_MIGRATE_H
#define LIB_DATA_MIGRATE_H

#include <stdbool.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct ctx;
struct db;

struct migration {
	int number;
	const char *name; /* NNNN_name */
	const char *sql;
};

/* All of them, in order; generated. */
extern const struct migration migrations[];
extern const int n_migrations;

/* Applies what is missing, each in a transaction of its own together with its row in
 * schema_migrations, under an advisory lock (db is a direct connection). Can be started
 * again after any failure. ret_applied: how many. ERR_INTERNAL: a migration that was applied
 * has another text now (diag). */
MUST_CHECK enum err migrate_all(struct db *db, struct ctx *cx, int *ret_applied);

/* Whether all of this program's migrations are applied; ERR_UNAVAILABLE when not (diag). */
MUST_CHECK enum err migrate_check(struct db *db, struct ctx *cx);

#endif
