#include "lib/data/click_store.h"

#include <string.h>

#include "lib/base/ctx.h"
#include "lib/data/db.h"
#include "lib/data/db_array.h"
#include "lib/data/retry.h"

static const struct db_query find_table = {
	.name = "click_find_table",
	.text = "SELECT to_regclass('pg_temp.click_batch') IS NOT NULL",
};

/* Once per connection. The columns are in the order of click_columns. */
static const struct db_query create_table = {
	.name = "click_create_table",
	.text = "CREATE TEMP TABLE click_batch (visit_id uuid NOT NULL, at timestamptz NOT NULL,"
		" url_id bigint NOT NULL, user_id bigint, short_code text NOT NULL,"
		" referrer text, user_agent text, visitor bigint NOT NULL, is_bot bool NOT NULL)"
		" ON COMMIT DELETE ROWS",
};

static const struct db_query copy = {
	.name = "click_copy",
	.text = "COPY click_batch FROM STDIN",
};

/*
 * Stores the lines, but of each visit only the first, and none that is there already; then
 * counts them for the urls that are still there. $1: where to look for repeats. Several
 * hosts meet in url_visitors and then in url_counters, in both by order. The planner can't
 * know how many rows each step gives: what is looked up row by row is a subquery in an
 * expression, and no two steps are joined.
 */
static const struct db_query store = {
	.name = "click_store",
	.text = "WITH first AS MATERIALIZED (SELECT DISTINCT ON (visit_id) ctid AS line, *"
		" FROM click_batch ORDER BY visit_id, ctid),"
		" fresh AS (SELECT * FROM first WHERE (SELECT c.id FROM clicks AS c"
		" WHERE c.visit_id = first.visit_id AND c.id > $1 LIMIT 1) IS NULL"
		" ORDER BY line),"
		" made AS (INSERT INTO clicks (id, at, url_id, user_id, visit_id, visitor, is_bot,"
		" short_code, referrer, user_agent)"
		" SELECT nextval('event_id_seq'), at, url_id,"
		" (SELECT users.id FROM users WHERE users.id = fresh.user_id),"
		" visit_id, visitor, is_bot, short_code, referrer, user_agent FROM fresh"
		" RETURNING id, at, url_id, visitor, is_bot),"
		" sums AS (SELECT url_id, count(*) AS n, count(*) FILTER (WHERE is_bot) AS bots,"
		" max(at) AS last FROM made GROUP BY url_id),"
		" live AS MATERIALIZED (SELECT * FROM sums WHERE"
		" (SELECT urls.id FROM urls WHERE urls.id = sums.url_id) IS NOT NULL),"
		" met AS (INSERT INTO url_visitors (url_id, visitor)"
		" SELECT DISTINCT url_id, visitor FROM made"
		" WHERE (url_id IN (SELECT url_id FROM live)) IS TRUE ORDER BY url_id, visitor"
		" ON CONFLICT DO NOTHING RETURNING url_id),"
		" counted AS (INSERT INTO url_counters AS c"
		" (url_id, all_clicks, bots, uniques, last_click_at)"
		" SELECT url_id, sum(n), sum(bots), sum(uniques), max(last) FROM"
		" (SELECT url_id, n, bots, 0 AS uniques, last FROM live"
		" UNION ALL SELECT url_id, 0, 0, 1, NULL FROM met) AS parts"
		" GROUP BY url_id ORDER BY url_id"
		" ON CONFLICT (url_id) DO UPDATE SET"
		" all_clicks = c.all_clicks + excluded.all_clicks,"
		" bots = c.bots + excluded.bots, uniques = c.uniques + excluded.uniques,"
		" last_click_at = greatest(c.last_click_at, excluded.last_click_at))"
		" SELECT (SELECT count(*) FROM click_batch), count(*), max(id) FROM made",
};

static const struct db_query store_offsets = {
	.name = "click_store_offsets",
	.text = "INSERT INTO journal_offsets (host, segment, bytes)"
		" SELECT $1, * FROM unnest($2::text[], $3::bigint[])"
		" ON CONFLICT (host, segment) DO UPDATE"
		" SET bytes = excluded.bytes, stored_at = clock_timestamp()",
};

