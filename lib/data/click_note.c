#include "lib/data/click_note.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/num.h"

enum { VISIT_DIGITS = 32, COLUMNS = 9 };

/* In the order of click_columns. */
enum { VISIT_ID, AT, URL_ID, USER_ID, SHORT_CODE, REFERRER, USER_AGENT, VISITOR, IS_BOT };

_Static_assert(IS_BOT + 1 == COLUMNS, "one name per column");

struct column {
	const char *text;
	size_t n;
};

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum err
click_visit(const char *id, size_t n, uint64_t *ret_visit)
{
	uint64_t halves[2] = { 0 };
	int digits = 0;

	for (size_t i = 0; i < n; i++) {
		int digit = hex_digit(id[i]);

		if (digit < 0 && id[i] == '-')
			continue;
		if (digit < 0 || digits == VISIT_DIGITS)
			return ERR_INVALID;
		halves[digits / 16] = halves[digits / 16] << 4 | (uint64_t)digit;
		digits++;
	}
	if (digits < VISIT_DIGITS)
		return ERR_INVALID;
	*ret_visit = halves[0] * UINT64_C(0x9e3779b97f4a7c15) ^ halves[1];
	return ERR_OK;
}

static bool
split(const char *line, size_t n, struct column columns[COLUMNS])
{
	for (int i = 0; i < COLUMNS; i++) {
		const char *end = memchr(line, i < COLUMNS - 1 ? '\t' : '\n', n);

		if (!end)
			return false;
		columns[i] = (struct column){ line, (size_t)(end - line) };
		n -= columns[i].n + 1;
		line = end + 1;
	}
	return n == 0;
}

static bool
is(const struct column *c, const char *text)
{
	return c->n == strlen(text) && memcmp(c->text, text, c->n) == 0;
}

static enum err
read_time(const struct column *c, int64_t *ret_us)
{
	char text[CLOCK_TEXT_SIZE];

	if (c->n >= sizeof(text))
		return ERR_INVALID;
	memcpy(text, c->text, c->n);
	text[c->n] = '\0';
	return clock_parse(text, ret_us) == ERR_OK ? ERR_OK : ERR_INVALID;
}

static enum err
read_int(const struct column *c, int64_t *ret_value)
{
	enum err e = num_parse(c->text, c->n, INT64_MIN, INT64_MAX, ret_value);

	return e ? ERR_INVALID : ERR_OK;
}

enum err
click_note_read(const char *line, size_t n, struct click_note *ret_note)
{
	struct column columns[COLUMNS];
	struct click_note note = { 0 };
	enum err e;

	if (!split(line, n, columns))
		return ERR_INVALID;
	note.is_bot = is(&columns[IS_BOT], "t");
	if (!note.is_bot && !is(&columns[IS_BOT], "f"))
		return ERR_INVALID;
	e = click_visit(columns[VISIT_ID].text, columns[VISIT_ID].n, &note.visit);
	if (!e)
		e = read_time(&columns[AT], &note.at_us);
	if (!e)
		e = read_int(&columns[URL_ID], &note.url_id);
	if (!e && !is(&columns[USER_ID], "\\N"))
		e = read_int(&columns[USER_ID], &note.user_id);
	if (!e)
		e = read_int(&columns[VISITOR], &note.visitor);
	if (e)
		return e;
	*ret_note = note;
	return ERR_OK;
}
