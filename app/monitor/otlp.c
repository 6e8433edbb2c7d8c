#include "app/monitor/otlp.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ctx.h"
#include "lib/base/metric.h"
#include "lib/base/num.h"
#include "lib/base/utf8.h"
#include "lib/http/json.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

enum {
	STATUS_ERROR = 2, /* of OTLP's Status.StatusCode */
	TEXT_MAX = 256
};

static const char *const services[] = {
	[PROGRAM_WORKER] = "terse-worker",
	[PROGRAM_POOL] = "terse-pool",
	[PROGRAM_INGEST] = "terse-ingest",
	[PROGRAM_MONITOR] = "terse-monitor",
};

_Static_assert(N(services) == PROGRAM__COUNT, "one service per program");

/*
 * Attributes. Their names are OpenTelemetry's semantic conventions, or begin with `terse.`.
 */

static struct json_object *
add_value(struct json *j, struct json_object *list, const char *key)
{
	struct json_object *attribute = json_add_map(j, list, NULL);

	json_add_text(j, attribute, "key", key);
	return json_add_map(j, attribute, "value");
}

/* A text of a span may have been cut in the middle of a character, and a request's id is the
 * client's. */
static void
add_clean(struct json *j, struct json_object *at, const char *name, const char *text)
{
	char clean[TEXT_MAX];

	utf8_copy_clean(clean, sizeof(clean), text, strlen(text));
	json_add_text(j, at, name, clean);
}

static void
add_text(struct json *j, struct json_object *list, const char *key, const char *text)
{
	if (text[0] != '\0')
		add_clean(j, add_value(j, list, key), "stringValue", text);
}

/* 64-bit integers are texts in protobuf's JSON. */
static void
add_number(struct json *j, struct json_object *at, const char *name, int64_t number)
{
	char text[NUM_TEXT_SIZE];

	num_format(number, text);
	json_add_text(j, at, name, text);
}

static void
add_int(struct json *j, struct json_object *list, const char *key, int64_t number)
{
	add_number(j, add_value(j, list, key), "intValue", number);
}

/* The first n bytes of text. */
static void
add_start(struct json *j, struct json_object *list, const char *key, const char *text, size_t n)
{
	char start[TEXT_MAX];

	snprintf(start, sizeof(start), "%.*s", (int)n, text);
	add_text(j, list, key, start);
}

/* The detail of a request is its method and, where it is known, its path's pattern; a remark
 * may follow: "GET /urls/:id", "GET /urls/:id the database is away". */
static void
add_request(struct json *j, struct json_object *list, const struct span *s)
{
	size_t method = strcspn(s->detail, " ");
	const char *rest = s->detail + method + strspn(s->detail + method, " ");
	size_t route = rest[0] == '/' ? strcspn(rest, " ") : 0;

	add_start(j, list, "http.request.method", s->detail, method);
	add_start(j, list, "http.route", rest, route);
	rest += route;
	add_text(j, list, "terse.detail", rest + strspn(rest, " "));
}

/* A call's name is "redis GET", or that of a query. */
static void
add_call(struct json *j, struct json_object *list, const struct span *s)
{
	static const char redis[] = "redis ";
	bool is_redis = strncmp(s->name, redis, sizeof(redis) - 1) == 0;

	add_text(j, list, "db.system", is_redis ? "redis" : "postgresql");
	add_text(j, list, "db.operation.name", is_redis ? s->name + sizeof(redis) - 1 : s->name);
	add_text(j, list, "terse.detail", s->detail);
}

static void
add_attributes(struct json *j, struct json_object *span, const struct span *s)
{
	struct json_object *list = json_add_list(j, span, "attributes");

	if (s->kind == SPAN_SERVER)
		add_request(j, list, s);
	else if (s->kind == SPAN_CLIENT)
		add_call(j, list, s);
	else
		add_text(j, list, "terse.detail", s->detail);
	if (s->status)
		add_int(j, list, "http.response.status_code", s->status);
	add_text(j, list, "terse.pool", s->pool);
	add_text(j, list, "terse.request_id", s->request_id);
}

/*
 * Spans
 */

