#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/data/db.h"
#include "lib/data/import_store.h"
#include "lib/data/outbox.h"
#include "lib/data/url_store.h"
#include "lib/data/user_store.h"
#include "tests/unit/database.h"

static struct database d;
static struct import_result results[IMPORT_CHUNK];

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

TestSuite(import_store, .init = set_up, .fini = tear_down, .timeout = 120);

#define AT_US INT64_C(1735689600000000)

/* A letter per row: n new, u updated, s skipped. */
static const char *
outcomes(int n)
{
	static char letters[IMPORT_CHUNK + 1];

	for (int i = 0; i < n; i++) {
		letters[i] = "nusr"[results[i].outcome];
		cr_assert_eq(
		    results[i].reason != NULL, results[i].outcome == IMPORT_SKIPPED, "row %d", i);
	}
	letters[n] = '\0';
	return letters;
}

static const char *
users(const struct import_user *rows, int n)
{
	database_fresh(&d);
	cr_assert_eq(import_users(d.db, &d.cx, rows, n, results), ERR_OK, "%s", d.cx.diag);
	return outcomes(n);
}

static const char *
urls(const struct import_url *rows, int n)
{
	database_fresh(&d);
	cr_assert_eq(import_urls(d.db, &d.cx, rows, n, results), ERR_OK, "%s", d.cx.diag);
	return outcomes(n);
}

static const char *
events(const struct import_event *rows, int n)
{
	database_fresh(&d);
	cr_assert_eq(import_events(d.db, &d.cx, rows, n, results), ERR_OK, "%s", d.cx.diag);
	return outcomes(n);
}

static int64_t
id_of(const char *username)
{
	return database_int(
	    &d, arena_printf(d.arena, "SELECT id FROM users WHERE username = '%s'", username));
}

static struct user
post_user(const char *name)
{
	const struct user_edit in = { .username = name, .email = name };
	struct user u = { 0 };

	cr_assert_eq(user_insert(d.db, &d.cx, &in, &u), ERR_OK, "%s", d.cx.diag);
	return u;
}

static struct url
post_url(const char *code)
{
	const struct url_new in = { .original_url = "http://a.b/", .short_code = code };
	struct url u = { 0 };
	bool found;

	cr_assert_eq(url_insert(d.db, &d.cx, &in, 7, &u, &found), ERR_OK, "%s", d.cx.diag);
	return u;
}

/*
 * Users
 */

Test(import_store, keeps_ids_and_times_of_users)
{
	const struct import_user rows[] = {
		{ .id = 7, .username = "a", .email = "a@b.c", .created_us = AT_US + 1 },
		{ .username = "b\"{\\,}", .email = "b@b.c" },
		{ .id = 5000, .username = "c", .email = "c@b.c" },
	};

	cr_assert_str_eq(users(rows, N(rows)), "nnn");
	cr_assert_eq(id_of("a"), 7);
	cr_assert_eq(id_of("c"), 5000);
	cr_assert_eq(database_int(&d, "SELECT us(created_at) FROM users WHERE id = 7"), AT_US + 1);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM users WHERE username = 'b\"{\\,}'"), 1);
	cr_assert_gt(post_user("next").id, 5000, "the sequence has moved on");
}

Test(import_store, never_moves_a_sequence_back)
{
	const struct import_user low = { .id = 3, .username = "low", .email = "low" };
	const struct import_user far = { .id = 100000, .username = "far", .email = "far" };

	database_run(&d, "SELECT setval('users_id_seq', 1000)");
	users(&low, 1);
	cr_assert_eq(post_user("a").id, 1001);
	users(&far, 1);
	cr_assert_eq(post_user("b").id, 100001);
}

