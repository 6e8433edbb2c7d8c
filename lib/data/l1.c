#include "lib/data/l1.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "lib/base/shm.h"
#include "lib/data/l1_generations.h"
#include "lib/data/l1_owners.h"
#include "lib/data/l1_slot.h"
#include "lib/data/l1_sweep.h"

/* Name of the layout below; another one needs another number. */
#define LAYOUT UINT64_C(0x6c31000000000001)

enum { WAYS = 7, WORD = 8 };

/*
 * Buckets of two kinds: most Locations are short, and a few may be long. A bucket is one
 * cache line that says what may be where, then its slots.
 */
struct bucket {
	_Atomic uint64_t tags[WAYS]; /* hashes; only a hint, the slot has the code itself */
	_Atomic uint64_t clock;      /* a bit per way: asked for lately; above them, the hand */
};

enum kind { SHORT, LONG, KINDS };

static const struct {
	size_t slot_bytes; /* whole cache lines */
	size_t share;      /* of the table's bytes, in eighths */
} kinds[KINDS] = {
	[SHORT] = { 256, 7 }, /* Locations of up to 199 characters with the usual codes */
	[LONG] = { 2432, 1 }, /* everything */
};

enum { HAND = 8 }; /* the bit where the hand begins */

struct head {
	_Alignas(64) _Atomic uint64_t owners;
	_Alignas(64) _Atomic uint64_t writes;
};

struct area {
	char *buckets;
	size_t n, bucket_bytes, slot_bytes, room; /* room: words of a slot after its head */
};

struct l1 {
	struct l1_generations generations;
	struct l1_owners owners;
	struct head *head; /* the table; NULL: none is kept */
	size_t bytes;
	struct area areas[KINDS];
};

/*
 * Making it.
 */

/* Divides the bytes; returns how many are used. */
static size_t
plan(struct l1 *l, size_t bytes)
{
	size_t used = sizeof(struct head);

	for (int kind = 0; kind < KINDS; kind++) {
		struct area *a = &l->areas[kind];

		a->slot_bytes = kinds[kind].slot_bytes;
		a->room = (a->slot_bytes - sizeof(struct l1_slot)) / WORD;
		a->bucket_bytes = sizeof(struct bucket) + WAYS * a->slot_bytes;
		a->n = bytes / 8 * kinds[kind].share / a->bucket_bytes;
		used += a->n * a->bucket_bytes;
	}
	return used;
}

/* A table belongs to one file of generations; without that it means nothing. */
static uint64_t
layout_of(const struct l1 *l)
{
	const uint64_t all[] = { LAYOUT, l->areas[SHORT].n, l->areas[LONG].n };

	return XXH3_64bits_withSeed(all, sizeof(all), l->generations.seed);
}

static bool
map_table(struct l1 *l, const char *run_dir, size_t bytes)
{
	size_t at = sizeof(struct head);
	uint64_t layout;
	void *map;
	int fd;

	l->bytes = plan(l, bytes);
	layout = layout_of(l);
	l1_sweep(run_dir, layout);
	if (shm_map_open(run_dir, "l1", layout, l->bytes, &map, &fd) != ERR_OK)
		return false;
	l->head = map;
	for (int kind = 0; kind < KINDS; kind++) {
		l->areas[kind].buckets = (char *)map + at;
		at += l->areas[kind].n * l->areas[kind].bucket_bytes;
	}
	return l1_owners_init(&l->owners, fd, &l->head->owners);
}

struct l1 *
l1_new(const char *run_dir, int64_t bytes)
{
	struct l1 *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->owners.fd = -1;
	if (!l1_generations_init(&l->generations, run_dir) ||
	    (bytes > 0 && !map_table(l, run_dir, (size_t)bytes))) {
		l1_free(l);
		return NULL;
	}
	return l;
}

void
l1_free(struct l1 *l)
{
	if (!l)
		return;
	shm_unmap(l->head, l->bytes);
	l1_owners_release(&l->owners);
	l1_generations_release(&l->generations);
	free(l);
}

/*
 * Finding.
 */

/* Not 0, which is an empty way's. */
static uint64_t
tag_of(uint64_t hash)
{
	return hash ? hash : 1;
}

/* The high half picks the bucket, the low bits pick the generation. NULL: there are none. */
static struct bucket *
bucket_of(const struct area *a, uint64_t hash)
{
	if (a->n == 0)
		return NULL;
	return (void *)(a->buckets + ((hash >> 32) * a->n >> 32) * a->bucket_bytes);
}

static struct l1_slot *
slot_of(const struct area *a, struct bucket *b, unsigned way)
{
	return (void *)((char *)b + sizeof(*b) + way * a->slot_bytes);
}

static bool
has_tag(struct bucket *b, unsigned way, uint64_t hash)
{
	return atomic_load_explicit(&b->tags[way], memory_order_relaxed) == tag_of(hash);
}

/* Written only when it changes, so that hot buckets stay in every core's cache. */
static void
note_use(struct bucket *b, unsigned way)
{
	uint64_t bit = UINT64_C(1) << way;

	if (!(atomic_load_explicit(&b->clock, memory_order_relaxed) & bit))
		atomic_fetch_or_explicit(&b->clock, bit, memory_order_relaxed);
}

static bool
find(const struct area *a, uint64_t hash, const struct l1_key *k, uint64_t generation,
    struct url_target *ret_target, char *location)
{
	struct bucket *b = bucket_of(a, hash);

	for (unsigned way = 0; b && way < WAYS; way++) {
		if (has_tag(b, way, hash) && l1_slot_read(slot_of(a, b, way), a->room, k,
						 generation, ret_target, location)) {
			note_use(b, way);
			return true;
		}
	}
	return false;
}

