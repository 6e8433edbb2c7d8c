/*
 * Sends the host's finished spans to a collector, in batches. While it is away they wait in
 * the ring, whose size bounds what is kept: what is overwritten there is counted as dropped.
 * How far they have been sent is in shared memory, so that the next terse-monitor goes on
 * there, whatever ends this one. Nothing here blocks.
 */
#ifndef APP_MONITOR_EXPORT_H
#define APP_MONITOR_EXPORT_H

#include <stdint.h>

struct client;
struct export;

/* url: the collector's, with its path; host: this machine's name. Both are borrowed, as is c.
 * NULL: errno says why. */
struct export *export_new(const char *run_dir, const char *url, const char *host, struct client *c);
void export_free(struct export *x);

/* Does what is due now, in clock_mono_us(). */
void export_turn(struct export *x, int64_t now_us);

/* When to call it again, unless the client's wait ends sooner. */
int64_t export_due_us(const struct export *x);

#endif
