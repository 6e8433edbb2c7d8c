#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/data/alert_store.h"
#include "lib/data/db.h"
#include "tests/unit/database.h"

#define SECOND INT64_C(1000000)
#define STARTED (INT64_C(1764000000) * SECOND)
#define YEAR_1 (INT64_C(-62135596800) * SECOND)
#define LABELS "{\"alertname\": \"IngestLag\", \"severity\": \"critical\"}"

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

TestSuite(alert_store, .init = set_up, .fini = tear_down, .timeout = 120);

static struct alert
insert(const char *name)
{
	const struct alert_new in = { .given = 1, .name = name };
	struct alert a = { 0 };

	cr_assert_eq(alert_insert(d.db, &d.cx, &in, &a), ERR_OK, "%s", d.cx.diag);
	return a;
}

static struct alert
get(int64_t id)
{
	struct alert a = { 0 };

	cr_assert_eq(alert_get(d.db, &d.cx, id, &a), ERR_OK, "%s", d.cx.diag);
	return a;
}

static struct alert
edit(int64_t id, const struct alert_edit *in)
{
	struct alert a = { 0 };

	cr_assert_eq(alert_update(d.db, &d.cx, id, in, &a), ERR_OK, "%s", d.cx.diag);
	return a;
}

static struct alert
set_status(int64_t id, const char *status)
{
	return edit(id, &(struct alert_edit){ .given = 1, .status = status });
}

static struct alert_notice
notice(const char *fingerprint, const char *status)
{
	return (struct alert_notice){ .status = status,
		.labels = LABELS,
		.fingerprint = fingerprint,
		.starts_us = STARTED,
		.ends_us = YEAR_1 };
}

static struct alert_tally
receive(const struct alert_notice *notices, size_t n)
{
	struct alert_tally tally = { 0 };

	cr_assert_eq(alert_receive(d.db, &d.cx, notices, n, &tally), ERR_OK, "%s", d.cx.diag);
	return tally;
}

/* The one alert there is, after a notice of it. */
static struct alert
hear(const char *status)
{
	const struct alert_notice one = notice("f1", status);

	cr_assert_eq(receive(&one, 1).stored, 1);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM alerts"), 1);
	return get(database_int(&d, "SELECT id FROM alerts"));
}

Test(alert_store, gives_back_what_was_posted)
{
	const struct alert_new in = {
		.given = 1U << ALERT_NEW_STARTS,
		.name = "Disk \xc3\xa4",
		.severity = "info",
		.summary = "full",
		.description = "of what?\n",
		.labels = "{\"a\": \"\\\"}{,\"}",
		.annotations = "{}",
		.starts_us = 0,
	};
	struct alert a, got;

	cr_assert_eq(alert_insert(d.db, &d.cx, &in, &a), ERR_OK, "%s", d.cx.diag);
	got = get(a.id);
	cr_assert_str_eq(got.name, in.name);
	cr_assert_str_eq(got.status, "firing");
	cr_assert_str_eq(got.severity, "info");
	cr_assert_str_eq(got.description, in.description);
	cr_assert_str_eq(got.labels, in.labels);
	cr_assert_str_eq(got.notes, "[]");
	cr_assert_str_eq(got.source, "api");
	cr_assert_null(got.fingerprint);
	cr_assert_eq(got.starts_us, 0, "1970 is a time like any other");
	cr_assert_eq(got.ends_us, 0);
	cr_assert_eq(alert_get(d.db, &d.cx, a.id + 1, &got), ERR_NOT_FOUND);
}

Test(alert_store, fills_in_what_was_not_posted)
{
	int64_t before = clock_wall_us();
	struct alert a = insert("a");

	cr_assert_str_eq(a.severity, "warning");
	cr_assert_str_eq(a.labels, "{}");
	cr_assert_str_eq(a.annotations, "{}");
	cr_assert_null(a.summary);
	cr_assert_geq(a.starts_us, before - SECOND);
	cr_assert_eq(a.created_us, a.updated_us);
	cr_assert_neq(insert("a").id, a.id, "each post is an alert of its own");
}

Test(alert_store, keeps_the_times_that_go_with_a_status)
{
	int64_t id = insert("a").id;
	struct alert a =
	    edit(id, &(struct alert_edit){ .given = 1U | 1U << ALERT_EDIT_ACKNOWLEDGED_BY,
			 .status = "acknowledged",
			 .acknowledged_by = "ann" });
	int64_t acknowledged_us = a.acknowledged_us;

	cr_assert_str_eq(a.status, "acknowledged");
	cr_assert_str_eq(a.acknowledged_by, "ann");
	cr_assert_neq(acknowledged_us, 0);
	cr_assert_eq(a.resolved_us, 0);
	a = set_status(id, "resolved");
	cr_assert_neq(a.resolved_us, 0);
	cr_assert_eq(a.ends_us, a.resolved_us);
	cr_assert_eq(a.acknowledged_us, acknowledged_us);
	a = set_status(id, "acknowledged");
	cr_assert_gt(a.acknowledged_us, acknowledged_us);
	cr_assert_eq(a.resolved_us, 0);
	cr_assert_eq(a.ends_us, 0);
	a = set_status(id, "firing");
	cr_assert_str_eq(a.status, "firing");
	cr_assert_eq(a.acknowledged_us, 0);
	cr_assert_null(a.acknowledged_by);
}

