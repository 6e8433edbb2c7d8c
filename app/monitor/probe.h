/*
 * Asks something that speaks PostgreSQL's protocol a few questions, again and again, and
 * notes whether it answers. It never waits: the loop turns it whenever its connection has
 * something. A look that takes longer than a second has failed.
 */
#ifndef APP_MONITOR_PROBE_H
#define APP_MONITOR_PROBE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/monitor/health.h"
#include "lib/base/metric.h"
#include "lib/data/wire.h"

/* One of a table, which a question without a text ends. */
struct probe_question {
	struct wire_work work;
	void (*take)(void *arg, const struct wire_result *r); /* the answer; NULL: that it came */
};

/* Its members are the probe's own, but for due_us. */
struct probe {
	enum metric_dependency what;
	struct health *health;
	struct wire *wire;
	const struct probe_question *questions, *asked; /* NULL: it connects */
	void *arg;
	int64_t interval_us, due_us, began_us; /* began_us 0: no look goes on */
};

/* Borrows health, questions and arg; owns wire, which may be NULL: false, no memory. */
bool probe_init(struct probe *p, enum metric_dependency what, struct health *h, struct wire *wire,
    int64_t interval_us);
void probe_ask(struct probe *p, const struct probe_question *questions, void *arg);
void probe_release(struct probe *p);

void probe_turn(struct probe *p, int64_t now_us);

/* What to wait for, and until when. fd -1: for nothing. */
struct pollfd probe_events(const struct probe *p);
int64_t probe_due_us(const struct probe *p);

#endif
