#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ctx.h"
#include "lib/http/multipart.h"

#define TYPE "multipart/form-data; boundary=b"
#define PART "Content-Disposition: form-data; name=\"file\"\r\n\r\n"

static struct arena *arena;
static struct ctx cx;
static struct buf content;
static enum err answer; /* what the callback returns */

static void
setup(void)
{
	arena = arena_new(1 << 26);
	ctx_init(&cx, arena, 1000);
	buf_init(&content, arena);
	answer = ERR_OK;
}

static void
teardown(void)
{
	arena_free(arena);
}

TestSuite(multipart, .init = setup, .fini = teardown);

static enum err
keep(void *arg, const char *bytes, size_t n)
{
	cr_assert_eq(arg, &content);
	cr_assert_gt(n, 0);
	buf_add(&content, bytes, n);
	return answer;
}

static enum err
read_in_steps(const char *type, const char *bytes, size_t n, size_t step)
{
	struct multipart *m = multipart_new(arena, type, "file", keep, &content);
	enum err e = ERR_OK;

	cr_assert_not_null(m, "%s", type);
	buf_cut(&content, 0);
	cx.detail = NULL;
	for (size_t at = 0; at < n && !e; at += step)
		e = multipart_feed(m, &cx, bytes + at, step < n - at ? step : n - at);
	return e ? e : multipart_end(m, &cx);
}

/* In pieces of every size, and cut once at every place. */
static void
expect_of_type(const char *type, const char *body, const char *wanted)
{
	size_t n = strlen(body);
	struct multipart *m;

	for (size_t step = 1; step <= n; step++) {
		cr_assert_eq(read_in_steps(type, body, n, step), ERR_OK, "%s, steps of %zu: %s",
		    body, step, cx.detail);
		cr_assert_str_eq(buf_str(&content), wanted, "%s, steps of %zu", body, step);
	}
	for (size_t cut = 0; cut <= n; cut++) {
		m = multipart_new(arena, type, "file", keep, &content);
		buf_cut(&content, 0);
		cr_assert_eq(multipart_feed(m, &cx, body, cut), ERR_OK);
		cr_assert_eq(multipart_feed(m, &cx, body + cut, n - cut), ERR_OK);
		cr_assert_eq(multipart_end(m, &cx), ERR_OK);
		cr_assert_str_eq(buf_str(&content), wanted, "%s, cut at %zu", body, cut);
	}
}

static void
expect(const char *body, const char *wanted)
{
	expect_of_type(TYPE, body, wanted);
}

static void
expect_malformed(const char *body)
{
	for (size_t step = 1; step <= strlen(body) + 1; step++) {
		cr_assert_eq(read_in_steps(TYPE, body, strlen(body), step), ERR_MALFORMED,
		    "%s, steps of %zu", body, step);
		cr_assert_not_null(cx.detail);
	}
}

Test(multipart, passes_on_the_part_of_the_name)
{
	expect("--b\r\n" PART "hello\r\nworld\r\n--b--\r\n", "hello\r\nworld");
	expect("--b\r\n" PART "\r\n--b--", "");
	expect("--b\r\n" PART "\r\n\r\n--b--", "\r\n");
}

Test(multipart, skips_preamble_epilogue_and_other_parts)
{
	expect("preamble --b\r\n--b\r\nContent-Disposition: form-data; "
	       "name=\"other\"\r\n\r\nx\r\n--b\r\n" PART
	       "mine\r\n--b\r\nContent-Disposition: form-data; name=\"last\"\r\n\r\ny\r\n--b--\r\n"
	       "epilogue\r\n--b\r\n" PART "no\r\n--b--\r\n",
	    "mine");
}

Test(multipart, takes_the_first_of_two_parts_with_the_name)
{
	expect("--b\r\n" PART "one\r\n--b\r\n" PART "two\r\n--b--\r\n", "one");
}

Test(multipart, is_not_deceived_by_what_looks_like_a_boundary)
{
	expect("--b\r\n" PART "\r\r\n-\r\n--\r\n--c\r\n\r\n --b\n--b\r--b--b\r\r\n--b--",
	    "\r\r\n-\r\n--\r\n--c\r\n\r\n --b\n--b\r--b--b\r");
	expect_of_type("multipart/form-data; boundary=-----b",
	    "-------b\r\n" PART "\r\n-----\r\n------b\r\n-------b--", "\r\n-----\r\n------b");
}

Test(multipart, takes_a_longer_line_for_content)
{
	expect("--b\r\n" PART "x\r\n--bc\r\n--b-\r\n--b\ty\r\n--b\r\r\n--b--",
	    "x\r\n--bc\r\n--b-\r\n--b\ty\r\n--b\r");
}

Test(multipart, takes_blanks_after_a_boundary)
{
	expect("--b \t\r\n" PART "x\r\n--b--  ", "x");
}

Test(multipart, reads_headers_in_any_case_and_order)
{
	expect("--b\r\nContent-Type: "
	       "text/csv\r\ncontent-DISPOSITION:form-data;filename=\"a;name=x\" ; "
	       "NAME=file \r\nX: y\r\n\r\nx\r\n--b--",
	    "x");
	expect("--b\r\nContent-Disposition: form-data; filename=\"q\\\"; name=\\\"no\"; "
	       "name=\"fi\\le\""
	       "\r\n\r\nx\r\n--b--",
	    "x");
	expect("--b\r\nContent-Disposition: form-data; odd; name=\"file\"\r\n\r\nx\r\n--b--", "x");
}

