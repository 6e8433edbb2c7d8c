#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/data/db.h"
#include "lib/data/stats_store.h"
#include "lib/data/url_store.h"
#include "tests/unit/database.h"

static struct database d;

static void
set_up(void)
{
	database_init(&d);
	database_run(&d, "INSERT INTO users (username, email)"
			 " SELECT 'u' || n, 'u' || n || '@b.c' FROM generate_series(1, 3) AS n");
}

static void
tear_down(void)
{
	database_release(&d);
}

TestSuite(url_store, .init = set_up, .fini = tear_down, .timeout = 120);

#define TARGET "https://example.com/"

static struct url
insert(const struct url_new *in)
{
	struct url u = { 0 };
	bool found;

	cr_assert_eq(url_insert(d.db, &d.cx, in, 7, &u, &found), ERR_OK, "%s", d.cx.diag);
	cr_assert_not(found);
	return u;
}

static enum err
try_insert(const struct url_new *in)
{
	struct url u;
	bool found;

	database_fresh(&d);
	return url_insert(d.db, &d.cx, in, 7, &u, &found);
}

static struct url
plain(void)
{
	return insert(&(struct url_new){ .original_url = TARGET, .title = "t", .user_id = 2 });
}

static enum err
edit(int64_t id, const struct url_edit *in, int64_t if_version, struct url *ret_url)
{
	bool changed;
	enum err e = url_update(d.db, &d.cx, id, in, if_version, ret_url, &changed);

	if (!e)
		cr_assert(changed);
	return e;
}

static const char *
details_of_last(void)
{
	return database_text(&d, "SELECT details FROM events ORDER BY id DESC LIMIT 1");
}

Test(url_store, gives_back_what_was_inserted)
{
	struct url u = plain(), got;

	cr_assert_eq(u.user_id, 2);
	cr_assert_eq(strlen(u.short_code), 7);
	cr_assert(u.is_active);
	cr_assert_eq(u.created_us, u.updated_us);
	cr_assert_gt(u.version, 0);
	cr_assert_eq(url_get_by_code(d.db, &d.cx, u.short_code, &got), ERR_OK);
	cr_assert_eq(got.id, u.id);
	cr_assert_str_eq(got.original_url, TARGET);
	cr_assert_str_eq(got.title, "t");
	cr_assert_eq(url_get(d.db, &d.cx, u.id, &got), ERR_OK);
	cr_assert_eq(got.version, u.version);
	cr_assert_eq(url_get(d.db, &d.cx, u.id + 1, &got), ERR_NOT_FOUND);
	cr_assert_eq(url_get_by_code(d.db, &d.cx, "nosuch", &got), ERR_NOT_FOUND);
}

Test(url_store, notes_a_creation_and_posts_it)
{
	struct url u = plain();

	cr_assert_eq(database_int(&d, "SELECT count(*) FROM events WHERE event_type = 'created'"
				      " AND url_id = (SELECT id FROM urls) AND user_id = 2"
				      " AND details = (SELECT jsonb_build_object('short_code',"
				      " short_code, 'original_url', original_url) FROM urls)"),
	    1);
	cr_assert_eq(database_int(&d, "SELECT version FROM outbox"), u.version);
}

Test(url_store, refuses_an_owner_that_is_not_there)
{
	const struct url_new in = { .original_url = TARGET, .user_id = 77 };

	cr_assert_eq(try_insert(&in), ERR_NOT_FOUND);
	cr_assert_str_eq(d.cx.detail, "no such user");
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM events"), 0);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM outbox"), 0);
}

Test(url_store, refuses_a_custom_code_that_is_taken)
{
	const struct url_new in = { .original_url = TARGET, .short_code = "mine" };
	const struct url_new other = { .original_url = TARGET, .short_code = "Mine" };

	insert(&in);
	cr_assert_eq(try_insert(&in), ERR_CONFLICT);
	cr_assert_str_eq(d.cx.detail, "the short code is taken");
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM events"), 1, "refused: no event");
	cr_assert_eq(try_insert(&other), ERR_OK, "case counts");
}

static bool
is_reserved(const char *code)
{
	static int asked;

	(void)code;
	return asked++ < 3;
}

static bool
all_are_reserved(const char *code)
{
	(void)code;
	return true;
}

/* As if url after url of the drawn codes had just been deleted. */
static char marked[2][8];

static bool
is_reserved_no_but_marked(const char *code)
{
	static int n;

	if (n < 2) {
		snprintf(marked[n++], sizeof(marked[0]), "%s", code);
		database_run(&d, arena_printf(d.arena,
				     "INSERT INTO outbox (short_code, version)"
				     " VALUES ('%s', 1)",
				     code));
	}
	return false;
}

