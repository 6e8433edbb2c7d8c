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

/*
 * `input` has for each row the user of that name and the holder of that address. An address
 * that somebody else holds may be free in the next round.
 */
static const struct chunk_kind kind = {
	.lock = { .name = "import_users_lock",
	    .text = "SELECT pg_advisory_xact_lock(hashtextextended('import_users', 0))" },
	.pass = { .name = "import_users_pass", .text = "SELECT ids_pass('users_id_seq', $1)" },
	.store = { .name = "import_users",
	    .text = "WITH input AS MATERIALIZED (SELECT *,"
		    " (SELECT users.id FROM users WHERE users.username = r.username) AS known_id,"
		    " (SELECT users.id FROM users WHERE users.email = r.email) AS holder_id"
		    " FROM unnest($1::int[], $2::bigint[], $3::text[], $4::text[],"
		    " $5::timestamptz[]) AS r (n, id, username, email, created_at)),"
		    " old AS MATERIALIZED (SELECT i.n, i.email, i.holder_id, users.id,"
		    " users.email AS old_email FROM input AS i"
		    " JOIN users ON users.id = i.known_id AND users.username = i.username"
		    " ORDER BY users.id FOR UPDATE OF users),"
		    " updated AS (UPDATE users SET email = old.email FROM old"
		    " WHERE users.id = old.id AND holder_id IS NULL AND old.email <> old_email"
		    " RETURNING n),"
		    " given AS MATERIALIZED (SELECT n, username, email, created_at,"
		    " CASE WHEN id IS NULL"
		    " OR (SELECT users.id FROM users WHERE users.id = i.id) IS NOT NULL"
		    " OR (SELECT d.id FROM deleted_users AS d WHERE d.id = i.id) IS NOT NULL"
		    " THEN nextval('users_id_seq') ELSE id END AS id"
		    " FROM input AS i WHERE known_id IS NULL AND holder_id IS NULL),"
		    " made AS (INSERT INTO users (id, username, email, created_at)"
		    " SELECT id, username, email, coalesce(created_at, now()) FROM given"
		    " ORDER BY n ON CONFLICT DO NOTHING RETURNING id)"
		    " SELECT n, 0, 0, true FROM given WHERE " CHUNK_IS_IN("id",
			"made") " UNION ALL SELECT n, 1, 0, true FROM updated"
				" UNION ALL SELECT n, 1, 0, true FROM old WHERE email = old_email"
				" UNION ALL SELECT n, 2, 1, false FROM input"
				" WHERE holder_id IS NOT NULL AND holder_id IS DISTINCT FROM "
				"known_id" },
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
