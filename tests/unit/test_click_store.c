#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/data/click.h"
#include "lib/data/click_note.h"
#include "lib/data/click_store.h"
#include "lib/data/db.h"
#include "lib/data/stats_store.h"
#include "lib/data/url_store.h"
#include "lib/data/user_store.h"
#include "tests/unit/database.h"

static struct database d;
static struct buf lines;

/* Urls 1..3 of users 1..3. */
static void
set_up(void)
{
	database_init(&d);
	buf_init(&lines, d.arena);
	database_run(&d, "INSERT INTO users (username, email)"
			 " SELECT 'u' || n, 'u' || n || '@b.c' FROM generate_series(1, 3) AS n");
	database_run(&d, "INSERT INTO urls (user_id, short_code, original_url)"
			 " SELECT n, 'code' || n, 'http://a.b/' FROM generate_series(1, 3) AS n");
}

static void
tear_down(void)
{
	database_release(&d);
}

TestSuite(click_store, .init = set_up, .fini = tear_down, .timeout = 120);

#define AT_US INT64_C(1735689600000000)

/* Adds the line of visit number `visit`, of a visitor, to url `url` of the same user. */
static void
add_click(int visit, int64_t url, int visitor, const char *agent)
{
	static const unsigned char key[16] = "0123456789abcdef";
	char id[33], client[32], code[32], line[CLICK_LINE_MAX];
	const struct click c = { .visit_id = id,
		.at_us = AT_US + visit,
		.url_id = url,
		.user_id = url,
		.short_code = code,
		.referrer = "http://r\t\\\n/",
		.client = client,
		.user_agent = agent };
	size_t n;

	snprintf(id, sizeof(id), "%032x", (unsigned)visit);
	snprintf(client, sizeof(client), "10.0.0.%d", visitor);
	snprintf(code, sizeof(code), "code%" PRId64, url);
	n = click_format(&c, key, line);
	cr_assert_gt(n, 0);
	buf_add(&lines, line, n);
}

/* The batch of all lines, which are clicks' lines. */
static struct click_batch
batch_of(const struct segment_offset *offsets, int n_offsets)
{
	static struct click_note notes[1000];
	static char rows[1 << 20];
	struct click_batch batch = { rows, CLICK_HEAD_BYTES, notes, 0, offsets, n_offsets };

	memcpy(rows, click_head, sizeof(click_head));
	for (size_t at = 0; at < lines.len;) {
		size_t len = strcspn(lines.data + at, "\n") + 1, n;
		enum err e = click_note_read(
		    lines.data + at, len, &notes[batch.n_notes++], rows + batch.n, &n);

		cr_assert_eq(e, ERR_OK);
		cr_assert_lt(batch.n_notes, N(notes));
		batch.n += n;
		at += len;
	}
	memcpy(rows + batch.n, click_tail, sizeof(click_tail));
	batch.n += sizeof(click_tail);
	return batch;
}

/* Moves the offset of the first segment from..to, and the other's twice as far. */
static enum err
store_lines(int64_t from, int64_t to, int64_t *ret_last_id)
{
	const struct segment_offset offsets[] = { { "seg\"1", to, from },
		{ "seg2", 2 * to, 2 * from } };
	const struct click_batch batch = batch_of(offsets, N(offsets));

	database_fresh(&d);
	return click_store_batch(d.db, &d.cx, "host", &batch, ret_last_id);
}

/* Returns the last id. */
static int64_t
store(int64_t from, int64_t to)
{
	int64_t last_id = -1;

	cr_assert_eq(store_lines(from, to, &last_id), ERR_OK, "%s", d.cx.diag);
	buf_cut(&lines, 0);
	return last_id;
}

static int64_t
offset_of(const char *name)
{
	int64_t offset = -1;

	cr_assert_eq(click_offset(d.db, &d.cx, "host", name, &offset), ERR_OK);
	return offset;
}

static struct stats
stats_of(const char *code)
{
	struct stats st = { 0 };

	cr_assert_eq(stats_get(d.db, &d.cx, code, &st), ERR_OK);
	return st;
}

#define PERSON "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0"

Test(click_store, stores_lines_in_the_columns_that_they_are_written_for)
{
	int64_t last_id;

	add_click(1, 2, 1, PERSON);
	last_id = store(0, 100);
	cr_assert_eq(last_id, database_int(&d, "SELECT id FROM clicks"));
	cr_assert_str_eq(database_text(&d, "SELECT visit_id FROM clicks"),
	    "00000000-0000-0000-0000-000000000001");
	cr_assert_eq(database_int(&d, "SELECT us(at) FROM clicks"), AT_US + 1);
	cr_assert_eq(database_int(&d, "SELECT url_id FROM clicks"), 2);
	cr_assert_eq(database_int(&d, "SELECT user_id FROM clicks"), 2);
	cr_assert_str_eq(database_text(&d, "SELECT short_code FROM clicks"), "code2");
	cr_assert_str_eq(database_text(&d, "SELECT referrer FROM clicks"), "http://r\t\\\n/");
	cr_assert_str_eq(database_text(&d, "SELECT user_agent FROM clicks"), PERSON);
	cr_assert_str_eq(database_text(&d, "SELECT is_bot FROM clicks"), "f");
}

