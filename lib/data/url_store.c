#include "lib/data/url_store.h"

#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/ctx.h"
#include "lib/data/code.h"
#include "lib/data/db.h"
#include "lib/data/retry.h"
#include "lib/data/url_sql.h"

/* Even when half of all codes were taken, this many in a row would be a miracle. */
enum { DRAWS_MAX = 50 };

/* What read_url reads, of a row u of urls. A user that is gone reads as none. */
#define COLUMNS                                                                                    \
	"u.id, (SELECT users.id FROM users WHERE users.id = u.user_id), u.version,"                \
	" us(u.created_at), us(u.updated_at), u.short_code, u.original_url, u.title, u.is_active"

/* The columns that COLUMNS reads. */
#define MEMBERS                                                                                    \
	"id, user_id, version, created_at, updated_at, short_code, original_url, title, is_active"

/* clang-format off */

/* $1 owner, $2 code, $3 target, $4 title, $5 whether the code was drawn: then it is none that
 * a cache may remember as deleted */
static const struct db_query insert = {
	.name = "url_insert",
	.text = "WITH owner AS (SELECT id FROM users WHERE id = $1),"
		" made AS (INSERT INTO urls (user_id, short_code, original_url, title)"
		" SELECT $1, $2, $3, $4 WHERE ($1 IS NULL OR EXISTS (SELECT FROM owner))"
		" AND NOT ($5::bool AND EXISTS (SELECT FROM outbox AS o"
		" WHERE o.short_code = $2 AND o.url_id IS NULL))"
		" ON CONFLICT (short_code) DO NOTHING RETURNING *),"
		" noted AS (INSERT INTO events (url_id, user_id, event_type, details)"
		" SELECT id, user_id, 'created', jsonb_build_object("
		"'short_code', short_code, 'original_url', original_url) FROM made),"
		" posted AS (" URL_SQL_POST_MADE ")"
		" SELECT $1 IS NULL OR EXISTS (SELECT FROM owner), " COLUMNS
		" FROM (VALUES (1)) AS one LEFT JOIN made AS u ON true",
};

/* Rows by target and owner, in the order of an index. A target may be too long for one. */
#define KEY(target, user) "hashtextextended(" target ", 0), coalesce(" user ", 0)"

/* $1 target, $2 owner */
static const struct db_query find_same = {
	.name = "url_find_same",
	.text = "SELECT " COLUMNS " FROM urls AS u WHERE u.is_active AND u.original_url = $1"
		" AND (" KEY("u.original_url", "u.user_id") ", u.id)"
		" > (" KEY("$1", "$2::bigint") ", 0)"
		" AND (" KEY("u.original_url", "u.user_id") ") <= (" KEY("$1", "$2::bigint") ")"
		" AND ($2 IS NULL OR EXISTS (SELECT FROM users WHERE id = $2))"
		" ORDER BY " KEY("u.original_url", "u.user_id") ", u.id LIMIT 1",
	.idempotent = true,
};

static const struct db_query get = {
	.name = "url_get",
	.text = "SELECT " COLUMNS " FROM urls AS u WHERE u.id = $1",
	.idempotent = true,
};

static const struct db_query get_by_code = {
	.name = "url_get_by_code",
	.text = "SELECT " COLUMNS " FROM urls AS u WHERE u.short_code = $1",
	.idempotent = true,
};

/*
 * Lists. A filter is written as a range in the order of its index, and that is the order
 * asked for, so that no estimate can make the planner walk the primary key and throw away
 * what others own. $1 after, $2 offset, $3 limit, $4 as add_filter has it
 */
#define LIST(where, order)                                                                         \
	"WITH page AS (SELECT * FROM urls WHERE " where                                            \
	" AND $2 < (SELECT last_value FROM urls_id_seq)"                                           \
	" ORDER BY " order " OFFSET $2 LIMIT $3)"                                                  \
	" SELECT " COLUMNS " FROM page AS u ORDER BY u.id"
#define USER_IS_THERE "EXISTS (SELECT FROM users WHERE users.id = abs($4::bigint))"
#define USER_ACTIVE "(CASE WHEN is_active THEN user_id ELSE -user_id END)"

static const struct db_query lists[] = {
	[0] = { "url_find", LIST("id > $1", "id"), true },
	[1U << URL_FILTER_USER] = { "url_find_user", LIST(
		"(user_id, id) > ($4, $1) AND user_id <= $4 AND " USER_IS_THERE,
		"user_id, id"), true },
	[1U << URL_FILTER_ACTIVE] = { "url_find_active", LIST(
		"(is_active, id) > ($4, $1) AND is_active <= $4",
		"is_active, id"), true },
	[1U << URL_FILTER_USER | 1U << URL_FILTER_ACTIVE] = { "url_find_user_active", LIST(
		"(" USER_ACTIVE ", id) > ($4, $1) AND " USER_ACTIVE " <= $4 AND " USER_IS_THERE,
		USER_ACTIVE ", id"), true },
};

/*
 * Changes. The row is locked and read first: in READ COMMITTED that gives its latest state,
 * and UPDATE then follows the row to the same state.
 */

