#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/data/db.h"
#include "lib/data/user_store.h"
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

TestSuite(user_store, .init = set_up, .fini = tear_down, .timeout = 120);

static struct user
insert(const char *username, const char *email)
{
	const struct user_edit in = { .username = username, .email = email };
	struct user u = { 0 };

	cr_assert_eq(user_insert(d.db, &d.cx, &in, &u), ERR_OK, "%s", d.cx.diag);
	return u;
}

static enum err
try_insert(const char *username, const char *email)
{
	const struct user_edit in = { .username = username, .email = email };
	struct user u;

	database_fresh(&d);
	return user_insert(d.db, &d.cx, &in, &u);
}

Test(user_store, gives_back_what_was_inserted)
{
	int64_t before = clock_wall_us();
	struct user u = insert("zo\xc3\xab", "zoe@example.com"), got;

	cr_assert_gt(u.id, 0);
	cr_assert_str_eq(u.username, "zo\xc3\xab");
	cr_assert_geq(u.created_us, before - 1000000);
	cr_assert_leq(u.created_us, clock_wall_us() + 1000000);
	cr_assert_eq(user_get(d.db, &d.cx, u.id, &got), ERR_OK);
	cr_assert_eq(got.id, u.id);
	cr_assert_str_eq(got.email, "zoe@example.com");
	cr_assert_eq(got.created_us, u.created_us, "to the microsecond");
	cr_assert_eq(user_get(d.db, &d.cx, u.id + 1, &got), ERR_NOT_FOUND);
	cr_assert_eq(user_get(d.db, &d.cx, INT64_MAX, &got), ERR_NOT_FOUND);
}

Test(user_store, says_which_of_the_two_is_taken)
{
	insert("ann", "ann@example.com");
	cr_assert_eq(try_insert("ann", "other@example.com"), ERR_CONFLICT);
	cr_assert_str_eq(d.cx.detail, "the username is taken");
	cr_assert_eq(try_insert("other", "ann@example.com"), ERR_CONFLICT);
	cr_assert_str_eq(d.cx.detail, "the e-mail address is taken");
	cr_assert_eq(try_insert("Ann", "Ann@example.com"), ERR_OK, "case counts");
}

Test(user_store, goes_past_an_id_that_is_taken)
{
	int64_t id = insert("a", "a@b.c").id;
	char sql[128];

	for (int i = 1; i <= 3; i++) {
		snprintf(sql, sizeof(sql), "INSERT INTO users VALUES (%ld, 'x%d', 'x%d@b.c')",
		    (long)id + i, i, i);
		database_run(&d, sql);
	}
	cr_assert_eq(insert("b", "b@b.c").id, id + 4);
	cr_assert_str_empty(d.cx.diag);
}

Test(user_store, gives_up_when_too_many_ids_are_taken)
{
	database_run(&d, "INSERT INTO users"
			 " SELECT n, 'u' || n, 'u' || n || '@b.c' FROM generate_series(1, 50) n");
	cr_assert_eq(try_insert("b", "b@b.c"), ERR_UNAVAILABLE);
}

Test(user_store, changes_only_what_is_given)
{
	struct user u = insert("old", "old@example.com"), got;
	const struct user_edit name = { .given = 1, .username = "new" };
	const struct user_edit mail = { .given = 2, .email = "new@example.com" };
	const struct user_edit nothing = { 0 };

	cr_assert_eq(user_update(d.db, &d.cx, u.id, &name, &got), ERR_OK);
	cr_assert_str_eq(got.username, "new");
	cr_assert_str_eq(got.email, "old@example.com");
	cr_assert_eq(user_update(d.db, &d.cx, u.id, &mail, &got), ERR_OK);
	cr_assert_str_eq(got.email, "new@example.com");
	cr_assert_eq(user_update(d.db, &d.cx, u.id, &nothing, &got), ERR_OK);
	cr_assert_str_eq(got.username, "new");
	cr_assert_eq(got.created_us, u.created_us);
	cr_assert_eq(user_update(d.db, &d.cx, u.id + 1, &name, &got), ERR_NOT_FOUND);
}

