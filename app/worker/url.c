#include <string.h>

#include "app/worker/app.h"
#include "app/worker/handlers.h"
#include "app/worker/list.h"
#include "app/worker/present.h"
#include "lib/base/settings.h"
#include "lib/data/unknown.h"
#include "lib/data/url_store.h"
#include "lib/http/check.h"
#include "lib/http/field.h"
#include "lib/http/req.h"
#include "lib/http/resp.h"
#include "lib/http/target.h"

#define TITLE(type)                                                                                \
	{                                                                                          \
		"title", FIELD_TEXT, 0, 500, FIELD_NULLABLE, NULL, offsetof(type, title)           \
	}
#define TARGET(name, type, flags)                                                                  \
	{                                                                                          \
		name, FIELD_TEXT, 1, TARGET_MAX, flags, check_target, offsetof(type, original_url) \
	}
#define NEW_URL(name)                                                                              \
	TARGET(name, struct url_new, FIELD_REQUIRED), TITLE(struct url_new),                       \
	    { "short_code", FIELD_TEXT, 3, 64, FIELD_NULLABLE, check_code,                         \
		    offsetof(struct url_new, short_code) },                                        \
	    { "user_id", FIELD_ID, 0, 0, FIELD_NULLABLE, NULL,                                     \
		    offsetof(struct url_new, user_id) },                                           \
	{                                                                                          \
		"find_if_exists", FIELD_BOOL, 0, 0, FIELD_NULLABLE, NULL,                          \
		    offsetof(struct url_new, find_if_exists)                                       \
	}

static const struct field url_new_fields[] = { NEW_URL("original_url") };
static const struct field shorten_fields[] = { NEW_URL("url") };

static const struct field url_edit_fields[] = {
	[URL_EDIT_TITLE] = TITLE(struct url_edit),
	[URL_EDIT_TARGET] = TARGET("original_url", struct url_edit, 0),
	[URL_EDIT_ACTIVE] = { "is_active", FIELD_BOOL, 0, 0, 0, NULL,
	    offsetof(struct url_edit, is_active) },
};

struct url_query {
	struct url_filter filter; /* first: it has `given` */
	struct list_query list;
};

static const struct field url_query_fields[] = {
	[URL_FILTER_USER] = { "user_id", FIELD_ID, 0, 0, 0, NULL,
	    offsetof(struct url_query, filter.user_id) },
	[URL_FILTER_ACTIVE] = { "is_active", FIELD_BOOL, 0, 0, 0, NULL,
	    offsetof(struct url_query, filter.is_active) },
	LIST_FIELDS(struct url_query),
};

enum err
url_list(struct app *app, struct req *rq, struct resp *rs)
{
	struct url_query in = { 0 };
	struct url_list found;
	struct page page;
	enum err e;
	int n;

	e = list_read(rq, url_query_fields, N(url_query_fields), &in, &in.list, &page);
	if (e)
		return e;
	e = url_find(app->db, rq->cx, &in.filter, &page, &found);
	if (e)
		return e;
	n = list_shown(&page, found.n);
	e = list_link(rq, rs, &page, found.n, n > 0 ? found.urls[n - 1].id : 0);
	if (e)
		return e;
	return present_urls(app, rs, found.urls, n);
}

static enum err
create(struct app *app, struct req *rq, struct resp *rs, const struct field *fields, size_t n)
{
	struct url_new in = { .is_reserved = check_is_reserved };
	struct url u;
	bool found;
	enum err e;

	e = req_json_fields(rq, fields, n, &in);
	if (e)
		return e;
	e = url_insert(app->db, rq->cx, &in, (int)app->settings->code_length, &u, &found);
	if (e)
		return e;
	/* No cache knows a drawn code, but as unknown; terse-ingest will bring it to Redis. */
	if (found || in.short_code != NULL)
		app_publish(app, rq->cx, &u);
	else
		unknown_learn(app->unknown, u.short_code);
	return present_url(app, rs, found ? 200 : 201, &u);
}

enum err
url_create(struct app *app, struct req *rq, struct resp *rs)
{
	return create(app, rq, rs, url_new_fields, N(url_new_fields));
}

enum err
url_shorten(struct app *app, struct req *rq, struct resp *rs)
{
	return create(app, rq, rs, shorten_fields, N(shorten_fields));
}

enum err
url_show(struct app *app, struct req *rq, struct resp *rs)
{
	struct url u;
	int64_t id;
	enum err e;

	e = req_id(rq, 0, &id);
	if (e)
		return e;
	e = url_get(app->db, rq->cx, id, &u);
	if (e)
		return e;
	return present_url(app, rs, 200, &u);
}

/* The version that the record must still have when it is changed: 0 for any. */
static enum err
expected_version(struct app *app, struct req *rq, int64_t id, int64_t *ret_version)
{
	const char *if_match = req_header(rq, "HTTP_IF_MATCH");
	struct url u;
	enum err e;

	*ret_version = 0;
	if (if_match == NULL || strcmp(if_match, "*") == 0)
		return ERR_OK;
	e = url_get(app->db, rq->cx, id, &u);
	if (e)
		return e;
	if (!req_if_match(rq, u.version))
		return ctx_refuse(rq->cx, ERR_PRECONDITION, "the record has another version now");
	*ret_version = u.version;
	return ERR_OK;
}

enum err
url_edit(struct app *app, struct req *rq, struct resp *rs)
{
	struct url_edit in = { 0 };
	int64_t id, version;
	bool changed;
	struct url u;
	enum err e;

	e = req_id(rq, 0, &id);
	if (e)
		return e;
	e = req_json_fields(rq, url_edit_fields, N(url_edit_fields), &in);
	if (e)
		return e;
	e = expected_version(app, rq, id, &version);
	if (e)
		return e;
	e = url_update(app->db, rq->cx, id, &in, version, &u, &changed);
	if (e)
		return e;
	app_publish(app, rq->cx, &u);
	return present_url(app, rs, 200, &u);
}

enum err
url_remove(struct app *app, struct req *rq, struct resp *rs)
{
	int64_t id, version;
	struct url u;
	enum err e;

	e = req_id(rq, 0, &id);
	if (e)
		return e;
	e = expected_version(app, rq, id, &version);
	if (e)
		return e;
	e = url_delete(app->db, rq->cx, id, version, &u);
	if (e)
		return e;
	app_retract(app, rq->cx, &u);
	return resp_empty(rs, 204);
}
