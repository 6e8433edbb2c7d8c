#include <string.h>

#include "app/worker/app.h"
#include "app/worker/handlers.h"
#include "app/worker/list.h"
#include "app/worker/present.h"
#include "lib/data/event_store.h"
#include "lib/http/check.h"
#include "lib/http/field.h"
#include "lib/http/req.h"
#include "lib/http/resp.h"

static const struct field event_new_fields[] = {
	{ "event_type", FIELD_TEXT, 1, 64, FIELD_REQUIRED, check_name,
	    offsetof(struct event_new, event_type) },
	{ "url_id", FIELD_ID, 0, 0, FIELD_REQUIRED, NULL, offsetof(struct event_new, url_id) },
	{ "user_id", FIELD_ID, 0, 0, FIELD_NULLABLE, NULL, offsetof(struct event_new, user_id) },
	{ "details", FIELD_OBJECT, 0, 65536, FIELD_NULLABLE, NULL,
	    offsetof(struct event_new, details) },
};

struct event_query {
	struct event_filter filter; /* first: it has `given` */
	struct list_query list;
};

static const struct field event_query_fields[] = {
	[EVENT_FILTER_URL] = { "url_id", FIELD_ID, 0, 0, 0, NULL,
	    offsetof(struct event_query, filter.url_id) },
	[EVENT_FILTER_USER] = { "user_id", FIELD_ID, 0, 0, 0, NULL,
	    offsetof(struct event_query, filter.user_id) },
	[EVENT_FILTER_TYPE] = { "event_type", FIELD_TEXT, 0, 64, 0, NULL,
	    offsetof(struct event_query, filter.event_type) },
	[EVENT_FILTER_FROM] = { "from", FIELD_TIME, 0, 0, 0, NULL,
	    offsetof(struct event_query, filter.from_us) },
	[EVENT_FILTER_TO] = { "to", FIELD_TIME, 0, 0, 0, NULL,
	    offsetof(struct event_query, filter.to_us) },
	LIST_FIELDS(struct event_query),
};

/* Whether clicks can be among what the filter finds. */
static bool
wants_clicks(const struct event_filter *f)
{
	return !(f->given & FIELD_GIVEN(EVENT_FILTER_TYPE)) || strcmp(f->event_type, "click") == 0;
}

enum err
event_list(struct app *app, struct req *rq, struct resp *rs)
{
	struct event_query in = { 0 };
	struct event_list found;
	struct page page;
	enum err e;
	int n;

	e = list_read(rq, event_query_fields, N(event_query_fields), &in, &in.list, &page);
	if (e)
		return e;
	if (wants_clicks(&in.filter))
		app_settle(app, rq->cx, rs);
	e = event_find(app->db, rq->cx, &in.filter, &page, &found);
	if (e)
		return e;
	n = list_shown(&page, found.n);
	e = list_link(rq, rs, &page, found.n, n > 0 ? found.events[n - 1].id : 0);
	if (e)
		return e;
	return present_events(rs, found.events, n);
}

enum err
event_create(struct app *app, struct req *rq, struct resp *rs)
{
	struct event_new in = { 0 };
	struct event ev;
	enum err e;

	e = req_json_fields(rq, event_new_fields, N(event_new_fields), &in);
	if (e)
		return e;
	e = event_insert(app->db, rq->cx, &in, &ev);
	if (e)
		return e;
	return present_event(rs, 201, &ev);
}

enum err
event_show(struct app *app, struct req *rq, struct resp *rs)
{
	struct event ev;
	int64_t id;
	enum err e;

	e = req_id(rq, 0, &id);
	if (e)
		return e;
	app_settle(app, rq->cx, rs);
	e = event_get(app->db, rq->cx, id, &ev);
	if (e)
		return e;
	return present_event(rs, 200, &ev);
}
