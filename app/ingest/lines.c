#include "app/ingest/lines.h"

#include <string.h>

#include "lib/data/click.h"

/* Columns are separated by this in COPY's list. */
static int
click_separators(void)
{
	const char *p;
	int n = 0;

	for (p = click_columns; *p != '\0'; p++)
		n += *p == ',';
	return n;
}

bool
line_is_click(const char *line, size_t n)
{
	int tabs = 0;
	size_t i;

	if (n > CLICK_LINE_MAX || line[n - 1] != '\n')
		return false;
	for (i = 0; i < n; i++) {
		tabs += line[i] == '\t';
		if (line[i] != '\\')
			continue;
		/* A pair: "\." ends COPY's data, "\<newline>" joins the next line. */
		i++;
		if (i >= n || line[i] == '.' || line[i] == '\n')
			return false;
	}
	return tabs == click_separators();
}

struct line_run
lines_run(const char *bytes, size_t n, int64_t most_lines)
{
	struct line_run run = { 0 };

	while (run.bytes < n && run.lines < most_lines) {
		const char *line = bytes + run.bytes;
		const char *end = memchr(line, '\n', n - run.bytes);
		size_t line_n = end != NULL ? (size_t)(end - line) + 1 : n - run.bytes;
		bool is_junk = !line_is_click(line, line_n);

		if (run.lines > 0 && is_junk != run.is_junk)
			break;
		run.is_junk = is_junk;
		run.bytes += line_n;
		run.lines++;
	}
	return run;
}
