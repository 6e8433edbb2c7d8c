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

static enum err
store_from(int64_t repeats_from_id, int64_t offset, struct click_counts *ret_counts)
{
	const struct segment_offset offsets[] = { { "seg\"1", offset }, { "seg2", 2 * offset } };
	const struct click_batch batch = { lines.data, lines.len, offsets, N(offsets),
		repeats_from_id };

	database_fresh(&d);
	return click_store_batch(d.db, &d.cx, "host", &batch, ret_counts);
}

static struct click_counts
store(int64_t repeats_from_id, int64_t offset)
{
	struct click_counts counts = { 0 };

	cr_assert_eq(store_from(repeats_from_id, offset, &counts), ERR_OK, "%s", d.cx.diag);
	buf_cut(&lines, 0);
	return counts;
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
	struct click_counts counts;

	add_click(1, 2, 1, PERSON);
	counts = store(0, 100);
	cr_assert_eq(counts.stored, 1);
	cr_assert_eq(counts.repeats, 0);
	cr_assert_eq(counts.last_id, database_int(&d, "SELECT id FROM clicks"));
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
	store(0, 20);
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
	store(0, 20);
	cr_assert_eq(stats_of("code1").last_click_us, AT_US + 9);
}

Test(click_store, refuses_repeats_within_a_batch_and_after_it)
{
	struct click_counts first, second;

	add_click(1, 1, 1, PERSON);
	add_click(2, 1, 1, PERSON);
	add_click(1, 1, 1, PERSON);
	first = store(0, 10);
	cr_assert_eq(first.stored, 2);
	cr_assert_eq(first.repeats, 1);
	add_click(2, 1, 1, PERSON);
	add_click(3, 1, 1, PERSON);
	second = store(0, 20);
	cr_assert_eq(second.stored, 1);
	cr_assert_eq(second.repeats, 1);
	cr_assert_eq(stats_of("code1").all, 3);
	add_click(3, 1, 1, PERSON);
	cr_assert_eq(store(second.last_id, 30).stored, 1, "the caller knows that it is none");
	add_click(3, 1, 1, PERSON);
	second = store(second.last_id, 30);
	cr_assert_eq(second.stored, 0);
	cr_assert_eq(second.last_id, 0);
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

Test(click_store, keeps_offsets_with_the_lines)
{
	struct click_counts counts = { .stored = -1 };

	cr_assert_eq(offset_of("seg2"), 0);
	add_click(1, 1, 1, PERSON);
	store(0, 100);
	cr_assert_eq(offset_of("seg\"1"), 100);
	cr_assert_eq(offset_of("seg2"), 200);
	add_click(2, 1, 1, PERSON);
	buf_adds(&lines, "not a click\n");
	cr_assert_eq(store_from(0, 300, &counts), ERR_INVALID, "%s", d.cx.diag);
	cr_assert_eq(counts.stored, -1, "written only on success");
	database_fresh(&d);
	cr_assert_eq(offset_of("seg2"), 200);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM clicks"), 1);
	cr_assert_eq(click_offset_drop(d.db, &d.cx, "host", "seg2"), ERR_OK);
	cr_assert_eq(offset_of("seg2"), 0);
	cr_assert_eq(offset_of("seg\"1"), 100);
}

#define VISIT "00000000000000000000000000000001\t"

Test(click_store, calls_each_kind_of_bad_line_invalid)
{
	static const char *const bad[] = {
		"x\n",
		"\\N\t2025-01-01Z\t1\t\\N\tc\t\\N\t\\N\t1\tf\n",
		VISIT "never\t1\t\\N\tc\t\\N\t\\N\t1\tf\n",
		VISIT "2025-01-01Z\t99999999999999999999\t\\N\tc\t\\N\t\\N\t1\tf\n",
		VISIT "2025-01-01Z\t1\t\\N\t\xff\t\\N\t\\N\t1\tf\n",
		VISIT "2025-01-01Z\t1\t\\N\tc\t\\N\t\\N\t1\tf\t\n",
	};
	struct click_counts counts;

	for (size_t i = 0; i < N(bad); i++) {
		buf_cut(&lines, 0);
		buf_adds(&lines, bad[i]);
		cr_assert_eq(store_from(0, 1, &counts), ERR_INVALID, "%s: %s", bad[i], d.cx.diag);
	}
	cr_assert_eq(offset_of("seg2"), 0);
}

Test(click_store, stores_offsets_without_lines)
{
	cr_assert_eq(store(0, 50).stored, 0);
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
	struct click_counts counts;

	database_run(&d, "SELECT setval('event_id_seq', 9 * 8388608)");
	add_click(1, 1, 1, PERSON);
	counts = store(0, 10);
	cr_assert_eq(counts.stored, 1);
	cr_assert_eq(counts.last_id, INT64_C(9) * 8388608 + 2, "the first try drew one");
	database_run(&d, "INSERT INTO clicks SELECT last_value + 1, now(), 1, 1, gen_random_uuid(),"
			 " 1, false, 'x' FROM event_id_seq");
	add_click(2, 1, 1, PERSON);
	add_click(3, 1, 1, PERSON);
	cr_assert_eq(store(0, 20).stored, 2);
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
	struct click_counts counts;
	char name[16];
	enum err e = ERR_OK;

	d.db = database_connect(&d);
	snprintf(name, sizeof(name), "host%d", host);
	for (int i = 0; i < 30 && !e; i++) {
		struct click_batch batch = { 0 };

		buf_cut(&lines, 0);
		for (int url = 1; url <= 3; url++)
			add_click(host * 1000000 + i * 10 + url, host ? url : 4 - url, i, PERSON);
		batch.lines = lines.data;
		batch.n = lines.len;
		e = click_store_batch(d.db, &d.cx, name, &batch, &counts);
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
	cr_assert_eq(store(0, 20).stored, 1, "the temporary table is made again");
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
	struct click_counts counts;
	int64_t offset;
	bool left;

	cr_assert_eq(click_store_batch(away, &d.cx, "h", &batch, &counts), ERR_UNAVAILABLE);
	cr_assert_eq(click_offset(away, &d.cx, "h", "s", &offset), ERR_UNAVAILABLE);
	cr_assert_eq(click_offset_drop(away, &d.cx, "h", "s"), ERR_UNAVAILABLE);
	cr_assert_eq(click_partitions_ahead(away, &d.cx), ERR_UNAVAILABLE);
	cr_assert_eq(click_clean(away, &d.cx, &left), ERR_UNAVAILABLE);
	db_free(away);
}
