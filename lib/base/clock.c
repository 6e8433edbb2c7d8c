#include "lib/base/clock.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#define SECOND_US INT64_C(1000000)
#define YEAR_1_S INT64_C(-62135596800)    /* 0001-01-01T00:00:00Z */
#define YEAR_9999_S INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static int64_t
now_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts); /* can't fail for the ids used here */
	return ts.tv_sec * SECOND_US + ts.tv_nsec / 1000;
}

int64_t
clock_mono_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

int64_t
clock_wall_us(void)
{
	return now_us(CLOCK_REALTIME);
}

/* Writes n digits, then what follows them. Returns where that ends. */
static char *
put_digits(char *to, int value, int n, char follows)
{
	for (int i = n - 1; i >= 0; i--, value /= 10)
		to[i] = (char)('0' + value % 10);
	to[n] = follows;
	return to + n + 1;
}

const char *
clock_format(int64_t wall_us, char text[CLOCK_TEXT_SIZE])
{
	time_t s = wall_us / SECOND_US;
	int us = (int)(wall_us % SECOND_US);
	struct tm tm;
	char *to = text;

	if (us < 0) {
		us += (int)SECOND_US;
		s--;
	}
	if (s < YEAR_1_S)
		s = YEAR_1_S;
	if (s > YEAR_9999_S)
		s = YEAR_9999_S;
	gmtime_r(&s, &tm);
	to = put_digits(to, tm.tm_year + 1900, 4, '-');
	to = put_digits(to, tm.tm_mon + 1, 2, '-');
	to = put_digits(to, tm.tm_mday, 2, 'T');
	to = put_digits(to, tm.tm_hour, 2, ':');
	to = put_digits(to, tm.tm_min, 2, ':');
	to = put_digits(to, tm.tm_sec, 2, us > 0 ? '.' : 'Z');
	if (us > 0)
		to = put_digits(to, us, 6, 'Z');
	*to = '\0';
	return text;
}

/* The take functions move *s on when what they look for is there. */

static bool
take(const char **s, const char *any)
{
	if (**s == '\0' || !strchr(any, **s))
		return false;
	(*s)++;
	return true;
}

static bool
take_number(const char **s, int digits, int min, int max, int *value)
{
	int v = 0;

	for (; digits > 0; digits--, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		v = v * 10 + (**s - '0');
	}
	*value = v;
	return v >= min && v <= max;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

static bool
take_date(const char **s, struct tm *tm)
{
	int year, month;

	if (!take_number(s, 4, 1, 9999, &year) || !take(s, "-") ||
	    !take_number(s, 2, 1, 12, &month) || !take(s, "-"))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	return take_number(s, 2, 1, days_in_month(year, month), &tm->tm_mday);
}

/* The digits after the point; what is finer than a microsecond is cut off. */
static bool
take_fraction(const char **s, int *us)
{
	int scale = (int)SECOND_US / 10, digit;

	if (!take_number(s, 1, 0, 9, &digit))
		return false;
	do {
		*us += digit * scale;
		scale /= 10;
	} while (take_number(s, 1, 0, 9, &digit));
	return true;
}

static bool
take_time(const char **s, struct tm *tm, int *us)
{
	if (!take_number(s, 2, 0, 23, &tm->tm_hour) || !take(s, ":") ||
	    !take_number(s, 2, 0, 59, &tm->tm_min))
		return false;
	if (!take(s, ":"))
		return true;
	/* timegm() makes the next second of a leap second. */
	if (!take_number(s, 2, 0, 60, &tm->tm_sec))
		return false;
	return !take(s, ".") || take_fraction(s, us);
}

static bool
take_zone(const char **s, int *east_s)
{
	int sign = **s == '-' ? -1 : 1, hours, minutes;

	if (take(s, "Zz") || !take(s, "+- "))
		return true;
	if (!take_number(s, 2, 0, 23, &hours) || !take(s, ":") ||
	    !take_number(s, 2, 0, 59, &minutes))
		return false;
	*east_s = sign * (hours * 3600 + minutes * 60);
	return true;
}

enum err
clock_parse(const char *s, int64_t *ret_wall_us)
{
	struct tm tm = { 0 };
	int us = 0, east_s = 0;
	int64_t seconds;

	if (!take_date(&s, &tm))
		return ERR_MALFORMED;
	if (take(&s, "Tt ") && !take_time(&s, &tm, &us))
		return ERR_MALFORMED;
	if (!take_zone(&s, &east_s) || *s != '\0')
		return ERR_MALFORMED;
	seconds = timegm(&tm) - east_s;
	if (seconds < YEAR_1_S || seconds > YEAR_9999_S)
		return ERR_MALFORMED;
	*ret_wall_us = seconds * SECOND_US + us;
	return ERR_OK;
}
