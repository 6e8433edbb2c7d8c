#include "lib/http/field.h"

#include <assert.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/base/num.h"
#include "lib/base/utf8.h"
#include "lib/http/json.h"

/* One row being read. */
struct reading {
	struct ctx *cx;
	const struct field *row;
	const struct field_env *env;
	char *into; /* the value in the caller's struct */
	struct field_faults *faults;
};

static enum err
refuse(struct reading *r, const char *code, const char *detail)
{
	struct field_faults *f = r->faults;

	if (f->n < FIELD_FAULTS_MAX) {
		f->v[f->n++] = (struct field_fault){
			.name = r->row->name,
			.code = code,
			.detail = detail,
		};
	}
	return ERR_INVALID;
}

static enum err
store_text(struct reading *r, const char *text)
{
	const char *why = r->row->check ? r->row->check(r->env, text) : NULL;

	if (why)
		return refuse(r, "invalid", why);
	memcpy(r->into, &text, sizeof(text));
	return ERR_OK;
}

static enum err
store_int(struct reading *r, int64_t value)
{
	memcpy(r->into, &value, sizeof(value));
	return ERR_OK;
}

static enum err
store_bool(struct reading *r, bool value)
{
	memcpy(r->into, &value, sizeof(value));
	return ERR_OK;
}

static enum err
read_text(struct reading *r, const char *text)
{
	int64_t length = (int64_t)utf8_length(text);

	if (length < r->row->min)
		return refuse(r, "length", length ? "is too short" : "must not be empty");
	if (length > r->row->max)
		return refuse(r, "length", "is too long");
	return store_text(r, text);
}

static enum err
read_time(struct reading *r, const char *text)
{
	int64_t wall_us;

	if (clock_parse(text, &wall_us))
		return refuse(r, "format", "must be a date and time as in RFC 3339");
	return store_int(r, wall_us);
}

static enum err
read_object(struct reading *r, struct json_object *v)
{
	struct buf text;
	enum err e;

	if (json_kind(v) != JSON_MAP)
		return refuse(r, "type", "must be an object");
	if (r->row->type == FIELD_TEXTS && !json_maps_to_texts(v))
		return refuse(r, "type", "must have texts as its members");
	if (!json_storable(v))
		return refuse(
		    r, "invalid", "holds a NUL, half a surrogate pair or a number too large");
	buf_init(&text, r->cx->arena);
	e = json_write_value(v, &text);
	if (e)
		return e;
	if ((int64_t)text.len > r->row->max)
		return refuse(r, "length", "is too long");
	return store_text(r, buf_str(&text));
}

static enum err
read_list(struct reading *r, struct json_object *v)
{
	const void *list = v;

	if (json_kind(v) != JSON_LIST)
		return refuse(r, "type", "must be a list");
	if ((int64_t)json_length(v) > r->row->max)
		return refuse(r, "length", "is too long");
	memcpy(r->into, &list, sizeof(list));
	return ERR_OK;
}

static enum err
json_read_text(struct reading *r, struct json_object *v)
{
	size_t n;
	const char *text;

	if (json_kind(v) != JSON_TEXT)
		return refuse(r, "type", "must be a text");
	text = json_text(v, &n);
	if (memchr(text, '\0', n))
		return refuse(r, "invalid", "holds a NUL or half a surrogate pair");
	return r->row->type == FIELD_TIME ? read_time(r, text) : read_text(r, text);
}

static enum err
json_read_int(struct reading *r, struct json_object *v)
{
	bool is_id = r->row->type == FIELD_ID;
	int64_t min = is_id ? 1 : r->row->min;
	int64_t max = is_id ? INT64_MAX : r->row->max;

	if (json_kind(v) == JSON_REAL && json_is_huge(v))
		return refuse(r, "range", "is out of range");
	if (json_kind(v) != JSON_INT)
		return refuse(r, "type", "must be an integer");
	if (json_int(v) < min || json_int(v) > max)
		return refuse(r, "range", "is out of range");
	return store_int(r, json_int(v));
}

static enum err
json_read_bool(struct reading *r, struct json_object *v)
{
	if (json_kind(v) != JSON_BOOL)
		return refuse(r, "type", "must be true or false");
	return store_bool(r, json_is_true(v));
}

static enum err
text_read_text(struct reading *r, const char *text)
{
	const char *copy = arena_strdup(r->cx->arena, text);

	return copy ? read_text(r, copy) : ERR_MEMORY;
}

static enum err
text_read_id(struct reading *r, const char *text)
{
	int64_t id;

	if (num_parse_clamped(text, strlen(text), 0, INT64_MAX, &id))
		return refuse(r, "type", "must be an integer");
	return store_int(r, id);
}

static enum err
text_read_int(struct reading *r, const char *text)
{
	const struct field *row = r->row;
	int64_t value;
	enum err e;

	if (row->flags & FIELD_CLAMP)
		e = num_parse_clamped(text, strlen(text), row->min, row->max, &value);
	else
		e = num_parse(text, strlen(text), row->min, row->max, &value);
	if (e == ERR_INVALID)
		return refuse(r, "range", "is out of range");
	if (e)
		return refuse(r, "type", "must be an integer");
	return store_int(r, value);
}

static enum err
text_read_bool(struct reading *r, const char *text)
{
	static const char *const words[] = { "false", "true", "False", "True", "FALSE", "TRUE", "0",
		"1" };

	for (size_t i = 0; i < N(words); i++) {
		if (strcmp(text, words[i]) == 0)
			return store_bool(r, i % 2 == 1);
	}
	return refuse(r, "type", "must be true or false");
}

