#include "app/worker/present.h"

#include <inttypes.h>
#include <string.h>

#include "app/worker/app.h"
#include "lib/base/arena.h"
#include "lib/base/settings.h"
#include "lib/data/alert_store.h"
#include "lib/data/event_store.h"
#include "lib/data/url_store.h"
#include "lib/data/user_store.h"
#include "lib/http/json.h"
#include "lib/http/resp.h"

static void
user_members(struct json *j, struct json_object *at, const struct user *u)
{
	json_add_int(j, at, "id", u->id);
	json_add_text(j, at, "username", u->username);
	json_add_text(j, at, "email", u->email);
	json_add_time(j, at, "created_at", u->created_us);
}

static void
url_members(const struct app *app, struct json *j, struct json_object *at, const struct url *u,
    struct arena *a)
{
	const char *base = app->settings->base_url;
	size_t n = strlen(base);

	while (n > 0 && base[n - 1] == '/')
		n--;
	json_add_int(j, at, "id", u->id);
	json_add_id(j, at, "user_id", u->user_id);
	json_add_text(j, at, "short_code", u->short_code);
	json_add_text(j, at, "short_url", arena_printf(a, "%.*s/%s", (int)n, base, u->short_code));
	json_add_text(j, at, "original_url", u->original_url);
	json_add_text(j, at, "title", u->title);
	json_add_bool(j, at, "is_active", u->is_active);
	json_add_time(j, at, "created_at", u->created_us);
	json_add_time(j, at, "updated_at", u->updated_us);
	json_add_int(j, at, "version", u->version);
}

static void
event_members(struct json *j, struct json_object *at, const struct event *ev)
{
	json_add_int(j, at, "id", ev->id);
	json_add_id(j, at, "url_id", ev->url_id);
	json_add_id(j, at, "user_id", ev->user_id);
	json_add_text(j, at, "event_type", ev->event_type);
	json_add_time(j, at, "timestamp", ev->at_us);
	json_add_raw(j, at, "details", ev->details);
}

static void
alert_members(struct json *j, struct json_object *at, const struct alert *a)
{
	json_add_int(j, at, "id", a->id);
	json_add_text(j, at, "name", a->name);
	json_add_text(j, at, "status", a->status);
	json_add_text(j, at, "severity", a->severity);
	json_add_text(j, at, "summary", a->summary);
	json_add_text(j, at, "description", a->description);
	json_add_raw(j, at, "labels", a->labels);
	json_add_raw(j, at, "annotations", a->annotations);
	json_add_text(j, at, "source", a->source);
	json_add_text(j, at, "fingerprint", a->fingerprint);
	json_add_raw(j, at, "notes", a->notes);
	json_add_text(j, at, "acknowledged_by", a->acknowledged_by);
	json_add_moment(j, at, "acknowledged_at", a->acknowledged_us);
	json_add_time(j, at, "starts_at", a->starts_us);
	json_add_moment(j, at, "ends_at", a->ends_us);
	json_add_moment(j, at, "resolved_at", a->resolved_us);
	json_add_time(j, at, "created_at", a->created_us);
	json_add_time(j, at, "updated_at", a->updated_us);
}

/* Sends j, and for a new record where it can be found. */
static enum err
finish(struct resp *rs, int status, const struct json *j, const char *collection, int64_t id)
{
	enum err e = resp_json(rs, status, j);

	if (e == ERR_OK && status == 201) {
		const char *where = arena_printf(rs->body.arena, "/%s/%" PRId64, collection, id);

		if (where == NULL)
			return ERR_MEMORY;
		resp_header(rs, "Location", where);
	}
	return e;
}

enum err
present_user(struct resp *rs, int status, const struct user *u)
{
	struct json j;

	json_map_init(&j, rs->body.arena);
	user_members(&j, NULL, u);
	return finish(rs, status, &j, "users", u->id);
}

enum err
present_url(const struct app *app, struct resp *rs, int status, const struct url *u)
{
	const char *etag = arena_printf(rs->body.arena, "\"%" PRId64 "\"", u->version);
	struct json j;

	if (etag == NULL)
		return ERR_MEMORY;
	json_map_init(&j, rs->body.arena);
	url_members(app, &j, NULL, u, rs->body.arena);
	resp_header(rs, "ETag", etag);
	return finish(rs, status, &j, "urls", u->id);
}

enum err
present_event(struct resp *rs, int status, const struct event *ev)
{
	struct json j;

	json_map_init(&j, rs->body.arena);
	event_members(&j, NULL, ev);
	return finish(rs, status, &j, "events", ev->id);
}

enum err
present_alert(struct resp *rs, int status, const struct alert *a)
{
	struct json j;

	json_map_init(&j, rs->body.arena);
	alert_members(&j, NULL, a);
	return finish(rs, status, &j, "alerts", a->id);
}

enum err
present_users(struct resp *rs, const struct user *users, int n)
{
	struct json j;

	json_list_init(&j, rs->body.arena);
	for (int i = 0; i < n; i++)
		user_members(&j, json_add_map(&j, NULL, NULL), &users[i]);
	return resp_json(rs, 200, &j);
}

enum err
present_urls(const struct app *app, struct resp *rs, const struct url *urls, int n)
{
	struct json j;

	json_list_init(&j, rs->body.arena);
	for (int i = 0; i < n; i++)
		url_members(app, &j, json_add_map(&j, NULL, NULL), &urls[i], rs->body.arena);
	return resp_json(rs, 200, &j);
}

enum err
present_events(struct resp *rs, const struct event *events, int n)
{
	struct json j;

	json_list_init(&j, rs->body.arena);
	for (int i = 0; i < n; i++)
		event_members(&j, json_add_map(&j, NULL, NULL), &events[i]);
	return resp_json(rs, 200, &j);
}

enum err
present_alerts(struct resp *rs, const struct alert *alerts, int n)
{
	struct json j;

	json_list_init(&j, rs->body.arena);
	for (int i = 0; i < n; i++)
		alert_members(&j, json_add_map(&j, NULL, NULL), &alerts[i]);
	return resp_json(rs, 200, &j);
}