/* The generation is loaded first: what is found under it was not invalidated before. */
bool
l1_get(const struct l1 *l, const char *code, struct url_target *ret_target,
    char location[L1_LOCATION_SIZE], uint64_t *ret_ticket)
{
	struct l1_key key;
	uint64_t hash;

	*ret_ticket = 0;
	if (!l1_key_init(&key, code))
		return false;
	hash = l1_generations_hash(&l->generations, code, key.n);
	*ret_ticket = l1_generations_get(&l->generations, hash);
	for (int kind = 0; kind < KINDS; kind++)
		if (find(&l->areas[kind], hash, &key, *ret_ticket, ret_target, location))
			return true;
	return false;
}

/*
 * Filling. A fill that finds others at work gives up: it can be done without.
 */

static uint64_t
next_stamp(struct l1 *l)
{
	return (atomic_fetch_add_explicit(&l->head->writes, 1, memory_order_relaxed) + 1) * 2;
}

static bool
claim(struct l1 *l, struct l1_slot *s)
{
	uint64_t lock = atomic_load_explicit(&s->lock, memory_order_relaxed);

	return l1_slot_claim(s, lock, &l->owners);
}

static bool
is_empty(struct bucket *b, unsigned way)
{
	return atomic_load_explicit(&b->tags[way], memory_order_relaxed) == 0;
}

/* Moves the hand on; what was asked for since it last came by is left alone this once. */
static unsigned
turn(struct bucket *b)
{
	uint64_t old = atomic_load_explicit(&b->clock, memory_order_relaxed);

	for (;;) {
		unsigned way = (unsigned)(old >> HAND) % WAYS;
		uint64_t bit = UINT64_C(1) << way, bits = old & ((1U << HAND) - 1);
		uint64_t next = (uint64_t)((way + 1) % WAYS) << HAND | (bits & ~bit);

		if (!atomic_compare_exchange_weak_explicit(
			&b->clock, &old, next, memory_order_relaxed, memory_order_relaxed))
			continue;
		if (!(bits & bit))
			return way;
		old = next;
	}
}

/* Claims a way for a code that is not there. WAYS: none could be had. */
static unsigned
claim_any(struct l1 *l, const struct area *a, struct bucket *b)
{
	unsigned way;

	for (way = 0; way < WAYS; way++)
		if (is_empty(b, way) && claim(l, slot_of(a, b, way)))
			return way;
	for (unsigned tries = 0; tries < WAYS; tries++) {
		way = turn(b);
		if (claim(l, slot_of(a, b, way)))
			return way;
	}
	return WAYS;
}

struct fill {
	struct l1_key key;
	uint64_t hash;
	const struct url_target *target;
	struct l1_slot *slot; /* claimed; NULL: none yet */
};

/* Claims the slot that has the code, and clears others that have it (two processes filled it
 * at once, or its Location was of the other kind). False: a newer one is there, or just now
 * somebody else writes it. */
static bool
take_over(struct l1 *l, const struct area *a, struct fill *f, bool is_kind)
{
	struct bucket *b = bucket_of(a, f->hash);

	for (unsigned way = 0; b && way < WAYS; way++) {
		struct l1_slot *s = slot_of(a, b, way);
		int64_t version;
		uint64_t stamp;

		if (!has_tag(b, way, f->hash) || !l1_slot_has(s, &f->key, &stamp, &version))
			continue;
		if (version > f->target->version || !l1_slot_claim(s, stamp, &l->owners))
			return false;
		if (is_kind && !f->slot)
			f->slot = s;
		else
			l1_slot_clear(s, next_stamp(l));
	}
	return true;
}

static bool
take_over_all(struct l1 *l, const struct area *home, struct fill *f)
{
	for (int kind = 0; kind < KINDS; kind++) {
		const struct area *a = &l->areas[kind];

		if (take_over(l, a, f, a == home))
			continue;
		if (f->slot)
			l1_slot_clear(f->slot, next_stamp(l));
		return false;
	}
	return true;
}

static bool
take_any(struct l1 *l, const struct area *a, struct fill *f)
{
	struct bucket *b = bucket_of(a, f->hash);
	unsigned way = b ? claim_any(l, a, b) : WAYS;

	if (way == WAYS)
		return false;
	atomic_store_explicit(&b->tags[way], tag_of(f->hash), memory_order_relaxed);
	f->slot = slot_of(a, b, way);
	return true;
}

/* Where a target belongs. NULL: it is too long. */
static const struct area *
home_of(const struct l1 *l, const struct fill *f)
{
	size_t bytes = strlen(f->target->location);

	if (bytes >= L1_LOCATION_SIZE)
		return NULL;
	if (l1_slot_need(&f->key, bytes) <= l->areas[SHORT].room)
		return &l->areas[SHORT];
	return &l->areas[LONG];
}

void
l1_fill(struct l1 *l, const char *code, const struct url_target *t, uint64_t ticket)
{
	struct fill f = { .target = t };
	const struct area *home;

	if (!l->head || t->url_id == 0 || !l1_key_init(&f.key, code))
		return;
	f.hash = l1_generations_hash(&l->generations, code, f.key.n);
	home = home_of(l, &f);
	/* An entry of another generation would never be found. */
	if (!home || l1_generations_get(&l->generations, f.hash) != ticket)
		return;
	if (take_over_all(l, home, &f) && (f.slot || take_any(l, home, &f)))
		l1_slot_write(f.slot, &f.key, t, ticket, next_stamp(l));
}

void
l1_invalidate(struct l1 *l, const char *code)
{
	struct l1_key key;

	if (l1_key_init(&key, code))
		l1_generations_advance(
		    &l->generations, l1_generations_hash(&l->generations, code, key.n));
}
