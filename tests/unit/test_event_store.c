#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/data/db.h"
#include "lib/data/event_store.h"
#include "tests/unit/database.h"

static struct database d;

/* Urls 1..3 of users 1..3, no events. */
static void
set_up(void)
{
	database_init(&d);
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

TestSuite(event_store, .init = set_up, .fini = tear_down, .timeout = 120);

static enum err
insert(const struct event_new *in, struct event *ret_event)
{
	database_fresh(&d);
	return event_insert(d.db, &d.cx, in, ret_event);
}

static struct event_list
find(const struct event_filter *filter, const struct page *page)
{
	struct event_list list = { 0 };

	cr_assert_eq(event_find(d.db, &d.cx, filter, page, &list), ERR_OK, "%s", d.cx.diag);
	return list;
}

/* 200 rows, by turns clicks and events, of urls 1..3, a minute apart from 2025 on. */
static void
fill(void)
{
	database_run(&d, "INSERT INTO clicks SELECT n,"
			 " timestamptz '2025-01-01 00:00:00Z' + n * interval '1 minute', n % 3 + 1,"
			 " n % 3 + 1, gen_random_uuid(), n, n % 2 = 0, 'code' || n % 3 + 1"
			 " FROM generate_series(1, 200, 2) AS n");
	database_run(&d, "INSERT INTO events SELECT n,"
			 " timestamptz '2025-01-01 00:00:00Z' + n * interval '1 minute', n % 3 + 1,"
			 " n % 3 + 1, CASE n % 4 WHEN 0 THEN 'click' ELSE 'note' END"
			 " FROM generate_series(2, 200, 2) AS n");
	database_run(&d, "SELECT setval('event_id_seq', 200)");
}

#define MINUTE_US INT64_C(60000000)
#define BEGIN_US INT64_C(1735689600000000) /* 2025-01-01T00:00:00Z */

Test(event_store, gives_back_what_was_posted)
{
	const struct event_new in = { .event_type = "note",
		.url_id = 2,
		.user_id = 3,
		.details = "{\"a\": [1, \"\xc3\xa9\", null, 1e40]}" };
	struct event ev, got;

	cr_assert_eq(insert(&in, &ev), ERR_OK, "%s", d.cx.diag);
	cr_assert_eq(event_get(d.db, &d.cx, ev.id, &got), ERR_OK);
	cr_assert_eq(got.url_id, 2);
	cr_assert_eq(got.user_id, 3);
	cr_assert_str_eq(got.event_type, "note");
	cr_assert_eq(got.at_us, ev.at_us);
	cr_assert_str_eq(got.details,
	    "{\"a\": [1, \"\xc3\xa9\", null, 10000000000000000000000000000000000000000]}");
	cr_assert_eq(event_get(d.db, &d.cx, ev.id + 1, &got), ERR_NOT_FOUND);
	cr_assert_eq(event_get(d.db, &d.cx, INT64_MAX, &got), ERR_NOT_FOUND);
}

Test(event_store, needs_neither_user_nor_details)
{
	const struct event_new in = { .event_type = "click", .url_id = 1 };
	struct event ev;

	cr_assert_eq(insert(&in, &ev), ERR_OK);
	cr_assert_eq(ev.user_id, 0);
	cr_assert_str_eq(ev.details, "{}");
}

Test(event_store, refuses_a_url_or_user_that_is_not_there)
{
	const struct event_new no_url = { .event_type = "a", .url_id = 9, .user_id = 1 };
	const struct event_new no_user = { .event_type = "a", .url_id = 1, .user_id = 9 };
	struct event ev;

	cr_assert_eq(insert(&no_url, &ev), ERR_NOT_FOUND);
	cr_assert_str_eq(d.cx.detail, "no such url");
	cr_assert_eq(insert(&no_user, &ev), ERR_NOT_FOUND);
	cr_assert_str_eq(d.cx.detail, "no such user");
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM events"), 0);
}

Test(event_store, refuses_details_that_jsonb_cannot_hold)
{
	static const char *const bad[] = { "{\"a\": \"\\u0000\"}", "{\"a\": \"\\ud800\"}",
		"{\"a\": 1e999999}", "{" };
	struct event ev;

	for (size_t i = 0; i < N(bad); i++) {
		const struct event_new in = { .event_type = "a", .url_id = 1, .details = bad[i] };

		cr_assert_eq(insert(&in, &ev), ERR_INVALID, "%s: %s", bad[i], d.cx.diag);
		cr_assert_not_null(d.cx.detail);
	}
}

Test(event_store, goes_past_ids_and_partitions)
{
	const struct event_new in = { .event_type = "a", .url_id = 1 };
	struct event ev;

	database_run(&d, "INSERT INTO events (id, event_type)"
			 " SELECT n, 'x' FROM generate_series(1, 5) AS n");
	cr_assert_eq(insert(&in, &ev), ERR_OK, "%s", d.cx.diag);
	cr_assert_eq(ev.id, 6);
	database_run(&d, "SELECT setval('event_id_seq', 100 * 8388608)");
	cr_assert_eq(insert(&in, &ev), ERR_OK, "%s", d.cx.diag);
	cr_assert_gt(ev.id, INT64_C(100) * 8388608);
	cr_assert_str_empty(d.cx.diag);
}

Test(event_store, makes_partitions_for_a_role_that_owns_nothing)
{
	const struct event_new in = { .event_type = "a", .url_id = 1 };
	struct event ev;
	struct db *app;

	database_run(&d, "DO $$ BEGIN CREATE ROLE app LOGIN; EXCEPTION WHEN duplicate_object OR"
			 " unique_violation THEN NULL; END $$");
	database_run(&d, "GRANT SELECT, INSERT ON events, clicks, urls, users TO app");
	database_run(&d, "GRANT USAGE, SELECT ON event_id_seq TO app");
	database_run(&d, "SELECT setval('event_id_seq', 50 * 8388608)");
	memcpy(strstr(d.conninfo, "user=terse"), "user=app  ", strlen("user=app  "));
	app = database_connect(&d);
	database_fresh(&d);
	cr_assert_eq(event_insert(app, &d.cx, &in, &ev), ERR_OK, "%s", d.cx.diag);
	cr_assert_gt(ev.id, INT64_C(50) * 8388608);
	db_free(app);
}

Test(event_store, presents_clicks_among_events)
{
	const struct event_filter all = { 0 };
	struct event_list list;
	struct event ev;

	database_run(&d, "INSERT INTO clicks VALUES (7, '2025-01-01Z', 1, 1, gen_random_uuid(), 5,"
			 " true, 'code1', NULL, 'bot/1')");
	cr_assert_eq(event_get(d.db, &d.cx, 7, &ev), ERR_OK);
	cr_assert_str_eq(ev.event_type, "click");
	cr_assert_eq(ev.at_us, BEGIN_US);
	cr_assert_str_eq(
	    ev.details, "{\"is_bot\": true, \"short_code\": \"code1\", \"user_agent\": \"bot/1\"}");
	list = find(&all, &(struct page){ .limit = 5 });
	cr_assert_eq(list.n, 1);
	cr_assert_eq(list.events[0].url_id, 1);
	cr_assert_eq(list.events[0].user_id, 1);
}

/* How many rows of fill() a filter finds, counted in another way. */
static int64_t
expected(unsigned given)
{
	static const char *const terms[] = { [EVENT_FILTER_URL] = "url_id = 2",
		[EVENT_FILTER_USER] = "user_id = 2",
		[EVENT_FILTER_TYPE] = "event_type = 'click'",
		[EVENT_FILTER_FROM] = "at >= '2025-01-01 00:10:00Z'",
		[EVENT_FILTER_TO] = "at < '2025-01-01 03:10:00Z'" };
	char sql[600] =
	    "SELECT count(*) FROM (SELECT url_id, user_id, event_type, at FROM events"
	    " UNION ALL SELECT url_id, user_id, 'click', at FROM clicks) AS x WHERE true";

	for (size_t i = 0; i < N(terms); i++)
		if (given & 1U << i)
			snprintf(sql + strlen(sql), sizeof(sql) - strlen(sql), " AND %s", terms[i]);
	return database_int(&d, sql);
}

Test(event_store, lists_by_all_combinations_of_filters_in_order)
{
	struct event_filter filter = { .url_id = 2,
		.user_id = 2,
		.event_type = "click",
		.from_us = BEGIN_US + 10 * MINUTE_US,
		.to_us = BEGIN_US + 190 * MINUTE_US };
	const struct page page = { .limit = 200 };

	fill();
	for (filter.given = 0; filter.given < 32; filter.given++) {
		struct event_list list = find(&filter, &page);

		cr_assert_eq(list.n, expected(filter.given), "filter %u", filter.given);
		cr_assert_gt(list.n, 10);
		for (int i = 1; i < list.n; i++)
			cr_assert_gt(list.events[i].id, list.events[i - 1].id);
	}
}

/* Walks a list by keys and by pages; both must give the ids that one large page gives. */
static void
walk(const struct event_filter *filter, int step)
{
	struct event_list all = find(filter, &(struct page){ .limit = 10000 });
	struct page by_key = { .is_keyset = true, .limit = step }, by_page = { .limit = step };
	int seen = 0;

	for (;;) {
		struct event_list keys = find(filter, &by_key), pages = find(filter, &by_page);
		int n = keys.n > step ? step : keys.n;

		cr_assert_eq(keys.n, pages.n);
		for (int i = 0; i < n; i++) {
			cr_assert_eq(keys.events[i].id, all.events[seen + i].id);
			cr_assert_eq(pages.events[i].id, all.events[seen + i].id);
		}
		seen += n;
		if (keys.n <= step)
			break;
		by_key.after = keys.events[n - 1].id;
		by_page.offset += step;
	}
	cr_assert_eq(seen, all.n);
}

Test(event_store, walks_the_same_rows_by_page_and_by_key)
{
	struct event_filter filter = { .url_id = 2,
		.user_id = 2,
		.event_type = "click",
		.from_us = BEGIN_US + 10 * MINUTE_US,
		.to_us = BEGIN_US + 190 * MINUTE_US };
	static const unsigned given[] = { 0, 1U << EVENT_FILTER_URL, 1U << EVENT_FILTER_USER,
		1U << EVENT_FILTER_TYPE, 1U << EVENT_FILTER_FROM | 1U << EVENT_FILTER_TO };

	fill();
	for (size_t i = 0; i < N(given); i++) {
		filter.given = given[i];
		walk(&filter, 7);
	}
}

/* 9,000 rows over 30 days, in no order of time, in two partitions. */
static void
fill_a_month(void)
{
	database_run(&d, "INSERT INTO clicks SELECT 8388608 - 3000 + n, timestamptz '2025-03-01Z'"
			 " + (n * 7919 % 43200) * interval '1 minute', n % 3 + 1, n % 3 + 1,"
			 " gen_random_uuid(), n, false, 'code' FROM generate_series(1, 8000) AS n");
	database_run(&d,
	    "INSERT INTO events SELECT 8388608 + 6000 + n, timestamptz '2025-03-01Z'"
	    " + (n * 104729 % 43200) * interval '1 minute', n % 3 + 1, n % 3 + 1, 'note'"
	    " FROM generate_series(1, 1000) AS n");
	database_run(&d, "SELECT setval('event_id_seq', 8400000)");
}

#define MARCH_US (BEGIN_US + 59 * 24 * 60 * MINUTE_US)

Test(event_store, lists_a_wide_window_of_many_rows)
{
	struct event_filter filter = { .url_id = 2,
		.user_id = 2,
		.event_type = "note",
		.from_us = MARCH_US + 5 * 24 * 60 * MINUTE_US,
		.to_us = MARCH_US + 25 * 24 * 60 * MINUTE_US + 1 };
	unsigned window = 1U << EVENT_FILTER_FROM | 1U << EVENT_FILTER_TO;
	struct event_list list;

	fill_a_month();
	for (unsigned others = 0; others < 8; others++) {
		char sql[400];

		filter.given = others | window;
		snprintf(sql, sizeof(sql),
		    "SELECT count(*) FROM (SELECT url_id, at, 'click' AS t FROM clicks"
		    " UNION ALL SELECT url_id, at, event_type FROM events) AS x"
		    " WHERE at >= '2025-03-06Z' AND at <= '2025-03-26Z'%s%s",
		    others & 3 ? " AND url_id = 2" : "", others & 4 ? " AND t = 'note'" : "");
		list = find(&filter, &(struct page){ .limit = 9000 });
		cr_assert_eq(list.n, database_int(&d, sql), "filters %u", others);
		for (int i = 1; i < list.n; i++)
			cr_assert_gt(list.events[i].id, list.events[i - 1].id);
	}
	filter.given = window;
	walk(&filter, 700);
	list = find(&filter, &(struct page){ .offset = 50000, .limit = 10 });
	cr_assert_eq(list.n, 0, "too deep to go by days");
	filter.given = 1U << EVENT_FILTER_TO;
	filter.to_us = 0;
	cr_assert_eq(find(&filter, &(struct page){ .limit = 10 }).n, 0, "before 1970");
	filter.given = 1U << EVENT_FILTER_FROM;
	filter.from_us = 0;
	cr_assert_eq(find(&filter, &(struct page){ .limit = 9000 }).n, 9000);
}

Test(event_store, lists_a_window_of_more_years_than_it_looks_at_by_day)
{
	struct event_filter filter = { .given = 1U << EVENT_FILTER_TO, .to_us = MARCH_US * 2 };

	fill_a_month();
	database_run(
	    &d, "INSERT INTO events (id, at, event_type) VALUES (1, '1800-01-01Z', 'old')");
	cr_assert_eq(find(&filter, &(struct page){ .limit = 9500 }).n, 9001);
	walk(&filter, 700);
}

Test(event_store, shows_a_deleted_user_as_none)
{
	struct event_filter filter = { .given = 1U << EVENT_FILTER_USER, .user_id = 2 };
	const struct event_filter all = { 0 };
	struct event_list list;

	fill();
	database_run(&d, "DELETE FROM users WHERE id = 2");
	cr_assert_eq(find(&filter, &(struct page){ .limit = 10 }).n, 0);
	filter.given |= 1U << EVENT_FILTER_URL;
	filter.url_id = 2;
	cr_assert_eq(find(&filter, &(struct page){ .limit = 10 }).n, 0);
	list = find(&all, &(struct page){ .limit = 200 });
	cr_assert_eq(list.n, 200);
	for (int i = 0; i < list.n; i++)
		cr_assert_neq(list.events[i].user_id, 2);
}

Test(event_store, finds_nothing_beyond_the_end)
{
	const struct event_filter all = { 0 };

	fill();
	cr_assert_eq(find(&all, &(struct page){ .offset = 200, .limit = 10 }).n, 0);
	cr_assert_eq(find(&all, &(struct page){ .offset = INT64_MAX, .limit = 200 }).n, 0);
	cr_assert_eq(
	    find(&all, &(struct page){ .is_keyset = true, .after = INT64_MAX, .limit = 9 }).n, 0);
}

Test(event_store, has_an_error_for_each_call_when_the_database_is_away)
{
	struct db *away = db_new("host=/nonexistent dbname=none", "", 500);
	const struct event_new in = { .event_type = "a", .url_id = 1 };
	const struct event_filter all = { 0 }, window = { .given = 1U << EVENT_FILTER_TO };
	const struct page page = { .limit = 1 };
	struct event_list list;
	struct event ev;

	cr_assert_eq(event_insert(away, &d.cx, &in, &ev), ERR_UNAVAILABLE);
	cr_assert_eq(event_get(away, &d.cx, 1, &ev), ERR_UNAVAILABLE);
	cr_assert_eq(event_find(away, &d.cx, &all, &page, &list), ERR_UNAVAILABLE);
	cr_assert_eq(event_find(away, &d.cx, &window, &page, &list), ERR_UNAVAILABLE);
	db_free(away);
}
