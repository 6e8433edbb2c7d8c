/*
 * The pool: its workers and what is known of them. pool_turn, called again and again, sees
 * to it that there are as many as there must be, that they can answer, and that the web
 * server reaches the pool only then.
 */
#ifndef APP_POOL_POOL_H
#define APP_POOL_POOL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/pool/backoff.h"
#include "app/pool/child.h"
#include "app/pool/notify.h"
#include "app/pool/replace.h"
#include "app/pool/rotation.h"
#include "app/pool/scale.h"
#include "lib/base/attr.h"
#include "lib/base/beat.h"
#include "lib/base/metric_process.h"

struct settings;

struct pool {
	const char *name, *run_dir; /* borrowed */
	unsigned label;             /* of the metrics */
	struct child_command command;
	int64_t request_us;    /* deadline of an ordinary request */
	int64_t recycle_after; /* requests; 0: never */
	struct beat *board;
	struct child children[BEAT_SLOTS];
	struct backoff backoff;
	struct replace replace;
	struct rotation rotation;
	struct scale_rules rules;
	struct scale scale;
	struct notify notify;
	struct metric_process process;
	int64_t lost_us;    /* since when nobody can answer; 0: somebody can */
	int64_t due_us;     /* when the next turn is to be */
	int64_t patient_us; /* until then nobody is blamed for silence */
	int64_t drain_us;   /* since when it is to end; 0: it is not */
};

/* command: the worker's. Takes over what a predecessor left. False: errno. Needs
 * pool_release either way. */
MUST_CHECK bool pool_init(struct pool *p, const struct settings *s,
    const struct child_command *command, unsigned min, unsigned max);
void pool_release(struct pool *p);

/* One turn; returns how many milliseconds the next one may wait, or -1 when all is over. */
int pool_turn(struct pool *p);

/* What signals ask for. */
void pool_roll(struct pool *p);
void pool_drain(struct pool *p);
void pool_reopen_logs(struct pool *p);

/* Starts one more worker. Returns its place; -1: it could not be started. */
int pool_start_child(struct pool *p, int64_t now_us);

/* The next child of the table after c, the first one after NULL; NULL: there is no more. */
struct child *pool_next(struct pool *p, const struct child *c);

#endif
