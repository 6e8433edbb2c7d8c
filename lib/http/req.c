#include "lib/http/req.h"

#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "lib/http/fcgi.h"
#include "lib/http/json.h"

enum { PIECE_BYTES = 8192, VISIT_BYTES = 16 };

static const char *const methods[METHOD__COUNT] = {
	[METHOD_GET] = "GET",
	[METHOD_HEAD] = "HEAD",
	[METHOD_POST] = "POST",
	[METHOD_PUT] = "PUT",
	[METHOD_PATCH] = "PATCH",
	[METHOD_DELETE] = "DELETE",
	[METHOD_OPTIONS] = "OPTIONS",
	[METHOD_OTHER] = "OTHER",
};

const char *
req_method_name(enum method m)
{
	return methods[m];
}

static enum method
method_of(const char *name)
{
	unsigned m;

	for (m = 0; m < METHOD_OTHER; m++)
		if (strcmp(name, methods[m]) == 0)
			return (enum method)m;
	return METHOD_OTHER;
}

static const char *
param_or_empty(struct fcgi *f, const char *name)
{
	const char *value = fcgi_param(f, name);

	return value ? value : "";
}

/* Adds the segment of n bytes at s; false when no route can have it. */
static bool
add_segment(struct req *rq, const char *s, size_t n)
{
	char *segment;

	if (n == 0 || rq->n_segments == REQ_SEGMENTS_MAX)
		return false;
	segment = query_decode_segment(rq->cx->arena, s, n);
	if (!segment)
		return false;
	rq->segments[rq->n_segments++] = segment;
	return true;
}

/* Splits n bytes of path. "/" has no segments; a slash at the end makes an empty one. */
static bool
split_path(struct req *rq, const char *path, size_t n)
{
	const char *end = path + n;

	if (n == 0 || *path != '/')
		return false;
	if (n == 1)
		return true;
	while (path < end) {
		const char *s = path + 1;
		const char *slash = memchr(s, '/', (size_t)(end - s));

		path = slash ? slash : end;
		if (!add_segment(rq, s, (size_t)(path - s)))
			return false;
	}
	return true;
}

static void
read_target(struct req *rq)
{
	const char *stripped = fcgi_param(rq->fcgi, "TERSE_TARGET");
	size_t n;

	rq->target = param_or_empty(rq->fcgi, "REQUEST_URI");
	if (!stripped)
		stripped = rq->target;
	rq->prefixed = strcmp(stripped, rq->target) != 0;
	n = strcspn(stripped, "?");
	rq->query_text = stripped[n] == '?' ? stripped + n + 1 : "";
	rq->bad_path = !split_path(rq, stripped, n);
}

/* For a web server that does not name visits: they are told apart, but a retry counts
 * again. */
static const char *
new_visit_id(struct arena *a)
{
	unsigned char bytes[VISIT_BYTES];
	struct buf text;
	size_t i;

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return NULL;
	buf_init(&text, a);
	for (i = 0; i < sizeof(bytes); i++)
		buf_printf(&text, "%02x", (unsigned)bytes[i]);
	return buf_str(&text);
}

static bool
is_visit_id(const char *s)
{
	return s && strspn(s, "0123456789abcdef") == 2 * VISIT_BYTES && s[2 * VISIT_BYTES] == '\0';
}

/* The client's name for the request, or else the web server's. */
static const char *
request_id(const struct fcgi *f, const char *visit_id)
{
	const char *id = fcgi_param(f, "TERSE_REQUEST_ID");

	if (!id)
		id = visit_id;
	return id ? id : "";
}

enum err
req_init(struct req *rq, struct ctx *cx, struct fcgi *f)
{
	*rq = (struct req){ .cx = cx, .fcgi = f };
	rq->method = method_of(param_or_empty(f, "REQUEST_METHOD"));
	rq->client = param_or_empty(f, "REMOTE_ADDR");
	read_target(rq);
	rq->visit_id = fcgi_param(f, "TERSE_VISIT_ID");
	cx->request_id = request_id(f, rq->visit_id);
	if (!is_visit_id(rq->visit_id))
		rq->visit_id = new_visit_id(cx->arena);
	return rq->visit_id ? ERR_OK : ERR_MEMORY;
}

const char *
req_header(const struct req *rq, const char *fcgi_name)
{
	return fcgi_param(rq->fcgi, fcgi_name);
}

