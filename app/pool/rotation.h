/*
 * Whether the web server's connects reach the pool. A pool that can't answer moves its
 * socket's path aside: connect() then fails at once, nothing was sent, and the web server
 * takes the next pool, for any method. The last pool of an upstream stays: to wait is better
 * than an error. Pools of an upstream are those whose names differ in what follows the last
 * '-'; they know of each other by locks on one file, which end with their holder.
 */
#ifndef APP_POOL_ROTATION_H
#define APP_POOL_ROTATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ROTATION_PATH 128

struct rotation {
	int listen_fd; /* borrowed */
	int lock_fd;
	char path[ROTATION_PATH]; /* the socket's; "": it has none, and always stays */
	char aside[ROTATION_PATH];
	dev_t dev; /* of the socket's file: who has put another there is left alone */
	ino_t ino;
	bool is_in;   /* the path is in its place */
	bool is_able; /* and others may rely on us */
};

/* False: errno. Needs rotation_release either way. */
bool rotation_init(struct rotation *r, int listen_fd, const char *run_dir, const char *pool);

/* Takes the pool's state; to be called now and then, for others' changes. Never waits. */
void rotation_update(struct rotation *r, bool can_answer);

/* Whether this pool may kill a worker for whose requests the web server then asks another
 * pool: one must be there, and must not have killed one itself within_us ago, since that
 * request may be the one that is here now. */
bool rotation_may_kill(const struct rotation *r, int64_t now_us, int64_t within_us);

/* Says so before it kills one. False: the others can't be told. */
bool rotation_note_kill(const struct rotation *r, int64_t now_us);

/* Leaves for good, whether or not others are there. */
void rotation_leave(struct rotation *r);

/* Whether a connection waits to be accepted. */
bool rotation_has_waiting(const struct rotation *r);

/* Closes the connections that wait: the web server asks another pool. */
unsigned rotation_turn_away(const struct rotation *r);

void rotation_release(struct rotation *r);

#endif
