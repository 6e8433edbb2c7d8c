#include <criterion/criterion.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/http/req.h"
#include "tests/unit/served.h"

static struct served served;
static struct req rq;
static const struct field_env env;

static void
setup(void)
{
	served_start(&served);
}

static void
teardown(void)
{
	served_stop(&served);
}

TestSuite(req, .init = setup, .fini = teardown, .timeout = 60);

static void
come_with_body(const char *const *pairs, const char *body, size_t n)
{
	served_request(&served, pairs, body, n);
	cr_assert_eq(req_init(&rq, &served.cx, served.fcgi), ERR_OK);
	rq.env = &env;
}

static void
come(const char *name, const char *value)
{
	const char *const pairs[] = { name, value, NULL };

	come_with_body(pairs, "", 0);
}

/*
 * What req_init works out
 */

Test(req, knows_its_methods)
{
	static const char *const names[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE",
		"OPTIONS", "get", "", "GETS", "TRACE", "OTHER" };
	size_t i;

	for (i = 0; i < N(names); i++) {
		come("REQUEST_METHOD", names[i]);
		cr_assert_eq(rq.method, i < METHOD_OTHER ? i : METHOD_OTHER, "%s", names[i]);
		if (i < METHOD_OTHER)
			cr_assert_str_eq(req_method_name(rq.method), names[i]);
		served_drop(&served);
	}
}

static const struct {
	const char *target, *segments, *query;
} targets[] = {
	{ "/", "", "" },
	{ "/?", "", "" },
	{ "/?a=b", "", "a=b" },
	{ "/a", "[a]", "" },
	{ "/a/b/c", "[a][b][c]", "" },
	{ "/a?b?c=/d", "[a]", "b?c=/d" },
	{ "/%61%2Fb/%C3%A4", "[a/b][\xc3\xa4]", "" },
	{ "/%2561", "[%61]", "" },
	{ "/a+b", "[a+b]", "" },
	{ "/..", "[..]", "" },
	{ "/1/2/3/4/5/6/7/8", "[1][2][3][4][5][6][7][8]", "" },
};

/* The segments as one text. */
static const char *
segments(void)
{
	struct buf out;
	size_t i;

	buf_init(&out, served.arena);
	for (i = 0; i < rq.n_segments; i++)
		buf_printf(&out, "[%s]", rq.segments[i]);
	return buf_str(&out);
}

Test(req, splits_its_target_and_decodes_each_segment_once)
{
	size_t i;

	for (i = 0; i < N(targets); i++) {
		come("REQUEST_URI", targets[i].target);
		cr_assert_not(rq.bad_path, "%s", targets[i].target);
		cr_assert_str_eq(segments(), targets[i].segments);
		cr_assert_str_eq(rq.query_text, targets[i].query);
		cr_assert_str_eq(rq.target, targets[i].target);
		cr_assert_not(rq.prefixed);
		served_drop(&served);
	}
}

Test(req, has_no_path_where_none_can_match)
{
	static const char *const bad[] = { "", "?a", "a", "a/b", "*", "http://a/b", "//", "///",
		"/a/", "/a//b", "//a", "/%", "/%4", "/%4x", "/%00", "/a%00b", "/%ff", "/%C3/%A4",
		"/%ED%A0%80", "/1/2/3/4/5/6/7/8/9" };
	size_t i;

	for (i = 0; i < N(bad); i++) {
		come("REQUEST_URI", bad[i]);
		cr_assert(rq.bad_path, "%s", bad[i]);
		served_drop(&served);
	}
}

Test(req, takes_its_path_from_behind_the_prefix)
{
	const char *const pairs[] = { "REQUEST_URI", "/api/v1/users?a=b", "TERSE_TARGET",
		"/users?a=b", NULL };

	come_with_body(pairs, "", 0);
	cr_assert(rq.prefixed);
	cr_assert_str_eq(rq.target, "/api/v1/users?a=b");
	cr_assert_str_eq(segments(), "[users]");
	cr_assert_str_eq(rq.query_text, "a=b");
}

Test(req, is_not_prefixed_when_nothing_was_stripped)
{
	const char *const pairs[] = { "REQUEST_URI", "/users", "TERSE_TARGET", "/users", NULL };

	come_with_body(pairs, "", 0);
	cr_assert_not(rq.prefixed);
}