static const struct db_query get_offset = {
	.name = "click_offset",
	.text = "SELECT bytes FROM journal_offsets WHERE host = $1 AND segment = $2",
	.idempotent = true,
};

static const struct db_query drop_offset = {
	.name = "click_offset_drop",
	.text = "DELETE FROM journal_offsets WHERE host = $1 AND segment = $2",
	.idempotent = true,
};

static const struct db_query partitions_ahead = {
	.name = "click_partitions_ahead",
	.text = "SELECT event_partitions_ahead()",
	.idempotent = true,
};

static enum err
copy_lines(struct db *db, struct ctx *cx, const struct click_batch *batch)
{
	struct db_rows rows;
	enum err e;

	e = db_exec(db, cx, &find_table, NULL, &rows);
	if (!e && !db_bool(&rows, 0, 0))
		e = db_exec(db, cx, &create_table, NULL, NULL);
	if (e)
		return e;
	e = db_copy(db, cx, &copy, batch->lines, batch->n);
	/* A column that must be there is not. */
	return e && strcmp(db_state(db), "23502") == 0 ? ERR_INVALID : e;
}

static enum err
store_lines(
    struct db *db, struct ctx *cx, const struct click_batch *batch, struct click_counts *ret_counts)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;

	e = copy_lines(db, cx, batch);
	if (e)
		return e;
	db_args_init(&args, cx->arena);
	db_arg_int(&args, batch->repeats_from_id);
	e = db_exec(db, cx, &store, &args, &rows);
	if (e)
		return e;
	ret_counts->stored = db_int(&rows, 0, 1);
	ret_counts->repeats = db_int(&rows, 0, 0) - ret_counts->stored;
	ret_counts->last_id = db_int(&rows, 0, 2);
	return ERR_OK;
}

static enum err
store_segments(struct db *db, struct ctx *cx, const char *host, const struct click_batch *batch)
{
	struct db_array names, offsets;
	struct db_args args;

	db_array_init(&names, cx->arena);
	db_array_init(&offsets, cx->arena);
	for (int i = 0; i < batch->n_offsets; i++) {
		db_array_text(&names, batch->offsets[i].name);
		db_array_int(&offsets, batch->offsets[i].offset);
	}
	db_args_init(&args, cx->arena);
	db_arg_text(&args, host);
	db_arg_array(&args, &names);
	db_arg_array(&args, &offsets);
	return db_exec(db, cx, &store_offsets, &args, NULL);
}

static enum err
store_all(struct db *db, struct ctx *cx, const char *host, const struct click_batch *batch,
    struct click_counts *ret_counts)
{
	enum err e = db_begin(db, cx);

	if (e)
		return e;
	if (batch->n > 0)
		e = store_lines(db, cx, batch, ret_counts);
	if (!e)
		e = store_segments(db, cx, host, batch);
	if (!e)
		e = db_commit(db, cx);
	if (e)
		db_rollback(db);
	return e;
}

enum err
click_store_batch(struct db *db, struct ctx *cx, const char *host, const struct click_batch *batch,
    struct click_counts *ret_counts)
{
	struct click_counts counts;
	enum err e;
	int tries = 0;

	do {
		counts = (struct click_counts){ 0 };
		e = store_all(db, cx, host, batch, &counts);
	} while (e && retry_insert(db, cx, ++tries));
	if (!e)
		*ret_counts = counts;
	return e == ERR_CONFLICT ? ERR_UNAVAILABLE : e;
}

enum err
click_offset(struct db *db, struct ctx *cx, const char *host, const char *name, int64_t *ret_offset)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_text(&args, host);
	db_arg_text(&args, name);
	e = db_exec(db, cx, &get_offset, &args, &rows);
	if (e)
		return e;
	*ret_offset = rows.n > 0 ? db_int(&rows, 0, 0) : 0;
	return ERR_OK;
}

enum err
click_offset_drop(struct db *db, struct ctx *cx, const char *host, const char *name)
{
	struct db_args args;

	db_args_init(&args, cx->arena);
	db_arg_text(&args, host);
	db_arg_text(&args, name);
	return db_exec(db, cx, &drop_offset, &args, NULL);
}

enum err
click_partitions_ahead(struct db *db, struct ctx *cx)
{
	return db_exec(db, cx, &partitions_ahead, NULL, NULL);
}