Test(import_store, gives_a_new_id_for_one_that_is_taken_too_large_or_being_cleaned)
{
	const struct import_user rows[] = {
		{ .id = 1, .username = "taken", .email = "taken@b.c" },
		{ .id = IMPORT_ID_MAX + 1, .username = "large", .email = "large@b.c" },
		{ .id = INT64_MAX, .username = "largest", .email = "largest@b.c" },
		{ .id = 50, .username = "dirty", .email = "dirty@b.c" },
	};

	cr_assert_eq(post_user("first").id, 1);
	database_run(&d, "INSERT INTO deleted_users (id) VALUES (50)");
	cr_assert_str_eq(users(rows, N(rows)), "nnnn");
	cr_assert_lt(database_int(&d, "SELECT max(id) FROM users"), 100);
	cr_assert_neq(id_of("dirty"), 50);
}

Test(import_store, updates_the_address_of_a_repeated_user)
{
	const struct import_user rows[] = {
		{ .id = 90, .username = "a", .email = "new@b.c" },
		{ .username = "b", .email = "b" },
	};
	int64_t id = post_user("a").id;

	post_user("b");
	cr_assert_str_eq(users(rows, N(rows)), "uu");
	cr_assert_eq(id_of("a"), id);
	cr_assert_str_eq(
	    database_text(&d, "SELECT email FROM users WHERE username = 'a'"), "new@b.c");
	cr_assert_str_eq(users(rows, N(rows)), "uu", "again");
}

Test(import_store, skips_an_address_that_another_user_has)
{
	const struct import_user rows[] = {
		{ .username = "a", .email = "b" },
		{ .username = "new", .email = "a" },
		{ .username = "good", .email = "good" },
	};

	post_user("a");
	post_user("b");
	cr_assert_str_eq(users(rows, N(rows)), "ssn");
	cr_assert_str_eq(results[0].reason, "another user has this e-mail");
	cr_assert_str_eq(results[1].reason, "another user has this e-mail");
	cr_assert_str_eq(database_text(&d, "SELECT email FROM users WHERE username = 'a'"), "a");
}

Test(import_store, lets_a_row_take_an_address_that_another_row_gives_up)
{
	const struct import_user rows[] = {
		{ .username = "a", .email = "a2" },
		{ .username = "new", .email = "a" },
	};

	post_user("a");
	cr_assert_str_eq(users(rows, N(rows)), "un");
}

Test(import_store, takes_a_whole_chunk_and_an_empty_one)
{
	struct import_user *rows = arena_alloc(d.arena, IMPORT_CHUNK * sizeof(*rows));

	for (int i = 0; i < IMPORT_CHUNK; i++) {
		rows[i].id = i + 1;
		rows[i].username = arena_printf(d.arena, "u%d", i);
		rows[i].email = arena_printf(d.arena, "u%d@b.c", i);
	}
	cr_assert_str_eq(users(rows, 0), "");
	users(rows, IMPORT_CHUNK);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM users WHERE username = 'u' || id - 1"),
	    IMPORT_CHUNK);
}

/*
 * Urls
 */

#define URL(code, target) .short_code = (code), .original_url = (target)

Test(import_store, keeps_all_of_a_new_url_and_notes_no_event)
{
	const struct import_url rows[] = {
		{ .id = 9,
		    .user_id = 1,
		    URL("one", "http://x/"),
		    .title = "t",
		    .created_us = AT_US,
		    .updated_us = AT_US + 5 },
		{ URL("two", "http://y/"), .is_active = true, .created_us = AT_US },
	};
	struct url u;

	post_user("owner");
	cr_assert_str_eq(urls(rows, N(rows)), "nn");
	cr_assert_eq(url_get_by_code(d.db, &d.cx, "one", &u), ERR_OK);
	cr_assert_eq(u.id, 9);
	cr_assert_eq(u.user_id, 1);
	cr_assert_str_eq(u.title, "t");
	cr_assert_eq(u.created_us, AT_US);
	cr_assert_eq(u.updated_us, AT_US + 5);
	cr_assert_not(u.is_active);
	cr_assert_eq(url_get_by_code(d.db, &d.cx, "two", &u), ERR_OK);
	cr_assert_eq(u.updated_us, AT_US);
	cr_assert_gt(u.id, 9, "drawn after the kept ones were passed");
	cr_assert_null(u.title);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM events"), 0);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM outbox"), 0);
}

