/*
 * What this host has logged, for who has the admin key.
 */
#include <stdint.h>
#include <string.h>

#include "app/worker/app.h"
#include "app/worker/handlers.h"
#include "lib/base/arena.h"
#include "lib/base/attr.h"
#include "lib/base/beat.h"
#include "lib/base/clock.h"
#include "lib/base/settings.h"
#include "lib/http/field.h"
#include "lib/http/log_find.h"
#include "lib/http/req.h"
#include "lib/http/resp.h"

enum { LINES = 100, TIME_MS = 2000 };

struct logs_query {
	unsigned given;
	int64_t limit;
	const char *level, *request_id, *route, *since, *filter, *text, *service;
};

static const char *
check_level(const struct field_env *env, const char *value)
{
	enum log_level level;

	(void)env;
	return log_level_parse(value, &level) ? NULL : "must be debug, info, warn or error";
}

static const char *
check_since(const struct field_env *env, const char *value)
{
	int64_t since_us;

	(void)env;
	return log_since_parse(value, 0, &since_us)
		   ? NULL
		   : "must be a time, or how long ago as 15m or 2h";
}

static const struct field logs_query_fields[] = {
	{ "limit", FIELD_INT, 1, LOG_FIND_MAX, 0, NULL, offsetof(struct logs_query, limit) },
	{ "level", FIELD_TEXT, 1, 16, 0, check_level, offsetof(struct logs_query, level) },
	{ "request_id", FIELD_TEXT, 0, 128, 0, NULL, offsetof(struct logs_query, request_id) },
	{ "route", FIELD_TEXT, 0, 64, 0, NULL, offsetof(struct logs_query, route) },
	{ "since", FIELD_TEXT, 1, 64, 0, check_since, offsetof(struct logs_query, since) },
	{ "filter", FIELD_TEXT, 0, 256, 0, NULL, offsetof(struct logs_query, filter) },
	{ "text", FIELD_TEXT, 0, 256, 0, NULL, offsetof(struct logs_query, text) },
	{ "service", FIELD_TEXT, 0, 64, 0, NULL, offsetof(struct logs_query, service) },
};

/* "" is as good as nothing. */
static const char *
unless_empty(const char *text)
{
	return text && *text != '\0' ? text : NULL;
}

/* Who watches over the workers takes work without a sign of life for a loop. */
static void
show_life(void *arg)
{
	const struct app *app = arg;
	int64_t now_us = clock_mono_us();

	beat_works(app->beat, now_us, now_us + TIME_MS * 1000, true, 0);
}

static enum err
read_query(struct req *rq, struct log_query *ret)
{
	struct logs_query in = { .limit = LINES };
	const char *text;
	enum err e = req_query_fields(rq, logs_query_fields, N(logs_query_fields), &in);

	if (e)
		return e;
	text = unless_empty(in.filter) ? in.filter : in.text;
	*ret = (struct log_query){
		.filter = { .least = in.level ? log_level_of(in.level) : LOG_DEBUG,
		    .request_id = unless_empty(in.request_id),
		    .route = unless_empty(in.route),
		    .service = unless_empty(in.service) },
		.limit = (int)in.limit,
		.time_ms = TIME_MS,
	};
	if (in.since)
		(void)log_since_parse(in.since, clock_wall_us(), &ret->filter.since_us);
	if (!unless_empty(text))
		return ERR_OK;
	ret->filter.text = log_filter_text(rq->cx->arena, text);
	return ret->filter.text ? ERR_OK : ERR_MEMORY;
}

static enum err
present(struct resp *rs, const struct log_found *found)
{
	buf_addc(&rs->body, '[');
	for (int i = 0; i < found->n; i++) {
		buf_adds(&rs->body, i > 0 ? ",\n" : "");
		buf_adds(&rs->body, found->lines[i]);
	}
	buf_addc(&rs->body, ']');
	if (rs->body.failed)
		return ERR_MEMORY;
	if (found->is_partial)
		resp_header(rs, "Terse-Logs-Partial", "true");
	rs->status = 200;
	rs->type = "application/json";
	return ERR_OK;
}

enum err
log_list(struct app *app, struct req *rq, struct resp *rs)
{
	struct log_query q;
	struct log_found found;
	const char *dir = arena_printf(rq->cx->arena, "%s/log", app->settings->state_dir);
	enum err e;

	if (!dir)
		return ERR_MEMORY;
	e = read_query(rq, &q);
	if (e)
		return e;
	q.tick = show_life;
	q.arg = app;
	e = log_find(dir, &q, rq->cx->arena, &found);
	if (e == ERR_UNAVAILABLE)
		return ctx_fail(rq->cx, e, "%s can't be read", dir);
	return e ? e : present(rs, &found);
}
