#include "app/worker/slice.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/ctx.h"
#include "lib/data/key_set.h"

/* A slice's texts, and the statement made of them. */
#define SLICE_MEMORY ((size_t)64 << 20)
/* With more than this in texts the slice is stored though it has room for more rows. */
#define SLICE_TEXTS ((size_t)8 << 20)

struct line {
	size_t number;
	const char *reason; /* of a skipped row; NULL: it is rows[index] */
	int index;
};

struct slice {
	const struct import_kind *kind;
	struct arena *arena;
	char *rows;
	int n_rows;
	struct line *lines;
	int n_lines;
	struct key_set *seen; /* NULL: the kind has no keys */
	struct import_result *results;
};

struct slice *
slice_new(const struct import_kind *kind)
{
	struct slice *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->kind = kind;
	c->arena = arena_new(SLICE_MEMORY);
	c->rows = calloc(IMPORT_CHUNK, kind->row_bytes);
	c->lines = calloc(IMPORT_CHUNK, sizeof(*c->lines));
	c->results = calloc(IMPORT_CHUNK, sizeof(*c->results));
	if (kind->keys != NULL)
		c->seen = key_set_new((size_t)IMPORT_CHUNK * IMPORT_KEYS_MAX);
	if (c->arena == NULL || c->rows == NULL || c->lines == NULL || c->results == NULL ||
	    (kind->keys != NULL && c->seen == NULL)) {
		slice_free(c);
		return NULL;
	}
	return c;
}

void
slice_free(struct slice *c)
{
	if (c == NULL)
		return;
	key_set_free(c->seen);
	free(c->results);
	free(c->lines);
	free(c->rows);
	if (c->arena != NULL)
		arena_free(c->arena);
	free(c);
}

struct arena *
slice_arena(struct slice *c)
{
	return c->arena;
}

static void *
row_at(struct slice *c, int i)
{
	return c->rows + (size_t)i * c->kind->row_bytes;
}

void *
slice_next(struct slice *c)
{
	void *row = row_at(c, c->n_rows);

	memset(row, 0, c->kind->row_bytes);
	if (c->kind->prepare != NULL)
		c->kind->prepare(row);
	return row;
}

bool
slice_fits(struct slice *c)
{
	char *keys[IMPORT_KEYS_MAX];
	int n;

	if (c->seen == NULL)
		return true;
	n = c->kind->keys(c->arena, row_at(c, c->n_rows), keys);
	for (int i = 0; i < n; i++)
		if (keys[i] == NULL || key_set_has(c->seen, keys[i]))
			return false;
	return n >= 0;
}

/* Remembers the keys of the row that has just been taken in. */
static void
remember(struct slice *c, const void *row)
{
	char *keys[IMPORT_KEYS_MAX];
	int n;

	if (c->seen == NULL)
		return;
	n = c->kind->keys(c->arena, row, keys);
	for (int i = 0; i < n; i++)
		if (keys[i] != NULL)
			key_set_add(c->seen, keys[i]);
}

void
slice_keep(struct slice *c, size_t number)
{
	remember(c, row_at(c, c->n_rows));
	c->lines[c->n_lines++] = (struct line){ .number = number, .index = c->n_rows++ };
}

void
slice_skip(struct slice *c, size_t number, const char *reason)
{
	c->lines[c->n_lines++] = (struct line){ .number = number, .reason = reason };
}

bool
slice_is_full(const struct slice *c)
{
	return c->n_lines == IMPORT_CHUNK || arena_used(c->arena) > SLICE_TEXTS;
}

static void
tell(struct slice *c, slice_outcome_fn *fn, void *arg)
{
	for (int i = 0; i < c->n_lines; i++) {
		const struct line *l = &c->lines[i];
		const struct import_result skipped = { IMPORT_SKIPPED, l->reason };

		if (l->reason != NULL)
			fn(arg, l->number, &skipped, NULL);
		else
			fn(arg, l->number, &c->results[l->index], row_at(c, l->index));
	}
}

static void
reset(struct slice *c)
{
	arena_reset(c->arena);
	c->n_rows = 0;
	c->n_lines = 0;
	if (c->seen != NULL)
		key_set_clear(c->seen);
}

enum err
slice_store(struct slice *c, struct db *db, struct ctx *cx, slice_outcome_fn *fn, void *arg)
{
	struct ctx own = *cx; /* the same deadline, the slice's memory */
	enum err e = ERR_OK;

	own.arena = c->arena;
	if (c->n_rows > 0)
		e = c->kind->store(db, &own, c->rows, c->n_rows, c->results);
	if (e)
		return ctx_fail(cx, e, "%s", own.diag);
	tell(c, fn, arg);
	reset(c);
	return ERR_OK;
}
