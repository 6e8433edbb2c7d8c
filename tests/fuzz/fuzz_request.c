/*
 * Whole requests, over a socket through libfcgi, dispatch and handlers that use all that a
 * request offers: the response is well formed, and no input makes it our fault (5xx). The
 * input is a line for each parameter in `names`, "-" for an absent one, and then the body.
 */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/attr.h"
#include "lib/base/log.h"
#include "lib/http/dispatch.h"
#include "lib/http/json.h"
#include "lib/http/resp.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/served.h"

enum { INPUT_MAX = 32 * 1024, BODY_MAX = 4096 };

static const char *const names[] = { "REQUEST_METHOD", "REQUEST_URI", "TERSE_TARGET",
	"CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_IF_MATCH", "HTTP_ORIGIN", "REMOTE_ADDR",
	"HTTP_AUTHORIZATION", "HTTP_USER_AGENT" };

struct in {
	unsigned given;
	const char *name;
	int64_t page;
	const char *details;
};

static const struct field rows[] = {
	{ "name", FIELD_TEXT, 0, 64, FIELD_REQUIRED, NULL, offsetof(struct in, name) },
	{ "page", FIELD_INT, 1, 200, FIELD_CLAMP, NULL, offsetof(struct in, page) },
	{ "details", FIELD_OBJECT, 0, 1024, FIELD_NULLABLE, NULL, offsetof(struct in, details) },
};

static enum err
present(struct resp *rs, struct arena *a, const struct in *in)
{
	struct json j;

	json_map_init(&j, a);
	json_add_text(&j, NULL, "name", in->name);
	json_add_int(&j, NULL, "page", in->page);
	if (in->details)
		json_add_raw(&j, NULL, "details", in->details);
	return resp_json(rs, 200, &j);
}

static enum err
thing_list(struct app *app, struct req *rq, struct resp *rs)
{
	static const char *const without[] = { "page" };
	struct in in = { 0 };
	struct buf link;
	enum err e;

	(void)app;
	buf_init(&link, rq->cx->arena);
	req_query_without(rq, without, N(without), &link);
	resp_header(rs, "Link", buf_str(&link));
	e = req_query_fields(rq, rows, 2, &in); /* details has no form in a query */
	return e ? e : present(rs, rq->cx->arena, &in);
}

static enum err
thing_edit(struct app *app, struct req *rq, struct resp *rs)
{
	struct in in = { 0 };
	int64_t id;
	enum err e = req_id(rq, 0, &id);

	(void)app;
	if (!e && !req_if_match(rq, id))
		e = ERR_PRECONDITION;
	if (!e)
		e = req_json_fields(rq, rows, N(rows), &in);
	return e ? e : present(rs, rq->cx->arena, &in);
}

static enum err
add_up(void *arg, const char *bytes, size_t n)
{
	(void)bytes;
	*(size_t *)arg += n;
	return ERR_OK;
}

static enum err
thing_import(struct app *app, struct req *rq, struct resp *rs)
{
	size_t total = 0;
	enum err e = req_body_each(rq, BODY_MAX / 2, add_up, &total);

	(void)app;
	assert(total <= BODY_MAX / 2);
	return e ? e : resp_empty(rs, 204);
}

static const struct route routes[] = {
	{ METHOD_GET, "/things", thing_list, "thing_list", AUTH_PUBLIC, false },
	{ METHOD_PUT, "/things/:id", thing_edit, "thing_edit", AUTH_PUBLIC, false },
	{ METHOD_POST, "/things/bulk", thing_import, "thing_import", AUTH_OPERATOR, false },
};

static const struct field_env env;
static const struct dispatch d = {
	.routes = routes,
	.n_routes = N(routes),
	.env = &env,
	.admin_key = "key",
	.cors_origins = "https://a.example",
	.pool = "fuzz",
	.timeout_ms = 1000,
	.body_max = BODY_MAX,
};

/* Cuts the lines of text (n bytes, NUL-terminated) into pairs; returns the body. */
static char *
cut_lines(char *text, const char *pairs[2 * N(names) + 1])
{
	size_t i, at = 0;

	for (i = 0; i < N(names) && text; i++) {
		const char *line = strsep(&text, "\n");

		if (strcmp(line, "-") == 0)
			continue;
		pairs[at++] = names[i];
		pairs[at++] = line;
	}
	pairs[at] = NULL;
	return text;
}

/* Checks that there is one line of each header, and no byte that none may have. */
static void
check_head(const struct fcgi_answer *answer)
{
	const char *s = answer->head, *end;
	char length[64];

	for (; *s; s = end + 2) {
		end = strstr(s, "\r\n");
		assert(end && !memchr(s, '\n', (size_t)(end - s)));
		assert(memmem(s, (size_t)(end - s), ": ", 2));
	}
	(void)snprintf(length, sizeof(length), "Content-Length: %zu", answer->body_n);
	assert(answer->body_n == 0 || fcgi_answer_has(answer, length));
	assert(strstr(answer->head, "Cache-Control: "));
}

static void
check_body(struct served *s, const struct fcgi_answer *answer)
{
	struct json_object *v;

	if (answer->body_n == 0)
		return;
	ctx_init(&s->cx, s->arena, 1000);
	assert(json_read(&s->cx, answer->body, answer->body_n, &v) == ERR_OK);
	assert(json_kind(v) == JSON_MAP);
	assert((answer->status >= 400) ==
	       fcgi_answer_has(answer, "Content-Type: application/problem+json"));
	arena_reset(s->arena);
}

static void
check_answer(struct served *s, const struct fcgi_answer *answer)
{
	assert(answer->complete);
	if (answer->status == 0) { /* the body broke off: nobody is there to be answered */
		assert(answer->head[0] == '\0' && answer->body_n == 0);
		return;
	}
	assert(answer->status >= 200 && answer->status < 500);
	check_head(answer);
	check_body(s, answer);
}

static struct served *
start(void)
{
	static struct served served;
	enum err e = log_open("/dev/null", "fuzz", LOG_INFO);

	assert(e == ERR_OK);
	served_start(&served);
	return &served;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct served *served;
	const char *pairs[2 * N(names) + 1];
	struct fcgi_answer answer;
	char *text, *body;

	if (n > INPUT_MAX)
		return 0;
	if (!served)
		served = start();
	text = calloc(1, n + 1);
	assert(text);
	if (n > 0)
		memcpy(text, data, n);
	body = cut_lines(text, pairs);
	served_request(served, pairs, body ? body : "", body ? n - (size_t)(body - text) : 0);
	served_answer(served, &d, served->arena);
	fcgi_client_answer(served->fd, &answer);
	check_answer(served, &answer);
	fcgi_answer_release(&answer);
	free(text);
	return 0;
}
