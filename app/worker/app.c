#include "app/worker/app.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/base/metric.h"
#include "lib/base/settings.h"
#include "lib/base/trace.h"
#include "lib/base/trace_visits.h"
#include "lib/data/barrier.h"
#include "lib/data/breaker.h"
#include "lib/data/cache.h"
#include "lib/data/click.h"
#include "lib/data/db.h"
#include "lib/data/journal.h"
#include "lib/data/l1.h"
#include "lib/data/lookup.h"
#include "lib/data/unknown.h"
#include "lib/data/url_store.h"
#include "lib/data/url_target.h"
#include "lib/http/resp.h"
#include "lib/http/target.h"

static bool
refuse(char *why, size_t why_size, const char *what, const char *where)
{
	snprintf(why, why_size, "%s: %s: %s", what, where, strerror(errno));
	return false;
}

bool
app_init(struct app *app, const struct settings *s, char *why, size_t why_size)
{
	memset(app, 0, sizeof(*app));
	app->settings = s;
	app->targets = target_rules_new(s->base_url, s->own_hosts);
	if (app->targets == NULL) {
		snprintf(why, why_size, "TERSE_BASE_URL or TERSE_OWN_HOSTS: not such addresses");
		return false;
	}
	app->env.targets = app->targets;
	app->breaker = breaker_new(s->run_dir);
	if (app->breaker == NULL)
		return refuse(why, why_size, "breaker", s->run_dir);
	app->unknown = unknown_new(s->run_dir);
	if (app->unknown == NULL)
		return refuse(why, why_size, "table of unknown codes", s->run_dir);
	app->l1 = l1_new(s->run_dir, s->l1_bytes);
	if (app->l1 == NULL)
		return refuse(why, why_size, "table of links", s->run_dir);
	app->db = db_new(s->db, s->db_password, s->db_timeout_ms);
	app->lookup = lookup_new(s->db, s->db_password, s->db_timeout_ms);
	app->cache = cache_new(s->redis_socket, s->redis_timeout_ms, app->breaker);
	app->journal =
	    journal_new(s->journal_dir, s->journal_segment_bytes, s->journal_segment_age_ms);
	if (app->db == NULL || app->lookup == NULL || app->cache == NULL || app->journal == NULL) {
		snprintf(why, why_size, "no memory");
		return false;
	}
	click_key(s->visitor_key, app->visitor_key);
	return true;
}

void
app_release(struct app *app)
{
	journal_free(app->journal);
	cache_free(app->cache);
	lookup_free(app->lookup);
	db_free(app->db);
	l1_free(app->l1);
	unknown_free(app->unknown);
	breaker_free(app->breaker);
	trace_visits_close(app->trace_visits);
	tracer_free(app->tracer);
	target_rules_free(app->targets);
}

enum err
app_target(struct ctx *cx, const struct url *u, struct url_target *ret_target)
{
	const char *location = target_location(cx->arena, u->original_url);

	if (location == NULL)
		return ctx_fail(cx, ERR_INVALID, "url %" PRId64 ": no Location", u->id);
	*ret_target = (struct url_target){
		.version = u->version,
		.url_id = u->id,
		.user_id = u->user_id,
		.status = 302,
		.is_active = u->is_active,
		.location = location,
	};
	return ERR_OK;
}

/* Redis first, or nobody asks it any more: then nothing old can come back into the host's own
 * table (see l1.h). */
static void
put(struct app *app, struct ctx *cx, const struct url *u, const struct url_target *t)
{
	if (t == NULL || cache_put_change(app->cache, cx, u->short_code, t) != ERR_OK)
		breaker_mark_dirty(app->breaker);
	l1_invalidate(app->l1, u->short_code);
	unknown_learn(app->unknown, u->short_code);
}

void
app_publish(struct app *app, struct ctx *cx, const struct url *u)
{
	struct url_target t;

	put(app, cx, u, app_target(cx, u, &t) == ERR_OK ? &t : NULL);
}

void
app_retract(struct app *app, struct ctx *cx, const struct url *u)
{
	struct url_target tombstone = { .version = u->version, .location = "" };

	put(app, cx, u, &tombstone);
}

void
app_settle(struct app *app, struct ctx *cx, struct resp *rs)
{
	const struct settings *s = app->settings;
	double lag_s, caught_up_s;

	if (barrier_wait(s->run_dir, cx, s->barrier_timeout_ms) == ERR_OK)
		return;
	caught_up_s = metric_get(M_INGEST_CAUGHT_UP);
	lag_s = (double)clock_wall_us() / 1e6 - caught_up_s;
	if (caught_up_s <= 0 || lag_s < 0)
		lag_s = 0;
	resp_header(rs, "Terse-Lag-Seconds", arena_printf(cx->arena, "%.3f", lag_s));
}
