#include "lib/http/resp.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/attr.h"
#include "lib/http/json.h"

void
resp_init(struct resp *rs, struct arena *a)
{
	*rs = (struct resp){ 0 };
	buf_init(&rs->body, a);
}

void
resp_clear(struct resp *rs)
{
	const char *layer = rs->layer;

	resp_init(rs, rs->body.arena);
	rs->layer = layer;
}

/* Whether text may stand in a header's value (RFC 9110 5.5; NUL can't occur). */
static bool
is_field_value(const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

void
resp_header(struct resp *rs, const char *name, const char *value)
{
	if (!value)
		return;
	if (!is_field_value(value)) {
		rs->bad_header = name;
		return;
	}
	assert(rs->n_headers < RESP_HEADERS_MAX);
	rs->headers[rs->n_headers++] = (struct resp_header){ name, value };
}

const char *
resp_find(const struct resp *rs, const char *name)
{
	unsigned i;

	for (i = 0; i < rs->n_headers; i++)
		if (strcmp(rs->headers[i].name, name) == 0)
			return rs->headers[i].value;
	return NULL;
}

enum err
resp_json(struct resp *rs, int status, const struct json *j)
{
	enum err e = json_write(j, &rs->body);

	if (e)
		return e;
	rs->status = status;
	rs->type = "application/json";
	return ERR_OK;
}

enum err
resp_empty(struct resp *rs, int status)
{
	rs->status = status;
	rs->type = NULL;
	return ERR_OK;
}

const char *
resp_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 204, "No Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
	};

	for (size_t i = 0; i < N(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	for (enum err e = ERR_OK; e < ERR__COUNT; e++)
		if (err_info(e)->status == status)
			return err_info(e)->title;
	return "";
}
