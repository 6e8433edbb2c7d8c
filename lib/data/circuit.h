/*
 * When to stop asking a server that is away: a process's own memory of how its last tries
 * went, without clocks or locks of its own. Two failures, the first more than two seconds
 * ago, open it; then one try every 250 ms goes through until one succeeds.
 */
#ifndef LIB_DATA_CIRCUIT_H
#define LIB_DATA_CIRCUIT_H

#include <stdbool.h>
#include <stdint.h>

/* How long a call waits for a server that may just be restarting, with a pause between two
 * tries; and how long the one cheap try may take. */
#define CIRCUIT_PATIENCE_US (1500 * 1000)
#define CIRCUIT_PAUSE_US (50 * 1000)
#define CIRCUIT_PROBE_US (500 * 1000)

struct circuit {
	int failures;     /* in a row */
	int64_t since_us; /* when the first of them began */
	int64_t retry_us; /* when the next try may begin */
};

enum circuit_state {
	CIRCUIT_CLOSED, /* go on */
	CIRCUIT_PROBE,  /* one cheap try first */
	CIRCUIT_OPEN    /* refuse at once */
};

/* Times are on clock_mono_us()'s scale. A zeroed circuit is closed. */
enum circuit_state circuit_state(const struct circuit *c, int64_t now_us);
void circuit_succeeded(struct circuit *c);
void circuit_failed(struct circuit *c, int64_t began_us, int64_t now_us);

#endif
