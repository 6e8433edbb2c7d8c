#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/ctx.h"
#include "lib/http/route.h"

static enum err
handle(struct app *app, struct req *rq, struct resp *rs)
{
	(void)app;
	(void)rq;
	(void)rs;
	return ERR_OK;
}

static const struct route table[] = {
	{ METHOD_GET, "/", handle, "root_show", AUTH_PUBLIC, false },
	{ METHOD_GET, "/:code", handle, "url_follow", AUTH_PUBLIC, true },
	{ METHOD_GET, "/health", handle, "health_show", AUTH_PUBLIC, false },
	{ METHOD_GET, "/users", handle, "user_list", AUTH_PUBLIC, false },
	{ METHOD_POST, "/users", handle, "user_create", AUTH_PUBLIC, false },
	{ METHOD_GET, "/users/:id", handle, "user_show", AUTH_PUBLIC, false },
	{ METHOD_DELETE, "/users/:other", handle, "user_remove", AUTH_PUBLIC, false },
	{ METHOD_POST, "/users/bulk", handle, "user_import", AUTH_PUBLIC, false },
	{ METHOD_GET, "/users/:id", handle, "user_twice", AUTH_PUBLIC, false },
	{ METHOD_GET, "/:a/x", handle, "tail_text", AUTH_PUBLIC, false },
	{ METHOD_GET, "/a/:b", handle, "head_text", AUTH_PUBLIC, false },
	{ METHOD_GET, "/:a/:b/:c/:d", handle, "four_show", AUTH_PUBLIC, false },
};

static struct arena *arena;
static struct ctx cx;
static struct req rq;
static struct route_match match;

static void
setup(void)
{
	arena = arena_new(1 << 16);
	ctx_init(&cx, arena, 1000);
}

static void
teardown(void)
{
	arena_free(arena);
}

TestSuite(route, .init = setup, .fini = teardown);

/* Finds the row for a path without escapes. */
static enum err
find(enum method method, const char *path)
{
	char *copy = arena_strdup(arena, path), *segment;

	rq = (struct req){ .cx = &cx, .method = method };
	while ((segment = strsep(&copy, "/")))
		if (*segment)
			rq.segments[rq.n_segments++] = segment;
	return route_find(table, N(table), &rq, &match);
}

static void
expect(enum method method, const char *path, const char *name)
{
	cr_assert_eq(find(method, path), ERR_OK, "%s is not found", path);
	cr_assert_str_eq(match.route->name, name);
}

Test(route, finds_the_row_of_method_and_path)
{
	expect(METHOD_GET, "/users", "user_list");
	expect(METHOD_POST, "/users", "user_create");
	expect(METHOD_DELETE, "/users/7", "user_remove");
	expect(METHOD_GET, "/", "root_show");
}

Test(route, fills_the_parameters_in_order)
{
	expect(METHOD_GET, "/users/7", "user_show");
	cr_assert_str_eq(rq.params[0], "7");
	expect(METHOD_GET, "/p/q/r/s", "four_show");
	cr_assert_str_eq(rq.params[0], "p");
	cr_assert_str_eq(rq.params[3], "s");
}

Test(route, prefers_text_to_a_parameter)
{
	expect(METHOD_GET, "/health", "health_show");
	expect(METHOD_GET, "/healthy", "url_follow");
	expect(METHOD_POST, "/users/bulk", "user_import");
}

Test(route, prefers_text_further_to_the_left)
{
	expect(METHOD_GET, "/a/x", "head_text");
	expect(METHOD_GET, "/b/x", "tail_text");
}

Test(route, prefers_the_first_matching_row)
{
	expect(METHOD_GET, "/users/7", "user_show");
}

Test(route, decides_by_the_path_before_the_method)
{
	cr_assert_eq(find(METHOD_GET, "/users/bulk"), ERR_METHOD);
	cr_assert_str_eq(route_allow(&rq, match.allowed), "POST, OPTIONS");
	cr_assert_null(match.route);
}

Test(route, answers_head_where_get_works)
{
	expect(METHOD_HEAD, "/users", "user_list");
	cr_assert_eq(find(METHOD_HEAD, "/users/bulk"), ERR_METHOD);
}

Test(route, gathers_the_methods_of_all_rows_of_a_path)
{
	cr_assert_eq(find(METHOD_PUT, "/users"), ERR_METHOD);
	cr_assert_str_eq(route_allow(&rq, match.allowed), "GET, HEAD, POST, OPTIONS");
	cr_assert_eq(find(METHOD_PUT, "/users/7"), ERR_METHOD);
	cr_assert_str_eq(route_allow(&rq, match.allowed), "GET, HEAD, DELETE, OPTIONS");
}

Test(route, leaves_options_to_the_caller)
{
	cr_assert_eq(find(METHOD_OPTIONS, "/users"), ERR_METHOD);
	cr_assert(match.allowed & 1U << METHOD_OPTIONS);
	cr_assert_eq(find(METHOD_OPTIONS, "/no/such/path"), ERR_NOT_FOUND);
}

Test(route, refuses_an_unknown_method_only_where_the_path_is_known)
{
	cr_assert_eq(find(METHOD_OTHER, "/users"), ERR_METHOD);
	cr_assert_eq(find(METHOD_OTHER, "/no/such/path"), ERR_NOT_FOUND);
	cr_assert_eq(match.allowed, 0);
}

Test(route, needs_every_segment)
{
	cr_assert_eq(find(METHOD_GET, "/users/7/urls"), ERR_NOT_FOUND);
	cr_assert_eq(find(METHOD_GET, "/p/q/r/s/t"), ERR_NOT_FOUND);
}

Test(route, compares_segments_whole_and_by_case)
{
	expect(METHOD_GET, "/user", "url_follow");
	expect(METHOD_GET, "/userss", "url_follow");
	expect(METHOD_GET, "/Users", "url_follow");
}

Test(route, never_takes_an_empty_segment_for_a_parameter)
{
	rq = (struct req){ .cx = &cx, .segments = { "" }, .n_segments = 1 };
	cr_assert_eq(route_find(table, N(table), &rq, &match), ERR_NOT_FOUND);
	rq = (struct req){ .cx = &cx, .segments = { "users", "" }, .n_segments = 2 };
	cr_assert_eq(route_find(table, N(table), &rq, &match), ERR_NOT_FOUND);
}

Test(route, finds_nothing_for_a_bad_path)
{
	rq = (struct req){ .cx = &cx, .segments = { "users" }, .n_segments = 1, .bad_path = true };
	cr_assert_eq(route_find(table, N(table), &rq, &match), ERR_NOT_FOUND);
	cr_assert_eq(match.allowed, 0);
	cr_assert_null(match.route);
}

Test(route, keeps_some_rows_out_of_the_prefix)
{
	rq = (struct req){ .cx = &cx, .segments = { "abc" }, .n_segments = 1, .prefixed = true };
	cr_assert_eq(route_find(table, N(table), &rq, &match), ERR_NOT_FOUND);
	rq.segments[0] = "users";
	cr_assert_eq(route_find(table, N(table), &rq, &match), ERR_OK);
}

Test(route, finds_nothing_in_an_empty_table)
{
	rq = (struct req){ .cx = &cx };
	cr_assert_eq(route_find(table, 0, &rq, &match), ERR_NOT_FOUND);
}

Test(route, lists_no_methods_without_memory)
{
	struct arena *none = arena_new(0);

	cr_assert_eq(find(METHOD_PUT, "/users"), ERR_METHOD);
	cx.arena = none;
	cr_assert_null(route_allow(&rq, match.allowed));
	arena_free(none);
}
