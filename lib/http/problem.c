#include "lib/http/problem.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/http/json.h"
#include "lib/http/req.h"
#include "lib/http/resp.h"

#define CHALLENGE "Bearer realm=\"terse\""
#define TYPE_PREFIX "urn:terse:problem:"

enum { TEXT_SIZE = 96 }; /* for a type or a pointer: both are made of our own short names */

/* Whether a byte may stand in a URI (RFC 3986 2); '%' may, since the target is encoded. */
static bool
is_uri_byte(unsigned char c)
{
	return c > 0x20 && c < 0x7f && !strchr("\"<>\\^`{|}", c);
}

/* The target as a URI reference: what the client failed to percent-encode is encoded. */
static const char *
instance_of(const struct req *rq)
{
	const char *s;
	struct buf out;

	buf_init(&out, rq->cx->arena);
	for (s = rq->target; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (is_uri_byte(c))
			buf_addc(&out, *s);
		else
			buf_printf(&out, "%%%02X", (unsigned)c);
	}
	return buf_str(&out);
}

static void
add_fault(struct json *j, struct json_object *list, const struct field_fault *fault, bool in_body)
{
	struct json_object *at = json_add_map(j, list, NULL);
	char pointer[TEXT_SIZE];

	snprintf(pointer, sizeof(pointer), "/%s", fault->name);
	if (in_body)
		json_add_text(j, at, "pointer", pointer);
	else
		json_add_text(j, at, "parameter", fault->name);
	json_add_text(j, at, "code", fault->code);
	json_add_text(j, at, "detail", fault->detail);
}

static void
add_faults(struct json *j, const struct req *rq)
{
	struct json_object *list;
	unsigned i;

	if (rq->faults.n == 0)
		return;
	list = json_add_list(j, NULL, "errors");
	for (i = 0; i < rq->faults.n; i++)
		add_fault(j, list, &rq->faults.v[i], rq->faults_in_body);
}

static enum err
write_document(struct resp *rs, const struct req *rq, enum err e)
{
	const struct err_info *info = err_info(e);
	const char *detail = rq->cx->detail ? rq->cx->detail : info->title;
	const char *instance = instance_of(rq);
	char type[TEXT_SIZE];
	struct json j;

	if (!instance)
		return ERR_MEMORY;
	snprintf(type, sizeof(type), TYPE_PREFIX "%s", info->slug);
	json_map_init(&j, rq->cx->arena);
	json_add_text(&j, NULL, "type", type);
	json_add_text(&j, NULL, "title", info->title);
	json_add_int(&j, NULL, "status", info->status);
	json_add_text(&j, NULL, "detail", detail);
	json_add_text(&j, NULL, "instance", instance);
	json_add_text(&j, NULL, "request_id", rq->cx->request_id);
	json_add_text(&j, NULL, "error", detail);
	if (e == ERR_INVALID)
		add_faults(&j, rq);
	return json_write(&j, &rs->body);
}

/* The members that cost no memory; slug and title need no escapes. */
static void
write_minimal(struct resp *rs, enum err e)
{
	const struct err_info *info = err_info(e);
	int n = snprintf(rs->spare, sizeof(rs->spare),
	    "{\"type\":\"" TYPE_PREFIX "%s\",\"title\":\"%s\",\"status\":%d,\"error\":\"%s\"}",
	    info->slug, info->title, info->status, info->title);

	rs->body = (struct buf){
		.arena = rs->body.arena,
		.data = rs->spare,
		.len = (size_t)n,
		.cap = sizeof(rs->spare),
	};
}

static const char *
retry_after(const struct err_info *info, struct resp *rs)
{
	if (info->retry_after_s == 0)
		return NULL;
	snprintf(rs->retry_after, sizeof(rs->retry_after), "%d", info->retry_after_s);
	return rs->retry_after;
}

void
problem_write(struct resp *rs, const struct req *rq, enum err e)
{
	const struct err_info *info = err_info(e);
	const char *allow = resp_find(rs, "Allow");

	resp_clear(rs);
	rs->status = info->status;
	rs->type = "application/problem+json";
	rs->sent_error = e;
	resp_header(rs, "Allow", allow);
	resp_header(rs, "Retry-After", retry_after(info, rs));
	resp_header(rs, "WWW-Authenticate", e == ERR_UNAUTHORIZED ? CHALLENGE : NULL);
	if (write_document(rs, rq, e))
		write_minimal(rs, e);
}