enum err
req_id(const struct req *rq, size_t i, int64_t *ret_id)
{
	const char *text = rq->params[i];

	return num_parse(text, strlen(text), 1, INT64_MAX, ret_id) ? ERR_NOT_FOUND : ERR_OK;
}

/*
 * Bodies
 */

/* Bytes that the body will have; -1 when the web server did not say. */
static enum err
body_length(const struct req *rq, int64_t *ret_length)
{
	const char *text = req_header(rq, "CONTENT_LENGTH");

	if (text && *text)
		return num_parse(text, strlen(text), 0, INT64_MAX, ret_length) ? ERR_MALFORMED
									       : ERR_OK;
	*ret_length = -1;
	return ERR_OK;
}

enum err
req_body_each(struct req *rq, size_t max_bytes, req_body_fn *fn, void *arg)
{
	char piece[PIECE_BYTES];
	int64_t length, got;
	uint64_t total = 0;
	enum err e = body_length(rq, &length);

	if (e)
		return e;
	if (length >= 0 && (uint64_t)length > max_bytes)
		return ERR_TOO_LARGE;
	while ((got = fcgi_read(rq->fcgi, piece, sizeof(piece))) > 0) {
		total += (uint64_t)got;
		if (total > max_bytes)
			return ERR_TOO_LARGE;
		e = fn(arg, piece, (size_t)got);
		if (e)
			return e;
	}
	if (got < 0 || (length >= 0 && total != (uint64_t)length))
		return ctx_fail(rq->cx, ERR_ABORTED, "the body ended after %llu bytes",
		    (unsigned long long)total);
	return ERR_OK;
}

/* The Content-Type without parameters; n is 0 when there is none. */
static const char *
media_type(const struct req *rq, size_t *ret_n)
{
	const char *type = req_header(rq, "CONTENT_TYPE");

	if (!type)
		type = "";
	type += strspn(type, " \t");
	*ret_n = strcspn(type, "; \t");
	return type;
}

static bool
is_encoded(const struct req *rq)
{
	const char *coding = req_header(rq, "HTTP_CONTENT_ENCODING");

	return coding && *coding && strcasecmp(coding, "identity") != 0;
}

bool
req_has_type(const struct req *rq, const char *type)
{
	size_t n;
	const char *given = media_type(rq, &n);

	return !is_encoded(rq) && n == strlen(type) && strncasecmp(given, type, n) == 0;
}

/* application/json, or any type with the suffix of RFC 6839 3.1. */
static bool
is_json(const char *type, size_t n)
{
	static const char json[] = "application/json", suffix[] = "+json";
	const size_t json_n = sizeof(json) - 1, suffix_n = sizeof(suffix) - 1;

	if (n == json_n)
		return strncasecmp(type, json, n) == 0;
	return n > suffix_n && memchr(type, '/', n) &&
	       strncasecmp(type + n - suffix_n, suffix, suffix_n) == 0;
}

static enum err
collect(void *arg, const char *bytes, size_t n)
{
	struct buf *body = arg;

	buf_add(body, bytes, n);
	return body->failed ? ERR_MEMORY : ERR_OK;
}

/* Reads the JSON text. A body without a label is refused for that, unless there is none. */
static enum err
read_json_text(struct req *rq, struct buf *ret_body)
{
	static const char mislabelled[] = "The body must be application/json, not compressed.";
	size_t n;
	const char *type = media_type(rq, &n);
	enum err e;

	if (is_encoded(rq) || (n > 0 && !is_json(type, n)))
		return ctx_refuse(rq->cx, ERR_MEDIA_TYPE, mislabelled);
	buf_init(ret_body, rq->cx->arena);
	e = req_body_each(rq, rq->body_max, collect, ret_body);
	if (e)
		return e;
	if (ret_body->len == 0)
		return ctx_refuse(rq->cx, ERR_MALFORMED, "The body is empty.");
	if (n == 0)
		return ctx_refuse(rq->cx, ERR_MEDIA_TYPE, mislabelled);
	return ERR_OK;
}

