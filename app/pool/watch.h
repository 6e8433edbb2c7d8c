/*
 * Judges whether a worker can answer. It is told what was seen, and when; it looks at nothing
 * itself. A machine short of CPU is no reason to think ill of a worker: one that waits for
 * the CPU, or has got some, lives, however late its beat is. Nor is a slow disk: whom it
 * blocks can't be killed, and goes on when the disk does.
 */
#ifndef APP_POOL_WATCH_H
#define APP_POOL_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/beat.h"

#define WATCH_LATE_US (300 * 1000)        /* without a sign of life: it can't answer */
#define WATCH_HUNG_US (1000 * 1000)       /* it is killed; also the grace after a deadline */
#define WATCH_START_US (10 * 1000 * 1000) /* from its start to its first wait for requests */
#define WATCH_SPIN_US (500 * 1000)        /* work that never sleeps, in which it has taken... */
#define WATCH_SPIN_CPU_US (60 * 1000)     /* ...so much CPU time */
#define WATCH_LOOK_US (100 * 1000)        /* a beat older than this is worth a look at /proc */

struct proc;

/* What was seen of a worker so far. */
struct pulse {
	struct beat_view view; /* the newest */
	int64_t alive_us;      /* its last sign of life */
	int64_t stopped_us;    /* since when a signal has stopped it; 0: it has not */
	int64_t base_cpu_us;   /* its CPU time at the first look after its last beat; -1: none */
	int64_t cpu_us;        /* its CPU time at the last look */
	bool has_slept;        /* at any look since its last beat */
	bool is_blocked;       /* by a disk, at the last look: no signal reaches it */
};

enum watch {
	WATCH_STARTS,
	WATCH_ABLE,   /* waits, or works within its time */
	WATCH_UNABLE, /* stopped, silent or spinning: it has some time left to come back */
	WATCH_RETRY,  /* the same, and what it holds may be sent to another pool */
	WATCH_DRAINS,
	WATCH_HUNG /* is to be killed */
};

void pulse_begin(struct pulse *p, int64_t now_us);

/* Takes the newest beat. Returns whether a look at the process is worth its price. */
bool pulse_beat(struct pulse *p, const struct beat_view *v, int64_t now_us);
void pulse_look(struct pulse *p, const struct proc *proc, int64_t now_us);

/* We were not there to look for a while: nobody is to blame for it. */
void pulse_forgive(struct pulse *p, int64_t now_us);

enum watch watch_judge(const struct pulse *p, int64_t now_us);

#endif
