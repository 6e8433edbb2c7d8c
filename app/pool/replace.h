/*
 * Replaces workers one by one: starts a new one, waits until it serves, tells the old one to
 * end, waits until it has. If the new one does not come up, the old ones stay.
 */
#ifndef APP_POOL_REPLACE_H
#define APP_POOL_REPLACE_H

#include <stdbool.h>
#include <stdint.h>

#define REPLACE_NOBODY (-1)
#define REPLACE_RETRY_US (60 * 1000 * 1000) /* of recycling, after a failure */

struct child;
struct pool;

/* Places in the pool's table. */
struct replace {
	int newcomer, leaver;
	int64_t by_us;   /* when the newcomer must have come up */
	int64_t from_us; /* no recycling before that */
	bool is_roll;    /* somebody asked for it */
};

void replace_init(struct replace *r);

/* Marks all workers. */
void replace_roll(struct pool *p, int64_t now_us);

/* Marks those that have served enough, and makes the next step. */
void replace_turn(struct pool *p, int64_t now_us);

/* The worker in that place has ended. */
void replace_ended(struct pool *p, int place, int64_t now_us);

bool replace_is_on(const struct replace *r);

#endif
