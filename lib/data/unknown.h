/*
 * Codes known to be unknown, for at most one second: a fixed table in the host's shared
 * memory, so that probing for codes neither reaches the database each time nor pushes out
 * what is cached. A new code is known at once to all processes of the host: the fill
 * carries its slot's generation from before the look-up began, and learning a code is one
 * addition to the generation, which voids the entry and any fill under way.
 */
#ifndef LIB_DATA_UNKNOWN_H
#define LIB_DATA_UNKNOWN_H

#include <stdbool.h>
#include <stdint.h>

struct unknown;

struct unknown *unknown_new(const char *run_dir); /* NULL: errno says why */
void unknown_free(struct unknown *u);

/* Whether code was unknown less than a second ago. Otherwise *ret_ticket is what a
 * look-up that begins now must hand to unknown_fill. */
bool unknown_has(const struct unknown *u, const char *code, uint64_t *ret_ticket);

/* The look-up ended and there is no such code. */
void unknown_fill(struct unknown *u, const char *code, uint64_t ticket);

/* A code now exists. Never waits. */
void unknown_learn(struct unknown *u, const char *code);

#endif
