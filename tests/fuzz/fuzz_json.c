/*
 * JSON: exactly what RFC 8259 allows is read; what was read is written and read back the
 * same; and field tables take any of it.
 */
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ctx.h"
#include "lib/base/utf8.h"
#include "lib/http/field.h"
#include "lib/http/json.h"
#include "lib/http/json_scan.h"
#include "tests/fuzz/fuzz.h"

/*
 * The grammar of RFC 8259, as directly as it can be put, to compare with.
 */
struct grammar {
	const char *p, *end;
	unsigned depth, containers;
};

static bool value(struct grammar *g);

static bool
one_of(struct grammar *g, const char *set)
{
	if (g->p == g->end || *g->p == '\0' || !strchr(set, *g->p))
		return false;
	g->p++;
	return true;
}

static bool
some_of(struct grammar *g, const char *set)
{
	if (!one_of(g, set))
		return false;
	while (one_of(g, set))
		continue;
	return true;
}

static void
blanks(struct grammar *g)
{
	(void)some_of(g, " \t\n\r");
}

static bool
literal(struct grammar *g, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(g->end - g->p) < n || memcmp(g->p, word, n) != 0)
		return false;
	g->p += n;
	return true;
}

static bool
number(struct grammar *g)
{
	static const char digits[] = "0123456789";

	(void)one_of(g, "-");
	if (!one_of(g, "0") && !some_of(g, digits))
		return false;
	if (one_of(g, ".") && !some_of(g, digits))
		return false;
	if (one_of(g, "eE")) {
		(void)one_of(g, "+-");
		return some_of(g, digits);
	}
	return true;
}

static bool
string(struct grammar *g)
{
	if (!one_of(g, "\""))
		return false;
	while (g->p < g->end && *g->p != '"') {
		if ((unsigned char)*g->p < 0x20)
			return false;
		if (*g->p++ != '\\' || one_of(g, "\"\\/bfnrt"))
			continue;
		if (!one_of(g, "u"))
			return false;
		for (int i = 0; i < 4; i++) {
			if (!one_of(g, "0123456789abcdefABCDEF"))
				return false;
		}
	}
	return one_of(g, "\"");
}

static bool
member(struct grammar *g)
{
	blanks(g);
	if (!string(g))
		return false;
	blanks(g);
	return one_of(g, ":") && value(g);
}

static bool
container(struct grammar *g, bool (*item)(struct grammar *), const char *close)
{
	if (++g->depth > JSON_SCAN_DEPTH_MAX || ++g->containers > JSON_SCAN_CONTAINERS_MAX)
		return false;
	g->p++;
	blanks(g);
	if (!one_of(g, close)) {
		do {
			if (!item(g))
				return false;
			blanks(g);
		} while (one_of(g, ","));
		if (!one_of(g, close))
			return false;
	}
	g->depth--;
	return true;
}

static bool
value(struct grammar *g)
{
	bool ok;

	blanks(g);
	if (g->p == g->end)
		return false;
	switch (*g->p) {
	case '{':
		ok = container(g, member, "}");
		break;
	case '[':
		ok = container(g, value, "]");
		break;
	case '"':
		ok = string(g);
		break;
	case 't':
		ok = literal(g, "true");
		break;
	case 'f':
		ok = literal(g, "false");
		break;
	case 'n':
		ok = literal(g, "null");
		break;
	default:
		ok = number(g);
	}
	blanks(g);
	return ok;
}

static bool
is_json(const char *s, size_t n)
{
	struct grammar g = { .p = s, .end = s + n };

	return utf8_valid(s, n) && value(&g) && g.p == g.end;
}

static const char *
write(struct ctx *cx, struct json_object *v)
{
	struct buf out;

	buf_init(&out, cx->arena);
	assert(json_write_value(v, &out) == ERR_OK);
	return buf_str(&out);
}

static void
check_round_trip(struct ctx *cx, struct json_object *v)
{
	struct json_object *again;
	const char *text = write(cx, v);

	assert(is_json(text, strlen(text)));
	assert(json_read(cx, text, strlen(text), &again) == ERR_OK);
	assert(json_storable(again));
	assert(strcmp(write(cx, again), text) == 0);
}

struct input {
	unsigned given;
	const char *text, *object, *texts;
	const struct json_object *list;
	int64_t id, number, time_us;
	bool flag;
};

/* Every item of a list is read or has faults of its own, as long as there is room. */
static void
check_items(struct ctx *cx, const struct field_table *table, const struct json_object *list)
{
	struct field_item item = { "l", list, 0 };

	for (; item.i < json_length(list); item.i++) {
		struct field_faults faults = { .n = 0 };
		struct input in = { 0 };
		enum err e = field_read_item(cx, table, &item, &in, &faults);

		assert(e == (faults.n > 0 ? ERR_INVALID : ERR_OK));
		for (unsigned i = 0; i < faults.n; i++)
			assert(strncmp(faults.v[i].name, "l/", 2) == 0);
	}
}

static void
check_fields(struct ctx *cx, const struct json_object *v)
{
	static const struct field rows[] = {
		{ "t", FIELD_TEXT, 1, 8, FIELD_REQUIRED, NULL, offsetof(struct input, text) },
		{ "o", FIELD_OBJECT, 0, 99, 0, NULL, offsetof(struct input, object) },
		{ "i", FIELD_ID, 0, 0, FIELD_NULLABLE, NULL, offsetof(struct input, id) },
		{ "n", FIELD_INT, -5, 5, 0, NULL, offsetof(struct input, number) },
		{ "d", FIELD_TIME, 0, 0, 0, NULL, offsetof(struct input, time_us) },
		{ "b", FIELD_BOOL, 0, 0, 0, NULL, offsetof(struct input, flag) },
		{ "m", FIELD_TEXTS, 0, 99, 0, NULL, offsetof(struct input, texts) },
		{ "l", FIELD_LIST, 0, 9, 0, NULL, offsetof(struct input, list) },
	};
	const struct field_table table = { rows, N(rows), NULL };
	struct field_faults faults = { .n = 0 };
	struct input in = { 0 };
	enum err e = field_read_json(cx, &table, v, &in, &faults);

	if (json_kind(v) != JSON_MAP) {
		assert(e == ERR_MALFORMED);
		return;
	}
	assert(e == (faults.n > 0 ? ERR_INVALID : ERR_OK));
	if (in.given & FIELD_GIVEN(0))
		assert(utf8_valid(in.text, strlen(in.text)) && utf8_length(in.text) <= 8);
	if (in.given & FIELD_GIVEN(1))
		assert(is_json(in.object, strlen(in.object)) && strlen(in.object) <= 99);
	if (in.given & FIELD_GIVEN(2))
		assert(in.id >= 0);
	if (in.given & FIELD_GIVEN(3))
		assert(in.number >= -5 && in.number <= 5);
	if (in.given & FIELD_GIVEN(6))
		assert(is_json(in.texts, strlen(in.texts)) && strlen(in.texts) <= 99);
	if (in.given & FIELD_GIVEN(7))
		check_items(cx, &table, in.list);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *arena = arena_new((size_t)64 << 20);
	const char *text = (const char *)data;
	struct json_object *v = NULL;
	struct ctx cx;
	enum err e;

	assert(arena);
	ctx_init(&cx, arena, 1000);
	e = json_read(&cx, text, n, &v);
	assert((e == ERR_OK) == is_json(text, n));
	if (e == ERR_OK) {
		check_fields(&cx, v);
		if (json_storable(v))
			check_round_trip(&cx, v);
	}
	arena_free(arena);
	return 0;
}
