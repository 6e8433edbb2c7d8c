#include <criterion/criterion.h>
#include <string.h>

#include "lib/data/db.h"
#include "lib/data/migrate.h"
#include "tests/unit/database.h"

static struct database d;

static void
set_up(void)
{
	database_init_empty(&d);
}

static void
tear_down(void)
{
	database_release(&d);
}

TestSuite(migrate, .init = set_up, .fini = tear_down, .timeout = 120);

Test(migrate, applies_each_migration_once)
{
	int applied = -1;

	cr_assert_eq(migrate_check(d.db, &d.cx), ERR_UNAVAILABLE);
	database_fresh(&d);
	cr_assert_eq(migrate_all(d.db, &d.cx, &applied), ERR_OK, "%s", d.cx.diag);
	cr_assert_eq(applied, n_migrations);
	cr_assert_eq(migrate_all(d.db, &d.cx, &applied), ERR_OK, "%s", d.cx.diag);
	cr_assert_eq(applied, 0);
	cr_assert_eq(migrate_check(d.db, &d.cx), ERR_OK, "%s", d.cx.diag);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM schema_migrations"), n_migrations);
}

Test(migrate, goes_on_where_a_failure_stopped_it)
{
	int applied = -1;

	/* The second migration finds its place taken. */
	database_run(&d, "CREATE TABLE clicks ()");
	cr_assert_neq(migrate_all(d.db, &d.cx, &applied), ERR_OK);
	database_fresh(&d);
	cr_assert_eq(database_int(&d, "SELECT max(number) FROM schema_migrations"), 1);
	cr_assert_null(database_text(&d, "SELECT to_regclass('events')"), "half a migration");
	cr_assert_eq(migrate_check(d.db, &d.cx), ERR_UNAVAILABLE);
	database_fresh(&d);
	database_run(&d, "DROP TABLE clicks");
	cr_assert_eq(migrate_all(d.db, &d.cx, &applied), ERR_OK, "%s", d.cx.diag);
	cr_assert_eq(applied, n_migrations - 1);
}

Test(migrate, leaves_the_rows_of_the_schema_before)
{
	int applied = -1;

	/* The fourth finds its place taken: so the schema is that of the third. */
	database_run(&d, "CREATE TABLE alerts ()");
	cr_assert_neq(migrate_all(d.db, &d.cx, &applied), ERR_OK);
	database_fresh(&d);
	cr_assert_eq(database_int(&d, "SELECT max(number) FROM schema_migrations"), 3);
	database_run(&d, "DROP TABLE alerts");
	database_run(&d, "INSERT INTO users (username, email) VALUES ('a', 'a@b.c')");
	database_run(&d, "INSERT INTO urls (short_code, original_url) VALUES ('abc', 'http://x/')");
	database_run(&d, "INSERT INTO events (url_id, event_type) VALUES (1, 'created')");
	cr_assert_eq(migrate_all(d.db, &d.cx, &applied), ERR_OK, "%s", d.cx.diag);
	cr_assert_eq(applied, n_migrations - 3);
	cr_assert_eq(migrate_check(d.db, &d.cx), ERR_OK, "%s", d.cx.diag);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM users, urls, events"), 1);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM alerts"), 0);
}

Test(migrate, refuses_a_migration_whose_text_has_changed)
{
	int applied = -1;

	cr_assert_eq(migrate_all(d.db, &d.cx, &applied), ERR_OK, "%s", d.cx.diag);
	database_run(&d, "UPDATE schema_migrations SET checksum = 'x' WHERE number = 1");
	cr_assert_eq(migrate_all(d.db, &d.cx, &applied), ERR_INTERNAL);
	cr_assert(strstr(d.cx.diag, "0001_urls"), "%s", d.cx.diag);
}

Test(migrate, accepts_a_schema_that_is_ahead)
{
	int applied = -1;

	cr_assert_eq(migrate_all(d.db, &d.cx, &applied), ERR_OK, "%s", d.cx.diag);
	database_run(&d, "INSERT INTO schema_migrations VALUES (9999, '9999_later', 'x')");
	cr_assert_eq(migrate_check(d.db, &d.cx), ERR_OK);
}

Test(migrate, tells_a_lost_connection_from_a_missing_schema)
{
	struct db *nowhere = db_new("host=/nonexistent dbname=none", "", 1000);
	int applied;

	cr_assert_eq(migrate_all(nowhere, &d.cx, &applied), ERR_UNAVAILABLE);
	cr_assert_eq(migrate_check(nowhere, &d.cx), ERR_UNAVAILABLE);
	db_free(nowhere);
}