Test(user_store, refuses_a_change_to_what_another_has)
{
	struct user a = insert("a", "a@b.c"), got;
	const struct user_edit name = { .given = 1, .username = "b" };
	const struct user_edit mail = { .given = 2, .email = "b@b.c" };
	const struct user_edit own = { .given = 3, .username = "a", .email = "a@b.c" };

	insert("b", "b@b.c");
	cr_assert_eq(user_update(d.db, &d.cx, a.id, &name, &got), ERR_CONFLICT);
	cr_assert_str_eq(d.cx.detail, "the username is taken");
	database_fresh(&d);
	cr_assert_eq(user_update(d.db, &d.cx, a.id, &mail, &got), ERR_CONFLICT);
	cr_assert_str_eq(d.cx.detail, "the e-mail address is taken");
	cr_assert_eq(user_update(d.db, &d.cx, a.id, &own, &got), ERR_OK, "its own are free");
}

Test(user_store, lists_by_page_and_by_key_one_more_than_asked_for)
{
	struct page page = { .limit = 2 };
	struct user_list list;

	for (char name[2] = "a"; name[0] <= 'e'; name[0]++)
		insert(name, arena_printf(d.arena, "%s@b.c", name));
	cr_assert_eq(user_find(d.db, &d.cx, &page, &list), ERR_OK);
	cr_assert_eq(list.n, 3);
	cr_assert_str_eq(list.users[0].username, "a");
	page.offset = 4;
	cr_assert_eq(user_find(d.db, &d.cx, &page, &list), ERR_OK);
	cr_assert_eq(list.n, 1);
	cr_assert_str_eq(list.users[0].username, "e");
	page.offset = INT64_MAX - 10;
	cr_assert_eq(user_find(d.db, &d.cx, &page, &list), ERR_OK);
	cr_assert_eq(list.n, 0);
	page = (struct page){ .is_keyset = true, .after = list.n + 2, .limit = 200 };
	cr_assert_eq(user_find(d.db, &d.cx, &page, &list), ERR_OK);
	cr_assert_eq(list.n, 3);
	cr_assert_str_eq(list.users[0].username, "c");
}

Test(user_store, remembers_a_deleted_user_for_cleaning)
{
	int64_t id = insert("a", "a@b.c").id;

	cr_assert_eq(user_delete(d.db, &d.cx, id), ERR_OK);
	cr_assert_eq(database_int(&d, "SELECT id FROM deleted_users"), id);
	cr_assert_eq(user_delete(d.db, &d.cx, id), ERR_NOT_FOUND);
	cr_assert_neq(insert("a", "a@b.c").id, id);
}

Test(user_store, has_an_error_for_each_call_when_the_database_is_away)
{
	struct db *away = db_new("host=/nonexistent dbname=none", "", 500);
	const struct user_edit in = { .username = "a", .email = "a@b.c" };
	const struct page page = { .limit = 1 };
	struct user_list list;
	struct user u;

	cr_assert_eq(user_insert(away, &d.cx, &in, &u), ERR_UNAVAILABLE);
	cr_assert_eq(user_get(away, &d.cx, 1, &u), ERR_UNAVAILABLE);
	cr_assert_eq(user_find(away, &d.cx, &page, &list), ERR_UNAVAILABLE);
	cr_assert_eq(user_update(away, &d.cx, 1, &in, &u), ERR_UNAVAILABLE);
	cr_assert_eq(user_delete(away, &d.cx, 1), ERR_UNAVAILABLE);
	db_free(away);
}

Test(user_store, points_to_the_key_when_a_deep_page_takes_too_long)
{
	const struct page deep = { .offset = 1, .limit = 1 };
	const struct page first = { .limit = 1 };

	cr_assert_eq(page_refuse(&d.cx, ERR_DEADLINE, &first), ERR_DEADLINE);
	cr_assert_null(d.cx.detail);
	cr_assert_eq(page_refuse(&d.cx, ERR_INTERNAL, &deep), ERR_INTERNAL);
	cr_assert_null(d.cx.detail);
	cr_assert_eq(page_refuse(&d.cx, ERR_DEADLINE, &deep), ERR_DEADLINE);
	cr_assert(strstr(d.cx.detail, "after="));
}
