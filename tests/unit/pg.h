/*
 * A throw-away PostgreSQL for tests: a cluster of its own under /tmp, reached by its unix
 * socket only. Any failure to run it ends the process.
 */
#ifndef TESTS_UNIT_PG_H
#define TESTS_UNIT_PG_H

#include <sys/types.h>

struct pg {
	char dir[64];
	char conninfo[128]; /* database postgres, superuser terse */
	pid_t pid;          /* 0: not running */
};

void pg_create(struct pg *pg);  /* makes the cluster; does not start it */
void pg_start(struct pg *pg);   /* and waits until it takes connections */
void pg_kill(struct pg *pg);    /* SIGKILL, as after a power cut */
void pg_destroy(struct pg *pg); /* stops it and removes its files */

/* The conninfo of a server that all tests of this program share; it is started before the
 * first test and stopped after the last. */
const char *pg_shared(void);

#endif
