/*
 * The signals of terse-pool, as a descriptor to wait for.
 */
#ifndef APP_POOL_SIGNALS_H
#define APP_POOL_SIGNALS_H

#include <signal.h>

struct pool;

/* Blocks what terse-pool takes and returns the descriptor that tells of it; -1: errno.
 * ret_mask: what was blocked before, for children. */
int signals_open(sigset_t *ret_mask);

/* Takes what has come: TERM, INT and QUIT drain the pool, HUP rolls it, USR1 opens logs anew.
 * Never blocks. */
void signals_turn(int fd, struct pool *p);

#endif