Test(url_store, draws_again_what_a_cache_may_remember_as_deleted)
{
	const struct url_new in = { .original_url = TARGET,
		.is_reserved = is_reserved_no_but_marked };
	const struct url_new custom = { .original_url = TARGET, .short_code = marked[0] };
	struct url u = insert(&in);

	cr_assert_eq(strlen(marked[1]), 7);
	cr_assert_str_neq(u.short_code, marked[0]);
	cr_assert_str_neq(u.short_code, marked[1]);
	cr_assert_str_eq(insert(&custom).short_code, marked[0], "who asks for it gets it");
}

Test(url_store, draws_again_what_is_reserved)
{
	const struct url_new some = { .original_url = TARGET, .is_reserved = is_reserved };
	const struct url_new none = { .original_url = TARGET, .is_reserved = all_are_reserved };

	insert(&some);
	cr_assert_eq(try_insert(&none), ERR_UNAVAILABLE);
}

Test(url_store, goes_past_ids_that_are_taken)
{
	struct url u = plain();
	char sql[200];

	snprintf(sql, sizeof(sql),
	    "INSERT INTO urls (id, short_code, original_url)"
	    " SELECT n, 'c' || n, 'http://a.b/' FROM generate_series(%ld, %ld) AS n",
	    (long)u.id + 1, (long)u.id + 3);
	database_run(&d, sql);
	cr_assert_eq(plain().id, u.id + 4);
	snprintf(sql, sizeof(sql),
	    "INSERT INTO events (id, event_type) SELECT last_value + n, 'x'"
	    " FROM event_id_seq, generate_series(1, 3) AS n");
	database_run(&d, sql);
	plain();
	cr_assert_str_empty(d.cx.diag);
}

Test(url_store, makes_the_partition_that_an_event_needs)
{
	database_run(&d, "SELECT setval('event_id_seq', 5 * 8388608)");
	plain();
	cr_assert_not_null(database_text(&d, "SELECT to_regclass('events_p5')"));
	cr_assert_not_null(database_text(&d, "SELECT to_regclass('clicks_p6')"));
}

Test(url_store, finds_the_oldest_active_url_of_the_same_target_and_owner)
{
	struct url_new in = { .original_url = TARGET, .user_id = 2 };
	struct url first, second, got;
	bool found;

	first = insert(&in);
	second = insert(&in);
	in.find_if_exists = true;
	cr_assert_eq(url_insert(d.db, &d.cx, &in, 7, &got, &found), ERR_OK);
	cr_assert(found);
	cr_assert_eq(got.id, first.id);
	edit(first.id, &(struct url_edit){ .given = 1U << URL_EDIT_ACTIVE }, 0, &got);
	cr_assert_eq(url_insert(d.db, &d.cx, &in, 7, &got, &found), ERR_OK);
	cr_assert(found);
	cr_assert_eq(got.id, second.id);
	in.user_id = 3;
	insert(&in);
	in.user_id = 0;
	insert(&in);
	in.original_url = TARGET "x";
	insert(&in);
	in.user_id = 77;
	cr_assert_eq(try_insert(&in), ERR_NOT_FOUND);
}

Test(url_store, takes_back_an_owner_that_is_deleted)
{
	struct url u = plain();
	const struct url_new in = { .original_url = TARGET, .user_id = 2, .find_if_exists = true };
	const struct url_filter filter = { .given = 1U << URL_FILTER_USER, .user_id = 2 };
	const struct page page = { .limit = 10 };
	struct url_list list;

	database_run(&d, "DELETE FROM users WHERE id = 2");
	cr_assert_eq(url_get(d.db, &d.cx, u.id, &u), ERR_OK);
	cr_assert_eq(u.user_id, 0);
	cr_assert_eq(url_find(d.db, &d.cx, &filter, &page, &list), ERR_OK);
	cr_assert_eq(list.n, 0);
	cr_assert_eq(try_insert(&in), ERR_NOT_FOUND);
	cr_assert_eq(edit(u.id, &(struct url_edit){ .given = 1 }, 0, &u), ERR_OK);
	cr_assert_null(
	    database_text(&d, "SELECT user_id FROM events WHERE event_type = 'updated'"));
}

