#include "app/ingest/lines.h"

#include <string.h>

#include "lib/data/click.h"

bool
line_is_click(const char *line, size_t n)
{
	const char *end = line + n, *tab = line - 1;
	int tabs = 0;

	if (n > CLICK_LINE_MAX || end[-1] != '\n')
		return false;
	while ((tab = memchr(tab + 1, '\t', (size_t)(end - tab - 1))))
		tabs++;
	return tabs == CLICK_COLUMNS - 1;
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
