/*
 * What PgBouncer's admin console tells, as metrics.
 */
#ifndef APP_MONITOR_BOUNCER_H
#define APP_MONITOR_BOUNCER_H

#include <stdint.h>

#include "app/monitor/probe.h"

enum { BOUNCER_QUERIES, BOUNCER_QUERY_TIME, BOUNCER_WAIT_TIME, BOUNCER_TOTALS };

/* PgBouncer's totals as they were last; all zero at first. */
struct bouncer {
	bool is_known;
	int64_t totals[BOUNCER_TOTALS];
};

/* Their arg is a struct bouncer. */
extern const struct probe_question bouncer_questions[];

/* The conninfo of the console, of the PgBouncer that the workers' conninfo names. The caller
 * frees it. NULL: no memory. */
char *bouncer_conninfo(const char *db);

/* It does not answer: nobody knows what it does, so the gauges say nothing is going on. */
void bouncer_away(void);

#endif