enum err
req_json_fields(struct req *rq, const struct field *rows, size_t n, void *ret_struct)
{
	const struct field_table table = { rows, n, rq->env };
	struct json_object *value;
	struct buf body = { 0 };
	enum err e = read_json_text(rq, &body);

	if (e)
		return e;
	e = json_read(rq->cx, body.data, body.len, &value);
	if (e)
		return e;
	rq->faults_in_body = true;
	return field_read_json(rq->cx, &table, value, ret_struct, &rq->faults);
}

enum err
req_json_item(struct req *rq, const struct field_item *item, const struct field *rows, size_t n,
    void *ret_struct)
{
	const struct field_table table = { rows, n, rq->env };

	return field_read_item(rq->cx, &table, item, ret_struct, &rq->faults);
}

/*
 * The query string
 */

static void
add_format_fault(struct field_faults *faults, const char *name)
{
	if (faults->n < FIELD_FAULTS_MAX)
		faults->v[faults->n++] = (struct field_fault){ name, "format",
			"must be percent-encoded UTF-8 without NUL" };
}

static enum err
read_query_field(
    struct req *rq, const struct field_table *t, size_t i, const struct query *q, void *ret_struct)
{
	const struct query_pair *pair = query_find(q, t->rows[i].name);

	if (pair && !pair->value) {
		add_format_fault(&rq->faults, t->rows[i].name);
		return ERR_INVALID;
	}
	return field_read_text(rq->cx, t, i, pair ? pair->value : NULL, ret_struct, &rq->faults);
}

enum err
req_query_fields(struct req *rq, const struct field *rows, size_t n, void *ret_struct)
{
	const struct field_table table = { rows, n, rq->env };
	struct query q;
	enum err e, result = ERR_OK;
	size_t i;

	e = query_parse(rq->cx, rq->query_text, &q);
	if (e)
		return e == ERR_MALFORMED ? ERR_INVALID : e;
	rq->faults_in_body = false;
	for (i = 0; i < n; i++) {
		e = read_query_field(rq, &table, i, &q, ret_struct);
		if (e && e != ERR_INVALID)
			return e;
		if (e)
			result = e;
	}
	return result;
}

static bool
is_among(const char *name, const char *const *names, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

void
req_query_without(const struct req *rq, const char *const *names, size_t n, struct buf *out)
{
	struct query q;
	size_t i;

	if (query_parse(rq->cx, rq->query_text, &q))
		return;
	for (i = 0; i < q.n; i++) {
		const struct query_pair *pair = &q.pairs[i];

		if (!pair->value || is_among(pair->name, names, n))
			continue;
		if (out->len > 0)
			buf_addc(out, '&');
		query_encode(out, pair->name);
		buf_addc(out, '=');
		query_encode(out, pair->value);
	}
}

/*
 * Preconditions
 */

/* Whether s (n bytes) is an entity tag's inside (RFC 9110 8.8.3). */
static bool
is_opaque(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c <= 0x20 || c == 0x7f)
			return false;
	}
	return true;
}

/* Takes one entity tag from *s. False: there is none. */
static bool
take_tag(const char **s, bool *ret_weak, const char **ret_tag, size_t *ret_n)
{
	const char *p = *s, *quote;
	bool weak = strncmp(p, "W/", 2) == 0;

	if (weak)
		p += 2;
	if (*p++ != '"')
		return false;
	quote = strchr(p, '"');
	if (!quote || !is_opaque(p, (size_t)(quote - p)))
		return false;
	*s = quote + 1;
	*ret_weak = weak;
	*ret_tag = p;
	*ret_n = (size_t)(quote - p);
	return true;
}

static bool
is_version(const char *tag, size_t n, int64_t version)
{
	int64_t given;

	return num_parse(tag, n, INT64_MIN, INT64_MAX, &given) == ERR_OK && given == version;
}

bool
req_if_match(const struct req *rq, int64_t version)
{
	const char *s = req_header(rq, "HTTP_IF_MATCH"), *tag;
	bool weak, matches = false;
	size_t n;

	if (!s || strcmp(s, "*") == 0)
		return true;
	/* A list that turns out malformed matches nothing, whatever came before. */
	for (;;) {
		s += strspn(s, " \t,");
		if (*s == '\0')
			return matches;
		if (!take_tag(&s, &weak, &tag, &n))
			return false;
		if (!weak && is_version(tag, n, version))
			matches = true;
		s += strspn(s, " \t");
		if (*s != '\0' && *s != ',')
			return false;
	}
}
