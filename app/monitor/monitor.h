/*
 * The loop of terse-monitor: it looks at what terse depends on, each at its own pace, and
 * hands finished spans to a collector. Whatever hangs costs its own deadline.
 */
#ifndef APP_MONITOR_MONITOR_H
#define APP_MONITOR_MONITOR_H

#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct monitor;
struct settings;

/* Makes everything; nothing is connected yet. s is borrowed. NULL: why (why_size bytes) says
 * what is wrong. */
struct monitor *monitor_new(const struct settings *s, char *why, size_t why_size);
void monitor_free(struct monitor *m);

/* Runs until a signal of signal_fd says to stop. */
void monitor_run(struct monitor *m, int signal_fd);

#endif
