#include "lib/base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/escape.h"
#include "lib/base/log_file.h"
#include "lib/base/metric.h"
#include "lib/base/num.h"

enum { LINE_BYTES = 8 * 1024, FULL_BYTES = 32 * 1024 };

static const char line_end[] = "}\n";

static struct {
	struct log_file file;
	const char *program; /* borrowed */
	pid_t pid;
	enum log_level least;
	enum log_level level; /* of the line that is being built */
	bool building;
	size_t len;        /* bytes of whole lines */
	size_t end;        /* bytes with the line that is being built */
	int64_t oldest_us; /* when the first of the whole lines began */
	char bytes[FULL_BYTES + LINE_BYTES];
} sink = { .file = { .fd = STDERR_FILENO }, .program = "terse", .least = LOG_INFO };

static const char *const level_names[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARN] = "warn",
	[LOG_ERROR] = "error",
};

_Static_assert(N(level_names) == LOG__COUNT, "one name per level");

enum log_level
log_level_of(const char *name)
{
	for (size_t i = 0; i < N(level_names); i++)
		if (strcmp(name, level_names[i]) == 0)
			return (enum log_level)i;
	return LOG_INFO;
}

enum err
log_open(const char *path, const char *program, enum log_level least)
{
	enum err e;

	/* Lines that a parent left in the buffer are the parent's to write. */
	if (sink.pid != getpid())
		sink.len = sink.end = 0;
	log_flush();
	e = log_file_open(&sink.file, path);
	if (e)
		return e;
	sink.program = program;
	sink.pid = getpid();
	sink.least = least;
	sink.building = false;
	return ERR_OK;
}

void
log_rotate_at(int64_t max_bytes, int64_t keep)
{
	sink.file.max_bytes = max_bytes;
	sink.file.keep = keep;
}

void
log_close(void)
{
	log_flush();
	log_file_close(&sink.file);
}

void
log_reopen(void)
{
	log_flush();
	log_file_reopen(&sink.file);
}

/* Bytes that the line may still grow by; its end always fits. */
static size_t
room(void)
{
	return sink.len + LINE_BYTES - (sizeof(line_end) - 1) - sink.end;
}

static void
put(const char *bytes, size_t n)
{
	memcpy(sink.bytes + sink.end, bytes, n);
	sink.end += n;
}

/* Writes the inside of a JSON string in at most limit bytes; a longer one ends in "...". */
static void
put_escaped(const char *s, size_t limit)
{
	static const char dots[] = "...";
	size_t n = strlen(s), end = sink.end + limit - (sizeof(dots) - 1);
	char out[ESCAPE_SIZE];

	while (n > 0) {
		size_t left = end - sink.end, len;
		size_t taken = escape_plain(s, n < left ? n : left);

		if (taken > 0) {
			put(s, taken);
		} else {
			taken = escape_one(s, n, out, &len);
			if (len > left) {
				put(dots, sizeof(dots) - 1);
				return;
			}
			put(out, len);
		}
		s += taken;
		n -= taken;
	}
}

/* Starts the member name when it and a value of some bytes fit. */
static bool
put_name(const char *name)
{
	enum { LEAST_VALUE = 32 };
	size_t n = strlen(name);

	if (!sink.building || n + LEAST_VALUE > room())
		return false;
	put(",\"", 2);
	put(name, n);
	put("\":", 2);
	return true;
}

void
log_text(const char *name, const char *value)
{
	if (!value || !put_name(name))
		return;
	put("\"", 1);
	/* Half of what is left: a long value never crowds out the members after it. */
	put_escaped(value, room() / 2);
	put("\"", 1);
}

void
log_int(const char *name, int64_t value)
{
	if (put_name(name))
		sink.end += num_format(value, sink.bytes + sink.end);
}

bool
log_begin(enum log_level level, const char *msg)
{
	char ts[CLOCK_TEXT_SIZE];

	sink.building = level >= sink.least;
	if (!sink.building)
		return false;
	if (sink.pid == 0)
		sink.pid = getpid();
	sink.level = level;
	sink.end = sink.len;
	put("{\"ts\":\"", 7);
	clock_format(clock_wall_us(), ts);
	put(ts, strlen(ts));
	put("\"", 1);
	log_text("level", level_names[level]);
	log_text("msg", msg);
	log_text("program", sink.program);
	log_int("pid", sink.pid);
	return true;
}

void
log_end(void)
{
	if (!sink.building)
		return;
	put(line_end, sizeof(line_end) - 1);
	sink.building = false;
	if (sink.len == 0)
		sink.oldest_us = clock_mono_us();
	sink.len = sink.end;
	if (sink.level >= LOG_WARN || sink.len >= FULL_BYTES)
		log_flush();
}

void
log_event(enum log_level level, const char *msg, const char *fmt, ...)
{
	char why[1024];
	va_list args;

	if (!log_begin(level, msg))
		return;
	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	log_text("diag", why);
	log_end();
}

static uint64_t
lines_in(const char *bytes, size_t n)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += bytes[i] == '\n';
	return lines;
}

void
log_flush(void)
{
	size_t done = sink.len;

	if (sink.len > 0)
		done = log_file_append(&sink.file, sink.bytes, sink.len);
	if (done < sink.len)
		metric_add(M_LOG_DROPPED, 0, 0, 0, lines_in(sink.bytes + done, sink.len - done));
	/* What is left is the beginning of a line that is being built. */
	sink.end -= sink.len;
	memmove(sink.bytes, sink.bytes + sink.len, sink.end);
	sink.len = 0;
}

void
log_flush_if_older(int64_t age_us)
{
	if (sink.len > 0 && clock_mono_us() - sink.oldest_us > age_us)
		log_flush();
}
