#include "lib/http/json.h"

#include <json-c/json.h>
#include <json-c/json_visit.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/base/num.h"
#include "lib/base/utf8.h"
#include "lib/http/json_scan.h"

/* PostgreSQL's numeric keeps as many digits after the point; exponents beyond it in either
 * direction are no use to anybody. */
#define NUMERIC_SCALE_MAX 16383

static const char not_json[] = "the body is not valid JSON";

static void
put(void *value)
{
	json_object_put(value);
}

/* json-c's questions take no const though they change nothing but a cache of its own. */
static struct json_object *mutable(const struct json_object *v)
{
	return (struct json_object *)(uintptr_t)v;
}

/* Parses scanned text, whose terminating NUL tells json-c that it is complete. */
static enum err
parse(const struct buf *text, struct json_object **ret_value)
{
	struct json_tokener *tokener;
	struct json_object *value;
	enum json_tokener_error why;

	if (text->len >= INT_MAX)
		return ERR_TOO_LARGE;
	tokener = json_tokener_new_ex(JSON_SCAN_DEPTH_MAX + 1); /* the innermost value is a level */
	if (!tokener)
		return ERR_MEMORY;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	value = json_tokener_parse_ex(tokener, buf_str(text), (int)text->len + 1);
	why = json_tokener_get_error(tokener);
	json_tokener_free(tokener);
	if (why != json_tokener_success)
		return ERR_MALFORMED;
	*ret_value = value;
	return ERR_OK;
}

static enum err
scan_and_parse(struct arena *a, const char *bytes, size_t n, struct json_object **ret_value)
{
	struct json_object *value;
	struct buf text;
	enum err e;

	if (!utf8_valid(bytes, n))
		return ERR_MALFORMED;
	buf_init(&text, a);
	e = json_scan(bytes, n, &text);
	if (e)
		return e;
	e = parse(&text, &value);
	if (e)
		return e;
	if (value && !arena_defer(a, put, value))
		return ERR_MEMORY;
	*ret_value = value;
	return ERR_OK;
}

enum err
json_read(struct ctx *cx, const char *bytes, size_t n, struct json_object **ret_value)
{
	enum err e = scan_and_parse(cx->arena, bytes, n, ret_value);

	return e == ERR_MALFORMED ? ctx_refuse(cx, e, not_json) : e;
}

enum json_kind
json_kind(const struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_boolean:
		return JSON_BOOL;
	case json_type_int:
		return JSON_INT;
	case json_type_double:
		return JSON_REAL;
	case json_type_string:
		return JSON_TEXT;
	case json_type_array:
		return JSON_LIST;
	case json_type_object:
		return JSON_MAP;
	case json_type_null:
		break;
	}
	return JSON_NULL;
}

bool
json_member(const struct json_object *map, const char *name, struct json_object **ret_value)
{
	return json_object_object_get_ex(map, name, ret_value);
}

bool
json_maps_to_texts(const struct json_object *map)
{
	json_object_object_foreach(mutable(map), name, v)
	{
		(void)name;
		if (json_kind(v) != JSON_TEXT)
			return false;
	}
	return true;
}

size_t
json_length(const struct json_object *list)
{
	return json_object_array_length(list);
}

struct json_object *
json_at(const struct json_object *list, size_t i)
{
	return json_object_array_get_idx(list, i);
}

const char *
json_text(const struct json_object *v, size_t *ret_n)
{
	*ret_n = (size_t)json_object_get_string_len(v);
	return json_object_get_string(mutable(v));
}

int64_t
json_int(const struct json_object *v)
{
	return json_object_get_int64(v);
}

bool
json_is_huge(const struct json_object *v)
{
	return fabs(json_object_get_double(v)) >= 0x1p63;
}

bool
json_is_true(const struct json_object *v)
{
	return json_object_get_boolean(v);
}

static bool
name_is_storable(const char *name)
{
	return !strchr(name, JSON_SCAN_NUL_IN_NAME);
}

static bool
text_is_storable(struct json_object *v)
{
	size_t n;
	const char *text = json_text(v, &n);

	return !memchr(text, '\0', n);
}

static bool
real_is_storable(struct json_object *v)
{
	const char *text = json_object_get_string(v);
	const char *point = strchr(text, '.');
	const char *exponent = strpbrk(text, "eE");
	int64_t power = 0, digits = 0;

	if (!isfinite(json_object_get_double(v)))
		return false;
	if (point)
		digits = (int64_t)strspn(point + 1, "0123456789");
	if (exponent) {
		exponent += exponent[1] == '+' ? 2 : 1;
		if (num_parse(
			exponent, strlen(exponent), -NUMERIC_SCALE_MAX, NUMERIC_SCALE_MAX, &power))
			return false;
	}
	return digits - power <= NUMERIC_SCALE_MAX;
}

