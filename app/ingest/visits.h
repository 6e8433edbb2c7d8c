/*
 * The visits that were stored lately: nginx asks another pool when a worker dies, and the
 * journal then has the visit twice. Memory for the last minute or two, or the last few
 * millions; what came from before this process is recalled from the database (recall.h).
 */
#ifndef APP_INGEST_VISITS_H
#define APP_INGEST_VISITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

/* A set of numbers, in the places that they hash to or the next ones. Zeroed: empty. */
struct visit_set {
	uint64_t *places; /* owned; 0: free */
	size_t size;      /* a power of two */
	size_t n;
};

/* Zeroed: empty. */
struct visits {
	struct visit_set batch;       /* of the batch that is being stored */
	struct visit_set now, before; /* stored: lately, and before */
	int64_t now_since_us;         /* when the first came into `now` */
};

void visits_release(struct visits *v);

/* Begins a batch of at most n visits. ERR_MEMORY. */
MUST_CHECK enum err visits_begin(struct visits *v, size_t n);

/* Whether the visit is neither stored nor in the batch; then it is in the batch. */
bool visits_add(struct visits *v, uint64_t visit);

/* The batch is stored. now_us: clock_mono_us() scale. */
void visits_keep(struct visits *v, int64_t now_us);

/* No repeat will come of what was stored before this moment. */
void visits_forget(struct visits *v, int64_t before_us);

#endif
