/*
 * Rows as lines of COPY's text format, for db_copy: the values of a row one after the
 * other, then its end.
 */
#ifndef LIB_DATA_DB_LINES_H
#define LIB_DATA_DB_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

struct arena;
struct ctx;
struct db;
struct db_query;

struct db_lines {
	struct buf text;
	bool is_first; /* the next value is a row's first */
};

void db_lines_init(struct db_lines *l, struct arena *arena);
void db_lines_text(struct db_lines *l, const char *value); /* NULL: NULL */
void db_lines_int(struct db_lines *l, int64_t value);
void db_lines_id(struct db_lines *l, int64_t id); /* 0: NULL */
void db_lines_bool(struct db_lines *l, bool value);
void db_lines_time(struct db_lines *l, int64_t wall_us); /* 0: when the transaction began */
void db_lines_end_row(struct db_lines *l);

/* Sends the rows, if there are any, by the COPY in q; then there are none. As db_copy;
 * ERR_MEMORY: they did not fit the arena. */
MUST_CHECK enum err db_lines_copy(
    struct db_lines *l, struct db *db, struct ctx *cx, const struct db_query *q);

#endif
