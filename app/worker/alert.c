#include "app/worker/alert.h"

#include <string.h>

#include "app/worker/app.h"
#include "app/worker/handlers.h"
#include "app/worker/list.h"
#include "app/worker/present.h"
#include "lib/data/alert_store.h"
#include "lib/http/check.h"
#include "lib/http/field.h"
#include "lib/http/req.h"
#include "lib/http/resp.h"

/* In characters. */
enum { NAME_LENGTH = 200, SUMMARY_LENGTH = 500, DESCRIPTION_LENGTH = 4000, NOTE_LENGTH = 2000 };

static const char *
check_status(const struct field_env *env, const char *value)
{
	(void)env;
	if (strcmp(value, "firing") != 0 && strcmp(value, "acknowledged") != 0 &&
	    strcmp(value, "resolved") != 0)
		return "must be firing, acknowledged or resolved";
	return NULL;
}

static const char *
check_severity(const struct field_env *env, const char *value)
{
	(void)env;
	if (strcmp(value, "critical") != 0 && strcmp(value, "warning") != 0 &&
	    strcmp(value, "info") != 0)
		return "must be critical, warning or info";
	return NULL;
}

static const struct field alert_new_fields[] = {
	[ALERT_NEW_NAME] = { "name", FIELD_TEXT, 1, NAME_LENGTH, FIELD_REQUIRED, check_name,
	    offsetof(struct alert_new, name) },
	[ALERT_NEW_SEVERITY] = { "severity", FIELD_TEXT, 0, NAME_LENGTH, 0, check_severity,
	    offsetof(struct alert_new, severity) },
	[ALERT_NEW_SUMMARY] = { "summary", FIELD_TEXT, 0, SUMMARY_LENGTH, FIELD_NULLABLE, NULL,
	    offsetof(struct alert_new, summary) },
	[ALERT_NEW_DESCRIPTION] = { "description", FIELD_TEXT, 0, DESCRIPTION_LENGTH,
	    FIELD_NULLABLE, NULL, offsetof(struct alert_new, description) },
	[ALERT_NEW_LABELS] = { "labels", FIELD_TEXTS, 0, ALERT_LABELS_MAX, FIELD_NULLABLE, NULL,
	    offsetof(struct alert_new, labels) },
	[ALERT_NEW_ANNOTATIONS] = { "annotations", FIELD_TEXTS, 0, ALERT_ANNOTATIONS_MAX,
	    FIELD_NULLABLE, NULL, offsetof(struct alert_new, annotations) },
	[ALERT_NEW_STARTS] = { "starts_at", FIELD_TIME, 0, 0, 0, NULL,
	    offsetof(struct alert_new, starts_us) },
};

static const struct field alert_edit_fields[] = {
	[ALERT_EDIT_STATUS] = { "status", FIELD_TEXT, 0, NAME_LENGTH, 0, check_status,
	    offsetof(struct alert_edit, status) },
	[ALERT_EDIT_SEVERITY] = { "severity", FIELD_TEXT, 0, NAME_LENGTH, 0, check_severity,
	    offsetof(struct alert_edit, severity) },
	[ALERT_EDIT_NOTE] = { "notes", FIELD_TEXT, 1, NOTE_LENGTH, FIELD_NULLABLE, check_name,
	    offsetof(struct alert_edit, note) },
	[ALERT_EDIT_AUTHOR] = { "author", FIELD_TEXT, 1, NAME_LENGTH, FIELD_NULLABLE, check_name,
	    offsetof(struct alert_edit, author) },
	[ALERT_EDIT_ACKNOWLEDGED_BY] = { "acknowledged_by", FIELD_TEXT, 1, NAME_LENGTH,
	    FIELD_NULLABLE, check_name, offsetof(struct alert_edit, acknowledged_by) },
};

struct alert_query {
	struct alert_filter filter; /* first: it has `given` */
	struct list_query list;
};

static const struct field alert_query_fields[] = {
	[ALERT_FILTER_STATUS] = { "status", FIELD_TEXT, 0, NAME_LENGTH, 0, check_status,
	    offsetof(struct alert_query, filter.status) },
	[ALERT_FILTER_SEVERITY] = { "severity", FIELD_TEXT, 0, NAME_LENGTH, 0, check_severity,
	    offsetof(struct alert_query, filter.severity) },
	[ALERT_FILTER_NAME] = { "name", FIELD_TEXT, 0, NAME_LENGTH, 0, NULL,
	    offsetof(struct alert_query, filter.name) },
	LIST_FIELDS(struct alert_query),
};

enum err
alert_list(struct app *app, struct req *rq, struct resp *rs)
{
	struct alert_query in = { 0 };
	struct alert_list found;
	struct page page;
	enum err e;
	int n;

	e = list_read(rq, alert_query_fields, N(alert_query_fields), &in, &in.list, &page);
	if (e)
		return e;
	e = alert_find(app->db, rq->cx, &in.filter, &page, &found);
	if (e)
		return e;
	n = list_shown(&page, found.n);
	e = list_link(rq, rs, &page, found.n, n > 0 ? found.alerts[n - 1].id : 0);
	if (e)
		return e;
	return present_alerts(rs, found.alerts, n);
}

enum err
alert_create(struct app *app, struct req *rq, struct resp *rs)
{
	struct alert_new in = { 0 };
	struct alert a;
	enum err e;

	e = req_json_fields(rq, alert_new_fields, N(alert_new_fields), &in);
	if (e)
		return e;
	e = alert_insert(app->db, rq->cx, &in, &a);
	if (e)
		return e;
	return present_alert(rs, 201, &a);
}

enum err
alert_show(struct app *app, struct req *rq, struct resp *rs)
{
	struct alert a;
	int64_t id;
	enum err e;

	e = req_id(rq, 0, &id);
	if (e)
		return e;
	e = alert_get(app->db, rq->cx, id, &a);
	if (e)
		return e;
	return present_alert(rs, 200, &a);
}

enum err
alert_edit(struct app *app, struct req *rq, struct resp *rs)
{
	struct alert_edit in = { 0 };
	struct alert a;
	int64_t id;
	enum err e;

	e = req_id(rq, 0, &id);
	if (e)
		return e;
	e = req_json_fields(rq, alert_edit_fields, N(alert_edit_fields), &in);
	if (e)
		return e;
	e = alert_update(app->db, rq->cx, id, &in, &a);
	if (e)
		return e;
	return present_alert(rs, 200, &a);
}
