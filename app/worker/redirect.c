/*
 * The redirect path: the table of unknown codes, Redis, PostgreSQL; the click in the
 * journal; the answer.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "app/worker/app.h"
#include "app/worker/handlers.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/data/cache.h"
#include "lib/data/click.h"
#include "lib/data/journal.h"
#include "lib/data/unknown.h"
#include "lib/data/url_store.h"
#include "lib/http/req.h"
#include "lib/http/resp.h"
#include "lib/http/target.h"

static const char *const layer_names[LAYER__COUNT] = {
	[LAYER_NONE] = NULL,
	[LAYER_REDIS] = "redis",
	[LAYER_DB] = "db",
};

/* Asks the database, and fills what should have known. */
static enum err
look_up(struct app *app, struct ctx *cx, const char *code, uint64_t ticket,
    struct url_target *ret_target)
{
	const char *refusal;
	struct url u;
	enum err e;

	e = url_get_by_code(app->db, cx, code, &u);
	if (e == ERR_NOT_FOUND)
		unknown_fill(app->unknown, code, ticket);
	if (e)
		return e;
	refusal = target_refusal(app->targets, NULL, u.original_url);
	if (refusal != NULL)
		return ctx_fail(cx, ERR_NOT_FOUND, "url %" PRId64 ": %s", u.id, refusal);
	e = app_target(cx, &u, ret_target);
	if (e)
		return e;
	if (cache_put(app->cache, cx, code, ret_target) != ERR_OK)
		log_event(LOG_DEBUG, "not cached", "%s", code);
	return ERR_OK;
}

static enum err
find(struct app *app, struct ctx *cx, const char *code, struct url_target *ret_target,
    enum metric_layer *ret_layer)
{
	uint64_t ticket;
	enum err e;

	*ret_layer = LAYER_NONE;
	if (strlen(code) > CODE_MAX || unknown_has(app->unknown, code, &ticket))
		return ERR_NOT_FOUND;
	e = cache_get(app->cache, cx, code, ret_target);
	if (e == ERR_OK) {
		*ret_layer = LAYER_REDIS;
		return ret_target->url_id != 0 ? ERR_OK : ERR_NOT_FOUND;
	}
	*ret_layer = LAYER_DB;
	return look_up(app, cx, code, ticket, ret_target);
}

/* A click that can't be journaled is counted and told to the operator; the visitor is
 * sent on all the same. */
static void
record(struct app *app, const struct req *rq, const char *code, const struct url_target *t)
{
	const struct click c = {
		.visit_id = rq->visit_id,
		.at_us = clock_wall_us(),
		.url_id = t->url_id,
		.user_id = t->user_id,
		.short_code = code,
		.referrer = req_header(rq, "HTTP_REFERER"),
		.user_agent = req_header(rq, "HTTP_USER_AGENT"),
		.client = rq->client,
	};
	char line[CLICK_LINE_MAX];
	size_t n = click_format(&c, app->visitor_key, line);

	if (n == 0)
		log_event(LOG_ERROR, "click lost", "no visit id from the web server");
	else if (journal_append(app->journal, line, n) != ERR_OK)
		log_event(LOG_ERROR, "click lost", "journal: %s", strerror(errno));
}

static enum metric_redirect
outcome_of(enum err e, const struct url_target *t)
{
	if (e == ERR_NOT_FOUND)
		return REDIRECT_UNKNOWN;
	if (e)
		return REDIRECT_FAILED;
	return t->is_active ? REDIRECT_FOUND : REDIRECT_INACTIVE;
}

enum err
url_follow(struct app *app, struct req *rq, struct resp *rs)
{
	const char *code = rq->params[0];
	enum metric_redirect outcome;
	enum metric_layer layer;
	struct url_target t;
	enum err e;

	e = find(app, rq->cx, code, &t, &layer);
	outcome = outcome_of(e, &t);
	metric_add(M_REDIRECTS, layer, outcome, 0, 1);
	rs->layer = layer_names[layer];
	if (e)
		return e;
	if (outcome == REDIRECT_INACTIVE)
		return ERR_NOT_FOUND;
	if (rq->method == METHOD_GET)
		record(app, rq, code, &t);
	resp_header(rs, "Location", t.location);
	resp_header(rs, "Cache-Control", "private, no-store");
	return resp_empty(rs, t.status);
}