Test(click_store, counts_clicks_bots_and_visitors)
{
	struct stats st;

	add_click(1, 1, 1, PERSON);
	add_click(2, 1, 1, PERSON);
	add_click(3, 1, 2, "Googlebot/2.1");
	add_click(4, 2, 1, PERSON);
	store(0, 10);
	add_click(5, 1, 1, PERSON);
	add_click(6, 1, 3, PERSON);
	store(10, 20);
	st = stats_of("code1");
	cr_assert_eq(st.all, 5);
	cr_assert_eq(st.bots, 1);
	cr_assert_eq(st.humans, 4);
	cr_assert_eq(st.unique, 3);
	cr_assert_eq(st.last_click_us, AT_US + 6);
	cr_assert_eq(stats_of("code2").all, 1);
	cr_assert_eq(stats_of("code3").all, 0);
}

Test(click_store, keeps_last_click_when_older_ones_come_late)
{
	add_click(9, 1, 1, PERSON);
	store(0, 10);
	add_click(5, 1, 1, PERSON);
	store(10, 20);
	cr_assert_eq(stats_of("code1").last_click_us, AT_US + 9);
}

Test(click_store, refuses_lines_that_another_session_has_stored)
{
	int64_t last_id = -1;

	add_click(1, 1, 1, PERSON);
	store(0, 10);
	add_click(2, 1, 1, PERSON);
	cr_assert_eq(store_lines(0, 20, &last_id), ERR_UNAVAILABLE);
	cr_assert_not_null(strstr(d.cx.diag, "stored meanwhile"));
	cr_assert_eq(last_id, -1);
	cr_assert_eq(offset_of("seg2"), 20);
	cr_assert_eq(stats_of("code1").all, 1);
	store(10, 20);
	cr_assert_eq(stats_of("code1").all, 2);
}

static enum err
begin_as_a_session_that_is_lost(struct db *other, int64_t to)
{
	static const struct db_query move = { .name = "move",
		.text = "INSERT INTO journal_offsets VALUES ('host', 'seg\"1', $1)" };
	struct db_args args;
	enum err e = db_begin(other, &d.cx);

	db_args_init(&args, d.arena);
	db_arg_int(&args, to);
	return e ? e : db_exec(other, &d.cx, &move, &args, NULL);
}

Test(click_store, waits_for_a_session_that_may_yet_commit_the_same_lines)
{
	struct db *other = database_connect(&d);
	int64_t last_id;
	int status;

	cr_assert_eq(begin_as_a_session_that_is_lost(other, 10), ERR_OK);
	add_click(1, 1, 1, PERSON);
	if (fork() == 0) {
		d.db = database_connect(&d);
		_exit((int)store_lines(0, 10, &last_id));
	}
	while (database_int(&d, "SELECT count(*) FROM pg_stat_activity WHERE datname ="
				" current_database() AND wait_event_type = 'Lock'") == 0)
		usleep(5000);
	cr_assert_eq(db_commit(other, &d.cx), ERR_OK);
	cr_assert_gt(wait(&status), 0);
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), ERR_UNAVAILABLE);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM clicks"), 0);
	db_free(other);
}

Test(click_store, finds_the_newest_visits)
{
	struct click_recent found;
	uint64_t visit;
	int64_t first_id;

	cr_assert_eq(click_find_recent(d.db, &d.cx, 0, 0, 10, &found), ERR_OK);
	cr_assert_eq(found.n, 0);
	for (int i = 1; i <= 5; i++)
		add_click(i, 1, 1, PERSON);
	first_id = store(0, 10) - 4;
	cr_assert_eq(click_find_recent(d.db, &d.cx, 0, 0, 2, &found), ERR_OK);
	cr_assert_eq(found.n, 2);
	cr_assert_eq(found.first_id, first_id + 3);
	cr_assert_eq(found.newest_us, AT_US + 5);
	cr_assert_eq(click_visit("00000000000000000000000000000005", 32, &visit), ERR_OK);
	cr_assert_eq(found.visits[0], visit);
	cr_assert_eq(click_find_recent(d.db, &d.cx, first_id, found.first_id, 10, &found), ERR_OK);
	cr_assert_eq(found.n, 2);
	cr_assert_eq(found.first_id, first_id + 1);
}

