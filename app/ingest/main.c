/*
 * terse-ingest: one per host. It moves the click journal into PostgreSQL, keeps the host's
 * caches up to date from the outbox, and tells workers when the clicks before them are
 * stored.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/ingest/ingest.h"
#include "app/ingest/loop.h"
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
	log_event(LOG_WARN, "waits", "another terse-ingest serves this journal");
	while (!lock_try(lock_fd))
		if (poll(&p, 1, LOCK_RETRY_MS) > 0 && stop_turn(signal_fd))
			return false;
	return true;
}

/* The whole life of the process that holds the lock. */
static int
serve(const struct settings *s, int signal_fd)
{
	struct ingest in;
	char why[256];
	bool made;

	if (metric_open(s->run_dir, NULL, 0) != ERR_OK)
		log_event(
		    LOG_WARN, "counts for itself", "metrics: %s: %s", s->run_dir, strerror(errno));
	made = ingest_init(&in, s, why, sizeof(why));
	if (made) {
		log_event(LOG_INFO, "starts", "%s", s->journal_dir);
		loop_run(&in, signal_fd);
		log_event(LOG_INFO, "stops", "%s", s->journal_dir);
	}
	ingest_release(&in);
	metric_close();
	return made ? EXIT_SUCCESS : refuse("terse-ingest", why);
}

static int
run(const struct settings *s)
{
	int signal_fd = stop_open(), lock_fd, status;

	log_rotate_at(s->log_max_bytes, s->log_keep);
	log_obey(s->run_dir);
	if (signal_fd < 0)
		return refuse("signals", strerror(errno));
	lock_fd = lock_open(s->journal_dir, "ingest.lock");
	if (lock_fd < 0)
		return refuse(s->journal_dir, strerror(errno));
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
	else if (log_open(s.log_file, "terse-ingest", log_level_of(s.log_level)) != ERR_OK)
		refuse(s.log_file, strerror(errno));
	else
		status = run(&s);
	log_close();
	settings_release(&s);
	return status;
}
