#include "app/ingest/ingest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/ingest/drain.h"
#include "app/ingest/tail.h"
#include "app/ingest/waiters.h"
#include "lib/base/arena.h"
#include "lib/base/settings.h"
#include "lib/data/breaker.h"
#include "lib/data/cache.h"
#include "lib/data/db.h"
#include "lib/data/l1.h"
#include "lib/data/news.h"
#include "lib/data/unknown.h"

enum { ARENA_BYTES = 64 * 1024 * 1024 };

/* What lives in run_dir. Returns what could not be made, or NULL. */
static const char *
init_shared(struct ingest *in)
{
	const struct settings *s = in->settings;

	in->breaker = breaker_new(s->run_dir);
	if (in->breaker == NULL)
		return "breaker";
	in->unknown = unknown_new(s->run_dir);
	if (in->unknown == NULL)
		return "table of unknown codes";
	in->l1 = l1_new(s->run_dir, 0);
	if (in->l1 == NULL)
		return "table of links";
	in->waiters = waiters_new(s->run_dir, (int)s->barrier_waiters);
	return in->waiters == NULL ? "socket" : NULL;
}

static bool
init_private(struct ingest *in)
{
	const struct settings *s = in->settings;
	struct tail_targets to;

	in->arena = arena_new(ARENA_BYTES);
	in->db = db_new(s->db_direct, s->db_password, s->db_timeout_ms);
	in->cache = cache_new(s->redis_socket, s->redis_timeout_ms, in->breaker);
	in->news = news_new(s->redis_socket);
	in->drain = drain_new(s, in->db);
	to = (struct tail_targets){
		.cache = in->cache,
		.breaker = in->breaker,
		.l1 = in->l1,
		.unknown = in->unknown,
	};
	in->tail = tail_new(s->host, in->db, &to);
	return in->arena != NULL && in->db != NULL && in->cache != NULL && in->news != NULL &&
	       in->drain != NULL && in->tail != NULL;
}

bool
ingest_init(struct ingest *in, const struct settings *s, char *why, size_t why_size)
{
	const char *what;

	*in = (struct ingest){ .settings = s };
	what = init_shared(in);
	if (what != NULL)
		snprintf(why, why_size, "%s: %s: %s", what, s->run_dir, strerror(errno));
	else if (!init_private(in))
		snprintf(why, why_size, "no memory");
	else
		return true;
	return false;
}

void
ingest_release(struct ingest *in)
{
	tail_free(in->tail);
	drain_free(in->drain);
	news_free(in->news);
	cache_free(in->cache);
	db_free(in->db);
	arena_free(in->arena);
	waiters_free(in->waiters);
	unknown_free(in->unknown);
	l1_free(in->l1);
	breaker_free(in->breaker);
}
