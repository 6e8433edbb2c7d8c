#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/http/log_find.h"
#include "lib/http/log_record.h"

#define SECOND_US INT64_C(1000000)

static bool
contains(const char *line, size_t n, const char *text)
{
	return !text || memmem(line, n, text, strlen(text));
}

static bool
has(const char *line, size_t n, const char *name, const char *value)
{
	return !value || log_record_has(line, n, name, value);
}

static bool
is_since(const char *line, size_t n, int64_t since_us)
{
	int64_t wall_us;

	return since_us == 0 || (log_record_time(line, n, &wall_us) && wall_us >= since_us);
}

bool
log_filter_fits(const struct log_filter *f, const char *line, size_t n)
{
	return log_record_level(line, n) >= f->least && contains(line, n, f->text) &&
	       has(line, n, "request_id", f->request_id) && has(line, n, "route", f->route) &&
	       is_since(line, n, f->since_us);
}

const char *
log_filter_text(struct arena *a, const char *text)
{
	struct buf out;

	buf_init(&out, a);
	buf_add_json(&out, text);
	return buf_str(&out);
}

bool
log_since_parse(const char *text, int64_t now_us, int64_t *ret_wall_us)
{
	static const char units[] = "smhd";
	static const int64_t seconds[] = { 1, 60, 3600, 86400 };
	enum { MOST = 100000 };
	size_t n = strspn(text, "0123456789");
	const char *unit = text[n] != '\0' && text[n + 1] == '\0' ? strchr(units, text[n]) : NULL;
	int64_t count;

	if (!unit)
		return clock_parse(text, ret_wall_us) == ERR_OK;
	if (num_parse(text, n, 0, MOST, &count) != ERR_OK)
		return false;
	*ret_wall_us = now_us - count * seconds[unit - units] * SECOND_US;
	return true;
}