Test(click_store, gives_ids_in_the_order_of_lines)
{
	static const int visits[] = { 9, 3, 7, 1, 8 };

	for (size_t i = 0; i < N(visits); i++)
		add_click(visits[i], 1, 1, PERSON);
	store(0, 10);
	cr_assert_str_eq(database_text(&d,
			     "SELECT string_agg((us(at) - 1735689600000000)::text, ' ' ORDER BY id)"
			     " FROM clicks"),
	    "9 3 7 1 8");
}

#define VISIT "00000000000000000000000000000001\t"

Test(click_store, keeps_offsets_with_the_lines)
{
	int64_t last_id = -1;

	cr_assert_eq(offset_of("seg2"), 0);
	add_click(1, 1, 1, PERSON);
	store(0, 100);
	cr_assert_eq(offset_of("seg\"1"), 100);
	cr_assert_eq(offset_of("seg2"), 200);
	add_click(2, 1, 1, PERSON);
	buf_adds(&lines, VISIT "2025-01-01Z\t1\t\\N\t\xff\t\\N\t\\N\t1\tf\n");
	cr_assert_eq(store_lines(100, 300, &last_id), ERR_INVALID, "%s", d.cx.diag);
	cr_assert_eq(last_id, -1, "written only on success");
	database_fresh(&d);
	cr_assert_eq(offset_of("seg2"), 200);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM clicks"), 1);
	cr_assert_eq(click_offset_drop(d.db, &d.cx, "host", "seg2"), ERR_OK);
	cr_assert_eq(offset_of("seg2"), 0);
	cr_assert_eq(offset_of("seg\"1"), 100);
}

Test(click_store, calls_each_kind_of_bad_line_invalid)
{
	static const char *const bad[] = {
		VISIT "2025-01-01Z\t1\t\\N\t\xff\t\\N\t\\N\t1\tf\n",
		VISIT "2025-01-01Z\t1\t\\N\tc\t\xc3\t\\N\t1\tf\n",
		VISIT "2025-01-01Z\t1\t\\N\t\\N\t\\N\t\\N\t1\tf\n",
	};
	int64_t last_id;

	for (size_t i = 0; i < N(bad); i++) {
		buf_cut(&lines, 0);
		buf_adds(&lines, bad[i]);
		cr_assert_eq(store_lines(0, 1, &last_id), ERR_INVALID, "%s: %s", bad[i], d.cx.diag);
	}
	cr_assert_eq(offset_of("seg2"), 0);
}

Test(click_store, stores_offsets_without_lines)
{
	store(0, 50);
	cr_assert_eq(offset_of("seg2"), 100);
}

Test(click_store, keeps_clicks_of_urls_and_users_that_are_gone)
{
	struct stats st;

	database_run(&d, "DELETE FROM users WHERE id = 2");
	add_click(1, 2, 1, PERSON);
	add_click(2, 77, 1, PERSON);
	store(0, 10);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM clicks WHERE user_id IS NULL"), 2);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM clicks WHERE url_id = 77"), 1);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM url_counters WHERE url_id = 77"), 0);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM url_visitors WHERE url_id = 77"), 0);
	st = stats_of("code2");
	cr_assert_eq(st.all, 1);
}

Test(click_store, makes_a_missing_partition_and_goes_past_taken_ids)
{
	database_run(&d, "SELECT setval('event_id_seq', 9 * 8388608)");
	add_click(1, 1, 1, PERSON);
	cr_assert_eq(store(0, 10), INT64_C(9) * 8388608 + 2, "the first try drew one");
	database_run(&d, "INSERT INTO clicks SELECT last_value + 1, now(), 1, 1, gen_random_uuid(),"
			 " 1, false, 'x' FROM event_id_seq");
	add_click(2, 1, 1, PERSON);
	add_click(3, 1, 1, PERSON);
	store(10, 20);
	cr_assert_eq(stats_of("code1").all, 3);
}

Test(click_store, makes_partitions_before_they_are_needed)
{
	database_run(&d, "SELECT setval('event_id_seq', 20 * 8388608)");
	cr_assert_eq(click_partitions_ahead(d.db, &d.cx), ERR_OK, "%s", d.cx.diag);
	cr_assert_not_null(database_text(&d, "SELECT to_regclass('clicks_p20')"));
	cr_assert_not_null(database_text(&d, "SELECT to_regclass('events_p21')"));
	cr_assert_eq(click_partitions_ahead(d.db, &d.cx), ERR_OK, "%s", d.cx.diag);
}

