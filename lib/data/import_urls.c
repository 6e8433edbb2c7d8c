#include <stddef.h>

#include "lib/base/ctx.h"
#include "lib/data/db_array.h"
#include "lib/data/db_lines.h"
#include "lib/data/import_chunk.h"
#include "lib/data/url_sql.h"

/* A COPY is sent when it has this many bytes. */
#define COPY_BYTES ((size_t)1 << 20)

static const char *const reasons[] = { NULL, "no such user" };

/* Of a judged row: the id of a new url, and whether the row is its code's last. */
enum { NUMBER, OUTCOME, ID = 4, IS_LAST };

/* clang-format off */

/* Rows of codes that are new, but may be remembered as deleted. $1 numbers, $2 codes */
static const struct db_query renew = {
	.name = "import_urls_renew",
	.text = "WITH renewed AS MATERIALIZED (SELECT n, short_code"
		" FROM unnest($1::int[], $2::text[]) AS r (n, short_code)"
		" WHERE (SELECT o.id FROM outbox AS o WHERE o.short_code = r.short_code"
		" AND o.url_id IS NULL LIMIT 1) IS NOT NULL),"
		" made AS (SELECT urls.* FROM renewed JOIN urls"
		" ON urls.short_code = renewed.short_code),"
		" posted AS (" URL_SQL_POST_MADE ")"
		" SELECT n FROM renewed",
};

/* $1 codes, $2 targets, $3 titles, $4 is_active. How many are not what they should be. */
static const struct db_query change = {
	.name = "import_urls_change",
	.text = "WITH input AS MATERIALIZED (SELECT *,"
		" (SELECT urls.id FROM urls WHERE urls.short_code = r.short_code) AS known_id"
		" FROM unnest($1::text[], $2::text[], $3::text[], $4::bool[])"
		" AS r (short_code, new_url, new_title, new_active)),"
		" due AS MATERIALIZED (SELECT i.* FROM input AS i JOIN urls ON urls.id = i.known_id"
		" WHERE (urls.title, urls.original_url, urls.is_active)"
		" IS DISTINCT FROM (new_title, new_url, new_active)),"
		" old AS MATERIALIZED (SELECT urls.*, new_title, new_url, new_active"
		" FROM due JOIN urls ON urls.id = due.known_id ORDER BY urls.id FOR UPDATE OF urls),"
		" made AS (" URL_SQL_CHANGE_OLD("") "),"
		" noted AS (" URL_SQL_NOTE_MADE "),"
		" posted AS (" URL_SQL_POST_MADE ")"
		" SELECT (SELECT count(*) FROM input WHERE known_id IS NULL)"
		" + (SELECT count(*) FROM due) - (SELECT count(*) FROM old)",
};

static const struct db_query copy = {
	.name = "import_urls_copy",
	.text = "COPY urls (id, user_id, short_code, original_url, title, is_active, created_at,"
		" updated_at) FROM STDIN",
};

/* clang-format on */

static int64_t
id(const void *rows, int i)
{
	const struct import_url *u = (const struct import_url *)rows + i;

	return u->id <= IMPORT_ID_MAX ? u->id : 0;
}

static void
add(struct db_args *args, const void *rows, const int *which, int n)
{
	struct db_array ids, users, codes;

	db_array_init(&ids, args->arena);
	db_array_init(&users, args->arena);
	db_array_init(&codes, args->arena);
	for (int i = 0; i < n; i++) {
		const struct import_url *u = (const struct import_url *)rows + which[i];

		db_array_id(&ids, id(rows, which[i]));
		db_array_id(&users, u->user_id);
		db_array_text(&codes, u->short_code);
	}
	db_arg_array(args, &ids);
	db_arg_array(args, &users);
	db_arg_array(args, &codes);
}

static void
add_line(struct db_lines *lines, int64_t id, const struct import_url *u)
{
	db_lines_int(lines, id);
	db_lines_id(lines, u->user_id);
	db_lines_text(lines, u->short_code);
	db_lines_text(lines, u->original_url);
	db_lines_text(lines, u->title);
	db_lines_bool(lines, u->is_active);
	db_lines_time(lines, u->created_us);
	db_lines_time(lines, u->updated_us ? u->updated_us : u->created_us);
	db_lines_end_row(lines);
}

static enum err
copy_new(struct db *db, struct ctx *cx, const struct import_url *rows, const struct db_rows *judged)
{
	struct db_lines lines;
	enum err e = ERR_OK;

	db_lines_init(&lines, cx->arena);
	for (int i = 0; i < judged->n && !e; i++) {
		if (db_int(judged, i, OUTCOME) != IMPORT_NEW)
			continue;
		add_line(&lines, db_int(judged, i, ID), &rows[db_int(judged, i, NUMBER)]);
		if (lines.text.len >= COPY_BYTES)
			e = db_lines_copy(&lines, db, cx, &copy);
	}
	return e ? e : db_lines_copy(&lines, db, cx, &copy);
}

/* Posts new rows whose code was deleted not long ago. Not before they are stored: only then
 * is the last deletion of each code over. */