Test(import_store, edits_a_repeated_url)
{
	const struct import_url row = { .id = 70, URL("one", "http://new/"), .is_active = true };
	struct url before = post_url("one"), u;

	cr_assert_str_eq(urls(&row, 1), "u");
	cr_assert_eq(url_get_by_code(d.db, &d.cx, "one", &u), ERR_OK);
	cr_assert_eq(u.id, before.id);
	cr_assert_gt(u.version, before.version);
	cr_assert_str_eq(u.original_url, "http://new/");
	cr_assert_str_eq(
	    database_text(&d, "SELECT details->>'field' FROM events WHERE event_type = 'updated'"),
	    "original_url");
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM outbox WHERE original_url ="
				      " 'http://new/' AND url_id = (SELECT id FROM urls)"),
	    1);
	cr_assert_str_eq(urls(&row, 1), "u", "counts as updated, changes nothing");
	cr_assert_eq(database_int(&d, "SELECT version FROM urls"), u.version);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM events"), 2);
}

Test(import_store, skips_a_url_of_an_unknown_user)
{
	const struct import_url rows[] = {
		{ .user_id = 9, URL("one", "http://x/") },
		{ .user_id = 9, URL("two", "http://x/") },
		{ URL("three", "http://x/") },
	};

	post_url("one");
	cr_assert_str_eq(urls(rows, N(rows)), "ssn");
	cr_assert_str_eq(results[0].reason, "no such user");
}

Test(import_store, gives_a_url_a_new_id_when_its_own_is_taken_or_being_cleaned)
{
	const struct import_url rows[] = {
		{ .id = 1, URL("one", "http://x/") },
		{ .id = 2, URL("two", "http://x/") },
	};
	struct url u;

	post_url("first");
	post_url("second");
	cr_assert_eq(url_delete(d.db, &d.cx, 2, 0, &u), ERR_OK);
	cr_assert_str_eq(urls(rows, N(rows)), "nn");
	cr_assert_eq(database_int(&d, "SELECT min(id) FROM urls WHERE short_code <> 'first'"), 3);
}

Test(import_store, posts_a_code_that_was_deleted_not_long_ago)
{
	const struct import_url rows[] = {
		{ URL("gone", "http://x/"), .is_active = true },
		{ URL("other", "http://x/") },
	};
	struct url u = post_url("gone");

	cr_assert_eq(url_delete(d.db, &d.cx, u.id, 0, &u), ERR_OK);
	cr_assert_str_eq(urls(rows, N(rows)), "rn");
	cr_assert_eq(database_int(&d, "SELECT version FROM urls WHERE short_code = 'gone'"),
	    database_int(&d, "SELECT version FROM outbox ORDER BY id DESC LIMIT 1"));
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM outbox"), 3);
}

Test(import_store, changes_a_url_that_is_repeated_in_a_chunk_to_its_last_row)
{
	const struct import_url rows[] = {
		{ URL("old", "http://1/") },
		{ .id = 50, URL("new", "http://1/"), .title = "first", .created_us = AT_US },
		{ .user_id = 9, URL("new", "http://stray/") },
		{ .id = 51, URL("new", "http://2/") },
		{ URL("same", "http://x/") },
		{ URL("new", "http://3/"), .title = "last", .is_active = true },
		{ URL("old", "http://2/"), .is_active = true },
		{ URL("same", "http://x/") },
	};
	struct url before = post_url("old"), u;

	cr_assert_str_eq(urls(rows, N(rows)), "unsunuuu");
	cr_assert_eq(url_get_by_code(d.db, &d.cx, "old", &u), ERR_OK);
	cr_assert_eq(u.id, before.id);
	cr_assert_str_eq(u.original_url, "http://2/");
	cr_assert_eq(url_get_by_code(d.db, &d.cx, "new", &u), ERR_OK);
	cr_assert_eq(u.id, 50);
	cr_assert_eq(u.created_us, AT_US);
	cr_assert_str_eq(u.original_url, "http://3/");
	cr_assert_str_eq(u.title, "last");
	cr_assert(u.is_active);
	cr_assert_eq(
	    database_int(&d, "SELECT count(*) FROM events WHERE event_type = 'updated'"), 2);
	cr_assert_str_eq(database_text(&d, "SELECT details->'changes'->'title'->>'old' FROM events"
					   " WHERE url_id = 50"),
	    "first");
	cr_assert_eq(database_int(&d, "SELECT version FROM outbox WHERE url_id = 50"), u.version);
}

