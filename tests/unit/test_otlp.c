/*
 * What is sent to a collector, and how its answers are read. That the whole conforms to
 * OpenTelemetry's own definitions is checked where a daemon sends it.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "app/monitor/otlp.h"
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ctx.h"
#include "lib/base/metric.h"
#include "lib/base/utf8.h"
#include "lib/http/json.h"

static struct arena *arena;
static struct ctx cx;

static void
set_up(void)
{
	arena = arena_new(1 << 24);
	ctx_init(&cx, arena, 10000);
}

static void
tear_down(void)
{
	arena_free(arena);
}

TestSuite(otlp, .init = set_up, .fini = tear_down);

static const char *
write_spans(const struct span *spans, size_t n)
{
	struct json_object *root;
	struct buf out;

	buf_init(&out, arena);
	cr_assert_eq(otlp_write("box", spans, n, &out), ERR_OK);
	cr_assert_eq(json_read(&cx, out.data, out.len, &root), ERR_OK);
	return buf_str(&out);
}

static void
assert_has(const char *text, const char *part)
{
	cr_assert(strstr(text, part), "%s is not in %s", part, text);
}

Test(otlp, writes_a_request)
{
	const struct span s = {
		.trace_id = { 0x0a, 0xf7, [15] = 0x9c },
		.id = 0xb7,
		.parent = UINT64_C(0xffffffffffffffff),
		.start_us = INT64_C(1700000000000001),
		.duration_us = 25,
		.kind = SPAN_SERVER,
		.program = PROGRAM_WORKER,
		.failed = 1,
		.status = 503,
		.name = "url_get",
		.detail = "GET /urls/:id",
		.pool = "api-a",
		.request_id = "r-1",
	};
	const char *text = write_spans(&s, 1);

	assert_has(text, "\"traceId\":\"0af7000000000000000000000000009c\"");
	assert_has(text, "\"spanId\":\"00000000000000b7\"");
	assert_has(text, "\"parentSpanId\":\"ffffffffffffffff\"");
	assert_has(text, "\"name\":\"url_get\",\"kind\":2");
	assert_has(text, "\"startTimeUnixNano\":\"1700000000000001000\"");
	assert_has(text, "\"endTimeUnixNano\":\"1700000000000026000\"");
	assert_has(text, "{\"key\":\"http.request.method\",\"value\":{\"stringValue\":\"GET\"}}");
	assert_has(text, "{\"key\":\"http.route\",\"value\":{\"stringValue\":\"/urls/:id\"}}");
	assert_has(
	    text, "{\"key\":\"http.response.status_code\",\"value\":{\"intValue\":\"503\"}}");
	assert_has(text, "{\"key\":\"terse.pool\",\"value\":{\"stringValue\":\"api-a\"}}");
	assert_has(text, "{\"key\":\"terse.request_id\",\"value\":{\"stringValue\":\"r-1\"}}");
	assert_has(text, "\"status\":{\"code\":2}");
	assert_has(text, "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"terse-worker\"}}");
	assert_has(text, "{\"key\":\"host.name\",\"value\":{\"stringValue\":\"box\"}}");
}

Test(otlp, tells_a_remark_from_the_route)
{
	const struct span spans[] = {
		{ .trace_id = { 1 },
		    .id = 1,
		    .kind = SPAN_SERVER,
		    .name = "x",
		    .detail = "GET /urls (3 spans more)" },
		{ .trace_id = { 1 },
		    .id = 2,
		    .kind = SPAN_SERVER,
		    .name = "y",
		    .detail = "GET away" },
		{ .trace_id = { 1 }, .id = 3, .kind = SPAN_SERVER, .name = "z", .detail = "PUT" },
	};
	const char *text = write_spans(spans, 3);

	assert_has(text, "{\"key\":\"http.route\",\"value\":{\"stringValue\":\"/urls\"}}");
	assert_has(
	    text, "{\"key\":\"terse.detail\",\"value\":{\"stringValue\":\"(3 spans more)\"}}");
	assert_has(text, "{\"key\":\"terse.detail\",\"value\":{\"stringValue\":\"away\"}}");
	assert_has(text, "{\"key\":\"http.request.method\",\"value\":{\"stringValue\":\"PUT\"}}");
}

Test(otlp, leaves_out_what_is_not_there)
{
	const struct span s = { .trace_id = { 1 }, .id = 1, .name = "x" };
	const char *text = write_spans(&s, 1);

	cr_assert_null(strstr(text, "parentSpanId"));
	cr_assert_null(strstr(text, "\"status\""));
	cr_assert_null(strstr(text, "terse.pool"));
	cr_assert_null(strstr(text, "http."));
	assert_has(text, "\"kind\":1");
}

Test(otlp, says_which_database_was_called)
{
	const struct span spans[] = {
		{ .trace_id = { 1 }, .id = 1, .kind = SPAN_CLIENT, .name = "redis GET" },
		{ .trace_id = { 1 },
		    .id = 2,
		    .kind = SPAN_CLIENT,
		    .name = "url_insert",
		    .failed = 1,
		    .detail = "23505" },
	};
	const char *text = write_spans(spans, 2);

	assert_has(text, "{\"key\":\"db.system\",\"value\":{\"stringValue\":\"redis\"}}");
	assert_has(text, "{\"key\":\"db.operation.name\",\"value\":{\"stringValue\":\"GET\"}}");
	assert_has(text, "{\"key\":\"db.system\",\"value\":{\"stringValue\":\"postgresql\"}}");
	assert_has(text, "\"status\":{\"code\":2,\"message\":\"23505\"}");
}

Test(otlp, groups_spans_by_program)
{
	const struct span spans[] = {
		{ .trace_id = { 1 }, .id = 1, .name = "a", .program = PROGRAM_WORKER },
		{ .trace_id = { 1 }, .id = 2, .name = "b", .program = PROGRAM_INGEST },
		{ .trace_id = { 1 }, .id = 3, .name = "c", .program = PROGRAM_WORKER },
		{ .trace_id = { 1 }, .id = 4, .name = "d", .program = 200 },
	};
	const char *text = write_spans(spans, 4), *ingest = strstr(text, "terse-ingest");

	cr_assert_not_null(ingest);
	cr_assert_lt(strstr(text, "\"name\":\"c\""), ingest);
	cr_assert_lt(strstr(text, "\"name\":\"d\""), ingest);
	cr_assert_gt(strstr(text, "\"name\":\"b\""), ingest);
	cr_assert_null(strstr(strstr(text, "terse-worker") + 1, "terse-worker"));
}

Test(otlp, is_valid_whatever_bytes_a_span_holds)
{
	struct span s = { .trace_id = { 1 }, .id = 1, .kind = SPAN_SERVER, .name = "\xc3" };
	const char *text;

	memset(s.detail, 0xff, sizeof(s.detail) - 1);
	memcpy(s.request_id, "\"\\\n\x01\xe2\x82", 7);
	text = write_spans(&s, 1);
	cr_assert(utf8_valid(text, strlen(text)));
	assert_has(text, "\"name\":\"?\"");
}

Test(otlp, has_room_or_says_so)
{
	const struct span s = { .trace_id = { 1 }, .id = 1, .name = "x" };
	struct arena *small = arena_new(64);
	struct buf out;

	buf_init(&out, small);
	cr_assert_eq(otlp_write("box", &s, 1, &out), ERR_MEMORY);
	arena_free(small);
}

Test(otlp, reads_how_many_spans_were_rejected)
{
	static const struct {
		const char *body;
		int64_t n;
		const char *why;
	} rows[] = {
		{ "{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"full\"}}", 3,
		    "full" },
		{ "{\"partialSuccess\":{\"rejectedSpans\":4}}", 4, "" },
		{ "{\"partialSuccess\":{\"rejectedSpans\":-1}}", 0, "" },
		{ "{\"partialSuccess\":{\"rejectedSpans\":\"x\"}}", 0, "" },
		{ "{\"partialSuccess\":{\"rejectedSpans\":[]}}", 0, "" },
		{ "{\"partialSuccess\":{\"errorMessage\":\"a warning\"}}", 0, "" },
		{ "{\"partialSuccess\":null}", 0, "" },
		{ "{\"partialSuccess\":[]}", 0, "" },
		{ "{}", 0, "" },
		{ "null", 0, "" },
		{ "[]", 0, "" },
		{ "", 0, "" },
		{ "<html>", 0, "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why;

		cr_assert_eq(otlp_rejected(&cx, rows[i].body, strlen(rows[i].body), &why),
		    rows[i].n, "%s", rows[i].body);
		cr_assert_str_eq(why, rows[i].why);
	}
}
