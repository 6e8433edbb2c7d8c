/*
 * JSON in and out over json-c; the only module that knows it. Reading is strict (RFC
 * 8259) and loses nothing: what json-c would silently repair or saturate is refused.
 * Values live in the request's arena.
 */
#ifndef LIB_HTTP_JSON_H
#define LIB_HTTP_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct arena;
struct buf;
struct ctx;
struct json_object; /* json-c's */

enum json_kind { JSON_NULL, JSON_BOOL, JSON_INT, JSON_REAL, JSON_TEXT, JSON_LIST, JSON_MAP };

/* Parses n bytes. ERR_MALFORMED: not JSON, more than 32 levels deep, or not UTF-8. An
 * unpaired surrogate escape is kept as a NUL, so that a text check refuses it. Integers
 * that int64_t can't hold read as JSON_REAL and are written back exactly. */
MUST_CHECK enum err json_read(
    struct ctx *cx, const char *bytes, size_t n, struct json_object **ret_value);

enum json_kind json_kind(const struct json_object *v);

/* A member of a map; false when there is none. *ret_value is NULL for a JSON null. */
bool json_member(const struct json_object *map, const char *name, struct json_object **ret_value);

/* Whether all members of a map are texts. */
bool json_maps_to_texts(const struct json_object *map);

/* The length of a list (JSON_LIST), and its i-th value; NULL is a JSON null. */
size_t json_length(const struct json_object *list);
struct json_object *json_at(const struct json_object *list, size_t i);

/* The bytes of a text (JSON_TEXT), which may hold NULs, and their number. */
const char *json_text(const struct json_object *v, size_t *ret_n);
int64_t json_int(const struct json_object *v);  /* JSON_INT */
bool json_is_huge(const struct json_object *v); /* JSON_REAL: int64_t can't hold it */
bool json_is_true(const struct json_object *v); /* JSON_BOOL */

/* Whether any text or name in v holds a NUL, or a number is not finite: what PostgreSQL's
 * jsonb can't hold. */
bool json_storable(const struct json_object *v);

/*
 * Building. A map or list that ran out of memory is marked failed and json_write reports
 * it, so the calls need no checks one by one.
 */
struct json {
	struct json_object *root;
	bool failed;
};

/* A builder whose root is a map or a list; freed with the arena. */
void json_map_init(struct json *j, struct arena *a);
void json_list_init(struct json *j, struct arena *a);

/* Where values go: the root, or a map or list inside it. `at` NULL is the root. name is
 * static text, and NULL when `at` is a list. A NULL value text becomes null. */
struct json_object *json_add_map(struct json *j, struct json_object *at, const char *name);
struct json_object *json_add_list(struct json *j, struct json_object *at, const char *name);
void json_add_text(struct json *j, struct json_object *at, const char *name, const char *value);
void json_add_int(struct json *j, struct json_object *at, const char *name, int64_t value);
void json_add_real(struct json *j, struct json_object *at, const char *name, double value);
void json_add_bool(struct json *j, struct json_object *at, const char *name, bool value);
void json_add_id(
    struct json *j, struct json_object *at, const char *name, int64_t id); /* 0: null */
void json_add_time(struct json *j, struct json_object *at, const char *name, int64_t wall_us);
void json_add_moment(
    struct json *j, struct json_object *at, const char *name, int64_t wall_us); /* 0: null */

/* Adds text that is already JSON (as PostgreSQL writes jsonb) as it is. */
void json_add_raw(struct json *j, struct json_object *at, const char *name, const char *value);

/* Appends the whole to out. ERR_MEMORY when anything before ran out of memory. */
MUST_CHECK enum err json_write(const struct json *j, struct buf *out);

/* Appends a value that was read. */
MUST_CHECK enum err json_write_value(struct json_object *v, struct buf *out);

#endif
