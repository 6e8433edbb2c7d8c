#include "lib/base/trace_visits.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/shm.h"
#include "lib/base/trace.h"

/* A visit has one place, which its number's low bits name; the words are stored one by one,
 * and a sum tells whether they belong together. */

enum { PLACES = 4096, LAYOUT = 1 };

struct place {
	_Atomic uint64_t visit, id[2], span, sum;
};

struct trace_visits {
	struct place *places;
};

struct trace_visits *
trace_visits_open(const char *run_dir)
{
	struct trace_visits *v = calloc(1, sizeof(*v));
	void *map;

	if (!v)
		return NULL;
	if (shm_map(run_dir, "trace-visits", LAYOUT, PLACES * sizeof(struct place), &map)) {
		free(v);
		return NULL;
	}
	v->places = map;
	return v;
}

void
trace_visits_close(struct trace_visits *v)
{
	if (!v)
		return;
	shm_unmap(v->places, PLACES * sizeof(struct place));
	free(v);
}

static struct place *
place_of(const struct trace_visits *v, uint64_t visit)
{
	return &v->places[visit % PLACES];
}

static uint64_t
sum_of(uint64_t visit, const uint64_t id[2], uint64_t span)
{
	const uint64_t words[] = { visit, id[0], id[1], span };
	uint64_t sum = 1;

	for (int i = 0; i < 4; i++) {
		sum = (sum ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
		sum ^= sum >> 32;
	}
	return sum;
}

static void
store(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

static uint64_t
load(_Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

void
trace_visits_note(struct trace_visits *v, uint64_t visit, const struct trace_ref *ref)
{
	struct place *p;
	uint64_t id[2];

	if (!v)
		return;
	p = place_of(v, visit);
	memcpy(id, ref->id, sizeof(id));
	store(&p->id[0], id[0]);
	store(&p->id[1], id[1]);
	store(&p->span, ref->span);
	store(&p->sum, sum_of(visit, id, ref->span));
	store(&p->visit, visit);
}

bool
trace_visits_find(struct trace_visits *v, uint64_t visit, struct trace_ref *ret_ref)
{
	struct trace_ref ref = { .is_sampled = true };
	struct place *p;
	uint64_t id[2];

	if (!v)
		return false;
	p = place_of(v, visit);
	if (load(&p->visit) != visit)
		return false;
	id[0] = load(&p->id[0]);
	id[1] = load(&p->id[1]);
	ref.span = load(&p->span);
	if (load(&p->sum) != sum_of(visit, id, ref.span))
		return false;
	memcpy(ref.id, id, sizeof(ref.id));
	*ret_ref = ref;
	return true;
}