/* Both hosts count the same urls, in opposite order, many times. */
static int
store_as(int host)
{
	char name[16];
	int64_t last_id;
	enum err e = ERR_OK;

	d.db = database_connect(&d);
	snprintf(name, sizeof(name), "host%d", host);
	for (int i = 0; i < 30 && !e; i++) {
		struct click_batch batch;

		buf_cut(&lines, 0);
		for (int url = 1; url <= 3; url++)
			add_click(host * 1000000 + i * 10 + url, host ? url : 4 - url, i, PERSON);
		batch = batch_of(NULL, 0);
		e = click_store_batch(d.db, &d.cx, name, &batch, &last_id);
	}
	return (int)e;
}

Test(click_store, lets_several_hosts_store_at_once)
{
	int status;

	db_close(d.db);
	for (int host = 0; host < 4; host++)
		if (fork() == 0)
			_exit(store_as(host));
	for (int host = 0; host < 4; host++) {
		wait(&status);
		cr_assert(WIFEXITED(status));
		cr_assert_eq(WEXITSTATUS(status), ERR_OK);
	}
	for (int url = 1; url <= 3; url++) {
		struct stats st = stats_of(arena_printf(d.arena, "code%d", url));

		cr_assert_eq(st.all, 120);
		cr_assert_eq(st.unique, 30);
	}
}

Test(click_store, works_on_after_its_connection_was_lost)
{
	add_click(1, 1, 1, PERSON);
	store(0, 10);
	db_close(d.db);
	add_click(2, 1, 1, PERSON);
	store(10, 20);
	cr_assert_eq(stats_of("code1").all, 2);
}

/* Cleans until nothing is left; the number of calls. */
static int
clean_all(void)
{
	bool left = true;
	int calls = 0;

	while (left) {
		cr_assert_eq(click_clean(d.db, &d.cx, &left), ERR_OK, "%s", d.cx.diag);
		cr_assert_lt(++calls, 50);
	}
	return calls;
}

Test(click_store, cleans_after_a_deleted_user_in_batches)
{
	cr_assert_eq(clean_all(), 1);
	database_run(&d, "INSERT INTO clicks SELECT nextval('event_id_seq'), now(), 1, n % 3 + 1,"
			 " gen_random_uuid(), 1, false, 'x' FROM generate_series(1, 15000) AS n");
	database_run(&d, "INSERT INTO events (event_type, user_id)"
			 " SELECT 'x', n % 3 + 1 FROM generate_series(1, 300) AS n");
	cr_assert_eq(user_delete(d.db, &d.cx, 2), ERR_OK);
	cr_assert_gt(clean_all(), 2);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM clicks WHERE user_id = 2"), 0);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM clicks WHERE user_id IS NULL"), 5000);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM events WHERE user_id IS NULL"), 100);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM urls WHERE user_id IS NULL"), 1);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM deleted_users"), 1, "for an hour");
	database_run(&d, "INSERT INTO events (event_type, user_id) VALUES ('late', 2)");
	database_run(&d, "UPDATE deleted_users SET deleted_at = now() - interval '61 minutes',"
			 " due_at = now()");
	clean_all();
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM events WHERE user_id = 2"), 0);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM deleted_users"), 0);
}

Test(click_store, cleans_after_a_deleted_url)
{
	struct url u;

	add_click(1, 1, 1, PERSON);
	add_click(2, 2, 1, PERSON);
	store(0, 10);
	cr_assert_eq(url_delete(d.db, &d.cx, 1, 0, &u), ERR_OK);
	database_run(&d, "INSERT INTO url_counters VALUES (1, 1, 0, 0, now())"); /* a late batch */
	clean_all();
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM url_counters"), 1);
	cr_assert_eq(database_int(&d, "SELECT url_id FROM url_visitors"), 2);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM clicks"), 2, "events stay");
}

Test(click_store, has_an_error_for_each_call_when_the_database_is_away)
{
	struct db *away = db_new("host=/nonexistent dbname=none", "", 500);
	const struct click_batch batch = { 0 };
	int64_t last_id;
	int64_t offset;
	bool left;

	cr_assert_eq(click_store_batch(away, &d.cx, "h", &batch, &last_id), ERR_UNAVAILABLE);
	cr_assert_eq(click_offset(away, &d.cx, "h", "s", &offset), ERR_UNAVAILABLE);
	cr_assert_eq(click_offset_drop(away, &d.cx, "h", "s"), ERR_UNAVAILABLE);
	cr_assert_eq(click_partitions_ahead(away, &d.cx), ERR_UNAVAILABLE);
	cr_assert_eq(click_clean(away, &d.cx, &left), ERR_UNAVAILABLE);
	db_free(away);
}
