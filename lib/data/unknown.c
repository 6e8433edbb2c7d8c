#include "lib/data/unknown.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "lib/base/clock.h"
#include "lib/base/shm.h"

enum {
	SLOTS = 1 << 16,
	TICK_US = 500 * 1000 /* an entry is good for the rest of its tick and the next */
};

/* Name of the layout below; another one needs another number. */
#define LAYOUT UINT64_C(0x756e6b6e6f776e31)

/*
 * An entry is one word: a hash of the code, the slot's generation and the time. To read one
 * is to compute what it must be, so that there is nothing to tear, to wrap or to clean up:
 * an addition to the generation, or a second, makes it a number that nobody looks for.
 */
struct slot {
	_Atomic uint64_t generation;
	_Atomic uint64_t entry;
};

struct shared {
	_Atomic uint64_t
	    seed; /* drawn by the first process, so that no code can be made to collide */
	struct slot slots[SLOTS];
};

struct unknown {
	struct shared *shared;
	uint64_t seed;
};

/* A clock_mono_us() of another boot means nothing: entries are of this boot only. */
static uint64_t
boot_hash(void)
{
	char id[64];
	ssize_t n = -1;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		n = read(fd, id, sizeof(id));
		close(fd);
	}
	return n > 0 ? XXH3_64bits(id, (size_t)n) : 0;
}

struct unknown *
unknown_new(const char *run_dir)
{
	struct unknown *u = calloc(1, sizeof(*u));
	void *map;

	if (!u)
		return NULL;
	if (shm_map(run_dir, "unknown", LAYOUT, sizeof(struct shared), &map)) {
		free(u);
		return NULL;
	}
	u->shared = map;
	if (!shm_seed(&u->shared->seed, &u->seed)) {
		unknown_free(u);
		return NULL;
	}
	u->seed ^= boot_hash();
	return u;
}

void
unknown_free(struct unknown *u)
{
	if (!u)
		return;
	shm_unmap(u->shared, sizeof(*u->shared));
	free(u);
}

static uint64_t
hash_code(const struct unknown *u, const char *code)
{
	return XXH3_64bits_withSeed(code, strlen(code), u->seed);
}

static struct slot *
slot_of(const struct unknown *u, uint64_t hash)
{
	return &u->shared->slots[hash % SLOTS];
}

static uint64_t
tick_now(void)
{
	return (uint64_t)(clock_mono_us() / TICK_US);
}

static uint64_t
entry_of(const struct unknown *u, uint64_t hash, uint64_t generation, uint64_t tick)
{
	const uint64_t all[] = { hash, generation, tick };

	return XXH3_64bits_withSeed(all, sizeof(all), u->seed);
}

bool
unknown_has(const struct unknown *u, const char *code, uint64_t *ret_ticket)
{
	uint64_t hash = hash_code(u, code), tick = tick_now(), entry;
	struct slot *s = slot_of(u, hash);

	*ret_ticket = atomic_load(&s->generation);
	entry = atomic_load(&s->entry);
	return entry == entry_of(u, hash, *ret_ticket, tick) ||
	       entry == entry_of(u, hash, *ret_ticket, tick - 1);
}

void
unknown_fill(struct unknown *u, const char *code, uint64_t ticket)
{
	uint64_t hash = hash_code(u, code);

	/* If the code was learnt meanwhile, this entry is of an old generation: void. */
	atomic_store(&slot_of(u, hash)->entry, entry_of(u, hash, ticket, tick_now()));
}

void
unknown_learn(struct unknown *u, const char *code)
{
	atomic_fetch_add(&slot_of(u, hash_code(u, code))->generation, 1);
}