/* $1 id, $2 whether there is a title, $3 title, $4 target, $5 is_active, $6 version */
static const struct db_query update = {
	.name = "url_update",
	.text = "WITH old AS (SELECT *, CASE WHEN $2 THEN $3 ELSE title END AS new_title,"
		" coalesce($4, original_url) AS new_url, coalesce($5, is_active) AS new_active"
		" FROM urls WHERE id = $1 FOR UPDATE),"
		" made AS (" URL_SQL_CHANGE_OLD(" AND ($6::bigint IS NULL OR old.version = $6)")
		"),"
		" noted AS (" URL_SQL_NOTE_MADE "),"
		" posted AS (" URL_SQL_POST_MADE ")"
		" SELECT EXISTS (SELECT FROM made), " COLUMNS " FROM (SELECT " MEMBERS " FROM made"
		" UNION ALL SELECT " MEMBERS " FROM old WHERE NOT EXISTS (SELECT FROM made)) AS u",
};

/* $1 id, $2 version */
static const struct db_query delete = {
	.name = "url_delete",
	.text = "WITH old AS (SELECT * FROM urls WHERE id = $1 FOR UPDATE),"
		" gone AS (DELETE FROM urls USING old WHERE urls.id = old.id"
		" AND ($2::bigint IS NULL OR old.version = $2)"
		" RETURNING urls.*, nextval('url_version_seq') AS last_version),"
		" noted AS (INSERT INTO events (url_id, user_id, event_type, details)"
		" SELECT id, " URL_SQL_OWNER("gone") ", 'deleted',"
		" jsonb_build_object('reason', 'deleted by request') FROM gone),"
		" posted AS (INSERT INTO outbox (short_code, version)"
		" SELECT short_code, last_version FROM gone),"
		" uncounted AS (DELETE FROM url_counters AS c USING gone"
		" WHERE c.url_id = gone.id),"
		" remembered AS (INSERT INTO deleted_urls (id) SELECT id FROM gone"
		" ON CONFLICT (id) DO UPDATE"
		" SET deleted_at = excluded.deleted_at, due_at = excluded.due_at)"
		" SELECT (SELECT last_version FROM gone), " COLUMNS " FROM old AS u",
};

/* clang-format on */

/* Reads COLUMNS, which begin at column c. */
static struct url
read_url(const struct db_rows *rows, int row, int c)
{
	return (struct url){
		.id = db_int(rows, row, c),
		.user_id = db_int(rows, row, c + 1),
		.version = db_int(rows, row, c + 2),
		.created_us = db_int(rows, row, c + 3),
		.updated_us = db_int(rows, row, c + 4),
		.short_code = db_text(rows, row, c + 5),
		.original_url = db_text(rows, row, c + 6),
		.title = db_text(rows, row, c + 7),
		.is_active = db_bool(rows, row, c + 8),
	};
}

/* Tries one code. ERR_CONFLICT: it is taken. */
static enum err
insert_as(
    struct db *db, struct ctx *cx, const struct url_new *in, const char *code, struct url *ret_url)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;
	int tries = 0;

	db_args_init(&args, cx->arena);
	db_arg_id(&args, in->user_id);
	db_arg_text(&args, code);
	db_arg_text(&args, in->original_url);
	db_arg_text(&args, in->title);
	db_arg_bool(&args, !in->short_code);
	do {
		e = db_exec(db, cx, &insert, &args, &rows);
	} while (e && retry_insert(db, cx, ++tries));
	if (e)
		return e == ERR_CONFLICT ? ERR_UNAVAILABLE : e;
	if (!db_bool(&rows, 0, 0))
		return ctx_refuse(cx, ERR_NOT_FOUND, "no such user");
	if (!db_text(&rows, 0, 1))
		return ERR_CONFLICT;
	*ret_url = read_url(&rows, 0, 1);
	return ERR_OK;
}

static enum err
insert_drawn(
    struct db *db, struct ctx *cx, const struct url_new *in, int code_length, struct url *ret_url)
{
	char code[CODE_MAX + 1];

	for (int draws = 0; draws < DRAWS_MAX; draws++) {
		enum err e;

		code_draw(code_length, code);
		if (in->is_reserved && in->is_reserved(code))
			continue;
		e = insert_as(db, cx, in, code, ret_url);
		if (e != ERR_CONFLICT)
			return e;
	}
	return ctx_fail(cx, ERR_UNAVAILABLE, "%d codes of %d were taken", DRAWS_MAX, code_length);
}

/* ERR_NOT_FOUND: there is none. */
static enum err
get_same(struct db *db, struct ctx *cx, const struct url_new *in, struct url *ret_url)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_text(&args, in->original_url);
	db_arg_id(&args, in->user_id);
	e = db_exec(db, cx, &find_same, &args, &rows);
	if (e)
		return e;
	if (rows.n == 0)
		return ERR_NOT_FOUND;
	*ret_url = read_url(&rows, 0, 0);
	return ERR_OK;
}

enum err
url_insert(struct db *db, struct ctx *cx, const struct url_new *in, int code_length,
    struct url *ret_url, bool *ret_found)
{
	enum err e = ERR_NOT_FOUND;

