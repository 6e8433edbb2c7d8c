#include "lib/data/db_array.h"
#include "lib/data/import_chunk.h"

static const char *const reasons[] = { NULL, "another user has this e-mail" };

static int64_t
id(const void *rows, int i)
{
	const struct import_user *u = (const struct import_user *)rows + i;

	return u->id <= IMPORT_ID_MAX ? u->id : 0;
}

static void
add(struct db_args *args, const void *rows, const int *which, int n)
{
	struct db_array ids, usernames, emails, times;

	db_array_init(&ids, args->arena);
	db_array_init(&usernames, args->arena);
	db_array_init(&emails, args->arena);
	db_array_init(&times, args->arena);
	for (int i = 0; i < n; i++) {
		const struct import_user *u = (const struct import_user *)rows + which[i];

		db_array_id(&ids, id(rows, which[i]));
		db_array_text(&usernames, u->username);
		db_array_text(&emails, u->email);
		db_array_time(&times, u->created_us);
	}
	db_arg_array(args, &ids);
	db_arg_array(args, &usernames);
	db_arg_array(args, &emails);
	db_arg_array(args, &times);
}

static const struct chunk_kind kind = {
	.lock = { .name = "import_users_lock",
	    .text = "SELECT pg_advisory_xact_lock(hashtextextended('import_users', 0))" },
	.pass = { .name = "import_users_pass", .text = "SELECT ids_pass('users_id_seq', $1)" },
	.store = { .name = "import_users",
	    .text = "WITH input AS (SELECT * FROM unnest($1::int[], $2::bigint[], $3::text[],"
		    " $4::text[], $5::timestamptz[]) AS r (n, id, username, email, created_at)),"
		    " known AS MATERIALIZED (SELECT i.n, i.email, u.id, u.email AS old_email"
		    " FROM input AS i JOIN users AS u ON u.username = i.username"
		    " ORDER BY u.id FOR UPDATE OF u),"
		    " taken AS MATERIALIZED (SELECT k.n FROM known AS k"
		    " JOIN users AS o ON o.email = k.email AND o.id <> k.id),"
		    " updated AS (UPDATE users SET email = k.email FROM known AS k"
		    " WHERE users.id = k.id AND k.email <> k.old_email"
		    " AND NOT EXISTS (SELECT FROM taken WHERE taken.n = k.n) RETURNING k.n),"
		    " fresh AS MATERIALIZED (SELECT *,"
		    " EXISTS (SELECT FROM users WHERE users.email = i.email) AS is_taken"
		    " FROM input AS i WHERE NOT EXISTS"
		    " (SELECT FROM users WHERE users.username = i.username)),"
		    " given AS MATERIALIZED (SELECT n, username, email, created_at,"
		    " CASE WHEN id IS NULL"
		    " OR EXISTS (SELECT FROM users WHERE users.id = fresh.id)"
		    " OR EXISTS (SELECT FROM deleted_users AS d WHERE d.id = fresh.id)"
		    " THEN nextval('users_id_seq') ELSE id END AS id"
		    " FROM fresh WHERE NOT is_taken),"
		    " made AS (INSERT INTO users (id, username, email, created_at)"
		    " SELECT id, username, email, coalesce(created_at, now()) FROM given"
		    " ORDER BY n ON CONFLICT DO NOTHING RETURNING id)"
		    " SELECT n, 0, 0, true FROM made JOIN given ON given.id = made.id"
		    " UNION ALL SELECT n, 1, 0, true FROM updated"
		    " UNION ALL SELECT n, 1, 0, true FROM known WHERE email = old_email"
		    " UNION ALL SELECT n, 2, 1, false FROM taken"
		    " UNION ALL SELECT n, 2, 1, false FROM fresh WHERE is_taken" },
	.reasons = reasons,
	.id = id,
	.add = add,
};
_Static_assert(IMPORT_NEW == 0 && IMPORT_UPDATED == 1 && IMPORT_SKIPPED == 2, "as in SQL");

enum err
import_users(struct db *db, struct ctx *cx, const struct import_user *rows, int n,
    struct import_result *results)
{
	return chunk_store(db, cx, &kind, rows, n, results);
}
