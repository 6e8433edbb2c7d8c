#include <criterion/criterion.h>
#include <string.h>

#include "app/ingest/lines.h"
#include "lib/data/click.h"

#define GOOD "v\tt\t1\t\\N\tcode\t\\N\tagent\t7\tf\n"

static bool
is_click(const char *line)
{
	return line_is_click(line, strlen(line));
}

static struct line_run
run(const char *bytes, int64_t most)
{
	return lines_run(bytes, strlen(bytes), most);
}

Test(lines, what_a_worker_writes_is_a_click)
{
	static const unsigned char key[16] = { 0 };
	const struct click c = { .visit_id = "00000000000000000000000000000000",
		.short_code = "c",
		.referrer = "a\\\t\r\n.\\",
		.user_agent = "\\." };
	char line[CLICK_LINE_MAX];
	size_t n = click_format(&c, key, line);

	cr_assert_gt(n, 0);
	cr_assert(line_is_click(line, n));
	cr_assert(is_click(GOOD));
}

Test(lines, with_other_columns_a_line_is_junk)
{
	cr_assert_not(is_click("\n"));
	cr_assert_not(is_click("v\tt\n"));
	cr_assert_not(is_click("v\tt\t1\t\\N\tcode\t\\N\tagent\t7\tf\t\n"));
}

Test(lines, without_a_newline_a_line_is_junk)
{
	cr_assert_not(line_is_click(GOOD, strlen(GOOD) - 1));
}

Test(lines, a_line_of_the_longest_length_is_the_last_that_fits)
{
	char line[CLICK_LINE_MAX + 1];

	memset(line, 'x', sizeof(line));
	memset(line, '\t', 8);
	line[CLICK_LINE_MAX - 1] = '\n';
	cr_assert(line_is_click(line, CLICK_LINE_MAX));
	line[CLICK_LINE_MAX - 1] = 'x';
	line[CLICK_LINE_MAX] = '\n';
	cr_assert_not(line_is_click(line, CLICK_LINE_MAX + 1));
}

Test(lines, a_run_ends_where_the_kind_changes)
{
	struct line_run r = run(GOOD GOOD "junk\njunk\n" GOOD, 100);

	cr_assert_eq(r.bytes, 2 * strlen(GOOD));
	cr_assert_eq(r.lines, 2);
	cr_assert_not(r.is_junk);
	r = run("junk\njunk\n" GOOD, 100);
	cr_assert_eq(r.bytes, strlen("junk\njunk\n"));
	cr_assert_eq(r.lines, 2);
	cr_assert(r.is_junk);
}

Test(lines, a_run_has_no_more_lines_than_are_wanted)
{
	struct line_run r = run(GOOD GOOD GOOD, 2);

	cr_assert_eq(r.lines, 2);
	cr_assert_eq(r.bytes, 2 * strlen(GOOD));
	cr_assert_eq(run("", 2).lines, 0);
}

Test(lines, bytes_without_a_newline_are_one_line_of_junk)
{
	struct line_run r = run("no end", 10);

	cr_assert(r.is_junk);
	cr_assert_eq(r.bytes, strlen("no end"));
	cr_assert_eq(r.lines, 1);
}
