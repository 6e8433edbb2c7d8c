/*
 * What the pool tells others: lines in the log, gauges and counters of the host, systemd's
 * status, and the outcome of a roll for scripts that wait for it.
 */
#ifndef APP_POOL_REPORT_H
#define APP_POOL_REPORT_H

#include <stdint.h>

struct child;
struct pool;

/* A worker has ended; status is waitpid's. */
void report_end(const struct pool *p, const struct child *c, int status, int64_t now_us);

/* A roll has ended; why: what went wrong, or NULL. It goes into run_dir/NAME.rolled as
 * "ok" or "failed: why". */
void report_roll(const struct pool *p, const char *why);

/* Gauges and systemd's status. */
void report_turn(struct pool *p, int64_t now_us);

#endif
