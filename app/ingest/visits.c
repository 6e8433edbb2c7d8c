#include "app/ingest/visits.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Visits in each of the two sets: more than a minute has. The places of a set that is full
 * take 64 MiB. */
enum { SIZE_LEAST = 1024, STORED_MAX = 4 * 1024 * 1024 };

/* A set is at most half full. */
static bool
has_room(const struct visit_set *s, size_t n)
{
	return 2 * (s->n + n) <= s->size;
}

/* Where the visit is, or belongs. */
static uint64_t *
place_of(const struct visit_set *s, uint64_t visit)
{
	size_t i = (visit * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (s->size - 1);

	while (s->places[i] != 0 && s->places[i] != visit)
		i = (i + 1) & (s->size - 1);
	return &s->places[i];
}

static bool
has(const struct visit_set *s, uint64_t visit)
{
	return s->n > 0 && *place_of(s, visit) == visit;
}

static void
put(struct visit_set *s, uint64_t visit)
{
	uint64_t *place = place_of(s, visit);

	if (*place == visit)
		return;
	*place = visit;
	s->n++;
	assert(s->n < s->size);
}

static void
put_all(struct visit_set *s, const struct visit_set *from)
{
	for (size_t i = 0; i < from->size; i++)
		if (from->places[i] != 0)
			put(s, from->places[i]);
}

static enum err
make_room(struct visit_set *s, size_t n)
{
	struct visit_set larger = { .size = s->size ? s->size : SIZE_LEAST };

	if (has_room(s, n))
		return ERR_OK;
	while (2 * (s->n + n) > larger.size)
		larger.size *= 2;
	larger.places = calloc(larger.size, sizeof(*larger.places));
	if (!larger.places)
		return ERR_MEMORY;
	put_all(&larger, s);
	free(s->places);
	*s = larger;
	return ERR_OK;
}

static void
empty(struct visit_set *s)
{
	if (s->n > 0)
		memset(s->places, 0, s->size * sizeof(*s->places));
	s->n = 0;
}

static void
turn(struct visits *v)
{
	free(v->before.places);
	v->before = v->now;
	v->now = (struct visit_set){ 0 };
}

void
visits_release(struct visits *v)
{
	free(v->batch.places);
	free(v->now.places);
	free(v->before.places);
}

enum err
visits_begin(struct visits *v, size_t n)
{
	enum err e;

	empty(&v->batch);
	if (v->now.n + n > STORED_MAX)
		turn(v);
	e = make_room(&v->batch, n);
	return e ? e : make_room(&v->now, n);
}

bool
visits_add(struct visits *v, uint64_t visit)
{
	if (visit == 0)
		visit = UINT64_MAX; /* 0 is a free place */
	if (has(&v->now, visit) || has(&v->before, visit) || has(&v->batch, visit))
		return false;
	put(&v->batch, visit);
	return true;
}

void
visits_keep(struct visits *v, int64_t now_us)
{
	if (v->now.n == 0)
		v->now_since_us = now_us;
	put_all(&v->now, &v->batch);
	empty(&v->batch);
}

void
visits_forget(struct visits *v, int64_t before_us)
{
	if (v->now.n > 0 && v->now_since_us < before_us)
		turn(v);
}