static void
add_id(struct json *j, struct json_object *at, const char *name, uint64_t id)
{
	char text[17];

	snprintf(text, sizeof(text), "%016" PRIx64, id);
	json_add_text(j, at, name, text);
}

static void
add_trace_id(struct json *j, struct json_object *at, const unsigned char id[16])
{
	char text[33];

	for (size_t i = 0; i < 16; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
	json_add_text(j, at, "traceId", text);
}

static void
add_status(struct json *j, struct json_object *span, const struct span *s)
{
	struct json_object *status;

	if (!s->failed)
		return;
	status = json_add_map(j, span, "status");
	json_add_int(j, status, "code", STATUS_ERROR);
	if (s->kind != SPAN_SERVER)
		add_clean(j, status, "message", s->detail);
}

static void
add_span(struct json *j, struct json_object *list, const struct span *s)
{
	struct json_object *span = json_add_map(j, list, NULL);

	add_trace_id(j, span, s->trace_id);
	add_id(j, span, "spanId", s->id);
	if (s->parent)
		add_id(j, span, "parentSpanId", s->parent);
	add_clean(j, span, "name", s->name);
	json_add_int(j, span, "kind", s->kind + 1); /* OTLP's 0 is "unspecified" */
	add_number(j, span, "startTimeUnixNano", s->start_us * 1000);
	add_number(j, span, "endTimeUnixNano", (s->start_us + s->duration_us) * 1000);
	add_attributes(j, span, s);
	add_status(j, span, s);
}

/* Whose spans follow, and the list that they go into. */
static struct json_object *
add_program(struct json *j, struct json_object *all, const char *host, size_t program)
{
	struct json_object *one = json_add_map(j, all, NULL), *scope;
	struct json_object *resource = json_add_map(j, one, "resource");
	struct json_object *list = json_add_list(j, resource, "attributes");

	add_text(j, list, "service.name", services[program]);
	add_text(j, list, "service.namespace", "terse");
	add_text(j, list, "service.version", PACKAGE_VERSION);
	add_text(j, list, "host.name", host);
	scope = json_add_map(j, json_add_list(j, one, "scopeSpans"), NULL);
	one = json_add_map(j, scope, "scope");
	json_add_text(j, one, "name", "terse");
	json_add_text(j, one, "version", PACKAGE_VERSION);
	return json_add_list(j, scope, "spans");
}

enum err
otlp_write(const char *host, const struct span *spans, size_t n, struct buf *out)
{
	struct json_object *all, *lists[PROGRAM__COUNT] = { NULL };
	struct json j;

	json_map_init(&j, out->arena);
	all = json_add_list(&j, NULL, "resourceSpans");
	for (size_t i = 0; i < n; i++) {
		size_t program = spans[i].program < N(lists) ? spans[i].program : PROGRAM_WORKER;

		if (!lists[program])
			lists[program] = add_program(&j, all, host, program);
		add_span(&j, lists[program], &spans[i]);
	}
	return json_write(&j, out);
}

/*
 * The answer
 */

/* A 64-bit integer, which may be a text or a number. */
static int64_t
read_number(const struct json_object *v)
{
	int64_t number = 0;
	const char *text;
	size_t n;

	if (v && json_kind(v) == JSON_INT)
		return json_int(v);
	if (!v || json_kind(v) != JSON_TEXT)
		return 0;
	text = json_text(v, &n);
	return num_parse(text, n, 0, INT64_MAX, &number) ? 0 : number;
}

int64_t
otlp_rejected(struct ctx *cx, const char *body, size_t n, const char **ret_why)
{
	struct json_object *root, *partial, *v;
	const char *text;
	size_t length;
	int64_t number;

	*ret_why = "";
	if (json_read(cx, body, n, &root) || !root || json_kind(root) != JSON_MAP ||
	    !json_member(root, "partialSuccess", &partial) || !partial ||
	    json_kind(partial) != JSON_MAP || !json_member(partial, "rejectedSpans", &v))
		return 0;
	number = read_number(v);
	if (json_member(partial, "errorMessage", &v) && v && json_kind(v) == JSON_TEXT) {
		text = json_text(v, &length);
		text = arena_strndup(cx->arena, text, length);
		*ret_why = text ? text : "";
	}
	return number < 0 ? 0 : number;
}
