/*
 * terse-monitor: one per host. It looks at what terse depends on and at the machine, shows
 * what it sees as metrics, and hands the host's finished spans to a collector.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/monitor/monitor.h"
#include "lib/base/lock.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/base/settings.h"
#include "lib/base/stop.h"

enum { LOCK_RETRY_MS = 100 };

static int
refuse(const char *what, const char *why)
{
	log_event(LOG_ERROR, "can't start", "%s: %s", what, why);
	return EXIT_FAILURE;
}

/* Waits for the lock; false when a signal says to stop first. */
static bool
wait_for_lock(int lock_fd, int signal_fd)
{
	struct pollfd p = { .fd = signal_fd, .events = POLLIN };

	if (lock_try(lock_fd))
		return true;
	log_event(LOG_WARN, "waits", "another terse-monitor looks after this host");
	while (!lock_try(lock_fd))
		if (poll(&p, 1, LOCK_RETRY_MS) > 0 && stop_turn(signal_fd))
			return false;
	return true;
}

/* The whole life of the process that holds the lock. */
static int
serve(const struct settings *s, int signal_fd)
{
	struct monitor *m;
	char why[256];

	if (metric_open(s->run_dir, NULL, 0) != ERR_OK)
		log_event(
		    LOG_WARN, "counts for itself", "metrics: %s: %s", s->run_dir, strerror(errno));
	m = monitor_new(s, why, sizeof(why));
	if (m) {
		log_event(LOG_INFO, "starts", "%s", s->run_dir);
		monitor_run(m, signal_fd);
		log_event(LOG_INFO, "stops", "%s", s->run_dir);
	}
	monitor_free(m);
	metric_close();
	return m ? EXIT_SUCCESS : refuse("terse-monitor", why);
}

static int
run(const struct settings *s)
{
	int signal_fd = stop_open(), lock_fd, status;

	log_rotate_at(s->log_max_bytes, s->log_keep);
	log_obey(s->run_dir);
	if (signal_fd < 0)
		return refuse("signals", strerror(errno));
	lock_fd = lock_open(s->run_dir, "monitor.lock");
	if (lock_fd < 0)
		return refuse(s->run_dir, strerror(errno));
	status = wait_for_lock(lock_fd, signal_fd) ? serve(s, signal_fd) : EXIT_SUCCESS;
	close(lock_fd);
	close(signal_fd);
	return status;
}

int
main(void)
{
	struct settings s;
	char why[256];
	int status = EXIT_FAILURE;

	if (settings_load(&s, why, sizeof(why)) != ERR_OK)
		refuse("settings", why);
	else if (log_open(s.log_file, "terse-monitor", log_level_of(s.log_level)) != ERR_OK)
		refuse(s.log_file, strerror(errno));
	else
		status = run(&s);
	log_close();
	settings_release(&s);
	return status;
}
