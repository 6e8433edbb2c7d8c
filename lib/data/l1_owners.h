/*
 * Who writes to the L1 table: each process has a number that no other process with this
 * table ever has, and holds a lock on that byte of the table's file for as long as it lives.
 * So anyone can tell whether a writer is gone for good, and will never write again, from one
 * that is only slow or stopped; also across PID namespaces, and whatever PIDs are reused.
 */
#ifndef LIB_DATA_L1_OWNERS_H
#define LIB_DATA_L1_OWNERS_H

#include <stdbool.h>
#include <stdint.h>

struct l1_owners {
	int fd; /* the table's, an open file description of our own; -1: none */
	uint64_t self;
};

/* Takes over fd. The number is drawn from *next (shared, zero at first). False: errno says
 * why. */
bool l1_owners_init(struct l1_owners *o, int fd, _Atomic uint64_t *next);
void l1_owners_release(struct l1_owners *o);

/* Whether owner has died. A doubt is a no. One system call. */
bool l1_owners_is_dead(const struct l1_owners *o, uint64_t owner);

/* Whether nobody has the table that fd is open on. */
bool l1_owners_are_all_dead(int fd);

#endif
