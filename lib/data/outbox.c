#include "lib/data/outbox.h"

#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/ctx.h"
#include "lib/data/db.h"

/* Ids begin at 1: with 0 the cursor is before all of a transaction's rows. */
static const struct db_query open = {
	.name = "outbox_open",
	.text = "INSERT INTO outbox_cursors (host, xid, id)"
		" VALUES ($1, pg_snapshot_xmin(pg_current_snapshot()), 0)"
		" ON CONFLICT (host) DO UPDATE SET seen_at = clock_timestamp()"
		" RETURNING xid::text::bigint, id",
	.idempotent = true,
};

static const struct db_query read = {
	.name = "outbox_read",
	.text = "SELECT xid::text::bigint, id, version, us(at), short_code, url_id,"
		" (SELECT users.id FROM users WHERE users.id = outbox.user_id), original_url,"
		" is_active, xid < pg_snapshot_xmin(pg_current_snapshot()), version ="
		" (SELECT max(o.version) FROM outbox AS o WHERE o.short_code = outbox.short_code)"
		" FROM outbox WHERE (xid, id) > ($1::text::xid8, $2)"
		" ORDER BY outbox.xid, outbox.id LIMIT $3",
	.idempotent = true,
};

static const struct db_query store = {
	.name = "outbox_store",
	.text = "INSERT INTO outbox_cursors (host, xid, id) VALUES ($1, $2::text::xid8, $3)"
		" ON CONFLICT (host) DO UPDATE"
		" SET xid = excluded.xid, id = excluded.id, seen_at = clock_timestamp()",
	.idempotent = true,
};

/* Rows stay as long as a deletion's mark may stay in a cache: an import that makes the code
 * again looks for them. */
static const struct db_query trim = {
	.name = "outbox_trim",
	.text = "WITH passed AS (SELECT xid, id FROM outbox_cursors"
		" WHERE seen_at > clock_timestamp() - interval '1 hour' ORDER BY xid, id LIMIT 1),"
		" old AS (SELECT o.xid, o.id FROM outbox AS o, passed"
		" WHERE (o.xid, o.id) <= (passed.xid, passed.id)"
		" AND o.at < clock_timestamp() - interval '2 minutes'"
		" ORDER BY o.xid, o.id LIMIT $1)"
		" DELETE FROM outbox USING old WHERE outbox.xid = old.xid AND outbox.id = old.id",
	.idempotent = true,
};

enum err
outbox_open(struct db *db, struct ctx *cx, const char *host, struct outbox_cursor *ret_cursor)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_text(&args, host);
	e = db_exec(db, cx, &open, &args, &rows);
	if (e)
		return e;
	*ret_cursor = (struct outbox_cursor){ db_int(&rows, 0, 0), db_int(&rows, 0, 1) };
	return ERR_OK;
}

static struct outbox_row
read_row(const struct db_rows *rows, int row)
{
	return (struct outbox_row){
		.xid = db_int(rows, row, 0),
		.id = db_int(rows, row, 1),
		.version = db_int(rows, row, 2),
		.at_us = db_int(rows, row, 3),
		.short_code = db_text(rows, row, 4),
		.url_id = db_int(rows, row, 5),
		.user_id = db_int(rows, row, 6),
		.original_url = db_text(rows, row, 7),
		.is_active = db_bool(rows, row, 8),
		.is_settled = db_bool(rows, row, 9),
		.is_latest = db_bool(rows, row, 10),
	};
}

enum err
outbox_read(struct db *db, struct ctx *cx, const struct outbox_cursor *after, int max,
    struct outbox_rows *ret_rows)
{
	struct outbox_row *found;
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_int(&args, after->xid);
	db_arg_int(&args, after->id);
	db_arg_int(&args, max);
	e = db_exec(db, cx, &read, &args, &rows);
	if (e)
		return e;
	found = arena_alloc(cx->arena, ((size_t)rows.n + 1) * sizeof(*found));
	if (!found)
		return ERR_MEMORY;
	for (int i = 0; i < rows.n; i++)
		found[i] = read_row(&rows, i);
	*ret_rows = (struct outbox_rows){ found, rows.n };
	return ERR_OK;
}

enum err
outbox_store(struct db *db, struct ctx *cx, const char *host, const struct outbox_cursor *cursor)
{
	struct db_args args;

	db_args_init(&args, cx->arena);
	db_arg_text(&args, host);
	db_arg_int(&args, cursor->xid);
	db_arg_int(&args, cursor->id);
	return db_exec(db, cx, &store, &args, NULL);
}

enum err
outbox_trim(struct db *db, struct ctx *cx, int max)
{
	struct db_args args;

	db_args_init(&args, cx->arena);
	db_arg_int(&args, max);
	return db_exec(db, cx, &trim, &args, NULL);
}
