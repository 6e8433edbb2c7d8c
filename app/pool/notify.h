/*
 * What systemd is told, where there is one (sd_notify(3)); elsewhere these do nothing.
 */
#ifndef APP_POOL_NOTIFY_H
#define APP_POOL_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct notify {
	int64_t every_us; /* how often the watchdog is fed; 0: it is not asked for */
	int64_t fed_us;
	bool is_ready;
	char status[160];
};

void notify_init(struct notify *n);

/* Every worker that there must be has come up, at first or after notify_reloading; said once. */
void notify_ready(struct notify *n);
void notify_reloading(struct notify *n);
void notify_stopping(void);

/* Feeds the watchdog when it is time, and tells the status when it has changed. */
void notify_turn(struct notify *n, int64_t now_us, const char *status);

#endif
