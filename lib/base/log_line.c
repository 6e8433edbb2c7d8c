#include "lib/base/log_line.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/escape.h"
#include "lib/base/num.h"

static const char line_end[] = "}\n";

/* Bytes that the line may still grow by; its end always fits. */
static size_t
room(const struct log_line *l)
{
	return LOG_LINE_BYTES - (sizeof(line_end) - 1) - l->len;
}

static void
put(struct log_line *l, const char *bytes, size_t n)
{
	memcpy(l->bytes + l->len, bytes, n);
	l->len += n;
}

/* Writes the inside of a JSON string in at most limit bytes; a longer one ends in "...". */
static void
put_escaped(struct log_line *l, const char *s, size_t limit)
{
	static const char dots[] = "...";
	size_t n = strlen(s), end = l->len + limit - (sizeof(dots) - 1);
	char out[ESCAPE_SIZE];

	while (n > 0) {
		size_t left = end - l->len, len;
		size_t taken = escape_plain(s, n < left ? n : left);

		if (taken > 0) {
			put(l, s, taken);
		} else {
			taken = escape_one(s, n, out, &len);
			if (len > left) {
				put(l, dots, sizeof(dots) - 1);
				return;
			}
			put(l, out, len);
		}
		s += taken;
		n -= taken;
	}
}

/* Starts the member name when it and a value of some bytes fit. */
static bool
put_name(struct log_line *l, const char *name)
{
	enum { LEAST_VALUE = 32 };
	size_t n = strlen(name);

	if (n + LEAST_VALUE > room(l))
		return false;
	put(l, ",\"", 2);
	put(l, name, n);
	put(l, "\":", 2);
	return true;
}

void
log_line_text(struct log_line *l, const char *name, const char *value)
{
	if (!value || !put_name(l, name))
		return;
	put(l, "\"", 1);
	/* Half of what is left: a long value never crowds out the members after it. */
	put_escaped(l, value, room(l) / 2);
	put(l, "\"", 1);
}

void
log_line_int(struct log_line *l, const char *name, int64_t value)
{
	if (put_name(l, name))
		l->len += num_format(value, l->bytes + l->len);
}

void
log_line_begin(struct log_line *l, char *bytes, const struct log_head *head)
{
	char ts[CLOCK_TEXT_SIZE];

	*l = (struct log_line){ .bytes = bytes };
	put(l, "{\"ts\":\"", 7);
	clock_format(head->wall_us, ts);
	put(l, ts, strlen(ts));
	put(l, "\"", 1);
	log_line_text(l, "level", log_level_name(head->level));
	log_line_text(l, "msg", head->msg);
	log_line_text(l, "program", head->program);
	log_line_int(l, "pid", head->pid);
}

void
log_line_end(struct log_line *l)
{
	put(l, line_end, sizeof(line_end) - 1);
}
