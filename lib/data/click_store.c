#include "lib/data/click_store.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/ctx.h"
#include "lib/data/click_count.h"
#include "lib/data/click_note.h"
#include "lib/data/db.h"
#include "lib/data/db_array.h"
#include "lib/data/retry.h"

static const struct db_query copy = {
	.name = "click_copy",
	.text = "COPY clicks (visit_id, at, url_id, user_id, visitor, is_bot, short_code,"
		" referrer, user_agent) FROM STDIN (FORMAT binary)",
};

/*
 * Moves the offsets that stand where the batch begins, and says how many. The first in the
 * transaction: it waits here for a session that was lost and may yet commit these lines.
 * $1 host, $2 segments, $3 from, $4 to
 */
static const struct db_query move_offsets = {
	.name = "click_move_offsets",
	.text = "WITH moved AS (INSERT INTO journal_offsets AS o (host, segment, bytes)"
		" SELECT $1, * FROM unnest($2::text[], $4::bigint[])"
		" ON CONFLICT (host, segment) DO UPDATE"
		" SET bytes = excluded.bytes, stored_at = clock_timestamp()"
		" WHERE (o.segment, o.bytes) IN (SELECT * FROM unnest($2::text[], $3::bigint[]))"
		" RETURNING 1)"
		" SELECT count(*), (SELECT last_value FROM event_id_seq) FROM moved",
};

static const struct db_query find_recent = {
	.name = "click_find_recent",
	.text = "SELECT id, us(at), visit_id FROM clicks WHERE id > $1 AND id < $2"
		" ORDER BY id DESC LIMIT $3",
	.idempotent = true,
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

/* *ret_next_id: no click that is stored from now on has a lesser id. */
static enum err
move_segments(struct db *db, struct ctx *cx, const char *host, const struct click_batch *batch,
    int64_t *ret_next_id)
{
	struct db_array names, from, to;
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_array_init(&names, cx->arena);
	db_array_init(&from, cx->arena);
	db_array_init(&to, cx->arena);
	for (int i = 0; i < batch->n_offsets; i++) {
		db_array_text(&names, batch->offsets[i].name);
		db_array_int(&from, batch->offsets[i].from);
		db_array_int(&to, batch->offsets[i].offset);
	}
	db_args_init(&args, cx->arena);
	db_arg_text(&args, host);
	db_arg_array(&args, &names);
	db_arg_array(&args, &from);
	db_arg_array(&args, &to);
	e = db_exec(db, cx, &move_offsets, &args, &rows);
	if (e)
		return e;
	if (db_int(&rows, 0, 0) < batch->n_offsets)
		return ctx_fail(cx, ERR_UNAVAILABLE, "these lines have been stored meanwhile");
	*ret_next_id = db_int(&rows, 0, 1);
	return ERR_OK;
}

static enum err
store_lines(struct db *db, struct ctx *cx, const struct click_batch *batch, int64_t next_id,
    int64_t *ret_last_id)
{
	enum err e = db_copy(db, cx, &copy, batch->rows, batch->n);

	/* A column that must be there is not. */
	if (e && strcmp(db_state(db), "23502") == 0)
		return ERR_INVALID;
	if (e)
		return e;
	return click_count(db, cx, batch->notes, batch->n_notes, next_id, ret_last_id);
}

static enum err
store_all(struct db *db, struct ctx *cx, const char *host, const struct click_batch *batch,
    int64_t *ret_last_id)
{
	enum err e = db_begin(db, cx);
	int64_t last_id = 0;

	if (e)
		return e;
	e = move_segments(db, cx, host, batch, &last_id);
	if (!e && batch->n_notes > 0)
		e = store_lines(db, cx, batch, last_id, &last_id);
	if (!e)
		e = db_commit(db, cx);
	if (e)
		db_rollback(db);
	else
		*ret_last_id = last_id;
	return e;
}

enum err
click_store_batch(struct db *db, struct ctx *cx, const char *host, const struct click_batch *batch,
    int64_t *ret_last_id)
{
	enum err e;
	int tries = 0;

	do {
		e = store_all(db, cx, host, batch, ret_last_id);
	} while (e && retry_insert(db, cx, ++tries));
	return e == ERR_CONFLICT ? ERR_UNAVAILABLE : e;
}

static enum err
read_recent(struct ctx *cx, const struct db_rows *rows, struct click_recent *ret_recent)
{
	struct click_recent recent = { .n = rows->n };
	uint64_t *visits = arena_alloc(cx->arena, ((size_t)rows->n + 1) * sizeof(*visits));
	enum err e = visits ? ERR_OK : ERR_MEMORY;

	for (int i = 0; !e && i < rows->n; i++) {
		const char *id = db_text(rows, i, 2);
		int64_t at_us = db_int(rows, i, 1);

		e = click_visit(id, strlen(id), &visits[i]);
		if (at_us > recent.newest_us)
			recent.newest_us = at_us;
		recent.first_id = db_int(rows, i, 0);
	}
	if (e)
		return e;
	recent.visits = visits;
	*ret_recent = recent;
	return ERR_OK;
}

enum err
click_find_recent(struct db *db, struct ctx *cx, int64_t after_id, int64_t before_id, int64_t most,
    struct click_recent *ret_recent)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_int(&args, after_id);
	db_arg_int(&args, before_id ? before_id : INT64_MAX);
	db_arg_int(&args, most);
	e = db_exec(db, cx, &find_recent, &args, &rows);
	return e ? e : read_recent(cx, &rows, ret_recent);
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
