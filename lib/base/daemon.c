#include "lib/base/daemon.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static const char *
home_of(const struct daemon *d, const struct settings *s)
{
	return *(const char *const *)(const void *)((const char *)s + d->home);
}

/* Waits for the lock; false when a signal says to stop first. */
static bool
wait_for_lock(const struct daemon *d, int lock_fd, int signal_fd)
{
	struct pollfd p = { .fd = signal_fd, .events = POLLIN };

	if (lock_try(lock_fd))
		return true;
	log_event(LOG_WARN, "waits", "another %s is at work here", d->name);
	while (!lock_try(lock_fd))
		if (poll(&p, 1, LOCK_RETRY_MS) > 0 && stop_turn(signal_fd))
			return false;
	return true;
}

/* The whole life of the process that holds the lock. */
static int
serve(const struct daemon *d, const struct settings *s, int signal_fd)
{
	char why[256];
	bool served;

	if (metric_open(s->run_dir, NULL, 0) != ERR_OK)
		log_event(
		    LOG_WARN, "counts for itself", "metrics: %s: %s", s->run_dir, strerror(errno));
	log_event(LOG_INFO, "starts", "%s", home_of(d, s));
	served = d->serve(s, signal_fd, why, sizeof(why));
	if (served)
		log_event(LOG_INFO, "stops", "%s", home_of(d, s));
	metric_close();
	return served ? EXIT_SUCCESS : refuse(d->name, why);
}

static int
run(const struct daemon *d, const struct settings *s)
{
	int signal_fd = stop_open(), lock_fd, status;

	log_rotate_at(s->log_max_bytes, s->log_keep);
	log_obey(s->run_dir);
	if (signal_fd < 0)
		return refuse("signals", strerror(errno));
	lock_fd = lock_open(home_of(d, s), d->lock);
	if (lock_fd < 0)
		return refuse(home_of(d, s), strerror(errno));
	status = wait_for_lock(d, lock_fd, signal_fd) ? serve(d, s, signal_fd) : EXIT_SUCCESS;
	close(lock_fd);
	close(signal_fd);
	return status;
}

int
daemon_main(const struct daemon *d)
{
	struct settings s;
	char why[256];
	int status = EXIT_FAILURE;

	if (settings_load(&s, why, sizeof(why)) != ERR_OK)
		refuse("settings", why);
	else if (log_open(s.log_file, d->name, log_level_of(s.log_level)) != ERR_OK)
		refuse(s.log_file, strerror(errno));
	else
		status = run(d, &s);
	log_close();
	settings_release(&s);
	return status;
}