Test(import_store, lets_the_first_new_url_of_a_chunk_keep_an_id)
{
	const struct import_url rows[] = {
		{ .id = 7, URL("known", "http://x/") },
		{ .id = 7, .user_id = 9, URL("stray", "http://x/") },
		{ .id = 7, URL("one", "http://x/") },
		{ .id = 7, URL("two", "http://x/") },
		{ .id = 8, URL("one", "http://x/") },
		{ .id = 8, URL("three", "http://x/") },
	};

	post_url("known");
	cr_assert_str_eq(urls(rows, N(rows)), "usnnun");
	cr_assert_eq(database_int(&d, "SELECT id FROM urls WHERE short_code = 'one'"), 7);
	cr_assert_eq(database_int(&d, "SELECT id FROM urls WHERE short_code = 'three'"), 8);
	cr_assert_gt(database_int(&d, "SELECT id FROM urls WHERE short_code = 'two'"), 8);
}

Test(import_store, sends_a_large_chunk_in_pieces)
{
	struct import_url *rows = arena_alloc(d.arena, IMPORT_CHUNK * sizeof(*rows));
	char target[2048];

	memset(target, 'x', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	for (int i = 0; i < IMPORT_CHUNK; i++)
		rows[i] = (struct import_url){ URL(arena_printf(d.arena, "c%d", i), target) };
	urls(rows, IMPORT_CHUNK);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM urls"), IMPORT_CHUNK);
	cr_assert_eq(database_int(&d, "SELECT id FROM urls WHERE short_code = 'c4999'"),
	    database_int(&d, "SELECT max(id) FROM urls"));
}

Test(import_store, takes_a_time_that_is_not_given_for_now)
{
	const struct import_url rows[] = {
		{ URL("one", "http://x/") },
		{ URL("two", "http://x/"), .updated_us = AT_US },
	};

	cr_assert_str_eq(urls(rows, N(rows)), "nn");
	cr_assert_eq(
	    database_int(&d, "SELECT count(*) FROM urls WHERE created_at > now() - interval '1 min'"
			     " AND created_at <= now()"),
	    2);
	cr_assert_eq(
	    database_int(&d, "SELECT count(*) FROM urls WHERE updated_at = created_at"), 1);
}

/*
 * Events
 */

Test(import_store, keeps_all_of_an_event)
{
	const struct import_event rows[] = {
		{ .id = 40,
		    .url_id = 1,
		    .user_id = 1,
		    .at_us = AT_US,
		    .event_type = "click",
		    .details = "{\"a\": \"\\\"\"}" },
		{ .at_us = AT_US, .event_type = "note" },
	};

	post_user("owner");
	post_url("one");
	cr_assert_str_eq(events(rows, N(rows)), "nn");
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM events WHERE id = 40 AND url_id = 1"
				      " AND user_id = 1 AND us(at) = 1735689600000000"
				      " AND event_type = 'click' AND details->>'a' = '\"'"),
	    1);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM events WHERE id > 40 AND url_id IS NULL"
				      " AND details = '{}'"),
	    1);
}

Test(import_store, skips_an_event_that_is_stored_already)
{
	struct import_event rows[] = {
		{ .id = 40, .url_id = 1, .at_us = AT_US, .event_type = "note" },
		{ .id = 41, .at_us = AT_US, .event_type = "note" },
		{ .id = 42, .url_id = 1, .at_us = AT_US, .event_type = "click" },
	};

	post_url("one");
	database_run(&d, "INSERT INTO clicks VALUES (42, '2025-01-01Z', 1, NULL, gen_random_uuid(),"
			 " 1, false, 'one')");
	cr_assert_str_eq(events(rows, N(rows)), "nns");
	cr_assert_str_eq(events(rows, N(rows)), "sss");
	cr_assert_str_eq(results[0].reason, "already stored");
	rows[0].at_us++;
	rows[1].event_type = "other";
	rows[2].event_type = "other";
	cr_assert_str_eq(events(rows, N(rows)), "nnn", "others that have their ids");
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM events WHERE id > 42"), 3);
}

