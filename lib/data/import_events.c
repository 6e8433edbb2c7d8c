#include <stddef.h>

#include "lib/base/ctx.h"
#include "lib/data/db_array.h"
#include "lib/data/import_chunk.h"

static const char *const reasons[] = { NULL, "no such url", "no such user", "already stored" };

static const struct db_query make_partitions = {
	.name = "import_events_partitions",
	.text = "SELECT event_partitions_for($1::bigint[])",
	.idempotent = true,
};

static int64_t
id(const void *rows, int i)
{
	const struct import_event *ev = (const struct import_event *)rows + i;

	return ev->id <= IMPORT_ID_MAX ? ev->id : 0;
}

enum column { ID, URL, USER, AT, TYPE, DETAILS, COLUMN__COUNT };

static void
add(struct db_args *args, const void *rows, const int *which, int n)
{
	struct db_array columns[COLUMN__COUNT];

	for (int c = 0; c < COLUMN__COUNT; c++)
		db_array_init(&columns[c], args->arena);
	for (int i = 0; i < n; i++) {
		const struct import_event *ev = (const struct import_event *)rows + which[i];

		db_array_id(&columns[ID], id(rows, which[i]));
		db_array_id(&columns[URL], ev->url_id);
		db_array_id(&columns[USER], ev->user_id);
		db_array_time(&columns[AT], ev->at_us);
		db_array_text(&columns[TYPE], ev->event_type);
		db_array_text(&columns[DETAILS], ev->details);
	}
	for (int c = 0; c < COLUMN__COUNT; c++)
		db_arg_array(args, &columns[c]);
}

/* An id is kept when it is free in both tables and a partition is there for it. */
static const struct chunk_kind kind = {
	.lock = { .name = "import_events_lock",
	    .text = "SELECT pg_advisory_xact_lock(hashtextextended('import_events', 0))" },
	.pass = { .name = "import_events_pass", .text = "SELECT ids_pass('event_id_seq', $1)" },
	.store = { .name = "import_events",
	    .text =
		"WITH input AS (SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[],"
		" $4::bigint[], $5::timestamptz[], $6::text[], $7::text[])"
		" AS r (n, id, url_id, user_id, at, event_type, details)),"
		" judged AS MATERIALIZED (SELECT *, CASE"
		" WHEN (SELECT e.id FROM events AS e WHERE e.id = i.id AND e.at = i.at"
		" AND e.event_type = i.event_type AND e.url_id IS NOT DISTINCT FROM i.url_id)"
		" IS NOT NULL OR (SELECT c.id FROM clicks AS c WHERE c.id = i.id"
		" AND c.at = i.at AND i.event_type = 'click' AND c.url_id = i.url_id)"
		" IS NOT NULL THEN 3"
		" WHEN i.url_id IS NOT NULL"
		" AND (SELECT urls.id FROM urls WHERE urls.id = i.url_id) IS NULL THEN 1"
		" WHEN i.user_id IS NOT NULL"
		" AND (SELECT users.id FROM users WHERE users.id = i.user_id) IS NULL THEN 2"
		" ELSE 0 END AS reason FROM input AS i),"
		" given AS MATERIALIZED (SELECT n, url_id, user_id, at, event_type, details,"
		" CASE WHEN id IS NULL OR to_regclass('clicks_p' || (id >> 23)) IS NULL"
		" OR (SELECT e.id FROM events AS e WHERE e.id = j.id) IS NOT NULL"
		" OR (SELECT c.id FROM clicks AS c WHERE c.id = j.id) IS NOT NULL"
		" THEN nextval('event_id_seq') ELSE id END AS id"
		" FROM judged AS j WHERE reason = 0),"
		" made AS (INSERT INTO events (id, url_id, user_id, at, event_type, details)"
		" SELECT id, url_id, user_id, coalesce(at, now()), event_type,"
		" coalesce(details::jsonb, '{}') FROM given ORDER BY n"
		" ON CONFLICT DO NOTHING RETURNING id)"
		" SELECT n, 0, 0, true FROM given WHERE " CHUNK_IS_IN("id",
		    "made") " UNION ALL SELECT n, 2, reason, true FROM judged WHERE reason <> 0" },
	.reasons = reasons,
	.id = id,
	.add = add,
};

enum err
import_events(struct db *db, struct ctx *cx, const struct import_event *rows, int n,
    struct import_result *results)
{
	struct db_array ids;
	struct db_args args;
	enum err e;

	db_array_init(&ids, cx->arena);
	for (int i = 0; i < n; i++)
		db_array_id(&ids, id(rows, i));
	db_args_init(&args, cx->arena);
	db_arg_array(&args, &ids);
	e = db_exec(db, cx, &make_partitions, &args, NULL);
	return e ? e : chunk_store(db, cx, &kind, rows, n, results);
}