static enum err
text_read_object(struct reading *r, const char *text)
{
	const char *detail = r->cx->detail;
	struct json_object *v;
	enum err e;

	e = json_read(r->cx, text, strlen(text), &v);
	r->cx->detail = detail; /* a cell that is no JSON doesn't make the whole request so */
	if (e == ERR_MEMORY)
		return e;
	if (e)
		return refuse(r, "format", "must be a JSON object");
	return read_object(r, v);
}

static enum err
text_read_list(struct reading *r, const char *text)
{
	(void)text;
	return refuse(r, "type", "must be a list");
}

static const struct field_kind {
	size_t size;
	enum err (*from_json)(struct reading *r, struct json_object *v);
	enum err (*from_text)(struct reading *r, const char *text);
} kinds[] = {
	[FIELD_TEXT] = { sizeof(const char *), json_read_text, text_read_text },
	[FIELD_ID] = { sizeof(int64_t), json_read_int, text_read_id },
	[FIELD_INT] = { sizeof(int64_t), json_read_int, text_read_int },
	[FIELD_BOOL] = { sizeof(bool), json_read_bool, text_read_bool },
	[FIELD_TIME] = { sizeof(int64_t), json_read_text, read_time },
	[FIELD_OBJECT] = { sizeof(const char *), read_object, text_read_object },
	[FIELD_TEXTS] = { sizeof(const char *), read_object, text_read_object },
	[FIELD_LIST] = { sizeof(struct json_object *), read_list, text_read_list },
};

static enum err
read_null(struct reading *r)
{
	if (!(r->row->flags & FIELD_NULLABLE))
		return refuse(r, "type", "must not be null");
	memset(r->into, 0, kinds[r->row->type].size);
	return ERR_OK;
}

/* What a row that has no value means. */
static enum err
read_nothing(struct reading *r)
{
	if (r->row->flags & FIELD_REQUIRED)
		return refuse(r, "required", "is missing");
	return ERR_OK;
}

static struct reading
start(struct ctx *cx, const struct field_table *t, size_t i, void *ret_struct,
    struct field_faults *faults)
{
	assert(i < t->n && t->n <= 32);
	return (struct reading){
		.cx = cx,
		.row = &t->rows[i],
		.env = t->env,
		.into = (char *)ret_struct + t->rows[i].offset,
		.faults = faults,
	};
}

static void
mark_given(void *ret_struct, size_t i)
{
	unsigned given;

	memcpy(&given, ret_struct, sizeof(given));
	given |= FIELD_GIVEN(i);
	memcpy(ret_struct, &given, sizeof(given));
}

static enum err
read_member(struct ctx *cx, const struct field_table *t, size_t i, const struct json_object *map,
    void *ret_struct, struct field_faults *faults)
{
	struct reading r = start(cx, t, i, ret_struct, faults);
	struct json_object *v;
	enum err e;

	if (!json_member(map, r.row->name, &v))
		return read_nothing(&r);
	e = v ? kinds[r.row->type].from_json(&r, v) : read_null(&r);
	if (e)
		return e;
	mark_given(ret_struct, i);
	return ERR_OK;
}

enum err
field_read_json(struct ctx *cx, const struct field_table *t, const struct json_object *v,
    void *ret_struct, struct field_faults *faults)
{
	enum err e, worst = ERR_OK;

	if (json_kind(v) != JSON_MAP)
		return ctx_refuse(cx, ERR_MALFORMED, "the body is not a JSON object");
	for (size_t i = 0; i < t->n; i++) {
		e = read_member(cx, t, i, v, ret_struct, faults);
		if (e && e != ERR_INVALID)
			return e;
		if (e)
			worst = e;
	}
	return worst;
}

/* Says of the faults from the first one on which item of a list they are in. */
static enum err
name_faults(
    struct ctx *cx, const struct field_item *item, struct field_faults *faults, unsigned first)
{
	for (; first < faults->n; first++) {
		const char **name = &faults->v[first].name;

		*name = *name ? arena_printf(cx->arena, "%s/%zu/%s", item->name, item->i, *name)
			      : arena_printf(cx->arena, "%s/%zu", item->name, item->i);
		if (!*name)
			return ERR_MEMORY;
	}
	return ERR_INVALID;
}

enum err
field_read_item(struct ctx *cx, const struct field_table *t, const struct field_item *item,
    void *ret_struct, struct field_faults *faults)
{
	static const struct field itself = { .name = NULL };
	const struct json_object *v = json_at(item->list, item->i);
	struct reading r = { .row = &itself, .faults = faults };
	unsigned first = faults->n;
	enum err e;

	if (json_kind(v) == JSON_MAP)
		e = field_read_json(cx, t, v, ret_struct, faults);
	else
		e = refuse(&r, "type", "must be an object");
	return e == ERR_INVALID ? name_faults(cx, item, faults, first) : e;
}

enum err
field_read_text(struct ctx *cx, const struct field_table *t, size_t i, const char *text,
    void *ret_struct, struct field_faults *faults)
{
	struct reading r = start(cx, t, i, ret_struct, faults);
	enum err e;

	if (!text)
		return read_nothing(&r);
	e = kinds[r.row->type].from_text(&r, text);
	if (e)
		return e;
	mark_given(ret_struct, i);
	return ERR_OK;
}