Test(url_store, lists_by_each_filter)
{
	static const int64_t owners[] = { 1, 2, 2, 1, 2, 0 };
	struct url_filter filter = { .user_id = 2, .is_active = false };
	struct page page = { .limit = 50 };
	static const int expected[] = { 6, 3, 2, 1 };
	struct url_list list;

	for (size_t i = 0; i < N(owners); i++)
		insert(&(struct url_new){ .original_url = TARGET, .user_id = owners[i] });
	database_run(&d, "UPDATE urls SET is_active = false WHERE id IN (1, 5)");
	for (filter.given = 0; filter.given < N(expected); filter.given++) {
		cr_assert_eq(url_find(d.db, &d.cx, &filter, &page, &list), ERR_OK);
		cr_assert_eq(list.n, expected[filter.given], "filter %u", filter.given);
	}
	cr_assert_eq(list.urls[0].id, 5);
	filter = (struct url_filter){ .given = 1U << URL_FILTER_ACTIVE, .is_active = true };
	page = (struct page){ .is_keyset = true, .after = 2, .limit = 2 };
	cr_assert_eq(url_find(d.db, &d.cx, &filter, &page, &list), ERR_OK);
	cr_assert_eq(list.n, 3, "one more than asked for");
	cr_assert_eq(list.urls[0].id, 3);
	page = (struct page){ .offset = 3, .limit = 2 };
	cr_assert_eq(url_find(d.db, &d.cx, &filter, &page, &list), ERR_OK);
	cr_assert_eq(list.n, 1);
	cr_assert_eq(list.urls[0].id, 6);
	page.offset = INT64_MAX - 300;
	cr_assert_eq(url_find(d.db, &d.cx, &filter, &page, &list), ERR_OK);
	cr_assert_eq(list.n, 0);
}

Test(url_store, notes_one_changed_member_by_name)
{
	struct url u = plain(), got;

	cr_assert_eq(
	    edit(u.id, &(struct url_edit){ .given = 1U << URL_EDIT_TITLE }, 0, &got), ERR_OK);
	cr_assert_null(got.title);
	cr_assert_gt(got.version, u.version);
	cr_assert_gt(got.updated_us, u.updated_us);
	cr_assert_eq(got.created_us, u.created_us);
	cr_assert_str_eq(details_of_last(),
	    "{\"field\": \"title\", \"changes\": {\"title\": {\"new\": null, \"old\": \"t\"}},"
	    " \"new_value\": null}");
	cr_assert_eq(
	    database_int(&d, "SELECT version FROM outbox ORDER BY id DESC LIMIT 1"), got.version);
}

Test(url_store, notes_several_changed_members_together)
{
	struct url u = plain();
	const struct url_edit in = { .given = 7, .title = "t", .original_url = TARGET "x" };

	cr_assert_eq(edit(u.id, &in, u.version, &u), ERR_OK);
	cr_assert_not(u.is_active);
	cr_assert_str_eq(u.original_url, TARGET "x");
	cr_assert_str_eq(details_of_last(),
	    "{\"changes\": {\"is_active\": {\"new\": false, \"old\": true}, \"original_url\":"
	    " {\"new\": \"" TARGET "x\", \"old\": \"" TARGET "\"}}}");
}

Test(url_store, leaves_a_url_alone_when_nothing_differs)
{
	const struct url_edit in = {
		.given = 7, .title = "t", .original_url = TARGET, .is_active = true
	};
	const struct url_edit nothing = { 0 };
	struct url u = plain(), got;
	bool changed = true;

	cr_assert_eq(url_update(d.db, &d.cx, u.id, &in, 0, &got, &changed), ERR_OK);
	cr_assert_not(changed);
	cr_assert_eq(got.version, u.version);
	cr_assert_eq(got.updated_us, u.updated_us);
	cr_assert_eq(url_update(d.db, &d.cx, u.id, &nothing, u.version, &got, &changed), ERR_OK);
	cr_assert_not(changed);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM events"), 1);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM outbox"), 1);
}

Test(url_store, refuses_a_change_of_another_version)
{
	const struct url_edit in = { .given = 1, .title = "x" };
	struct url u = plain(), got;

	cr_assert_eq(edit(u.id, &in, u.version + 1, &got), ERR_PRECONDITION);
	cr_assert_eq(url_delete(d.db, &d.cx, u.id, u.version + 1, &got), ERR_PRECONDITION);
	cr_assert_eq(edit(u.id + 1, &in, u.version, &got), ERR_NOT_FOUND);
	cr_assert_eq(url_delete(d.db, &d.cx, u.id + 1, u.version, &got), ERR_NOT_FOUND);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM events"), 1);
}