Test(alert_store, changes_only_what_is_given)
{
	struct alert a = insert("a"), b;

	b = edit(a.id, &(struct alert_edit){ .given = 2, .severity = "critical" });
	cr_assert_str_eq(b.severity, "critical");
	cr_assert_str_eq(b.status, "firing");
	cr_assert_gt(b.updated_us, a.updated_us);
	b = edit(a.id, &(struct alert_edit){
			   .given = 1U << ALERT_EDIT_ACKNOWLEDGED_BY, .acknowledged_by = "bob" });
	cr_assert_str_eq(b.acknowledged_by, "bob");
	b = edit(a.id, &(struct alert_edit){ .given = 1U << ALERT_EDIT_ACKNOWLEDGED_BY });
	cr_assert_null(b.acknowledged_by);
	cr_assert_eq(
	    alert_update(d.db, &d.cx, a.id + 1, &(struct alert_edit){ 0 }, &b), ERR_NOT_FOUND);
}

Test(alert_store, leaves_an_alert_alone_when_nothing_changes)
{
	struct alert a = set_status(insert("a").id, "acknowledged"), b;

	b = edit(a.id, &(struct alert_edit){ .given = 1U | 1U << ALERT_EDIT_ACKNOWLEDGED_BY,
			   .status = "acknowledged",
			   .severity = "warning" });
	cr_assert_eq(b.updated_us, a.updated_us);
	cr_assert_eq(b.acknowledged_us, a.acknowledged_us);
}

Test(alert_store, appends_notes)
{
	int64_t id = insert("a").id;
	struct alert a;

	edit(id, &(struct alert_edit){ .note = "first", .author = "ann" });
	a = edit(id, &(struct alert_edit){ .note = "\"second\"\n" });
	cr_assert_not_null(strstr(a.notes, "\"text\": \"first\""));
	cr_assert_not_null(strstr(a.notes, "\"author\": \"ann\""));
	cr_assert_gt(strstr(a.notes, "\\\"second\\\"\\n"), strstr(a.notes, "first"));
	cr_assert_gt(a.updated_us, a.created_us);
	cr_assert_eq(
	    database_int(&d, "SELECT count(*) FROM alerts, jsonb_array_elements(notes) AS note"
			     " WHERE (note->>'at')::timestamptz BETWEEN now() - interval '1 min'"
			     " AND now()"),
	    2);
}

