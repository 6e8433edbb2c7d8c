#include "lib/data/l1_generations.h"

#include <stdatomic.h>
#include <xxhash.h>

#include "lib/base/shm.h"

/* More than a table of the usual size has entries, so that an invalidation seldom hits
 * another code. */
enum { COUNTERS = 1 << 20 };

#define LAYOUT UINT64_C(0x6c3167656e000001)

struct l1_shared {
	_Alignas(64) _Atomic uint64_t seed; /* drawn by the first process; 0: not yet */
	_Alignas(64) _Atomic uint64_t counters[COUNTERS];
};

_Static_assert(sizeof(struct l1_shared) == 64 + 8 * COUNTERS, "the layout never changes");

bool
l1_generations_init(struct l1_generations *g, const char *run_dir)
{
	void *map;

	g->shared = NULL;
	if (shm_map(run_dir, "l1.generations", LAYOUT, sizeof(struct l1_shared), &map) != ERR_OK)
		return false;
	g->shared = map;
	return shm_seed(&g->shared->seed, &g->seed);
}

void
l1_generations_release(struct l1_generations *g)
{
	shm_unmap(g->shared, sizeof(*g->shared));
	g->shared = NULL;
}

uint64_t
l1_generations_hash(const struct l1_generations *g, const char *code, size_t n)
{
	return XXH3_64bits_withSeed(code, n, g->seed);
}

static _Atomic uint64_t *
counter_of(const struct l1_generations *g, uint64_t hash)
{
	return &g->shared->counters[hash % COUNTERS];
}

/* Who reads what an advance wrote also reads, later, all that was done before it. */
uint64_t
l1_generations_get(const struct l1_generations *g, uint64_t hash)
{
	return atomic_load(counter_of(g, hash));
}

void
l1_generations_advance(struct l1_generations *g, uint64_t hash)
{
	atomic_fetch_add(counter_of(g, hash), 1);
}