Test(url_store, deletes_at_once_and_frees_the_code)
{
	const struct url_new in = { .original_url = TARGET, .short_code = "code", .user_id = 2 };
	struct url u = insert(&in), gone, again;
	struct stats st;

	database_run(&d, "INSERT INTO url_counters SELECT id, 3, 1, 2, now() FROM urls");
	cr_assert_eq(stats_get(d.db, &d.cx, "code", &st), ERR_OK);
	cr_assert_eq(st.all, 3);
	cr_assert_eq(st.humans, 2);
	cr_assert_eq(st.bots, 1);
	cr_assert_eq(st.unique, 2);
	cr_assert_gt(st.last_click_us, 0);
	cr_assert_eq(url_delete(d.db, &d.cx, u.id, u.version, &gone), ERR_OK);
	cr_assert_gt(gone.version, u.version);
	cr_assert_str_eq(gone.short_code, "code");
	cr_assert_str_eq(details_of_last(), "{\"reason\": \"deleted by request\"}");
	cr_assert_eq(
	    database_int(&d, "SELECT user_id FROM events WHERE event_type = 'deleted'"), 2);
	cr_assert_eq(
	    database_int(&d, "SELECT version FROM outbox WHERE url_id IS NULL"), gone.version);
	cr_assert_eq(database_int(&d, "SELECT id FROM deleted_urls"), u.id);
	again = insert(&in);
	cr_assert_gt(again.version, gone.version);
	cr_assert_eq(stats_get(d.db, &d.cx, "code", &st), ERR_OK);
	cr_assert_eq(st.all, 0);
	cr_assert_eq(st.last_click_us, 0);
	cr_assert_eq(stats_get(d.db, &d.cx, "nosuch", &st), ERR_NOT_FOUND);
}

/* What one of many writers does: changes by turns, and each fifth deletes at the end. */
static int
write_often(int writer, int64_t id, bool deletes)
{
	struct db *db = database_connect(&d);
	struct url u;
	bool changed;
	enum err e = ERR_OK;

	for (int i = 0; i < 40 && !e; i++) {
		struct url_edit in = { .given = 1,
			.title = arena_printf(d.arena, "%d.%d", writer, i) };

		e = url_update(db, &d.cx, id, &in, 0, &u, &changed);
		if (deletes && i == 39)
			e = url_delete(db, &d.cx, id, 0, &u);
	}
	db_free(db);
	return (int)e;
}

static void
write_in_parallel(int64_t id, int writers, bool deletes, enum err also_fine)
{
	int status;

	db_close(d.db);
	for (int w = 0; w < writers; w++)
		if (fork() == 0)
			_exit(write_often(w, id, deletes));
	for (int w = 0; w < writers; w++) {
		wait(&status);
		cr_assert(WIFEXITED(status));
		if (WEXITSTATUS(status) != (int)also_fine)
			cr_assert_eq(WEXITSTATUS(status), ERR_OK);
	}
}

Test(url_store, loses_no_change_of_many_made_at_once)
{
	struct url u = plain();

	write_in_parallel(u.id, 5, false, ERR_OK);
	cr_assert_eq(
	    database_int(&d, "SELECT count(*) FROM events WHERE event_type = 'updated'"), 200);
	/* Each event begins where the one before it ended. */
	cr_assert_eq(
	    database_int(&d, "SELECT count(*) FROM (SELECT details->'changes'->'title' AS t"
			     " FROM events WHERE event_type = 'updated') AS a"
			     " JOIN (SELECT details->'changes'->'title' AS t FROM events"
			     " WHERE event_type = 'updated') AS b"
			     " ON a.t->'new' = b.t->'old'"),
	    199);
	cr_assert_str_eq(database_text(&d, "SELECT (SELECT version FROM urls) = max(version)"
					   " AND count(*) = 201 FROM outbox"),
	    "t");
}

Test(url_store, changes_and_deletions_at_once_end_well)
{
	struct url u = plain();

	write_in_parallel(u.id, 5, true, ERR_NOT_FOUND);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM urls"), 0);
	cr_assert_eq(
	    database_int(&d, "SELECT count(*) FROM events WHERE event_type = 'deleted'"), 1);
	cr_assert_str_eq(
	    database_text(&d, "SELECT event_type FROM events ORDER BY id DESC LIMIT 1"), "deleted");
}

Test(url_store, has_an_error_for_each_call_when_the_database_is_away)
{
	struct db *away = db_new("host=/nonexistent dbname=none", "", 500);
	const struct url_new in = { .original_url = TARGET, .find_if_exists = true };
	const struct url_edit change = { 0 };
	const struct url_filter all = { 0 };
	const struct page page = { .limit = 1 };
	struct url_list list;
	struct stats st;
	struct url u;
	bool b;

	cr_assert_eq(url_insert(away, &d.cx, &in, 7, &u, &b), ERR_UNAVAILABLE);
	cr_assert_eq(url_get(away, &d.cx, 1, &u), ERR_UNAVAILABLE);
	cr_assert_eq(url_get_by_code(away, &d.cx, "x", &u), ERR_UNAVAILABLE);
	cr_assert_eq(url_find(away, &d.cx, &all, &page, &list), ERR_UNAVAILABLE);
	cr_assert_eq(url_update(away, &d.cx, 1, &change, 0, &u, &b), ERR_UNAVAILABLE);
	cr_assert_eq(url_delete(away, &d.cx, 1, 0, &u), ERR_UNAVAILABLE);
	cr_assert_eq(stats_get(away, &d.cx, "x", &st), ERR_UNAVAILABLE);
	db_free(away);
}