Test(alert_store, refuses_notes_without_end)
{
	int64_t id = insert("a").id;
	char words[2001];
	const struct alert_edit in = { .given = 1, .status = "resolved", .note = words };
	struct alert a;
	int notes = 0;
	enum err e;

	memset(words, 'x', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	while (!(e = alert_update(d.db, &d.cx, id, &in, &a)) && notes < 100)
		notes++;
	cr_assert_eq(e, ERR_CONFLICT);
	cr_assert_gt(notes, 25);
	cr_assert_not_null(strstr(d.cx.detail, "notes"));
	set_status(id, "firing");
}

Test(alert_store, stores_what_alertmanager_tells)
{
	struct alert_notice one = notice("f1", "firing");
	struct alert_tally tally;
	struct alert a;

	one.annotations = "{\"summary\": \"late\", \"description\": \"by much\", \"x\": \"y\"}";
	tally = receive(&one, 1);
	cr_assert_eq(tally.stored, 1);
	cr_assert_eq(tally.created, 1);
	a = get(database_int(&d, "SELECT id FROM alerts"));
	cr_assert_str_eq(a.source, "alertmanager");
	cr_assert_str_eq(a.name, "IngestLag");
	cr_assert_str_eq(a.severity, "critical");
	cr_assert_str_eq(a.status, "firing");
	cr_assert_str_eq(a.fingerprint, "f1");
	cr_assert_str_eq(a.summary, "late");
	cr_assert_str_eq(a.description, "by much");
	cr_assert_eq(a.starts_us, STARTED);
	cr_assert_eq(a.ends_us, 0);
	cr_assert_eq(a.resolved_us, 0);
}

Test(alert_store, knows_an_alert_again_by_fingerprint_and_start)
{
	struct alert_notice notices[] = { notice("f1", "firing"), notice("f1", "firing"),
		notice("f2", "firing"), notice("f1", "firing") };
	struct alert_tally tally;

	notices[3].starts_us += SECOND;
	tally = receive(notices, N(notices));
	cr_assert_eq(tally.stored, 3, "the first two are one");
	cr_assert_eq(tally.created, 3);
	tally = receive(notices, N(notices));
	cr_assert_eq(tally.stored, 3);
	cr_assert_eq(tally.created, 0);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM alerts"), 3);
}

Test(alert_store, lets_the_last_notice_of_an_alert_count)
{
	const struct alert_notice notices[] = { notice("f1", "firing"), notice("f1", "resolved") };

	receive(notices, N(notices));
	cr_assert_str_eq(database_text(&d, "SELECT status FROM alerts"), "resolved");
}

Test(alert_store, makes_a_fingerprint_from_the_labels)
{
	struct alert_notice notices[] = { notice(NULL, "firing"), notice(NULL, "resolved") };

	notices[1].labels = "{\"severity\":\"critical\",\"alertname\":\"IngestLag\"}";
	receive(&notices[0], 1);
	receive(&notices[1], 1);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM alerts"), 1);
	cr_assert_str_eq(database_text(&d, "SELECT status FROM alerts"), "resolved");
}

Test(alert_store, resolves_and_fires_again)
{
	struct alert_notice over = notice("f1", "resolved");
	struct alert first = hear("firing"), a;

	over.ends_us = STARTED + 90 * SECOND;
	receive(&over, 1);
	a = get(first.id);
	cr_assert_str_eq(a.status, "resolved");
	cr_assert_eq(a.ends_us, over.ends_us);
	cr_assert_neq(a.resolved_us, 0);
	over.ends_us = 0;
	receive(&over, 1);
	cr_assert_eq(get(first.id).resolved_us, a.resolved_us, "the first time counts");
	cr_assert_neq(get(first.id).ends_us, 0, "resolved means ended");
	a = hear("firing");
	cr_assert_str_eq(a.status, "firing");
	cr_assert_eq(a.ends_us, 0);
	cr_assert_eq(a.resolved_us, 0);
}

Test(alert_store, stays_acknowledged_while_it_fires)
{
	struct alert a = hear("firing");

	edit(a.id, &(struct alert_edit){ .given = 1U | 1U << ALERT_EDIT_ACKNOWLEDGED_BY,
		       .status = "acknowledged",
		       .severity = "info",
		       .note = "mine",
		       .acknowledged_by = "ann" });
	a = hear("firing");
	cr_assert_str_eq(a.status, "acknowledged");
	cr_assert_str_eq(a.acknowledged_by, "ann");
	cr_assert_str_eq(a.severity, "info", "an operator's word counts");
	cr_assert_not_null(strstr(a.notes, "mine"));
	a = hear("resolved");
	cr_assert_str_eq(a.status, "resolved");
	cr_assert_str_eq(a.acknowledged_by, "ann");
	a = hear("firing");
	cr_assert_str_eq(a.status, "firing");
	cr_assert_null(a.acknowledged_by);
	cr_assert_eq(a.acknowledged_us, 0);
}

Test(alert_store, names_and_grades_what_has_odd_labels)
{
	static const char *const labels[] = { "{}", "{\"alertname\": \"\"}",
		"{\"severity\": \"page\"}" };
	struct alert_notice one = notice("f1", "firing");

	for (size_t i = 0; i < N(labels); i++) {
		one.labels = labels[i];
		one.starts_us = (int64_t)i;
		receive(&one, 1);
	}
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM alerts WHERE name = 'unnamed'"
				      " AND severity = 'warning'"),
	    (int64_t)N(labels));
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM alerts WHERE starts_at = 'epoch'"), 1);
}

Test(alert_store, cuts_texts_that_are_long)
{
	struct alert_notice one = notice("f1", "firing");
	struct buf text;

	buf_init(&text, d.arena);
	for (int i = 0; i < 20000; i++)
		buf_adds(&text, "\xc3\xa4");
	one.labels = arena_printf(d.arena, "{\"alertname\": \"%s\"}", buf_str(&text));
	one.annotations = arena_printf(d.arena, "{\"summary\": \"%s\", \"description\": \"%s\"}",
	    buf_str(&text), buf_str(&text));
	receive(&one, 1);
	cr_assert_eq(database_int(&d, "SELECT length(name) FROM alerts"), 200);
	cr_assert_eq(database_int(&d, "SELECT length(summary) FROM alerts"), 500);
	cr_assert_eq(database_int(&d, "SELECT length(description) FROM alerts"), 4000);
	cr_assert_eq(database_int(&d, "SELECT length(annotations->>'summary') FROM alerts"), 20000);
}

