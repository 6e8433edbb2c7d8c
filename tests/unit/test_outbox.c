#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/data/db.h"
#include "lib/data/outbox.h"
#include "lib/data/url_store.h"
#include "tests/unit/database.h"

static struct database d;

static void
set_up(void)
{
	database_init(&d);
}

static void
tear_down(void)
{
	database_release(&d);
}

TestSuite(outbox, .init = set_up, .fini = tear_down, .timeout = 120);

static struct url
make_url(const char *code)
{
	const struct url_new in = { .original_url = "http://a.b/", .short_code = code };
	struct url u = { 0 };
	bool found;

	cr_assert_eq(url_insert(d.db, &d.cx, &in, 7, &u, &found), ERR_OK, "%s", d.cx.diag);
	return u;
}

static struct outbox_cursor
open_cursor(const char *host)
{
	struct outbox_cursor cursor = { 0 };

	cr_assert_eq(outbox_open(d.db, &d.cx, host, &cursor), ERR_OK, "%s", d.cx.diag);
	return cursor;
}

/* Waits until no transaction is older than what was changed so far: other tests run their
 * own on the same server. */
static void
settle(void)
{
	int64_t now = database_int(&d, "SELECT pg_current_xact_id()::text::bigint");
	char sql[128];

	snprintf(sql, sizeof(sql),
	    "SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::bigint > %ld)::int", (long)now);
	while (database_int(&d, sql) == 0)
		usleep(1000);
}

static struct outbox_rows
read_after(const struct outbox_cursor *cursor, int max)
{
	struct outbox_rows rows = { 0 };

	cr_assert_eq(outbox_read(d.db, &d.cx, cursor, max, &rows), ERR_OK, "%s", d.cx.diag);
	return rows;
}

Test(outbox, has_the_state_that_each_change_left)
{
	struct outbox_cursor cursor = open_cursor("h");
	struct outbox_rows rows;
	struct url u = make_url("one"), gone;
	bool changed;

	cr_assert_eq(url_update(d.db, &d.cx, u.id,
			 &(struct url_edit){ .given = 1U << URL_EDIT_ACTIVE }, 0, &u, &changed),
	    ERR_OK);
	cr_assert_eq(url_delete(d.db, &d.cx, u.id, 0, &gone), ERR_OK);
	settle();
	rows = read_after(&cursor, 10);
	cr_assert_eq(rows.n, 3);
	cr_assert(rows.rows[0].is_active);
	cr_assert_str_eq(rows.rows[0].original_url, "http://a.b/");
	cr_assert_not(rows.rows[1].is_active);
	cr_assert_eq(rows.rows[1].url_id, u.id);
	cr_assert_eq(rows.rows[1].version, u.version);
	cr_assert_gt(rows.rows[1].at_us, rows.rows[0].at_us);
	cr_assert_eq(rows.rows[2].url_id, 0);
	cr_assert_eq(rows.rows[2].version, gone.version);
	cr_assert_str_eq(rows.rows[2].short_code, "one");
	for (int i = 0; i < 3; i++) {
		cr_assert(rows.rows[i].is_settled);
		cr_assert_eq(rows.rows[i].is_latest, i == 2);
	}
}

Test(outbox, begins_at_the_end_for_a_new_host_and_goes_on_for_a_known_one)
{
	struct outbox_cursor cursor, again;
	struct outbox_rows rows;

	make_url("before");
	settle();
	cursor = open_cursor("h");
	cr_assert_eq(read_after(&cursor, 10).n, 0);
	make_url("after1");
	make_url("after2");
	rows = read_after(&cursor, 1);
	cr_assert_eq(rows.n, 1);
	cr_assert_str_eq(rows.rows[0].short_code, "after1");
	cursor = (struct outbox_cursor){ rows.rows[0].xid, rows.rows[0].id };
	cr_assert_eq(outbox_store(d.db, &d.cx, "h", &cursor), ERR_OK);
	again = open_cursor("h");
	cr_assert_eq(again.xid, cursor.xid);
	cr_assert_eq(again.id, cursor.id);
	cr_assert_str_eq(read_after(&again, 10).rows[0].short_code, "after2");
}

Test(outbox, settles_nothing_while_an_older_transaction_runs)
{
	struct db *slow = database_connect(&d);
	const struct db_query late = { "late",
		"INSERT INTO outbox (short_code, version) VALUES ('late', 1)", false };
	struct outbox_cursor cursor = open_cursor("h");
	struct outbox_rows rows;

	cr_assert_eq(db_begin(slow, &d.cx), ERR_OK);
	cr_assert_eq(db_exec(slow, &d.cx, &late, NULL, NULL), ERR_OK);
	make_url("early");
	rows = read_after(&cursor, 10);
	cr_assert_eq(rows.n, 1);
	cr_assert_not(rows.rows[0].is_settled, "a row before it can still appear");
	cr_assert_eq(db_commit(slow, &d.cx), ERR_OK);
	settle();
	rows = read_after(&cursor, 10);
	cr_assert_eq(rows.n, 2);
	cr_assert_str_eq(rows.rows[0].short_code, "late", "first in the order of transactions");
	cr_assert(rows.rows[0].is_settled && rows.rows[1].is_settled);
	db_free(slow);
}

Test(outbox, trims_what_all_hosts_have_passed_and_is_old)
{
	struct outbox_cursor first = open_cursor("a"), end;
	struct outbox_rows rows;

	open_cursor("silent");
	make_url("one");
	make_url("two");
	make_url("three");
	rows = read_after(&first, 10);
	end = (struct outbox_cursor){ rows.rows[1].xid, rows.rows[1].id };
	database_run(&d, "UPDATE outbox_cursors SET seen_at = now() - interval '2 hours'"
			 " WHERE host = 'silent'");
	cr_assert_eq(outbox_store(d.db, &d.cx, "a", &end), ERR_OK);
	cr_assert_eq(outbox_trim(d.db, &d.cx, 10), ERR_OK);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM outbox"), 3, "too young");
	database_run(&d, "UPDATE outbox SET at = now() - interval '3 minutes'");
	cr_assert_eq(outbox_trim(d.db, &d.cx, 1), ERR_OK);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM outbox"), 2, "at most one");
	cr_assert_eq(outbox_trim(d.db, &d.cx, 10), ERR_OK);
	cr_assert_str_eq(database_text(&d, "SELECT short_code FROM outbox"), "three");
}

Test(outbox, has_an_error_for_each_call_when_the_database_is_away)
{
	struct db *away = db_new("host=/nonexistent dbname=none", "", 500);
	struct outbox_cursor cursor = { 0 };
	struct outbox_rows rows;

	cr_assert_eq(outbox_open(away, &d.cx, "h", &cursor), ERR_UNAVAILABLE);
	cr_assert_eq(outbox_read(away, &d.cx, &cursor, 1, &rows), ERR_UNAVAILABLE);
	cr_assert_eq(outbox_store(away, &d.cx, "h", &cursor), ERR_UNAVAILABLE);
	cr_assert_eq(outbox_trim(away, &d.cx, 1), ERR_UNAVAILABLE);
	db_free(away);
}
