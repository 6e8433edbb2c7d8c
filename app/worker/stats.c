#include "app/worker/app.h"
#include "app/worker/handlers.h"
#include "lib/data/stats_store.h"
#include "lib/http/json.h"
#include "lib/http/req.h"
#include "lib/http/resp.h"

static enum err
present_stats(struct resp *rs, const char *code, const struct stats *st)
{
	struct json_object *totals;
	struct json j;

	json_map_init(&j, rs->body.arena);
	json_add_text(&j, NULL, "short_code", code);
	json_add_int(&j, NULL, "url_id", st->url_id);
	totals = json_add_map(&j, NULL, "totals");
	json_add_int(&j, totals, "all", st->all);
	json_add_int(&j, totals, "humans", st->humans);
	json_add_int(&j, totals, "bots", st->bots);
	json_add_int(&j, totals, "unique", st->unique);
	if (st->last_click_us == 0)
		json_add_text(&j, NULL, "last_click", NULL);
	else
		json_add_time(&j, NULL, "last_click", st->last_click_us);
	return resp_json(rs, 200, &j);
}

enum err
stats_show(struct app *app, struct req *rq, struct resp *rs)
{
	const char *code = rq->params[0];
	struct stats st;
	enum err e;

	app_settle(app, rq->cx, rs);
	e = stats_get(app->db, rq->cx, code, &st);
	if (e)
		return e;
	return present_stats(rs, code, &st);
}
