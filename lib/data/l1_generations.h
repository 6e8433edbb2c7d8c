/*
 * The generations that every L1 table of a host obeys, whatever build or size it is of: one
 * counter for each of a fixed number of hashes. An entry is good for the generation that its
 * look-up began under, so one addition voids it in all tables, and voids fills under way.
 * The file's layout is never changed: builds with another would not see each other's
 * invalidations.
 */
#ifndef LIB_DATA_L1_GENERATIONS_H
#define LIB_DATA_L1_GENERATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct l1_shared;

struct l1_generations {
	struct l1_shared *shared;
	uint64_t seed; /* of hashes; also tells one such file from a later one */
};

/* False: errno says why. */
bool l1_generations_init(struct l1_generations *g, const char *run_dir);
void l1_generations_release(struct l1_generations *g);

/* Hashes a code so that nobody outside can make codes collide. */
uint64_t l1_generations_hash(const struct l1_generations *g, const char *code, size_t n);

uint64_t l1_generations_get(const struct l1_generations *g, uint64_t hash);
void l1_generations_advance(struct l1_generations *g, uint64_t hash);

#endif
