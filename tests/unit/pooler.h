/*
 * A throw-away PgBouncer in transaction mode for tests, in front of a server of pg.h; it is
 * reached by its unix socket only.
 */
#ifndef TESTS_UNIT_POOLER_H
#define TESTS_UNIT_POOLER_H

#include <sys/types.h>

struct pooler {
	char dir[64];
	char conninfo[160]; /* database postgres, user terse */
	pid_t pid;          /* 0: not running */
};

void pooler_create(struct pooler *p, const char *server_dir); /* does not start it */
void pooler_start(struct pooler *p); /* and waits until it takes connections */
void pooler_kill(struct pooler *p);
void pooler_destroy(struct pooler *p); /* stops it and removes its files */

#endif
