/*
 * Values of a label that are known at run time, in shared memory: everyone on the host who
 * knows a name agrees on its number, whoever dies. The last number of a table stands for
 * all names that no entry is left for.
 */
#ifndef LIB_BASE_METRIC_NAME_H
#define LIB_BASE_METRIC_NAME_H

#include <stdint.h>

enum { METRIC_NAME_WORDS = 6, METRIC_NAME_SIZE = METRIC_NAME_WORDS * 8 + 1 };

/* An entry is taken by its hash, and never changes after; words is the name, filled up with
 * NULs. */
struct metric_name {
	_Atomic uint64_t hash; /* 0: free */
	_Atomic uint64_t words[METRIC_NAME_WORDS];
};

/* The number of a name (cut to 48 bytes) in a table of n. */
unsigned metric_name_number(struct metric_name *names, unsigned n, const char *name);

/* The name of a number in a table of n; "other" for the last one. Returns text. */
const char *metric_name_text(
    const struct metric_name *names, unsigned n, unsigned number, char text[METRIC_NAME_SIZE]);

#endif
