/*
 * One worker process of the pool: started, watched, told to end, killed. Its place in the
 * pool's table is also its slot on the board of heartbeats.
 */
#ifndef APP_POOL_CHILD_H
#define APP_POOL_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/pool/watch.h"
#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/base/metric.h"

struct beat;

struct child {
	int32_t pid;  /* 0: there is none */
	bool is_left; /* by our predecessor: it has been told to end, and is no child of ours */
	bool is_up;   /* has beaten */
	bool is_killed;
	int64_t started_us;
	int64_t kill_us;            /* it was told to end, and is killed then; 0: it was not */
	enum metric_reason ends;    /* why it was told to end, or killed */
	enum metric_reason replace; /* why it is to be replaced; REASON_NONE: it is not */
	enum watch watch;
	struct pulse pulse;
	int64_t busy_us, sample_us; /* at the beginning of the scaling's window */
};

/* What a worker is started with. */
struct child_command {
	char **argv; /* borrowed; two places before its NULL are for the slot */
	int n_args;  /* without these */
	sigset_t mask;
};

/* Forks into a free place. ERR_UNAVAILABLE: errno. */
MUST_CHECK enum err child_start(struct child *c, const struct child_command *command,
    struct beat *board, unsigned slot, int64_t now_us);

/* Whether it is to go on: neither told to end nor killed. */
bool child_is_serving(const struct child *c);

/* Time it has worked, up to now. */
int64_t child_busy_us(const struct child *c, int64_t now_us);

/* Tells it to finish what it has, at most request_us when it does not say for how long. */
void child_tell(struct child *c, enum metric_reason why, int64_t now_us, int64_t request_us);
void child_kill(struct child *c, enum metric_reason why);

/* Takes its newest beat, and looks closer when that is late. Returns false when it was left
 * by our predecessor and has ended. */
bool child_look(struct child *c, const struct beat *board, unsigned slot, int64_t now_us);

#endif
