/*
 * terse-ingest: one per host. It moves the click journal into PostgreSQL, keeps the host's
 * caches up to date from the outbox, and tells workers when the clicks before them are
 * stored.
 */
#include "app/ingest/ingest.h"
#include "app/ingest/loop.h"
#include "lib/base/daemon.h"
#include "lib/base/settings.h"

static bool
serve(const struct settings *s, int signal_fd, char *why, size_t why_size)
{
	struct ingest in;
	bool is_able = ingest_init(&in, s, why, why_size);

	if (is_able)
		loop_run(&in, signal_fd);
	ingest_release(&in);
	return is_able;
}

int
main(void)
{
	return daemon_main(&(struct daemon){
	    .name = "terse-ingest",
	    .lock = "ingest.lock",
	    .home = offsetof(struct settings, journal_dir),
	    .serve = serve,
	});
}
