#include "lib/data/stats_store.h"

#include "lib/base/ctx.h"
#include "lib/data/db.h"

static const struct db_query get = {
	.name = "stats_get",
	.text = "SELECT u.id, c.all_clicks, c.bots, c.uniques, us(c.last_click_at)"
		" FROM urls AS u LEFT JOIN url_counters AS c ON c.url_id = u.id"
		" WHERE u.short_code = $1",
	.idempotent = true,
};

enum err
stats_get(struct db *db, struct ctx *cx, const char *code, struct stats *ret_stats)
{
	struct db_args args;
	struct db_rows rows;
	int64_t all, bots;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_text(&args, code);
	e = db_exec(db, cx, &get, &args, &rows);
	if (e)
		return e;
	if (rows.n == 0)
		return ERR_NOT_FOUND;
	all = db_int(&rows, 0, 1);
	bots = db_int(&rows, 0, 2);
	*ret_stats = (struct stats){
		.url_id = db_int(&rows, 0, 0),
		.all = all,
		.humans = all - bots,
		.bots = bots,
		.unique = db_int(&rows, 0, 3),
		.last_click_us = db_int(&rows, 0, 4),
	};
	return ERR_OK;
}
