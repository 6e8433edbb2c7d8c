#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/http/log_back.h"
#include "lib/http/log_find.h"
#include "lib/http/log_record.h"

static char dir[] = "/tmp/test_log_find.XXXXXX";
static struct arena *arena;
static struct log_found found;
static struct log_query query;

static void
set_up(void)
{
	cr_assert_not_null(mkdtemp(dir));
	arena = arena_new(64 << 20);
	query = (struct log_query){ .limit = 100, .time_ms = 10000 };
}

static void
tear_down(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", dir);
	cr_assert_eq(system(command), 0);
	arena_free(arena);
}

TestSuite(log_find, .init = set_up, .fini = tear_down);

static FILE *
file_of(const char *service, const char *name)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, service);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%s/%s", dir, service, name);
	f = fopen(path, "a");
	cr_assert_not_null(f);
	return f;
}

/* Lines with the numbers first..last, a second apart. */
static void
write_lines(const char *service, const char *name, int first, int last, int step)
{
	FILE *f = file_of(service, name);
	char ts[CLOCK_TEXT_SIZE];

	for (int i = first; i <= last; i += step)
		fprintf(f,
		    "{\"ts\":\"%s\",\"level\":\"%s\",\"msg\":\"x\",\"request_id\":\"r%d\","
		    "\"route\":\"%s\",\"n\":%d}\n",
		    clock_format((1800000000 + i) * INT64_C(1000000), ts),
		    i % 10 ? "info" : "error", i, i % 2 ? "odd" : "even", i);
	fclose(f);
}

static void
find(void)
{
	cr_assert_eq(log_find(dir, &query, arena, &found), ERR_OK);
}

static int
number(int i)
{
	return atoi(strstr(found.lines[i], "\"n\":") + 4);
}

static void
expect_numbers(int first, int last)
{
	cr_assert_eq(found.n, last - first + 1, "%d", found.n);
	for (int i = 0; i < found.n; i++)
		cr_assert_eq(number(i), first + i);
}

Test(log_find, merges_the_newest_lines_of_all_services)
{
	write_lines("a", "terse.log", 1, 999, 2);
	write_lines("b", "terse.log", 2, 1000, 2);
	write_lines("b", "other.log", 5000, 6000, 1);
	find();
	expect_numbers(901, 1000);
	cr_assert_eq(found.n_ends, 2);
	cr_assert_not(found.is_partial);
}

Test(log_find, goes_back_into_rotated_files)
{
	write_lines("a", "terse.log.2", 1, 2000, 1);
	write_lines("a", "terse.log.1", 2001, 2010, 1);
	write_lines("a", "terse.log", 2011, 2012, 1);
	query.limit = 1000;
	find();
	expect_numbers(1013, 2012);
}

Test(log_find, finds_what_fits_all_filters)
{
	write_lines("a", "terse.log", 1, 1000, 1);
	query.filter.request_id = "r77";
	find();
	expect_numbers(77, 77);
	query.filter.route = "even";
	find();
	cr_assert_eq(found.n, 0);
	query.filter = (struct log_filter){ .least = LOG_WARN };
	find();
	cr_assert_eq(found.n, 100);
	query.filter = (struct log_filter){ .since_us = (1800000000 + 995) * INT64_C(1000000) };
	find();
	expect_numbers(995, 1000);
	query.filter = (struct log_filter){ .text = log_filter_text(arena, "\"n\":") };
	find();
	cr_assert_eq(found.n, 0, "a text is in a value");
	query.filter = (struct log_filter){ .service = "b" };
	find();
	cr_assert_eq(found.n, 0);
}

Test(log_find, leaves_out_what_is_no_line)
{
	char *huge = malloc(200000);
	FILE *f;

	write_lines("a", "terse.log", 1, 3, 1);
	f = file_of("a", "terse.log");
	memset(huge, 'x', 200000);
	fwrite(huge, 1, 200000, f);
	fputs("\n\n{\"ts\":\"2027-01-15T08:00:04Z\",\"level\":\"in{\"ts\":\"x\n", f);
	fputs("nothing\n", f);
	fclose(f);
	write_lines("a", "terse.log", 4, 5, 1);
	f = file_of("a", "terse.log");
	fputs("{\"ts\":\"2027-01-15T08:00:09Z\",\"le", f);
	fclose(f);
	find();
	expect_numbers(1, 5);
	free(huge);
}

