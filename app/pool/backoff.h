/*
 * When a worker may be started after others have died young: at once, then after 100 ms,
 * 200 ms... up to 5 s, a little spread.
 */
#ifndef APP_POOL_BACKOFF_H
#define APP_POOL_BACKOFF_H

#include <stdint.h>

#define BACKOFF_YOUNG_US (1000 * 1000)
#define BACKOFF_LEAST_US (100 * 1000)
#define BACKOFF_MOST_US (5 * 1000 * 1000)

struct backoff {
	unsigned failures;
	int64_t until_us;
};

/* A worker that lived for age_us has crashed. Those that die while nobody may be started
 * are one failure. seed spreads the waits. */
void backoff_crashed(struct backoff *b, int64_t age_us, int64_t now_us, uint32_t seed);

#endif