Test(alert_store, stores_nothing_when_there_is_nothing)
{
	struct alert_notice none = notice("f1", "firing");

	cr_assert_eq(receive(&none, 0).stored, 0);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM alerts"), 0);
}

Test(alert_store, stores_all_or_nothing)
{
	struct alert_notice notices[] = { notice("f1", "firing"), notice("f2", "firing") };
	struct alert_tally tally;

	notices[1].labels = "{\"a\": \"\\u0000\"}";
	cr_assert_eq(
	    alert_receive(d.db, &d.cx, notices, N(notices), &tally), ERR_INVALID, "%s", d.cx.diag);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM alerts"), 0);
}

/* Delivers the same hundred alerts, from the first on or from the last. */
static int
deliver(bool backwards)
{
	struct database own = d;
	struct alert_notice notices[100];
	struct alert_tally tally;
	int failed = 0;

	own.db = database_connect(&d);
	for (int i = 0; i < 100; i++)
		notices[i] = notice(arena_printf(d.arena, "f%d", backwards ? 99 - i : i), "firing");
	for (int i = 0; i < 20; i++) {
		database_fresh(&own);
		if (alert_receive(own.db, &own.cx, notices, N(notices), &tally))
			failed++;
	}
	return failed;
}

Test(alert_store, makes_no_row_twice_and_fails_nobody_when_many_deliver_at_once)
{
	enum { SENDERS = 6 };
	int status;

	for (int i = 0; i < SENDERS; i++)
		if (fork() == 0)
			_exit(deliver(i % 2 == 1));
	for (int i = 0; i < SENDERS; i++) {
		cr_assert_gt(wait(&status), 0);
		cr_assert_eq(status, 0);
	}
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM alerts"), 100);
}

/* Ids of a list, as "1 2 3". */
static const char *
ids(const struct alert_filter *filter, const struct page *page)
{
	struct alert_list list;
	struct buf text;

	cr_assert_eq(alert_find(d.db, &d.cx, filter, page, &list), ERR_OK, "%s", d.cx.diag);
	buf_init(&text, d.arena);
	for (int i = 0; i < list.n; i++)
		buf_printf(&text, "%s%ld", i > 0 ? " " : "", (long)list.alerts[i].id);
	return buf_str(&text);
}

Test(alert_store, lists_by_any_set_of_filters)
{
	static const char *const found[] = { "1 2 3 4 5 6 7 8", "2 4 6 8", "3 4 7 8", "4 8",
		"5 6 7 8", "6 8", "7 8", "8" };
	const struct page all = { .limit = 50 };
	const struct page second = { .limit = 1, .offset = 1 };
	const struct page after = { .is_keyset = true, .limit = 50, .after = 4 };

	database_run(&d,
	    "INSERT INTO alerts (source, status, severity, name)"
	    " SELECT 'api', CASE n & 1 WHEN 0 THEN 'firing' ELSE 'resolved' END,"
	    " CASE n & 2 WHEN 0 THEN 'info' ELSE 'critical' END,"
	    " CASE n & 4 WHEN 0 THEN 'a' ELSE 'b' END FROM generate_series(0, 7) AS n");
	for (unsigned given = 0; given < N(found); given++) {
		const struct alert_filter f = { given, "resolved", "critical", "b" };

		cr_expect_str_eq(ids(&f, &all), found[given], "%u", given);
	}
	cr_assert_str_eq(ids(&(struct alert_filter){ 0 }, &second), "2 3");
	cr_assert_str_eq(ids(&(struct alert_filter){ 1, "firing", NULL, NULL }, &after), "5 7");
	cr_assert_str_eq(ids(&(struct alert_filter){ 4, NULL, NULL, "" }, &all), "");
}

Test(alert_store, has_an_error_for_each_call_when_the_database_is_away)
{
	struct db *away = db_new("host=/nonexistent dbname=none", "", 500);
	const struct alert_notice one = notice("f1", "firing");
	const struct alert_new in = { .name = "a" };
	const struct alert_edit change = { 0 };
	const struct alert_filter filter = { 0 };
	const struct page page = { .limit = 1 };
	struct alert_list list;
	struct alert_tally tally;
	struct alert a;

	cr_assert_eq(alert_insert(away, &d.cx, &in, &a), ERR_UNAVAILABLE);
	cr_assert_eq(alert_get(away, &d.cx, 1, &a), ERR_UNAVAILABLE);
	cr_assert_eq(alert_find(away, &d.cx, &filter, &page, &list), ERR_UNAVAILABLE);
	cr_assert_eq(alert_update(away, &d.cx, 1, &change, &a), ERR_UNAVAILABLE);
	cr_assert_eq(alert_receive(away, &d.cx, &one, 1, &tally), ERR_UNAVAILABLE);
	db_free(away);
}
