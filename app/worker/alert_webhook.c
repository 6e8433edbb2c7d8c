/*
 * What Alertmanager's webhook receiver sends (version 4). It is answered 200 only when all of
 * it is stored: Alertmanager repeats what is answered 5xx, and takes a 4xx for final.
 */
#include <string.h>

#include "app/worker/alert.h"
#include "app/worker/app.h"
#include "app/worker/handlers.h"
#include "lib/base/arena.h"
#include "lib/data/alert_store.h"
#include "lib/http/field.h"
#include "lib/http/json.h"
#include "lib/http/req.h"
#include "lib/http/resp.h"

enum { ALERTS_MAX = 10000, FINGERPRINT_MAX = 128 };

struct message {
	unsigned given;
	const char *version;
	const struct json_object *alerts;
};

static const char *
check_version(const struct field_env *env, const char *value)
{
	(void)env;
	return strcmp(value, "4") == 0 ? NULL : "must be 4";
}

static const char *
check_told_status(const struct field_env *env, const char *value)
{
	(void)env;
	if (strcmp(value, "firing") != 0 && strcmp(value, "resolved") != 0)
		return "must be firing or resolved";
	return NULL;
}

static const struct field message_fields[] = {
	{ "version", FIELD_TEXT, 0, 16, 0, check_version, offsetof(struct message, version) },
	{ "alerts", FIELD_LIST, 0, ALERTS_MAX, FIELD_REQUIRED, NULL,
	    offsetof(struct message, alerts) },
};

static const struct field notice_fields[] = {
	{ "status", FIELD_TEXT, 0, 16, FIELD_REQUIRED, check_told_status,
	    offsetof(struct alert_notice, status) },
	{ "labels", FIELD_TEXTS, 0, ALERT_LABELS_MAX, FIELD_REQUIRED, NULL,
	    offsetof(struct alert_notice, labels) },
	{ "annotations", FIELD_TEXTS, 0, ALERT_ANNOTATIONS_MAX, FIELD_NULLABLE, NULL,
	    offsetof(struct alert_notice, annotations) },
	{ "startsAt", FIELD_TIME, 0, 0, FIELD_REQUIRED, NULL,
	    offsetof(struct alert_notice, starts_us) },
	{ "endsAt", FIELD_TIME, 0, 0, FIELD_NULLABLE, NULL,
	    offsetof(struct alert_notice, ends_us) },
	{ "fingerprint", FIELD_TEXT, 1, FINGERPRINT_MAX, FIELD_NULLABLE, NULL,
	    offsetof(struct alert_notice, fingerprint) },
};

/* Reads all that are in the list, so that all faults are told. */
static enum err
read_notices(
    struct req *rq, const struct json_object *list, size_t n, struct alert_notice **ret_notices)
{
	struct alert_notice *notices = arena_alloc(rq->cx->arena, (n + 1) * sizeof(*notices));
	struct field_item item = { .name = "alerts", .list = list };
	enum err worst = ERR_OK;

	if (!notices)
		return ERR_MEMORY;
	for (; item.i < n; item.i++) {
		enum err e =
		    req_json_item(rq, &item, notice_fields, N(notice_fields), &notices[item.i]);

		if (e && e != ERR_INVALID)
			return e;
		if (e)
			worst = e;
	}
	*ret_notices = notices;
	return worst;
}

static enum err
answer(struct resp *rs, size_t received, const struct alert_tally *tally)
{
	struct json j;

	json_map_init(&j, rs->body.arena);
	json_add_int(&j, NULL, "received", (int64_t)received);
	json_add_int(&j, NULL, "stored", tally->stored);
	json_add_int(&j, NULL, "created", tally->created);
	json_add_int(&j, NULL, "updated", tally->stored - tally->created);
	return resp_json(rs, 200, &j);
}

enum err
alert_hear(struct app *app, struct req *rq, struct resp *rs)
{
	struct message in = { 0 };
	struct alert_tally tally;
	struct alert_notice *notices;
	size_t n;
	enum err e;

	e = req_json_fields(rq, message_fields, N(message_fields), &in);
	if (e)
		return e;
	n = json_length(in.alerts);
	e = read_notices(rq, in.alerts, n, &notices);
	if (e)
		return e;
	e = alert_receive(app->db, rq->cx, notices, n, &tally);
	if (e)
		return e;
	return answer(rs, n, &tally);
}
