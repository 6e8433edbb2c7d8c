#include "tests/unit/database.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/data/db.h"
#include "lib/data/migrate.h"
#include "tests/unit/pg.h"

enum { ARENA_BYTES = 256 << 20, TIMEOUT_MS = 60 * 1000 };

/* The conninfo of another database of the same server. */
static void
name_database(char conninfo[256], const char *name)
{
	const char *shared = pg_shared();
	size_t server = (size_t)(strstr(shared, "dbname=") - shared);

	snprintf(conninfo, 256, "%.*sdbname=%s", (int)server, shared, name);
}

static void
connect_to(struct database *d, const char *name)
{
	db_free(d->db);
	name_database(d->conninfo, name);
	d->db = database_connect(d);
}

/* Makes the template unless another test has; tests run side by side. */
static void
make_template(struct database *d)
{
	int applied;

	connect_to(d, "postgres");
	database_run(d, "SELECT pg_advisory_lock(1)");
	if (database_int(d, "SELECT count(*) FROM pg_database WHERE datname = 'schema'") == 0) {
		struct db *postgres = d->db;

		database_run(d, "CREATE DATABASE schema_new");
		d->db = NULL;
		connect_to(d, "schema_new");
		cr_assert_eq(migrate_all(d->db, &d->cx, &applied), ERR_OK, "%s", d->cx.diag);
		db_free(d->db);
		d->db = postgres;
		database_run(d, "ALTER DATABASE schema_new RENAME TO schema");
	}
}

static void
init(struct database *d, const char *template)
{
	char name[64], sql[160];

	snprintf(name, sizeof(name), "test_%ld", (long)getpid());
	snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE %s", name, template);
	database_run(d, sql);
	connect_to(d, name);
}

static void
prepare(struct database *d)
{
	*d = (struct database){ .arena = arena_new(ARENA_BYTES) };
	database_fresh(d);
}

void
database_init(struct database *d)
{
	prepare(d);
	make_template(d);
	init(d, "schema");
}

void
database_init_empty(struct database *d)
{
	prepare(d);
	connect_to(d, "postgres");
	init(d, "template0");
}

void
database_release(struct database *d)
{
	db_free(d->db);
	arena_free(d->arena);
}

struct db *
database_connect(const struct database *d)
{
	struct db *db = db_new(d->conninfo, "", TIMEOUT_MS);

	cr_assert_not_null(db);
	return db;
}

void
database_fresh(struct database *d)
{
	ctx_init(&d->cx, d->arena, TIMEOUT_MS);
}

static struct db_rows
query(struct database *d, const char *sql)
{
	const struct db_query q = { "test", sql, false };
	struct db_rows rows = { 0 };
	enum err e = db_exec(d->db, &d->cx, &q, NULL, &rows);

	cr_assert_eq(e, ERR_OK, "%s: %s", sql, d->cx.diag);
	return rows;
}

void
database_run(struct database *d, const char *sql)
{
	query(d, sql);
}

const char *
database_text(struct database *d, const char *sql)
{
	struct db_rows rows = query(d, sql);

	cr_assert_gt(rows.n, 0, "%s: no row", sql);
	return db_text(&rows, 0, 0);
}

int64_t
database_int(struct database *d, const char *sql)
{
	struct db_rows rows = query(d, sql);

	cr_assert_gt(rows.n, 0, "%s: no row", sql);
	return db_int(&rows, 0, 0);
}
