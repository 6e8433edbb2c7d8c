#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/ctx.h"
#include "lib/http/json.h"
#include "lib/http/problem.h"
#include "lib/http/req.h"
#include "lib/http/resp.h"

static struct arena *arena;
static struct ctx cx;
static struct req rq;
static struct resp rs;

static void
setup(void)
{
	arena = arena_new(1 << 20);
	ctx_init(&cx, arena, 1000);
	cx.request_id = "r-1";
	rq = (struct req){ .cx = &cx, .target = "/api/v1/users?a=b" };
	resp_init(&rs, arena);
}

static void
teardown(void)
{
	arena_free(arena);
}

TestSuite(problem, .init = setup, .fini = teardown);

static struct json_object *
document(void)
{
	struct json_object *v = NULL;

	cr_assert_str_eq(rs.type, "application/problem+json");
	cr_assert_eq(json_read(&cx, rs.body.data, rs.body.len, &v), ERR_OK);
	return v;
}

static const char *
text(const struct json_object *map, const char *name)
{
	struct json_object *v = NULL;
	size_t n;

	cr_assert(json_member(map, name, &v), "no member %s", name);
	cr_assert_eq(json_kind(v), JSON_TEXT);
	return json_text(v, &n);
}

Test(problem, has_the_members_of_rfc_9457_and_ours)
{
	struct json_object *doc, *status;

	problem_write(&rs, &rq, ERR_NOT_FOUND);
	cr_assert_eq(rs.status, 404);
	cr_assert_eq(rs.sent_error, ERR_NOT_FOUND);
	doc = document();
	cr_assert_str_eq(text(doc, "type"), "urn:terse:problem:not-found");
	cr_assert_str_eq(text(doc, "title"), "Not Found");
	cr_assert_str_eq(text(doc, "detail"), "Not Found");
	cr_assert_str_eq(text(doc, "error"), "Not Found");
	cr_assert_str_eq(text(doc, "instance"), "/api/v1/users?a=b");
	cr_assert_str_eq(text(doc, "request_id"), "r-1");
	cr_assert(json_member(doc, "status", &status));
	cr_assert_eq(json_int(status), 404);
	cr_assert_not(json_member(doc, "errors", &status));
}

Test(problem, tells_the_reason_that_was_given)
{
	cr_assert_eq(ctx_refuse(&cx, ERR_CONFLICT, "The code is taken."), ERR_CONFLICT);
	problem_write(&rs, &rq, ERR_CONFLICT);
	cr_assert_str_eq(text(document(), "detail"), "The code is taken.");
	cr_assert_str_eq(text(document(), "error"), "The code is taken.");
}

Test(problem, never_tells_what_is_for_the_operator)
{
	cr_assert_eq(ctx_fail(&cx, ERR_INTERNAL, "relation \"urls\""), ERR_INTERNAL);
	problem_write(&rs, &rq, ERR_INTERNAL);
	cr_assert_null(strstr(rs.body.data, "relation"));
}

Test(problem, replaces_what_was_filled_in)
{
	rs.status = 200;
	rs.type = "text/html";
	resp_header(&rs, "Location", "/x");
	resp_header(&rs, "Set-Cookie", "a\n");
	buf_adds(&rs.body, "<html>");
	problem_write(&rs, &rq, ERR_GONE);
	cr_assert_eq(rs.status, 410);
	cr_assert_null(resp_find(&rs, "Location"));
	cr_assert_null(rs.bad_header);
	cr_assert_null(strstr(rs.body.data, "html"));
}

Test(problem, keeps_the_allow_header)
{
	resp_header(&rs, "Allow", "GET");
	problem_write(&rs, &rq, ERR_METHOD);
	cr_assert_str_eq(resp_find(&rs, "Allow"), "GET");
}

Test(problem, asks_to_come_again_only_where_that_helps)
{
	int e;

	for (e = ERR_MALFORMED; e < ERR_ABORTED; e++) {
		int wanted = err_info((enum err)e)->retry_after_s;
		const char *value;

		problem_write(&rs, &rq, (enum err)e);
		value = resp_find(&rs, "Retry-After");
		cr_assert_eq(value ? atoi(value) : 0, wanted, "error %d", e);
		(void)document();
	}
}

static void
add_fault(const char *name)
{
	rq.faults.v[rq.faults.n++] = (struct field_fault){ name, "type", "must be a string" };
}

/* The errors of the document, as JSON. */
static const char *
errors(void)
{
	struct json_object *list = NULL;
	struct buf out;

	cr_assert(json_member(document(), "errors", &list));
	buf_init(&out, arena);
	cr_assert_eq(json_write_value(list, &out), ERR_OK);
	return buf_str(&out);
}

Test(problem, points_to_the_faults_of_a_body)
{
	rq.faults_in_body = true;
	add_fault("username");
	add_fault("email");
	problem_write(&rs, &rq, ERR_INVALID);
	cr_assert_str_eq(errors(),
	    "[{\"pointer\":\"/username\",\"code\":\"type\",\"detail\":\"must be a string\"},"
	    "{\"pointer\":\"/email\",\"code\":\"type\",\"detail\":\"must be a string\"}]");
}

Test(problem, names_the_faulty_parameters_of_a_query)
{
	add_fault("page");
	problem_write(&rs, &rq, ERR_INVALID);
	cr_assert_str_eq(errors(),
	    "[{\"parameter\":\"page\",\"code\":\"type\",\"detail\":\"must be a string\"}]");
}

Test(problem, encodes_what_the_client_did_not)
{
	rq.target = "/<script>\"'\\ \x01\xff\xc3\xa4%3c{}`|^\x7f";
	problem_write(&rs, &rq, ERR_NOT_FOUND);
	cr_assert_str_eq(text(document(), "instance"),
	    "/%3Cscript%3E%22'%5C%20%01%FF%C3%A4%3c%7B%7D%60%7C%5E%7F");
}

/* However little memory is left, the document is whole. */
Test(problem, is_well_formed_at_every_shortage_of_memory)
{
	static char target[2000];
	size_t left;

	memset(target, 'a', sizeof(target) - 1);
	for (left = 0; left < 12 * 1024; left += 16) {
		struct arena *small = arena_new(left);
		struct ctx small_cx;
		struct req small_rq = { .cx = &small_cx, .target = target };

		ctx_init(&small_cx, small, 1000);
		resp_init(&rs, small);
		problem_write(&rs, &small_rq, ERR_MEDIA_TYPE);
		cr_assert_eq(rs.status, 415);
		cr_assert_str_eq(
		    text(document(), "type"), "urn:terse:problem:unsupported-media-type");
		arena_free(small);
		arena_reset(arena); /* has what document() read */
	}
}
