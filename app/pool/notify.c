#include "app/pool/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "lib/base/clock.h"

void
notify_init(struct notify *n)
{
	uint64_t limit_us = 0;

	*n = (struct notify){ 0 };
	if (sd_watchdog_enabled(0, &limit_us) > 0)
		n->every_us = (int64_t)(limit_us / 2);
}

void
notify_ready(struct notify *n)
{
	if (n->is_ready)
		return;
	n->is_ready = true;
	sd_notify(0, "READY=1");
}

void
notify_reloading(struct notify *n)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_us());
	n->is_ready = false;
}

void
notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void
notify_turn(struct notify *n, int64_t now_us, const char *status)
{
	if (n->every_us && now_us - n->fed_us >= n->every_us) {
		n->fed_us = now_us;
		sd_notify(0, "WATCHDOG=1");
	}
	if (strcmp(status, n->status) == 0)
		return;
	snprintf(n->status, sizeof(n->status), "%s", status);
	sd_notifyf(0, "STATUS=%s", status);
}