Test(log_find, stops_when_its_time_is_over)
{
	write_lines("a", "terse.log", 1, 5000, 1);
	query.time_ms = -1;
	query.filter.request_id = "nobody";
	find();
	cr_assert(found.is_partial);
	cr_assert_eq(found.n, 0);
}

static void
count(void *arg)
{
	++*(int *)arg;
}

Test(log_find, shows_that_it_lives_both_while_it_looks_and_while_it_finds)
{
	int ticks = 0;

	write_lines("a", "terse.log", 1, 5000, 1);
	query.tick = count;
	query.arg = &ticks;
	query.limit = 10;
	find();
	cr_assert_eq(ticks, 10);
	query.filter.request_id = "nobody";
	find();
	cr_assert_geq(ticks, 20);
}

Test(log_find, says_when_there_are_no_logs)
{
	cr_assert_eq(log_find("/nonexistent", &query, arena, &found), ERR_UNAVAILABLE);
	find();
	cr_assert_eq(found.n, 0);
}

Test(log_find, says_when_there_is_no_memory)
{
	struct arena *small = arena_new(1000);

	write_lines("a", "terse.log", 1, 3, 1);
	cr_assert_eq(log_find(dir, &query, small, &found), ERR_MEMORY);
	arena_free(small);
}

Test(log_find, reads_each_line_once_though_files_are_renamed_meanwhile)
{
	char path[256], older[256];
	struct log_back back;
	const char *line;
	size_t n;
	int lines = 0;

	write_lines("a", "terse.log.1", 1, 1, 1);
	write_lines("a", "terse.log", 2, 2, 1);
	snprintf(path, sizeof(path), "%s/a/terse.log", dir);
	cr_assert(log_back_open(&back, path));
	cr_assert(log_back_line(&back, &line, &n));
	snprintf(older, sizeof(older), "mv %s.1 %s.2 && mv %s %s.1", path, path, path, path);
	cr_assert_eq(system(older), 0);
	write_lines("a", "terse.log", 3, 3, 1);
	while (log_back_line(&back, &line, &n)) {
		cr_assert(log_record_has(line, n, "request_id", "r1"));
		lines++;
	}
	cr_assert_eq(lines, 1);
	log_back_close(&back);
}

Test(log_find, knows_times_and_how_long_ago_they_were)
{
	static const char *const wrong[] = { "", "m", "5", "-5m", "5mm", "5w", "1e2s",
		"99999999999999999999s", "100001s", "tomorrow" };
	int64_t us;

	cr_assert(log_since_parse("15m", 1000000000, &us));
	cr_assert_eq(us, 1000000000 - INT64_C(900000000));
	cr_assert(log_since_parse("2d", 0, &us));
	cr_assert_eq(us, -INT64_C(172800000000));
	cr_assert(log_since_parse("1970-01-01T00:00:01Z", 0, &us));
	cr_assert_eq(us, 1000000);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		cr_assert_not(log_since_parse(wrong[i], 0, &us), "%s", wrong[i]);
}

Test(log_find, takes_no_value_for_a_member)
{
	static const char line[] =
	    "{\"ts\":\"t\",\"diag\":\"\\\"route\\\":\\\"x\\\",\",\"route\":\"a\\\"b\"}";
	const char *value;
	size_t n;

	cr_assert(log_record_text(line, strlen(line), "route", &value, &n));
	cr_assert_eq(n, 4);
	cr_assert(strncmp(value, "a\\\"b", 4) == 0);
	cr_assert_not(log_record_text(line, strlen(line), "level", &value, &n));
	cr_assert_not(log_record_text(line, strlen(line) - 3, "route", &value, &n));
	cr_assert_eq(log_record_level(line, strlen(line)), LOG_INFO);
}
