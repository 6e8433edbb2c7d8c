/*
 * Something that terse-ingest does again and again: how long until the next time, longer
 * after a failure, and what the log says of it: one line when it begins to fail, one each
 * few seconds while it does, one when it goes on.
 */
#ifndef APP_INGEST_TASK_H
#define APP_INGEST_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

struct ctx;

/* Only name and interval_us need a value at first; then it is due at once. */
struct task {
	const char *name; /* for the log */
	int64_t interval_us;
	int64_t due_us;   /* clock_mono_us() scale */
	int64_t failures; /* in a row */
	int64_t silent_until_us;
};

bool task_is_due(const struct task *t, int64_t now_us);

/* Asks for the next time now, unless it waits after a failure. */
void task_hurry(struct task *t, int64_t now_us);

/* It went well; the next time is an interval from now, or now when there is more to do. */
void task_went(struct task *t, int64_t now_us, bool more);

/* It failed with e (cx->diag says why); the next time is 50 ms to 1 s from now. */
void task_failed(struct task *t, int64_t now_us, enum err e, const struct ctx *cx);

#endif
