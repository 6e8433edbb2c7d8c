#include "lib/data/event_store.h"

#include <stddef.h>

#include "lib/base/ctx.h"
#include "lib/data/db.h"
#include "lib/data/event_sql.h"
#include "lib/data/retry.h"

/* $1 type, $2 url, $3 user, $4 details */
static const struct db_query insert = {
	.name = "event_insert",
	.text = "WITH refs AS (SELECT EXISTS (SELECT FROM urls WHERE id = $2) AS has_url,"
		" $3::bigint IS NULL OR EXISTS (SELECT FROM users WHERE id = $3) AS has_user),"
		" made AS (INSERT INTO events (event_type, url_id, user_id, details)"
		" SELECT $1, $2, $3, coalesce($4::jsonb, '{}') FROM refs"
		" WHERE has_url AND has_user RETURNING *)"
		" SELECT has_url, has_user, made.id, us(made.at), made.url_id, made.user_id,"
		" made.event_type, made.details FROM refs LEFT JOIN made ON true",
};

/* clang-format off */
static const struct db_query get = {
	.name = "event_get",
	.text = "WITH page AS (" EVENT_SQL_EVENTS("id = $1") " UNION ALL "
		EVENT_SQL_CLICKS("id = $1") ") SELECT " EVENT_SQL_COLUMNS " FROM page AS p",
	.idempotent = true,
};
/* clang-format on */

static enum err
insert_again(struct db *db, struct ctx *cx, const struct db_args *args, struct db_rows *ret_rows)
{
	enum err e;
	int tries = 0;

	do {
		e = db_exec(db, cx, &insert, args, ret_rows);
	} while (e && retry_insert(db, cx, ++tries));
	return e == ERR_CONFLICT ? ERR_UNAVAILABLE : e;
}

enum err
event_insert(struct db *db, struct ctx *cx, const struct event_new *in, struct event *ret_event)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_text(&args, in->event_type);
	db_arg_id(&args, in->url_id);
	db_arg_id(&args, in->user_id);
	db_arg_text(&args, in->details);
	e = insert_again(db, cx, &args, &rows);
	if (e == ERR_INVALID)
		return ctx_refuse(cx, e, "details has what the database can't store");
	if (e)
		return e;
	if (!db_bool(&rows, 0, 0))
		return ctx_refuse(cx, ERR_NOT_FOUND, "no such url");
	if (!db_bool(&rows, 0, 1))
		return ctx_refuse(cx, ERR_NOT_FOUND, "no such user");
	*ret_event = event_sql_read(&rows, 0, 2);
	return ERR_OK;
}

enum err
event_get(struct db *db, struct ctx *cx, int64_t id, struct event *ret_event)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_int(&args, id);
	e = db_exec(db, cx, &get, &args, &rows);
	if (e)
		return e;
	if (rows.n == 0)
		return ERR_NOT_FOUND;
	*ret_event = event_sql_read(&rows, 0, 0);
	return ERR_OK;
}

struct event
event_sql_read(const struct db_rows *rows, int row, int column)
{
	return (struct event){
		.id = db_int(rows, row, column),
		.at_us = db_int(rows, row, column + 1),
		.url_id = db_int(rows, row, column + 2),
		.user_id = db_int(rows, row, column + 3),
		.event_type = db_text(rows, row, column + 4),
		.details = db_text(rows, row, column + 5),
	};
}
