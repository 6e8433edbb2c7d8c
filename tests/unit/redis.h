/*
 * A throw-away Redis for tests, reached by its unix socket only.
 */
#ifndef TESTS_UNIT_REDIS_H
#define TESTS_UNIT_REDIS_H

#include <sys/types.h>

struct redis {
	char dir[64];
	char socket[96];
	pid_t pid; /* 0: not running */
};

void redis_create(struct redis *r);  /* does not start it */
void redis_start(struct redis *r);   /* and waits until it takes connections */
void redis_kill(struct redis *r);    /* SIGKILL: its data are gone */
void redis_destroy(struct redis *r); /* stops it and removes its files */

#endif
