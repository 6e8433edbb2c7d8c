/*
 * The one table of metrics: their names, types and labels, and how many cells (64-bit
 * numbers) each needs. metric.c keeps the cells. A counter has one cell per combination of
 * labels; a gauge too, the bits of a double; a histogram as described below.
 */
#ifndef LIB_BASE_METRIC_FAMILY_H
#define LIB_BASE_METRIC_FAMILY_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/metric.h"

enum { METRIC_LABELS = 3, METRIC_ROUTES = 64, METRIC_POOLS = 16 };

enum metric_dim_id {
	DIM_NONE,
	DIM_ROUTE,
	DIM_METHOD,
	DIM_STATUS,
	DIM_LAYER,
	DIM_REDIRECT,
	DIM_OUTCOME,
	DIM_POOL,
	DIM_WORKER,
	DIM_REASON,
	DIM_DIRECTION,
	DIM_LEVEL,
	DIM_BOUND,
	DIM_PROGRAM,
	DIM_FATE,
	DIM_DEPENDENCY,
	DIM_SESSION,
	DIM_EFFORT,
	DIM__COUNT
};

struct metric_dim {
	const char *label;
	const char *const *values; /* NULL: known at run time; the last is "other" */
	size_t n;
};

enum metric_type {
	COUNTER,
	COUNTER_US, /* of microseconds, shown in seconds */
	HISTOGRAM,
	GAUGE_SUM, /* over the living processes */
	GAUGE_MAX, /* over the living processes */
	GAUGE_EVER /* the greatest there ever was: outlives its process */
};

struct metric_family {
	const char *name;
	enum metric_type type;
	enum metric_dim_id dims[METRIC_LABELS];
	const char *help;
};

/* A histogram's cells: its buckets (each without those below it), then the sum in
 * microseconds. */
enum { METRIC_BUCKETS = 15, METRIC_SUM_CELL = METRIC_BUCKETS, METRIC_HISTOGRAM_CELLS };

extern const struct metric_dim metric_dims[];
extern const struct metric_family metric_families[];

/* The upper bounds of the buckets but the last one, and the text of all, as OpenMetrics
 * wants it. */
extern const int64_t metric_bounds_us[];
extern const char *const metric_bounds[];

/* Combinations of labels, and cells for each of them. */
size_t metric_series(enum metric m);
size_t metric_series_cells(enum metric m);

/* A number that changes whenever a cell gets another meaning. */
uint64_t metric_layout(void);

/* FNV-1a over s and its NUL, going on from hash. */
#define METRIC_HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t metric_hash(uint64_t hash, const char *s);

#endif
