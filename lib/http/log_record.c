#include "lib/http/log_record.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/http/json.h"

enum { NAME_SIZE = 64, TIMEOUT_MS = 1000 };

bool
log_record_text(const char *line, size_t n, const char *name, const char **ret_value, size_t *ret_n)
{
	char key[NAME_SIZE];
	int key_n = snprintf(key, sizeof(key), "\"%s\":\"", name);
	const char *at, *end;

	if (key_n < 0 || (size_t)key_n >= sizeof(key))
		return false;
	at = memmem(line, n, key, (size_t)key_n);
	if (!at)
		return false;
	at += key_n;
	for (end = at; end < line + n && *end != '"'; end++)
		if (*end == '\\')
			end++;
	if (end >= line + n)
		return false;
	*ret_value = at;
	*ret_n = (size_t)(end - at);
	return true;
}

bool
log_record_has(const char *line, size_t n, const char *name, const char *value)
{
	const char *text;
	size_t text_n;

	return log_record_text(line, n, name, &text, &text_n) && text_n == strlen(value) &&
	       memcmp(text, value, text_n) == 0;
}

/* Copies a text member of few characters. */
static bool
copy(const char *line, size_t n, const char *name, char *out, size_t size)
{
	const char *text;
	size_t text_n;

	if (!log_record_text(line, n, name, &text, &text_n) || text_n >= size)
		return false;
	memcpy(out, text, text_n);
	out[text_n] = '\0';
	return true;
}

enum log_level
log_record_level(const char *line, size_t n)
{
	char name[16];

	return copy(line, n, "level", name, sizeof(name)) ? log_level_of(name) : LOG_INFO;
}

bool
log_record_time(const char *line, size_t n, int64_t *ret_wall_us)
{
	char ts[CLOCK_TEXT_SIZE + 8];

	return copy(line, n, "ts", ts, sizeof(ts)) && clock_parse(ts, ret_wall_us) == ERR_OK;
}

static bool
has_text(const struct json_object *map, const char *name)
{
	struct json_object *v;

	return json_member(map, name, &v) && json_kind(v) == JSON_TEXT;
}

bool
log_record_is_valid(struct arena *scratch, const char *line, size_t n)
{
	struct json_object *v;
	struct ctx cx;
	int64_t wall_us;
	bool result;

	if (n == 0 || *line != '{' || !log_record_time(line, n, &wall_us))
		return false;
	ctx_init(&cx, scratch, TIMEOUT_MS);
	result = json_read(&cx, line, n, &v) == ERR_OK && json_kind(v) == JSON_MAP &&
		 has_text(v, "ts") && has_text(v, "level") && has_text(v, "msg");
	arena_reset(scratch);
	return result;
}