Test(req, needs_no_parameter_at_all)
{
	come_with_body((const char *const[]){ NULL }, "", 0);
	cr_assert_eq(rq.method, METHOD_OTHER);
	cr_assert_str_eq(rq.target, "");
	cr_assert_str_eq(rq.client, "");
	cr_assert_str_eq(served.cx.request_id, "");
	cr_assert(rq.bad_path);
	cr_assert_null(req_header(&rq, "HTTP_HOST"));
}

Test(req, takes_ids_and_address_from_the_web_server)
{
	const char *const pairs[] = { "REMOTE_ADDR", "192.0.2.1", "TERSE_REQUEST_ID", "r-1",
		"TERSE_VISIT_ID", "0123456789abcdef0123456789abcdef", "HTTP_HOST", "a.example",
		NULL };

	come_with_body(pairs, "", 0);
	cr_assert_str_eq(rq.client, "192.0.2.1");
	cr_assert_str_eq(served.cx.request_id, "r-1");
	cr_assert_str_eq(rq.visit_id, "0123456789abcdef0123456789abcdef");
	cr_assert_str_eq(req_header(&rq, "HTTP_HOST"), "a.example");
}

Test(req, makes_a_visit_id_of_its_own_when_it_has_none)
{
	static const char *const bad[] = { "", "0123", "0123456789abcdef0123456789abcdefa",
		"0123456789ABCDEF0123456789ABCDEF", "0123456789abcdef0123456789abcde\t" };
	char first[33];
	size_t i;

	for (i = 0; i < N(bad); i++) {
		come("TERSE_VISIT_ID", bad[i]);
		cr_assert_eq(strspn(rq.visit_id, "0123456789abcdef"), 32);
		cr_assert_eq(strlen(rq.visit_id), 32);
		cr_assert(i == 0 || strcmp(first, rq.visit_id) != 0);
		strcpy(first, rq.visit_id);
		served_drop(&served);
	}
}

Test(req, reports_that_there_is_no_memory)
{
	struct arena *none = arena_new(0);

	served_request(&served, (const char *const[]){ "REQUEST_URI", "/a", NULL }, "", 0);
	served.cx.arena = none;
	cr_assert_eq(req_init(&rq, &served.cx, served.fcgi), ERR_MEMORY);
	cr_assert(rq.bad_path);
	cr_assert_str_eq(rq.target, "/a");
	arena_free(none);
}

Test(req, reads_ids_strictly)
{
	static const char *const bad[] = { "", "0", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1",
		"a", "9223372036854775808", "99999999999999999999999999999999999999" };
	int64_t id = 7;
	size_t i;

	rq = (struct req){ 0 };
	for (i = 0; i < N(bad); i++) {
		rq.params[1] = bad[i];
		cr_assert_eq(req_id(&rq, 1, &id), ERR_NOT_FOUND, "%s", bad[i]);
		cr_assert_eq(id, 7);
	}
	rq.params[1] = "9223372036854775807";
	cr_assert_eq(req_id(&rq, 1, &id), ERR_OK);
	cr_assert_eq(id, INT64_MAX);
}

/*
 * The query string
 */

struct in {
	unsigned given;
	const char *name;
	int64_t page;
};

static const struct field rows[] = {
	{ "name", FIELD_TEXT, 1, 8, FIELD_REQUIRED, NULL, offsetof(struct in, name) },
	{ "page", FIELD_INT, 1, 100, 0, NULL, offsetof(struct in, page) },
};

static enum err
read_query(const char *target, struct in *in)
{
	*in = (struct in){ 0 };
	come("REQUEST_URI", target);
	return req_query_fields(&rq, rows, N(rows), in);
}

Test(req, reads_its_query)
{
	struct in in;

	cr_assert_eq(read_query("/?page=7&x=%zz&name=%C3%A4+b&page=8", &in), ERR_OK);
	cr_assert_eq(in.page, 7);
	cr_assert_str_eq(in.name, "\xc3\xa4 b");
	cr_assert_eq(in.given, FIELD_GIVEN(0) | FIELD_GIVEN(1));
}