Test(import_store, skips_events_of_unknown_urls_and_users)
{
	const struct import_event rows[] = {
		{ .url_id = 9, .event_type = "a" },
		{ .url_id = 1, .user_id = 9, .event_type = "a" },
		{ .url_id = 1, .event_type = "a" },
	};

	post_url("one");
	cr_assert_str_eq(events(rows, N(rows)), "ssn");
	cr_assert_str_eq(results[0].reason, "no such url");
	cr_assert_str_eq(results[1].reason, "no such user");
}

Test(import_store, makes_four_partitions_per_chunk_at_most)
{
	struct import_event rows[8] = { 0 };

	for (int i = 0; i < 8; i++) {
		rows[i].id = (INT64_C(8388608) * 1000) * (i + 1) + 5;
		rows[i].event_type = "far";
	}
	cr_assert_str_eq(events(rows, N(rows)), "nnnnnnnn");
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM events WHERE id % 8388608000 = 5"), 5,
	    "four, and the one that the sequence has come to");
	cr_assert_geq(database_int(&d, "SELECT last_value FROM event_id_seq"), rows[7].id);
}

Test(import_store, skips_only_the_row_that_cannot_be_stored)
{
	struct import_event rows[9] = { 0 };

	for (int i = 0; i < 9; i++) {
		rows[i].event_type = "a";
		rows[i].details = i == 3 || i == 8 ? "{\"a\": \"\\u0000\"}" : "{}";
	}
	cr_assert_str_eq(events(rows, N(rows)), "nnnsnnnns");
	cr_assert_str_eq(results[3].reason, "has a value that can't be stored");
	cr_assert_str_empty(d.cx.diag);
}

/*
 * Others at the same time
 */

