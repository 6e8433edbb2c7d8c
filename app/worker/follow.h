/*
 * Following short codes, a batch at a time and never waiting for a database: the host's
 * memory (L1 and the table of unknown codes) answers first; what it does not know goes to
 * Redis in one round trip; what that does not know waits for one query of PostgreSQL, while
 * the loop goes on. Every click is in the journal before its visitor is answered.
 */
#ifndef APP_WORKER_FOLLOW_H
#define APP_WORKER_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/metric.h"
#include "lib/data/url_target.h"

#define FOLLOW_BATCH 16
#define FOLLOW_WAITING_MAX 8192 /* visits that wait for PostgreSQL; more are turned away */

struct app;
struct exchange;
struct follow;

/* One request for a code; the caller's, zeroed but for x, until `answered`. */
struct visit {
	struct exchange *x;
	const char *code;
	struct url_target target;
	uint64_t l1_ticket, unknown_ticket; /* from before anyone was asked */
	enum metric_layer layer;            /* that knew */
	enum err e;
	struct visit *next; /* of those that wait */
};

/* Whether a click is to be journaled: it has found its url, and will be sent on. */
bool visit_is_click(const struct visit *v);

/* What becomes of a visit: called once, or parked and then answered. */
struct follow_front {
	void *arg;
	void (*answered)(void *arg, struct visit *v); /* its response is made, or v->e is set */
	void (*parked)(void *arg, struct visit *v);
};

/* NULL: no memory. app is borrowed. */
struct follow *follow_new(struct app *app, const struct follow_front *front);

/* Visits that still wait are forgotten: the caller answers them first. */
void follow_free(struct follow *f);

/* Answers or parks n visits (at most FOLLOW_BATCH). Blocks at most for Redis' timeout. */
void follow_batch(struct follow *f, struct visit *const visits[], size_t n);

/* Goes on with what waits for PostgreSQL: call it when the look-up's descriptor (app->lookup)
 * is ready, and at follow_wake_us. */
void follow_step(struct follow *f);

/* When follow_step must be called; INT64_MAX: nothing waits. */
int64_t follow_wake_us(const struct follow *f);

/* Visits that wait. */
size_t follow_waiting(const struct follow *f);

#endif
