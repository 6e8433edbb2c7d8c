/*
 * The last trace that fell into a bucket of a histogram, in shared memory. Whoever writes
 * never waits; what two write at once, or one who died left half written, is nobody's.
 */
#ifndef LIB_BASE_METRIC_EXEMPLAR_H
#define LIB_BASE_METRIC_EXEMPLAR_H

#include <stdbool.h>
#include <stdint.h>

struct exemplar {
	uint64_t trace_id[2];
	int64_t duration_us, at_us; /* since 1970 */
};

/* Zeroed: there is none. */
struct metric_exemplar {
	_Atomic uint64_t words[4], check;
};

/* False: text is no trace's id (32 hexadecimal digits, not all 0). */
bool exemplar_parse_id(const char *text, uint64_t ret_id[2]);

void exemplar_store(struct metric_exemplar *into, const struct exemplar *e);

/* False: there is none. */
bool exemplar_load(const struct metric_exemplar *from, struct exemplar *ret);

#endif