/* Imports two urls while somebody else's change, begun before, waits to be committed. */
static const char *
urls_beside(const char *change, const struct import_url rows[2])
{
	struct db *other = database_connect(&d);
	const struct db_query q = { .name = "change", .text = change };
	int status;

	cr_assert_eq(db_begin(other, &d.cx), ERR_OK);
	cr_assert_eq(db_exec(other, &d.cx, &q, NULL, NULL), ERR_OK, "%s", d.cx.diag);
	if (fork() == 0) {
		struct db *db = database_connect(&d);
		enum err e = import_urls(db, &d.cx, rows, 2, results);

		_exit(e ? 99 : (int)(results[0].outcome * 10 + results[1].outcome));
	}
	while (database_int(&d, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 0)
		usleep(1000);
	cr_assert_eq(db_commit(other, &d.cx), ERR_OK);
	wait(&status);
	db_free(other);
	cr_assert(WIFEXITED(status));
	cr_assert_neq(WEXITSTATUS(status), 99);
	results[0] = (struct import_result){ .outcome = WEXITSTATUS(status) / 10 };
	results[1] = (struct import_result){ .outcome = WEXITSTATUS(status) % 10 };
	return outcomes(2);
}

static const struct import_url pair[] = {
	{ URL("one", "http://import/") },
	{ URL("two", "http://import/") },
};

Test(import_store, changes_a_url_that_somebody_makes_meanwhile)
{
	cr_assert_str_eq(urls_beside("INSERT INTO urls (short_code, original_url)"
				     " VALUES ('two', 'http://other/')",
			     pair),
	    "nu");
	cr_assert_eq(
	    database_int(&d, "SELECT count(*) FROM urls WHERE original_url = 'http://import/'"), 2);
	cr_assert_eq(
	    database_int(&d, "SELECT count(*) FROM events WHERE event_type = 'updated'"), 1);
}

Test(import_store, makes_a_url_that_somebody_deletes_meanwhile)
{
	struct url u = post_url("two");

	cr_assert_str_eq(urls_beside("DELETE FROM urls WHERE short_code = 'two'", pair), "nn");
	cr_assert_neq(database_int(&d, "SELECT id FROM urls WHERE short_code = 'two'"), u.id);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM urls"), 2);
}

enum { WRITERS = 4, ROUNDS = 10, ROWS = 50 };

/* Imports the same users and urls as the others, or posts what they import. */
static int
import_as(int writer)
{
	struct db *db = database_connect(&d);
	enum err e = ERR_OK;

	for (int round = 0; round < ROUNDS && !e; round++) {
		struct import_user us[ROWS] = { 0 };
		struct import_url ls[ROWS] = { 0 };

		for (int i = 0; i < ROWS; i++) {
			int n = round * ROWS + (writer % 2 ? i : ROWS - 1 - i);

			us[i].id = ls[i].id = n + 1;
			us[i].username = us[i].email = arena_printf(d.arena, "u%d", n);
			ls[i].short_code = arena_printf(d.arena, "c%d", n);
			ls[i].original_url = arena_printf(d.arena, "http://%d/", writer);
		}
		e = import_users(db, &d.cx, us, ROWS, results);
		if (!e)
			e = import_urls(db, &d.cx, ls, ROWS, results);
	}
	db_free(db);
	return (int)e;
}

static int
post_as(int writer)
{
	struct db *db = database_connect(&d);
	enum err e = ERR_OK;

	for (int i = 0; i < ROUNDS * ROWS && !e; i += 3) {
		const char *name = arena_printf(d.arena, "u%d", i);
		const struct user_edit in = { .username = name, .email = name };
		const struct url_new new = { .original_url = "http://post/",
			.short_code = arena_printf(d.arena, "%c%d", writer ? 'p' : 'c', i) };
		struct user u;
		struct url l;
		bool found;

		e = user_insert(db, &d.cx, &in, &u);
		if (!e || e == ERR_CONFLICT)
			e = url_insert(db, &d.cx, &new, 7, &l, &found);
		if (e == ERR_CONFLICT)
			e = ERR_OK;
	}
	db_free(db);
	return (int)e;
}

Test(import_store, stands_imports_of_the_same_rows_and_posts_at_once)
{
	int status;

	db_close(d.db);
	for (int w = 0; w < WRITERS; w++)
		if (fork() == 0)
			_exit(w < 2 ? post_as(w) : import_as(w));
	for (int w = 0; w < WRITERS; w++) {
		wait(&status);
		cr_assert(WIFEXITED(status));
		cr_assert_eq(WEXITSTATUS(status), ERR_OK);
	}
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM users"), ROUNDS * ROWS);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM urls WHERE short_code LIKE 'c%'"),
	    ROUNDS * ROWS);
	cr_assert_eq(
	    database_int(&d, "SELECT count(*) FROM urls WHERE original_url = 'http://post/'"
			     " AND short_code LIKE 'c%'"),
	    0, "each was imported after all");
}

Test(import_store, has_an_error_for_each_call_when_the_database_is_away)
{
	struct db *away = db_new("host=/nonexistent dbname=none", "", 500);
	const struct import_user user = { .username = "a", .email = "a" };
	const struct import_url url = { URL("a", "a") };
	const struct import_event event = { .event_type = "a" };

	cr_assert_eq(import_users(away, &d.cx, &user, 1, results), ERR_UNAVAILABLE);
	cr_assert_eq(import_urls(away, &d.cx, &url, 1, results), ERR_UNAVAILABLE);
	cr_assert_eq(import_events(away, &d.cx, &event, 1, results), ERR_UNAVAILABLE);
	db_free(away);
}

Test(import_store, says_so_when_memory_runs_out)
{
	struct arena *small = arena_new(2000);
	const struct import_user user = { .username = "a", .email = "a@b.c" };
	struct ctx cx;

	ctx_init(&cx, small, 5000);
	arena_alloc(small, 1900);
	cr_assert_eq(import_users(d.db, &cx, &user, 1, results), ERR_MEMORY);
	arena_free(small);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM users"), 0);
}
