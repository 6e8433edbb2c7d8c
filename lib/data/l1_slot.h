/*
 * A slot of the L1 table: a seqlock (Boehm, "Can seqlocks get along with programming
 * language memory models?", 2012) whose contents are words that are read and written
 * atomically. What a reader gets is what one writer wrote, or nothing.
 *
 * `lock` is odd while somebody writes, and says who; else it is a stamp that no other write
 * to this table ever has. So a reader that finds the same stamp before and after its copy
 * knows that nobody wrote meanwhile, however long it slept. Only the owner of an odd lock
 * writes, until it stores the next stamp. Nobody takes a slot from an owner that lives: one
 * that was stopped finds its slot as it left it. From a dead one anybody may take it.
 */
#ifndef LIB_DATA_L1_SLOT_H
#define LIB_DATA_L1_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/data/url_target.h"

struct l1_owners;

struct l1_slot {
	_Atomic uint64_t lock; /* 0: never written */
	_Atomic uint64_t generation, version, url_id, user_id;
	_Atomic uint64_t shape;   /* lengths, status, flags */
	_Atomic uint64_t words[]; /* the code, and the Location with a NUL, padded with NULs */
};

/* A code as slots have it. */
struct l1_key {
	uint64_t words[CODE_MAX / 8];
	size_t n; /* bytes */
};

/* False: nothing has such a code. */
bool l1_key_init(struct l1_key *k, const char *code);

/* Words that a slot needs after its head. */
size_t l1_slot_need(const struct l1_key *k, size_t location_bytes);

/* Whether the slot, with `room` words, has this key's target, kept under this generation. Then
 * it is copied out. */
bool l1_slot_read(struct l1_slot *s, size_t room, const struct l1_key *k, uint64_t generation,
    struct url_target *ret_target, char *location);

/* Whether the slot has this key: its version, and its stamp for l1_slot_claim. */
bool l1_slot_has(
    struct l1_slot *s, const struct l1_key *k, uint64_t *ret_stamp, int64_t *ret_version);

/* Begins a write. False: the lock is no longer as it was when it was loaded, or a living
 * process has it. */
bool l1_slot_claim(struct l1_slot *s, uint64_t lock, const struct l1_owners *o);

/* Ends a write; the slot has room. stamp: even, of this write alone. */
void l1_slot_write(struct l1_slot *s, const struct l1_key *k, const struct url_target *t,
    uint64_t generation, uint64_t stamp);

/* Ends a write with nothing. */
void l1_slot_clear(struct l1_slot *s, uint64_t stamp);

#endif
