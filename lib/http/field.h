/*
 * Fields declared as tables. One row says what a member may be; one pass over a table
 * reads a JSON body, a query string or a CSV row into a struct and collects every fault.
 * The struct's first member is `unsigned given`: bit i is set when row i's value was there
 * (a JSON null of a nullable field counts as there, its value is NULL, 0 or false).
 */
#ifndef LIB_HTTP_FIELD_H
#define LIB_HTTP_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct ctx;
struct json_object;
struct target_rules;

enum field_type {
	FIELD_TEXT,   /* const char *; min..max code points; never holds a NUL */
	FIELD_ID,     /* int64_t, 1..INT64_MAX */
	FIELD_INT,    /* int64_t, min..max */
	FIELD_BOOL,   /* bool; in a query or CSV: true, false (also True, TRUE...), 1, 0 */
	FIELD_TIME,   /* int64_t, microseconds since 1970, RFC 3339 */
	FIELD_OBJECT, /* const char *: the JSON text of an object; at most max bytes */
	FIELD_TEXTS,  /* the same; its members are texts */
	FIELD_LIST    /* struct json_object *: a list of at most max values; not from text */
};

enum {
	FIELD_REQUIRED = 1,
	FIELD_NULLABLE = 2,
	FIELD_CLAMP = 4 /* FIELD_INT of a query: out of range becomes the nearer bound */
};

#define FIELD_FAULTS_MAX 16
#define FIELD_GIVEN(row) (1U << (row))

/* What checkers may need to know besides the value. */
struct field_env {
	const struct target_rules *targets; /* borrowed, process-lifetime */
	const char *host;                   /* the request's Host, or NULL */
};

/* NULL: fine. Otherwise static text: what is wrong. */
typedef const char *field_check(const struct field_env *env, const char *value);

struct field {
	const char *name;
	enum field_type type;
	int64_t min, max;
	unsigned flags;
	field_check *check; /* after type and bounds; may be NULL */
	size_t offset;      /* of the value in the struct */
};

struct field_fault {
	const char *name;   /* the table's, or in the arena */
	const char *code;   /* required, type, length, range, format, invalid */
	const char *detail; /* static text */
};

struct field_faults {
	struct field_fault v[FIELD_FAULTS_MAX];
	unsigned n;
};

/* Where in a list (FIELD_LIST). */
struct field_item {
	const char *name; /* the list's; static text */
	const struct json_object *list;
	size_t i;
};

struct field_table {
	const struct field *rows;
	size_t n; /* at most 32 */
	const struct field_env *env;
};

/* Reads the members of a JSON object. ERR_MALFORMED: v is not an object. ERR_INVALID:
 * faults has at least one. Unknown members are ignored. Texts live in cx's arena. */
MUST_CHECK enum err field_read_json(struct ctx *cx, const struct field_table *t,
    const struct json_object *v, void *ret_struct, struct field_faults *faults);

/* Reads the i-th value of a list, which must be an object, likewise. Its faults have the names
 * list/i and list/i/member. A list that is read to its end, whatever its values are, has all
 * its faults told. */
MUST_CHECK enum err field_read_item(struct ctx *cx, const struct field_table *t,
    const struct field_item *item, void *ret_struct, struct field_faults *faults);

/* Reads one value that came as text (query, CSV) into row i; NULL text: not given, a fault
 * when the row is required. An id out of range is no fault here, since a filter by it is
 * to match nothing: it becomes 0 or INT64_MAX. Texts are copied. ERR_INVALID: one fault was
 * added. */
MUST_CHECK enum err field_read_text(struct ctx *cx, const struct field_table *t, size_t i,
    const char *text, void *ret_struct, struct field_faults *faults);

#endif
