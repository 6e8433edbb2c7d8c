#include "lib/data/db_array.h"
#include "lib/data/import_chunk.h"
#include "lib/data/url_sql.h"

static const char *const reasons[] = { NULL, "no such user" };

static int64_t
id(const void *rows, int i)
{
	const struct import_url *u = (const struct import_url *)rows + i;

	return u->id <= IMPORT_ID_MAX ? u->id : 0;
}

enum column { ID, USER, CODE, TARGET, TITLE, ACTIVE, CREATED, UPDATED, COLUMN__COUNT };

static void
add(struct db_args *args, const void *rows, const int *which, int n)
{
	struct db_array columns[COLUMN__COUNT];

	for (int c = 0; c < COLUMN__COUNT; c++)
		db_array_init(&columns[c], args->arena);
	for (int i = 0; i < n; i++) {
		const struct import_url *u = (const struct import_url *)rows + which[i];

		db_array_id(&columns[ID], id(rows, which[i]));
		db_array_id(&columns[USER], u->user_id);
		db_array_text(&columns[CODE], u->short_code);
		db_array_text(&columns[TARGET], u->original_url);
		db_array_text(&columns[TITLE], u->title);
		db_array_bool(&columns[ACTIVE], u->is_active);
		db_array_time(&columns[CREATED], u->created_us);
		db_array_time(&columns[UPDATED], u->updated_us);
	}
	for (int c = 0; c < COLUMN__COUNT; c++)
		db_arg_array(args, &columns[c]);
}

/* clang-format off */

/*
 * `input` has for each row the url of that code. A new code is posted only when a mark of its
 * deletion may still be in a cache.
 */
static const struct chunk_kind kind = {
	.lock = { .name = "import_urls_lock",
	    .text = "SELECT pg_advisory_xact_lock(hashtextextended('import_urls', 0))" },
	.pass = { .name = "import_urls_pass", .text = "SELECT ids_pass('urls_id_seq', $1)" },
	.store = { .name = "import_urls",
	    .text =
		"WITH input AS MATERIALIZED (SELECT *, user_id IS NOT NULL AND"
		" (SELECT users.id FROM users WHERE users.id = r.user_id) IS NULL AS is_stray,"
		" (SELECT urls.id FROM urls WHERE urls.short_code = r.short_code) AS known_id"
		" FROM unnest($1::int[], $2::bigint[], $3::bigint[],"
		" $4::text[], $5::text[], $6::text[], $7::bool[], $8::timestamptz[],"
		" $9::timestamptz[]) AS r (n, id, user_id, short_code, original_url, title,"
		" is_active, created_at, updated_at)),"
		" old AS MATERIALIZED (SELECT urls.*, i.n, i.title AS new_title,"
		" i.original_url AS new_url, i.is_active AS new_active"
		" FROM input AS i JOIN urls ON urls.id = i.known_id WHERE NOT is_stray"
		" ORDER BY urls.id FOR UPDATE OF urls),"
		" made AS (" URL_SQL_CHANGE_OLD("") "),"
		" noted AS (" URL_SQL_NOTE_MADE "),"
		" posted AS (" URL_SQL_POST_MADE "),"
		" given AS MATERIALIZED (SELECT n, user_id, short_code, original_url, title,"
		" is_active, created_at, updated_at, CASE WHEN id IS NULL"
		" OR (SELECT urls.id FROM urls WHERE urls.id = i.id) IS NOT NULL"
		" OR (SELECT d.id FROM deleted_urls AS d WHERE d.id = i.id) IS NOT NULL"
		" THEN nextval('urls_id_seq') ELSE id END AS id"
		" FROM input AS i WHERE known_id IS NULL AND NOT is_stray),"
		" new AS (INSERT INTO urls (id, user_id, short_code, original_url, title,"
		" is_active, created_at, updated_at)"
		" SELECT id, user_id, short_code, original_url, title, is_active,"
		" coalesce(created_at, now()), coalesce(updated_at, created_at, now())"
		" FROM given ORDER BY n ON CONFLICT DO NOTHING RETURNING *),"
		" renewed AS (INSERT INTO outbox"
		" (short_code, version, url_id, user_id, original_url, is_active)"
		" SELECT short_code, version, id, user_id, original_url, is_active FROM new"
		" WHERE (SELECT o.id FROM outbox AS o WHERE o.short_code = new.short_code"
		" AND o.url_id IS NULL LIMIT 1) IS NOT NULL RETURNING short_code)"
		" SELECT n, CASE WHEN " CHUNK_IS_IN("short_code", "renewed")
		" THEN 3 ELSE 0 END, 0, true FROM given WHERE " CHUNK_IS_IN("id", "new")
		" UNION ALL SELECT n, 1, 0, true FROM old"
		" UNION ALL SELECT n, 2, 1, true FROM input WHERE is_stray" },
	.reasons = reasons,
	.id = id,
	.add = add,
};

/* clang-format on */

_Static_assert(IMPORT_RENEWED == 3, "as in SQL");

enum err
import_urls(struct db *db, struct ctx *cx, const struct import_url *rows, int n,
    struct import_result *results)
{
	return chunk_store(db, cx, &kind, rows, n, results);
}
