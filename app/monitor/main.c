/*
 * terse-monitor: one per host. It looks at what terse depends on and at the machine, shows
 * what it sees as metrics, and hands the host's finished spans to a collector.
 */
#include "app/monitor/monitor.h"
#include "lib/base/daemon.h"
#include "lib/base/settings.h"

static bool
serve(const struct settings *s, int signal_fd, char *why, size_t why_size)
{
	struct monitor *m = monitor_new(s, why, why_size);

	if (m)
		monitor_run(m, signal_fd);
	monitor_free(m);
	return m != NULL;
}

int
main(void)
{
	return daemon_main(&(struct daemon){
	    .name = "terse-monitor",
	    .lock = "monitor.lock",
	    .home = offsetof(struct settings, run_dir),
	    .serve = serve,
	});
}
