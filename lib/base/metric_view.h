/*
 * What is in the metrics' cells, for those who show it: all processes together.
 */
#ifndef LIB_BASE_METRIC_VIEW_H
#define LIB_BASE_METRIC_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/metric_exemplar.h"
#include "lib/base/metric_family.h"
#include "lib/base/metric_name.h"

/* Reads all cells and looks who is alive; the others tell what there was then. */
void metric_view_take(void);

/* The sums of a counter's or histogram's cells, series after series. */
const uint64_t *metric_view_totals(enum metric m);

/* Whether anybody has set a gauge's series, and its value. */
bool metric_view_gauge(enum metric m, size_t series, double *ret_value);

/* Whether a bucket of a series has an exemplar. */
bool metric_view_exemplar(enum metric m, size_t series, size_t bucket, struct exemplar *ret);

/* The text of a label's value, maybe in text. */
const char *metric_view_label(enum metric_dim_id id, size_t value, char text[METRIC_NAME_SIZE]);

#endif
