/*
 * Decides how many workers there are to be, from how busy they were. It knows no clock and no
 * process: it is told both.
 */
#ifndef APP_POOL_SCALE_H
#define APP_POOL_SCALE_H

#include <stdbool.h>
#include <stdint.h>

struct scale_rules {
	unsigned min, max;
	double high, low; /* busy ratios, 0..1 */
	int64_t window_us;
	int64_t up_cooldown_us, down_cooldown_us;
};

struct scale {
	const struct scale_rules *rules;   /* borrowed */
	unsigned workers;                  /* that there are to be */
	double ratio;                      /* of the last whole window */
	int64_t window_us, up_us, down_us; /* when they began and last happened; 0: never */
	int64_t busy_us, time_us;          /* of all workers, in this window */
};

enum scale_move { SCALE_STAY, SCALE_UP, SCALE_DOWN };

/* Begins with the least number of workers. */
void scale_init(struct scale *s, const struct scale_rules *rules, int64_t now_us);

/* Whether a window has ended. */
bool scale_is_due(const struct scale *s, int64_t now_us);

/* A worker was busy for busy_us of time_us. */
void scale_add(struct scale *s, int64_t busy_us, int64_t time_us);

/* At the end of a window: sets ratio, says what changes, and begins the next one. Workers
 * that were just added have time to carry their part before any leave. */
enum scale_move scale_turn(struct scale *s, int64_t now_us);

#endif