	if (in->find_if_exists)
		e = get_same(db, cx, in, ret_url);
	*ret_found = !e;
	if (e != ERR_NOT_FOUND)
		return e;
	if (!in->short_code)
		return insert_drawn(db, cx, in, code_length, ret_url);
	e = insert_as(db, cx, in, in->short_code, ret_url);
	if (e == ERR_CONFLICT)
		return ctx_refuse(cx, e, "the short code is taken");
	return e;
}

/* Runs a query for one row of COLUMNS. */
static enum err
get_one(struct db *db, struct ctx *cx, const struct db_query *q, const struct db_args *args,
    struct url *ret_url)
{
	struct db_rows rows;
	enum err e = db_exec(db, cx, q, args, &rows);

	if (e)
		return e;
	if (rows.n == 0)
		return ERR_NOT_FOUND;
	*ret_url = read_url(&rows, 0, 0);
	return ERR_OK;
}

enum err
url_get(struct db *db, struct ctx *cx, int64_t id, struct url *ret_url)
{
	struct db_args args;

	db_args_init(&args, cx->arena);
	db_arg_int(&args, id);
	return get_one(db, cx, &get, &args, ret_url);
}

enum err
url_get_by_code(struct db *db, struct ctx *cx, const char *code, struct url *ret_url)
{
	struct db_args args;

	db_args_init(&args, cx->arena);
	db_arg_text(&args, code);
	return get_one(db, cx, &get_by_code, &args, ret_url);
}

/* $4 of lists */
static void
add_filter(struct db_args *args, const struct url_filter *filter, unsigned given)
{
	bool by_user = given & 1U << URL_FILTER_USER, by_active = given & 1U << URL_FILTER_ACTIVE;

	if (by_user && by_active && !filter->is_active)
		db_arg_int(args, -filter->user_id);
	else if (by_user)
		db_arg_int(args, filter->user_id);
	else if (by_active)
		db_arg_bool(args, filter->is_active);
}

enum err
url_find(struct db *db, struct ctx *cx, const struct url_filter *filter, const struct page *page,
    struct url_list *ret_list)
{
	unsigned given = filter->given & (1U << URL_FILTER_USER | 1U << URL_FILTER_ACTIVE);
	struct db_args args;
	struct db_rows rows;
	struct url *urls;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_int(&args, page->after);
	db_arg_int(&args, page->offset);
	db_arg_int(&args, page->limit + 1);
	add_filter(&args, filter, given);
	e = db_exec(db, cx, &lists[given], &args, &rows);
	if (e)
		return page_refuse(cx, e, page);
	urls = arena_alloc(cx->arena, ((size_t)rows.n + 1) * sizeof(*urls));
	if (!urls)
		return ERR_MEMORY;
	for (int i = 0; i < rows.n; i++)
		urls[i] = read_url(&rows, i, 0);
	*ret_list = (struct url_list){ urls, rows.n };
	return ERR_OK;
}

/* Runs a change, again when it could not note its event. ERR_NOT_FOUND. */
static enum err
change(struct db *db, struct ctx *cx, const struct db_query *q, const struct db_args *args,
    struct db_rows *ret_rows)
{
	enum err e;
	int tries = 0;

	do {
		e = db_exec(db, cx, q, args, ret_rows);
	} while (e && retry_insert(db, cx, ++tries));
	if (e)
		return e == ERR_CONFLICT ? ERR_UNAVAILABLE : e;
	return ret_rows->n == 0 ? ERR_NOT_FOUND : ERR_OK;
}

enum err
url_update(struct db *db, struct ctx *cx, int64_t id, const struct url_edit *in, int64_t if_version,
    struct url *ret_url, bool *ret_changed)
{
	bool with_target = in->given & 1U << URL_EDIT_TARGET;
	bool with_active = in->given & 1U << URL_EDIT_ACTIVE;
	struct db_args args;
	struct db_rows rows;
	struct url u;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_int(&args, id);
	db_arg_bool(&args, in->given & 1U << URL_EDIT_TITLE);
	db_arg_text(&args, in->title);
	db_arg_text(&args, with_target ? in->original_url : NULL);
	db_arg_text(&args, with_active ? (in->is_active ? "t" : "f") : NULL);
	db_arg_id(&args, if_version);
	e = change(db, cx, &update, &args, &rows);
	if (e)
		return e;
	u = read_url(&rows, 0, 1);
	if (!db_bool(&rows, 0, 0) && if_version != 0 && u.version != if_version)
		return ERR_PRECONDITION;
	*ret_changed = db_bool(&rows, 0, 0);
	*ret_url = u;
	return ERR_OK;
}

enum err
url_delete(struct db *db, struct ctx *cx, int64_t id, int64_t if_version, struct url *ret_url)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_int(&args, id);
	db_arg_id(&args, if_version);
	e = change(db, cx, &delete, &args, &rows);
	if (e)
		return e;
	if (!db_text(&rows, 0, 0))
		return ERR_PRECONDITION;
	*ret_url = read_url(&rows, 0, 1);
	ret_url->version = db_int(&rows, 0, 0);
	return ERR_OK;
}
