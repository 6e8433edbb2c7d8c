/*
 * Drives a lookup as an event loop does, and watches that none of its calls waits: a call
 * that never gave the processor up by itself has not waited, however busy the machine is.
 */
#ifndef TESTS_UNIT_LOOKER_H
#define TESTS_UNIT_LOOKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct lookup;

struct looker {
	struct lookup *l; /* borrowed */
	int64_t began_us;
	int64_t longest_us; /* of one call */
	long waits;         /* of all calls: what must be 0 */
	int calls;
};

/* Starts a look-up of one code, or of many. */
void looker_start(struct looker *k, const char *code, int64_t timeout_ms);
void looker_start_many(struct looker *k, const char *const codes[], size_t n, int64_t timeout_ms);

/* Drives it for at most ms; true: it is done. */
bool looker_drive(struct looker *k, int64_t ms);

/* Drives it to its end, checks that no call waited, and returns its result. */
enum err looker_finish(struct looker *k);

/* The whole of it for one code, cleared. */
enum err looker_look(struct looker *k, const char *code, int64_t timeout_ms);

int64_t looker_took_ms(const struct looker *k);

#endif
