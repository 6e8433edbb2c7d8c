#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"

static int64_t
parsed(const char *s)
{
	int64_t us = -1;

	cr_assert_eq(clock_parse(s, &us), ERR_OK, "%s", s);
	return us;
}

static const char *
round_trip(const char *s)
{
	static char text[CLOCK_TEXT_SIZE];

	return clock_format(parsed(s), text);
}

Test(clock, runs_forward)
{
	int64_t before = clock_mono_us();
	struct timespec ms = { 0, 2000000 };

	nanosleep(&ms, NULL);
	cr_assert_geq(clock_mono_us() - before, 2000);
}

Test(clock, tells_the_wall_time_in_microseconds)
{
	int64_t now_s = time(NULL), us = clock_wall_us();

	cr_assert(us / 1000000 >= now_s && us / 1000000 <= now_s + 60);
}

Test(clock, formats_rfc_3339)
{
	static const struct {
		int64_t us;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 1, "1970-01-01T00:00:00.000001Z" },
		{ -1, "1969-12-31T23:59:59.999999Z" },
		{ -1000000, "1969-12-31T23:59:59Z" },
		{ INT64_C(951782400000000), "2000-02-29T00:00:00Z" },
		{ INT64_C(-62135596800000000), "0001-01-01T00:00:00Z" },
		{ INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z" },
	};
	char text[CLOCK_TEXT_SIZE];
	size_t i;

	for (i = 0; i < N(rows); i++) {
		cr_assert_str_eq(clock_format(rows[i].us, text), rows[i].text);
		cr_assert_eq(parsed(rows[i].text), rows[i].us);
	}
}

Test(clock, keeps_years_beyond_its_range_at_its_ends)
{
	char text[CLOCK_TEXT_SIZE];

	cr_assert_eq(strncmp(clock_format(INT64_MAX, text), "9999-12-31T23:59:59", 19), 0);
	cr_assert_eq(strncmp(clock_format(INT64_MIN, text), "0001-01-01T00:00:00", 19), 0);
}

Test(clock, parses_every_form)
{
	static const char *const rows[][2] = {
		{ "2026-01-31", "2026-01-31T00:00:00Z" },
		{ "2026-01-31Z", "2026-01-31T00:00:00Z" },
		{ "2026-01-31T23:59", "2026-01-31T23:59:00Z" },
		{ "2026-01-31 23:59:58", "2026-01-31T23:59:58Z" },
		{ "2026-01-31t23:59:58z", "2026-01-31T23:59:58Z" },
		{ "2026-01-31T23:59:58.5Z", "2026-01-31T23:59:58.500000Z" },
		{ "2026-01-31T23:59:58.000Z", "2026-01-31T23:59:58Z" },
		{ "2026-01-31T23:59:58.1234569999", "2026-01-31T23:59:58.123456Z" },
		{ "2026-01-31T23:59:58+02:30", "2026-01-31T21:29:58Z" },
		{ "2026-01-31T23:59:58 02:30", "2026-01-31T21:29:58Z" },
		{ "2026-01-31T23:59:58-02:30", "2026-02-01T02:29:58Z" },
		{ "2026-01-31T23:59+00:00", "2026-01-31T23:59:00Z" },
		{ "2026-01-31-01:00", "2026-01-31T01:00:00Z" },
		{ "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z" },
		{ "2024-02-29", "2024-02-29T00:00:00Z" },
		{ "2000-02-29", "2000-02-29T00:00:00Z" },
	};
	size_t i;

	for (i = 0; i < N(rows); i++)
		cr_assert_str_eq(round_trip(rows[i][0]), rows[i][1], "%s", rows[i][0]);
}

Test(clock, refuses_whatever_else)
{
	static const char *const texts[] = { "", "2026", "2026-01", "2026-1-31", "26-01-31",
		"0000-01-01", "10000-01-01", "2026-00-10", "2026-13-10", "2026-01-00", "2026-01-32",
		"2026-02-29", "1900-02-29", "2026-04-31", "2026/01/31", "2026-01-31T",
		"2026-01-31 ", "2026-01-31T24:00", "2026-01-31T23:60", "2026-01-31T23:59:61",
		"2026-01-31T23", "2026-01-31T23:5", "2026-01-31T23:59:", "2026-01-31T23:59:58.",
		"2026-01-31T23:59:58,5", "2026-01-31T23:59:58ZZ", "2026-01-31T23:59:58+02",
		"2026-01-31T23:59:58+0200", "2026-01-31T23:59:58+24:00",
		"2026-01-31T23:59:58+01:60", "2026-01-31T23:59:58 Z", " 2026-01-31",
		"2026-01-31  23:59", "-2026-01-31", "2026-01-31T-1:00", "0001-01-01T00:00+00:01",
		"9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60", "now" };
	size_t i;

	for (i = 0; i < N(texts); i++) {
		int64_t us = 77;

		cr_assert_eq(clock_parse(texts[i], &us), ERR_MALFORMED, "%s", texts[i]);
		cr_assert_eq(us, 77);
	}
}

Test(clock, round_trips_every_day_of_four_centuries)
{
	const int64_t day_us = INT64_C(86400000000);
	int64_t us, last = parsed("2200-01-01");
	char text[CLOCK_TEXT_SIZE];

	for (us = parsed("1800-01-01") + 1; us < last; us += day_us)
		cr_assert_eq(parsed(clock_format(us, text)), us);
}
