#include "app/monitor/health.h"

#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/log.h"

static const char *const names[] = {
	[DEPENDENCY_POSTGRESQL] = "postgresql",
	[DEPENDENCY_PGBOUNCER] = "pgbouncer",
	[DEPENDENCY_REDIS] = "redis",
};

_Static_assert(N(names) == DEPENDENCY__COUNT, "one name per dependency");

static void
tell(enum metric_dependency what, const char *diag)
{
	if (!log_begin(diag ? LOG_WARN : LOG_INFO, diag ? "dependency down" : "dependency up"))
		return;
	log_text("dependency", names[what]);
	log_text("diag", diag);
	log_end();
}

void
health_note(struct health *h, enum metric_dependency what, int64_t duration_us, const char *diag)
{
	enum health_state now = diag ? HEALTH_DOWN : HEALTH_UP;

	metric_set_at(M_DEPENDENCY_UP, what, 0, diag ? 0 : 1);
	metric_set_at(M_DEPENDENCY_TIME, what, 0, (double)duration_us / 1e6);
	if (h->states[what] != now)
		tell(what, diag);
	h->states[what] = now;
}
