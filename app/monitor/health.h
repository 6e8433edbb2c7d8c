/*
 * Whether what terse depends on answers: as gauges, and as a line in the log whenever that
 * changes.
 */
#ifndef APP_MONITOR_HEALTH_H
#define APP_MONITOR_HEALTH_H

#include <stdint.h>

#include "lib/base/metric.h"

enum health_state { HEALTH_UNKNOWN, HEALTH_UP, HEALTH_DOWN };

/* All zero at first. */
struct health {
	enum health_state states[DEPENDENCY__COUNT];
};

/* A check has taken duration_us; diag: why it failed, or NULL. */
void health_note(
    struct health *h, enum metric_dependency what, int64_t duration_us, const char *diag);

#endif
