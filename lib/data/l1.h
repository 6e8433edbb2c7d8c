/*
 * L1: the host's table of url targets in shared memory, in front of Redis. Readers take no
 * lock and make no system call; a slot that is being written, or whose writer died, is a
 * miss. Memory is fixed; codes that are not asked for make room for those that are. Entries
 * only move forward: a fill is void when its code was invalidated since the look-up began,
 * and when a newer version is there. Two builds, or two sizes, have a table each; all tables
 * of a host obey the same generations, so that an invalidation reaches every one.
 */
#ifndef LIB_DATA_L1_H
#define LIB_DATA_L1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/data/url_target.h"

struct l1;

/* Room for the Location that l1_get copies out; longer ones are not kept in the table. */
#define L1_LOCATION_SIZE 2304

/* Maps run_dir's table of `bytes` (rounded down to whole buckets; every process of a host
 * gives the same). bytes 0: nothing is kept here, but others' tables are invalidated. A
 * process that was forked makes its own. NULL: errno says why. */
struct l1 *l1_new(const char *run_dir, int64_t bytes);
void l1_free(struct l1 *l);

/* Whether code is here: then *ret_target is its target, with the Location (NUL-terminated)
 * in `location`. In any case *ret_ticket is what a look-up that begins now hands to l1_fill.
 * Tombstones are never kept. */
bool l1_get(const struct l1 *l, const char *code, struct url_target *ret_target,
    char location[L1_LOCATION_SIZE], uint64_t *ret_ticket);

/* Keeps what a look-up found, unless the code was invalidated after its ticket was given. */
void l1_fill(struct l1 *l, const char *code, const struct url_target *t, uint64_t ticket);

/*
 * A code was created, changed or deleted: from now on no process of the host finds what was
 * there before. One addition; never waits, never fails.
 *
 * When: after the change is committed and after Redis has it or is marked dirty, whatever
 * came of that, and before the client is told. A look-up with a ticket from before is void.
 * One with a ticket from after began after all that: Redis has the new target, or is not
 * asked, and PostgreSQL has it. So nothing old can come back, and one call is enough; who
 * tries Redis again later calls again.
 */
void l1_invalidate(struct l1 *l, const char *code);

#endif
