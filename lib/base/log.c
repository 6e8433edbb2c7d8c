#include "lib/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log_file.h"
#include "lib/base/log_line.h"
#include "lib/base/metric.h"

enum { FULL_BYTES = 32 * 1024 };

static struct {
	struct log_file file;
	const char *program; /* borrowed */
	pid_t pid;
	enum log_level least;
	struct log_level_word *host_level; /* NULL: there is only least */
	bool is_building;
	enum log_level level; /* of the line that is being built */
	struct log_line line;
	size_t len;        /* bytes of whole lines; the one that is being built is after them */
	int64_t oldest_us; /* when the first of the whole lines began */
	char bytes[FULL_BYTES + LOG_LINE_BYTES];
} sink = { .file = { .fd = STDERR_FILENO }, .program = "terse", .least = LOG_INFO };

enum err
log_open(const char *path, const char *program, enum log_level least)
{
	enum err e;

	/* Lines that a parent left in the buffer are the parent's to write. */
	if (sink.pid != getpid())
		sink.len = 0;
	log_flush();
	e = log_file_open(&sink.file, path);
	if (e)
		return e;
	sink.program = program;
	sink.pid = getpid();
	sink.least = least;
	sink.is_building = false;
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

void
log_obey(const char *run_dir)
{
	struct log_level_word *word;

	if (log_level_map(run_dir, &word) != ERR_OK) {
		log_event(LOG_WARN, "log level", "%s: %s", run_dir, strerror(errno));
		return;
	}
	log_level_unmap(sink.host_level);
	sink.host_level = word;
}

void
log_text(const char *name, const char *value)
{
	if (sink.is_building)
		log_line_text(&sink.line, name, value);
}

void
log_int(const char *name, int64_t value)
{
	if (sink.is_building)
		log_line_int(&sink.line, name, value);
}

bool
log_begin(enum log_level level, const char *msg)
{
	sink.is_building = level >= log_level_least(sink.host_level, sink.least);
	if (!sink.is_building)
		return false;
	if (sink.pid == 0)
		sink.pid = getpid();
	sink.level = level;
	log_line_begin(&sink.line, sink.bytes + sink.len,
	    &(struct log_head){ .wall_us = clock_wall_us(),
		.level = level,
		.msg = msg,
		.program = sink.program,
		.pid = sink.pid });
	return true;
}

void
log_end(void)
{
	if (!sink.is_building)
		return;
	log_line_end(&sink.line);
	sink.is_building = false;
	if (sink.len == 0)
		sink.oldest_us = clock_mono_us();
	sink.len += sink.line.len;
	metric_add(M_LOG_LINES, sink.level, 0, 0, 1);
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
	if (sink.is_building)
		memmove(sink.bytes, sink.line.bytes, sink.line.len);
	sink.line.bytes = sink.bytes;
	sink.len = 0;
}

void
log_flush_if_older(int64_t age_us)
{
	if (sink.len > 0 && clock_mono_us() - sink.oldest_us > age_us)
		log_flush();
}
