/*
 * The heartbeats of a pool: a slot in shared memory for each of its workers, written by the
 * worker as it goes and read by terse-pool, which so knows who starts, waits, works or hangs,
 * and how busy the pool is. Nothing here waits or makes a system call but opening. A worker
 * that belongs to no pool beats into memory of its own.
 */
#ifndef LIB_BASE_BEAT_H
#define LIB_BASE_BEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

#define BEAT_SLOTS 64

enum beat_state {
	BEAT_NONE,   /* no worker */
	BEAT_STARTS, /* forked; has not waited for a request yet */
	BEAT_IDLE,   /* waits for requests; beats at least every BEAT_IDLE_MS */
	BEAT_SAFE,   /* works; if it is killed, the web server may send its requests again */
	BEAT_UNSAFE, /* works on a request that must not be sent again (POST, PUT...) */
	BEAT_DRAINS, /* was told to stop and finishes what it has */
	BEAT__COUNT
};

#define BEAT_IDLE_MS 100

struct beat;

/* What a slot says. Times are on clock_mono_us()'s scale. */
struct beat_view {
	int32_t pid;
	enum beat_state state;
	int64_t at_us;       /* of the last beat */
	int64_t deadline_us; /* while it works: when the request must have ended */
	uint64_t busy_us;    /* time spent in work, up to the last beat */
	uint64_t requests;   /* begun */
};

/*
 * The worker's end.
 */

/* Takes the slot of pool (a name) that terse-pool gave to this process; slot < 0: private
 * memory. NULL: errno says why. */
struct beat *beat_attach(const char *run_dir, const char *pool, int slot);

/* The worker waits, or goes on waiting. */
void beat_idle(struct beat *b, int64_t now_us);

/* The worker has n more requests, which must have ended by deadline_us. is_safe: all of them
 * may be sent again. Called again while it works, it only moves the deadline and adds n. */
void beat_works(struct beat *b, int64_t now_us, int64_t deadline_us, bool is_safe, unsigned n);

/* The worker was told to stop. It still beats. */
void beat_drains(struct beat *b, int64_t now_us);

/*
 * terse-pool's end.
 */

/* Maps the slots of pool, all empty or as its predecessor left them. NULL: errno. */
struct beat *beat_board(const char *run_dir, const char *pool);

/* Gives slot (0..BEAT_SLOTS-1) to a child that is about to start; its counts begin at 0. */
void beat_assign(struct beat *b, unsigned slot, int32_t pid, int64_t now_us);
void beat_clear(struct beat *b, unsigned slot);
struct beat_view beat_view(const struct beat *b, unsigned slot);

/* Either end. */
void beat_free(struct beat *b);

#endif