static enum err
renew_new(struct db *db, struct ctx *cx, const struct import_url *rows,
    const struct db_rows *judged, struct import_result *results)
{
	struct db_array numbers, codes;
	struct db_args args;
	struct db_rows renewed;
	enum err e;

	db_array_init(&numbers, cx->arena);
	db_array_init(&codes, cx->arena);
	for (int i = 0; i < judged->n; i++) {
		int64_t n = db_int(judged, i, NUMBER);

		if (db_int(judged, i, OUTCOME) != IMPORT_NEW)
			continue;
		db_array_int(&numbers, n);
		db_array_text(&codes, rows[n].short_code);
	}
	db_args_init(&args, cx->arena);
	db_arg_array(&args, &numbers);
	db_arg_array(&args, &codes);
	e = db_exec(db, cx, &renew, &args, &renewed);
	for (int i = 0; !e && i < renewed.n; i++)
		results[db_int(&renewed, i, 0)].outcome = IMPORT_RENEWED;
	return e;
}

static enum err
run_change(struct db *db, struct ctx *cx, struct db_array columns[4])
{
	struct db_args args;
	struct db_rows missed;
	enum err e;

	db_args_init(&args, cx->arena);
	for (int c = 0; c < 4; c++)
		db_arg_array(&args, &columns[c]);
	e = db_exec(db, cx, &change, &args, &missed);
	if (e)
		return e;
	return db_int(&missed, 0, 0) == 0 ? ERR_OK
					  : ctx_fail(cx, ERR_CONFLICT, "a url is gone meanwhile");
}

/* Makes known urls what the last row of each says. */
static enum err
change_known(
    struct db *db, struct ctx *cx, const struct import_url *rows, const struct db_rows *judged)
{
	struct db_array columns[4];
	int n = 0;

	for (int c = 0; c < 4; c++)
		db_array_init(&columns[c], cx->arena);
	for (int i = 0; i < judged->n; i++) {
		const struct import_url *u = &rows[db_int(judged, i, NUMBER)];

		if (db_int(judged, i, OUTCOME) != IMPORT_UPDATED || !db_bool(judged, i, IS_LAST))
			continue;
		db_array_text(&columns[0], u->short_code);
		db_array_text(&columns[1], u->original_url);
		db_array_text(&columns[2], u->title);
		db_array_bool(&columns[3], u->is_active);
		n++;
	}
	return n > 0 ? run_change(db, cx, columns) : ERR_OK;
}

static enum err
settle(struct db *db, struct ctx *cx, const void *rows, const struct db_rows *judged,
    struct import_result *results)
{
	enum err e = copy_new(db, cx, rows, judged);

	if (!e)
		e = renew_new(db, cx, rows, judged, results);
	if (!e)
		e = change_known(db, cx, rows, judged);
	return e;
}

/* clang-format off */

/*
 * Judges rows alone. `placed` has for each row the url of its code, and its place among the
 * rows of that code; the first of an unknown code makes it. `fresh` has the ids of those.
 */
static const struct chunk_kind kind = {
	.lock = { .name = "import_urls_lock",
	    .text = "SELECT pg_advisory_xact_lock(hashtextextended('import_urls', 0))" },
	.pass = { .name = "import_urls_pass", .text = "SELECT ids_pass('urls_id_seq', $1)" },
	.store = { .name = "import_urls_judge",
	    .text =
		"WITH input AS MATERIALIZED (SELECT *, user_id IS NOT NULL AND"
		" (SELECT users.id FROM users WHERE users.id = r.user_id) IS NULL AS is_stray"
		" FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::text[])"
		" AS r (n, id, user_id, short_code)),"
		" placed AS MATERIALIZED (SELECT n, id,"
		" (SELECT urls.id FROM urls WHERE urls.short_code = i.short_code) AS known_id,"
		" lag(n) OVER same IS NULL AS is_first, lead(n) OVER same IS NULL AS is_last"
		" FROM input AS i WHERE NOT is_stray"
		" WINDOW same AS (PARTITION BY short_code ORDER BY n)),"
		" fresh AS (SELECT n, is_last, CASE WHEN id IS NULL"
		" OR lag(n) OVER (PARTITION BY id ORDER BY n) IS NOT NULL"
		" OR (SELECT urls.id FROM urls WHERE urls.id = p.id) IS NOT NULL"
		" OR (SELECT d.id FROM deleted_urls AS d WHERE d.id = p.id) IS NOT NULL"
		" THEN nextval('urls_id_seq') ELSE id END AS id"
		" FROM placed AS p WHERE is_first AND known_id IS NULL)"
		" SELECT n, 0, 0, true, id, is_last FROM fresh"
		" UNION ALL SELECT n, 1, 0, true, NULL, is_last FROM placed"
		" WHERE NOT is_first OR known_id IS NOT NULL"
		" UNION ALL SELECT n, 2, 1, true, NULL, NULL FROM input WHERE is_stray" },
	.settle = settle,
	.reasons = reasons,
	.id = id,
	.add = add,
};

/* clang-format on */

_Static_assert(IMPORT_NEW == 0 && IMPORT_UPDATED == 1 && IMPORT_SKIPPED == 2, "as in SQL");

enum err
import_urls(struct db *db, struct ctx *cx, const struct import_url *rows, int n,
    struct import_result *results)
{
	return chunk_store(db, cx, &kind, rows, n, results);
}
