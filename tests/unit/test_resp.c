#include <criterion/criterion.h>
#include <signal.h>

#include "lib/base/arena.h"
#include "lib/http/json.h"
#include "lib/http/resp.h"

static struct arena *arena;
static struct resp rs;

static void
setup(void)
{
	arena = arena_new(1 << 16);
	resp_init(&rs, arena);
}

static void
teardown(void)
{
	arena_free(arena);
}

TestSuite(resp, .init = setup, .fini = teardown);

Test(resp, keeps_headers_in_order)
{
	resp_header(&rs, "Location", "/a");
	resp_header(&rs, "ETag", "\"1\"");
	cr_assert_eq(rs.n_headers, 2);
	cr_assert_str_eq(rs.headers[0].name, "Location");
	cr_assert_str_eq(resp_find(&rs, "ETag"), "\"1\"");
	cr_assert_null(resp_find(&rs, "Etag"));
}

Test(resp, leaves_out_a_header_without_a_value)
{
	resp_header(&rs, "Link", NULL);
	cr_assert_eq(rs.n_headers, 0);
	cr_assert_null(rs.bad_header);
}

Test(resp, leaves_out_a_value_that_would_break_the_response)
{
	static const char *const values[] = { "a\r\nSet-Cookie: b", "a\n", "\r", "\x01", "a\x7f",
		"\x1f" };
	size_t i;

	for (i = 0; i < N(values); i++) {
		resp_clear(&rs);
		resp_header(&rs, "Location", values[i]);
		cr_assert_eq(rs.n_headers, 0, "value %zu", i);
		cr_assert_str_eq(rs.bad_header, "Location");
	}
}

Test(resp, takes_tabs_and_bytes_beyond_ascii_in_values)
{
	resp_header(&rs, "A", "a\tb \xc3\xa4");
	cr_assert_eq(rs.n_headers, 1);
	cr_assert_null(rs.bad_header);
}

Test(resp, dies_of_too_many_headers, .signal = SIGABRT)
{
	int i;

	for (i = 0; i <= RESP_HEADERS_MAX; i++)
		resp_header(&rs, "A", "b");
}

Test(resp, forgets_all_but_the_layer)
{
	rs.status = 200;
	rs.type = "text/plain";
	rs.layer = "redis";
	rs.sent_error = ERR_GONE;
	resp_header(&rs, "A", "b");
	resp_header(&rs, "B", "\n");
	buf_adds(&rs.body, "text");
	rs.body.failed = true;
	resp_clear(&rs);
	cr_assert_eq(rs.status, 0);
	cr_assert_null(rs.type);
	cr_assert_eq(rs.n_headers, 0);
	cr_assert_null(rs.bad_header);
	cr_assert_eq(rs.sent_error, ERR_OK);
	cr_assert_str_eq(buf_str(&rs.body), "");
	cr_assert_str_eq(rs.layer, "redis");
	buf_adds(&rs.body, "more");
	cr_assert_str_eq(buf_str(&rs.body), "more");
}

Test(resp, carries_json)
{
	struct json j;

	json_map_init(&j, arena);
	json_add_int(&j, NULL, "id", 7);
	cr_assert_eq(resp_json(&rs, 201, &j), ERR_OK);
	cr_assert_eq(rs.status, 201);
	cr_assert_str_eq(rs.type, "application/json");
	cr_assert_str_eq(buf_str(&rs.body), "{\"id\":7}");
}

Test(resp, is_untouched_by_json_that_failed)
{
	struct json j = { .failed = true };

	cr_assert_eq(resp_json(&rs, 201, &j), ERR_MEMORY);
	cr_assert_eq(rs.status, 0);
	cr_assert_null(rs.type);
}

Test(resp, may_have_no_body)
{
	rs.type = "text/plain";
	cr_assert_eq(resp_empty(&rs, 204), ERR_OK);
	cr_assert_eq(rs.status, 204);
	cr_assert_null(rs.type);
	cr_assert_eq(rs.body.len, 0);
}
