/*
 * The one PostgreSQL connection of a process, over libpq; the only module that knows it.
 * Every wait has a deadline (the context's, and the setting's). A query that passes it
 * costs the connection, which is made anew without blocking; there is no PQcancel. No
 * prepared statements and no session state: PgBouncer is in transaction mode.
 */
#ifndef LIB_DATA_DB_H
#define LIB_DATA_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

#define DB_ARGS_MAX 24

struct arena;
struct ctx;
struct db;

/* A statement; kept in const tables on top of each store. */
struct db_query {
	const char *name; /* for diag and spans */
	const char *text; /* with $1... */
	bool idempotent;  /* may be sent again on a new connection */
};

/* Parameters in text form; NULL is SQL's NULL. Texts are borrowed, numbers are formatted in
 * the arena. Running out of memory makes db_exec return ERR_MEMORY. */
struct db_args {
	struct arena *arena;
	const char *v[DB_ARGS_MAX];
	int n;
	bool failed;
};

/* Rows of a result; they live as long as the arena. */
struct db_rows {
	void *result;
	int n;
	int64_t affected; /* rows changed, for statements without rows */
};

/* conninfo: libpq's; password: "" or added to it. Does not connect yet. NULL: no memory. */
struct db *db_new(const char *conninfo, const char *password, int64_t timeout_ms);
void db_free(struct db *db);

void db_args_init(struct db_args *a, struct arena *arena);
void db_arg_text(struct db_args *a, const char *value); /* NULL: NULL */
void db_arg_int(struct db_args *a, int64_t value);
void db_arg_id(struct db_args *a, int64_t id); /* 0: NULL */
void db_arg_bool(struct db_args *a, bool value);
void db_arg_time(struct db_args *a, int64_t wall_us); /* 0: NULL */

/* Runs one statement in a transaction of its own. ERR_UNAVAILABLE: no connection, or it was
 * lost (an idempotent statement is tried once more). ERR_DEADLINE. ERR_CONFLICT: unique
 * violation. ERR_INVALID: the data does not fit (SQLSTATE class 22). Else ERR_INTERNAL. The
 * server's words go into cx's diag only. args and ret_rows may be NULL. */
MUST_CHECK enum err db_exec(struct db *db, struct ctx *cx, const struct db_query *q,
    const struct db_args *args, struct db_rows *ret_rows);

/* SQLSTATE of the last statement that failed; "" when it failed without one. */
const char *db_state(const struct db *db);

/* Name of the constraint that it violated, or "". */
const char *db_constraint(const struct db *db);

/* Transactions of several statements. After any error call db_rollback, which closes the
 * connection when it can't end the transaction in time. */
MUST_CHECK enum err db_begin(struct db *db, struct ctx *cx);
MUST_CHECK enum err db_commit(struct db *db, struct ctx *cx);
void db_rollback(struct db *db);

/* A script of several statements without parameters (migrations). */
MUST_CHECK enum err db_script(struct db *db, struct ctx *cx, const char *name, const char *sql);

/* COPY ... FROM STDIN: begins with q's text, takes the bytes (lines of COPY text format). */
MUST_CHECK enum err db_copy(
    struct db *db, struct ctx *cx, const struct db_query *q, const char *bytes, size_t n);

/* Cells of a row. Texts live as long as the arena; NULL when the cell is NULL. */
const char *db_text(const struct db_rows *rows, int row, int column);
int64_t db_int(const struct db_rows *rows, int row, int column); /* NULL: 0 */
bool db_bool(const struct db_rows *rows, int row, int column);   /* NULL: false */

/* Whether statements are refused at once because the database has not answered lately. */
bool db_is_open_circuit(const struct db *db);

/* Whether there is a connection now, and whether its other end listens at all. */
bool db_is_connected(const struct db *db);
bool db_is_listening(const struct db *db);

/* Closes the connection (for tests, and before a long sleep). */
void db_close(struct db *db);

#endif