Test(multipart, needs_the_part)
{
	static const char *const others[] = {
		"Content-Disposition: form-data; name=\"File\"",
		"Content-Disposition: form-data; name=\"file2\"",
		"Content-Disposition: form-data; filename=\"x; name=file\"",
		"Content-Disposition: form-data; xname=\"file\"",
		"Content-Disposition: form-data; name=\"file",
		"Content-Disposition: form-data; name=",
		"Content-Disposition: form-data",
		"X-Content-Disposition: form-data; name=\"file\"",
		"X: Content-Disposition: form-data; name=\"file\"",
		"Content-Type: text/csv; name=\"file\"",
	};
	char body[256];

	for (size_t i = 0; i < N(others); i++) {
		(void)snprintf(body, sizeof(body), "--b\r\n%s\r\n\r\nx\r\n--b--\r\n", others[i]);
		expect_malformed(body);
		cr_expect_str_eq(cx.detail, "the form has no part of that name");
	}
	expect_malformed("--b\r\n\r\nx\r\n--b--\r\n");
	expect_malformed("--b--\r\n");
}

Test(multipart, needs_the_closing_boundary)
{
	expect_malformed("");
	expect_malformed("no boundary at all");
	expect_malformed("--b\r\n");
	expect_malformed("--b\r\n" PART);
	expect_malformed("--b\r\n" PART "x");
	expect_malformed("--b\r\n" PART "x\r\n--b");
	expect_malformed("--b\r\n" PART "x\r\n--b-");
	expect_malformed("--b\r\n" PART "x\r\n--b\r\n");
	expect_malformed("--c\r\n" PART "x\r\n--c--");
}

Test(multipart, bounds_headers_but_not_content)
{
	size_t n = 1 << 20;
	char *body = malloc(n + 200);

	cr_assert_not_null(body);
	(void)sprintf(body, "--b\r\n" PART);
	memset(body + strlen("--b\r\n" PART), 'x', n);
	(void)sprintf(body + strlen("--b\r\n" PART) + n, "\r\n--b--");
	cr_expect_eq(read_in_steps(TYPE, body, strlen(body), 65536), ERR_OK);
	cr_expect_eq(content.len, n);
	cr_expect_eq(read_in_steps(TYPE, body, strlen(body), 7), ERR_OK);
	cr_expect_eq(content.len, n);

	memset(body + 5, 'x', 9000);
	(void)sprintf(body + 9005, "\r\n" PART "x\r\n--b--");
	for (size_t step = 1; step < 20000; step *= 3)
		cr_expect_eq(read_in_steps(TYPE, body, strlen(body), step), ERR_MALFORMED);
	memset(body + 3, ' ', 9000);
	(void)sprintf(body + 9003, "\r\n" PART "x\r\n--b--");
	for (size_t step = 1; step < 20000; step *= 3)
		cr_expect_eq(read_in_steps(TYPE, body, strlen(body), step), ERR_MALFORMED);
	free(body);
}

Test(multipart, reads_the_boundary_quoted_or_not)
{
	static const char *const types[] = {
		"multipart/form-data; boundary=b",
		"multipart/form-data;boundary=b",
		"multipart/form-data; charset=utf-8; BOUNDARY=\"b\"; x=y",
		"multipart/form-data; x=\"; boundary=c\"; boundary=b",
		"multipart/form-data; boundary=\"\\b\"",
		"multipart/form-data ; boundary=b ; x",
	};

	for (size_t i = 0; i < N(types); i++)
		expect_of_type(types[i], "--b\r\n" PART "x\r\n--b--", "x");
	expect_of_type(
	    "multipart/form-data; boundary=\"a b;c\"", "--a b;c\r\n" PART "x\r\n--a b;c--", "x");
}

Test(multipart, takes_a_boundary_of_1_to_70_bytes)
{
	char type[160], body[256];

	(void)snprintf(type, sizeof(type), "multipart/form-data; boundary=%070d", 1);
	(void)snprintf(body, sizeof(body), "--%070d\r\n" PART "x\r\n--%070d--", 1, 1);
	expect_of_type(type, body, "x");
	(void)snprintf(type, sizeof(type), "multipart/form-data; boundary=%071d", 1);
	cr_expect_null(multipart_new(arena, type, "file", keep, &content));
}

Test(multipart, needs_a_usable_boundary)
{
	static const char *const types[] = { "", "multipart/form-data",
		"multipart/form-data; boundary",
		"multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"",
		"multipart/form-data; boundary=\"b",
		"multipart/form-data; boundary= ", "multipart/form-data; xboundary=b", "boundary=b",
		"multipart/form-data; boundary=\"b\\\"" };

	for (size_t i = 0; i < N(types); i++)
		cr_expect_null(
		    multipart_new(arena, types[i], "file", keep, &content), "%s", types[i]);
}

Test(multipart, returns_the_error_of_the_callback)
{
	static const char body[] = "--b\r\n" PART "x\r\n--b--";

	answer = ERR_UNAVAILABLE;
	cr_expect_eq(read_in_steps(TYPE, body, strlen(body), 1000), ERR_UNAVAILABLE);
	cr_expect_null(cx.detail);
}

Test(multipart, reports_a_spent_arena)
{
	struct arena *small = arena_new(64);

	cr_expect_null(multipart_new(small, TYPE, "file", keep, &content));
	arena_free(small);
}