Test(req, collects_the_faults_of_a_query)
{
	struct in in;

	cr_assert_eq(read_query("/?page=x&name=%ff", &in), ERR_INVALID);
	cr_assert_not(rq.faults_in_body);
	cr_assert_eq(rq.faults.n, 2);
	cr_assert_str_eq(rq.faults.v[0].name, "name");
	cr_assert_str_eq(rq.faults.v[0].code, "format");
	cr_assert_str_eq(rq.faults.v[1].name, "page");
}

Test(req, misses_a_required_parameter)
{
	struct in in;

	cr_assert_eq(read_query("/", &in), ERR_INVALID);
	cr_assert_eq(rq.faults.n, 1);
	cr_assert_str_eq(rq.faults.v[0].code, "required");
}

Test(req, refuses_a_query_of_too_many_parameters)
{
	char target[300] = "/?";
	struct in in;
	int i;

	for (i = 0; i <= QUERY_PAIRS_MAX; i++)
		strcat(target, "a=b&");
	cr_assert_eq(read_query(target, &in), ERR_INVALID);
	cr_assert_not_null(served.cx.detail);
}

Test(req, refuses_a_query_without_memory_for_it)
{
	struct arena *none = arena_new(0);
	struct in in;

	come("REQUEST_URI", "/?name=a");
	served.cx.arena = none;
	cr_assert_eq(req_query_fields(&rq, rows, N(rows), &in), ERR_MEMORY);
	arena_free(none);
}

static const struct {
	const char *target, *wanted;
} queries[] = {
	{ "/", "" },
	{ "/?page=1", "" },
	{ "/?page=1&after=2", "" },
	{ "/?a=1&page=2&b=3", "a=1&b=3" },
	{ "/?p%61ge=1&x", "x=" },
	{ "/?q=%3E%22%0d%0a&q=a+b", "q=%3E%22%0D%0A&q=a%20b" },
	{ "/?q=>\"<&bad=%ff&%ff=a", "q=%3E%22%3C" },
};

Test(req, gives_its_query_without_some_parameters)
{
	static const char *const names[] = { "page", "after" };
	struct buf out;
	size_t i;

	for (i = 0; i < N(queries); i++) {
		come("REQUEST_URI", queries[i].target);
		buf_init(&out, served.arena);
		req_query_without(&rq, names, N(names), &out);
		cr_assert_str_eq(buf_str(&out), queries[i].wanted);
		served_drop(&served);
	}
}

Test(req, gives_nothing_of_a_query_that_it_refuses)
{
	char target[300] = "/?";
	struct buf out;
	int i;

	for (i = 0; i <= QUERY_PAIRS_MAX; i++)
		strcat(target, "a=b&");
	come("REQUEST_URI", target);
	buf_init(&out, served.arena);
	req_query_without(&rq, NULL, 0, &out);
	cr_assert_eq(out.len, 0);
}

/*
 * Preconditions
 */

static const struct {
	const char *value;
	bool wanted;
} conditions[] = {
	{ "*", true },
	{ "\"12\"", true },
	{ "\"11\", \"12\"", true },
	{ "\"12\" , \"11\"", true },
	{ ",\"12\",,", true },
	{ "W/\"11\", \"12\"", true },
	{ "\"\xc3\xa4\", \"12\"", true },
	{ "\"11\"", false },
	{ "W/\"12\"", false },
	{ "w/\"12\"", false },
	{ "12", false },
	{ "\"12", false },
	{ "12\"", false },
	{ "\"12\" \"11\"", false },
	{ "\"12\"x", false },
	{ "\"12\", x", false },
	{ "\"12\", *", false },
	{ "*, \"12\"", false },
	{ "\" 12\"", false },
	{ "\"+12\"", false },
	{ "\"12.0\"", false },
	{ "\"\"", false },
	{ "\"99999999999999999999\"", false },
	{ "", false },
	{ ",", false },
	{ "W/", false },
	{ "W", false },
};

Test(req, checks_if_match_by_strong_comparison)
{
	size_t i;

	for (i = 0; i < N(conditions); i++) {
		come("HTTP_IF_MATCH", conditions[i].value);
		cr_assert_eq(
		    req_if_match(&rq, 12), conditions[i].wanted, "%s", conditions[i].value);
		served_drop(&served);
	}
}

Test(req, may_change_anything_without_if_match)
{
	come("HTTP_HOST", "a");
	cr_assert(req_if_match(&rq, 12));
}