static int
stop_unless_storable(struct json_object *v, int flags, struct json_object *parent, const char *name,
    size_t *index, void *storable)
{
	bool fine = !name || name_is_storable(name);

	(void)flags;
	(void)parent;
	(void)index;
	if (json_object_is_type(v, json_type_string))
		fine = fine && text_is_storable(v);
	else if (json_object_is_type(v, json_type_double))
		fine = fine && real_is_storable(v);
	*(bool *)storable = fine;
	return fine ? JSON_C_VISIT_RETURN_CONTINUE : JSON_C_VISIT_RETURN_STOP;
}

bool
json_storable(const struct json_object *v)
{
	bool storable = true;

	/* Its result tells errors of the callback alone, and ours returns none. */
	(void)json_c_visit(mutable(v), 0, stop_unless_storable, &storable);
	return storable;
}

static void
init(struct json *j, struct arena *a, struct json_object *root)
{
	j->failed = !root || !arena_defer(a, put, root);
	j->root = j->failed ? NULL : root;
}

void
json_map_init(struct json *j, struct arena *a)
{
	init(j, a, json_object_new_object());
}

void
json_list_init(struct json *j, struct arena *a)
{
	init(j, a, json_object_new_array());
}

/* Puts v (NULL is JSON's null) where it belongs; v is gone if that fails. */
static bool
attach(struct json *j, struct json_object *at, const char *name, struct json_object *v)
{
	const unsigned flags = JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY;
	int rc = -1;

	if (!at)
		at = j->root;
	if (json_object_is_type(at, json_type_array))
		rc = json_object_array_add(at, v);
	else if (at)
		rc = json_object_object_add_ex(at, name, v, flags);
	if (rc == 0)
		return true;
	json_object_put(v);
	j->failed = true;
	return false;
}

/* The same for a v that is NULL only if there was no memory. */
static struct json_object *
attach_new(struct json *j, struct json_object *at, const char *name, struct json_object *v)
{
	if (!v)
		j->failed = true;
	return v && attach(j, at, name, v) ? v : NULL;
}

struct json_object *
json_add_map(struct json *j, struct json_object *at, const char *name)
{
	return attach_new(j, at, name, json_object_new_object());
}

struct json_object *
json_add_list(struct json *j, struct json_object *at, const char *name)
{
	return attach_new(j, at, name, json_object_new_array());
}

static void
add_null(struct json *j, struct json_object *at, const char *name)
{
	(void)attach(j, at, name, NULL);
}

void
json_add_text(struct json *j, struct json_object *at, const char *name, const char *value)
{
	if (value)
		(void)attach_new(j, at, name, json_object_new_string(value));
	else
		add_null(j, at, name);
}

void
json_add_int(struct json *j, struct json_object *at, const char *name, int64_t value)
{
	(void)attach_new(j, at, name, json_object_new_int64(value));
}

void
json_add_real(struct json *j, struct json_object *at, const char *name, double value)
{
	char text[32];
	int digits = 15; /* the fewest that may be needed to read the same value back */

	if (!isfinite(value)) {
		add_null(j, at, name);
		return;
	}
	do {
		(void)snprintf(text, sizeof(text), "%.*g", digits, value);
	} while (digits++ < 17 && strtod(text, NULL) != value);
	(void)attach_new(j, at, name, json_object_new_double_s(value, text));
}

void
json_add_bool(struct json *j, struct json_object *at, const char *name, bool value)
{
	(void)attach_new(j, at, name, json_object_new_boolean(value));
}

void
json_add_id(struct json *j, struct json_object *at, const char *name, int64_t id)
{
	if (id)
		json_add_int(j, at, name, id);
	else
		add_null(j, at, name);
}

void
json_add_time(struct json *j, struct json_object *at, const char *name, int64_t wall_us)
{
	char text[CLOCK_TEXT_SIZE];

	json_add_text(j, at, name, clock_format(wall_us, text));
}

void
json_add_moment(struct json *j, struct json_object *at, const char *name, int64_t wall_us)
{
	if (wall_us == 0)
		json_add_text(j, at, name, NULL);
	else
		json_add_time(j, at, name, wall_us);
}

static int
write_raw(struct json_object *v, struct printbuf *out, int level, int flags)
{
	(void)level;
	(void)flags;
	return printbuf_memappend(out, json_object_get_string(v), json_object_get_string_len(v));
}

void
json_add_raw(struct json *j, struct json_object *at, const char *name, const char *value)
{
	struct json_object *v;

	if (!value) {
		add_null(j, at, name);
		return;
	}
	v = attach_new(j, at, name, json_object_new_string(value));
	if (v)
		json_object_set_serializer(v, write_raw, NULL, NULL);
}

enum err
json_write(const struct json *j, struct buf *out)
{
	return j->failed ? ERR_MEMORY : json_write_value(j->root, out);
}

enum err
json_write_value(struct json_object *v, struct buf *out)
{
	const int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
	size_t n;
	const char *text = json_object_to_json_string_length(v, flags, &n);

	if (!text)
		return ERR_MEMORY;
	buf_add(out, text, n);
	return out->failed ? ERR_MEMORY : ERR_OK;
}
