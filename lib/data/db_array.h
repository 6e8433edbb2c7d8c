/*
 * PostgreSQL array literals for bulk statements: one parameter holds a column of a chunk
 * (`unnest($1::text[])`).
 */
#ifndef LIB_DATA_DB_ARRAY_H
#define LIB_DATA_DB_ARRAY_H

#include <stdint.h>

#include "lib/base/buf.h"

struct arena;
struct db_args;

struct db_array {
	struct buf text;
};

void db_array_init(struct db_array *a, struct arena *arena);
void db_array_text(struct db_array *a, const char *value); /* NULL: NULL */
void db_array_int(struct db_array *a, int64_t value);
void db_array_id(struct db_array *a, int64_t id); /* 0: NULL */
void db_array_bool(struct db_array *a, _Bool value);
void db_array_time(struct db_array *a, int64_t wall_us); /* 0: NULL */

/* The literal, "{}" when empty; NULL when memory ran out. */
const char *db_array_end(struct db_array *a);

/* Ends the array and adds it as a parameter; out of memory makes args failed. */
void db_arg_array(struct db_args *args, struct db_array *a);

#endif
