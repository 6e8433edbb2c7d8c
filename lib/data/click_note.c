#include "lib/data/click_note.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/data/click.h"

enum { VISIT_DIGITS = 32 };

/* In the order of click_columns. */
enum { VISIT_ID, AT, URL_ID, USER_ID, SHORT_CODE, REFERRER, USER_AGENT, VISITOR, IS_BOT };

_Static_assert(IS_BOT + 1 == CLICK_COLUMNS, "one name per column");

struct column {
	const char *text;
	size_t n;
};

/* What is read of a line: the numbers, and the texts as they stand there. */
struct parts {
	struct click_note note;
	uint64_t visit_id[2];
	const struct column *columns;
};

const char click_head[CLICK_HEAD_BYTES] = "PGCOPY\n\377\r\n";
const char click_tail[CLICK_TAIL_BYTES] = "\377\377";

/* 2000-01-01T00:00:00Z, where PostgreSQL's time begins. */
#define EPOCH_US INT64_C(946684800000000)

/* What a hex digit counts, and one more: digits are random, branches on them are dear. */
/* clang-format off */
static const unsigned char hex_values[256] = {
	['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7, ['7'] = 8,
	['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15,
	['f'] = 16, ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};
/* clang-format on */

static enum err
read_visit_id(const char *id, size_t n, uint64_t ret_halves[2])
{
	uint64_t halves[2] = { 0 };
	int digits = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned value = hex_values[(unsigned char)id[i]];

		if (value == 0 && id[i] == '-')
			continue;
		if (value == 0 || digits == VISIT_DIGITS)
			return ERR_INVALID;
		halves[digits / 16] = halves[digits / 16] << 4 | (value - 1);
		digits++;
	}
	if (digits < VISIT_DIGITS)
		return ERR_INVALID;
	memcpy(ret_halves, halves, sizeof(halves));
	return ERR_OK;
}

static uint64_t
number_of(const uint64_t halves[2])
{
	return halves[0] * UINT64_C(0x9e3779b97f4a7c15) ^ halves[1];
}

enum err
click_visit(const char *id, size_t n, uint64_t *ret_visit)
{
	uint64_t halves[2];
	enum err e = read_visit_id(id, n, halves);

	if (e)
		return e;
	*ret_visit = number_of(halves);
	return ERR_OK;
}

static bool
split(const char *line, size_t n, struct column columns[CLICK_COLUMNS])
{
	for (int i = 0; i < CLICK_COLUMNS; i++) {
		const char *end = memchr(line, i < CLICK_COLUMNS - 1 ? '\t' : '\n', n);

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

static enum err
read_parts(const struct column columns[CLICK_COLUMNS], struct parts *p)
{
	const struct column *id = &columns[VISIT_ID];
	enum err e = read_visit_id(id->text, id->n, p->visit_id);

	p->columns = columns;
	p->note.visit = number_of(p->visit_id);
	p->note.is_bot = is(&columns[IS_BOT], "t");
	if (!e && !p->note.is_bot && !is(&columns[IS_BOT], "f"))
		e = ERR_INVALID;
	if (!e)
		e = read_time(&columns[AT], &p->note.at_us);
	if (!e)
		e = read_int(&columns[URL_ID], &p->note.url_id);
	if (!e && !is(&columns[USER_ID], "\\N"))
		e = read_int(&columns[USER_ID], &p->note.user_id);
	if (!e)
		e = read_int(&columns[VISITOR], &p->note.visitor);
	return e;
}

/*
 * Fields of a row: each writes its length and its value at `to`, and returns where the next
 * begins.
 */

static char *
put_length(char *to, size_t n)
{
	uint32_t length = htobe32((uint32_t)n);

	memcpy(to, &length, sizeof(length));
	return to + sizeof(length);
}

static char *
put_null(char *to)
{
	return put_length(to, UINT32_MAX);
}

static char *
put_raw(char *to, const void *bytes, size_t n)
{
	to = put_length(to, n);
	memcpy(to, bytes, n);
	return to + n;
}

static char *
put_int(char *to, int64_t value)
{
	uint64_t bytes = htobe64((uint64_t)value);

	return put_raw(to, &bytes, sizeof(bytes));
}

/* Writes a text without COPY's escapes. NULL: there is one that click_format never writes. */
static char *
put_text(char *to, const struct column *c)
{
	static const char letters[] = "\\tnr", stand_for[] = "\\\t\n\r";
	const char *s = c->text, *end = s + c->n, *letter;
	char *first = to + sizeof(uint32_t), *next = first;

	if (is(c, "\\N"))
		return put_null(to);
	while (s < end) {
		const char *escape = memchr(s, '\\', (size_t)(end - s));
		size_t plain = (size_t)((escape ? escape : end) - s);

		memcpy(next, s, plain);
		next += plain;
		s += plain;
		if (!escape)
			break;
		letter = s + 1 < end ? memchr(letters, s[1], sizeof(letters) - 1) : NULL;
		if (!letter)
			return NULL;
		*next++ = stand_for[letter - letters];
		s += 2;
	}
	put_length(to, (size_t)(next - first));
	return next;
}

/* NULL: a text can't be written. */
static char *
put_texts(char *to, const struct column columns[CLICK_COLUMNS])
{
	for (int i = SHORT_CODE; to && i <= USER_AGENT; i++)
		to = put_text(to, &columns[i]);
	return to;
}

static char *
put_row(char *to, const struct parts *p)
{
	const uint64_t visit_id[2] = { htobe64(p->visit_id[0]), htobe64(p->visit_id[1]) };
	const char is_bot = p->note.is_bot;
	const uint16_t n = htobe16(CLICK_COLUMNS);

	memcpy(to, &n, sizeof(n));
	to = put_raw(to + sizeof(n), visit_id, sizeof(visit_id));
	to = put_int(to, p->note.at_us - EPOCH_US);
	to = put_int(to, p->note.url_id);
	to = p->note.user_id ? put_int(to, p->note.user_id) : put_null(to);
	to = put_int(to, p->note.visitor);
	to = put_raw(to, &is_bot, sizeof(is_bot));
	return put_texts(to, p->columns);
}

enum err
click_note_read(const char *line, size_t n, struct click_note *ret_note, char *row, size_t *ret_n)
{
	struct column columns[CLICK_COLUMNS];
	struct parts parts = { 0 };
	const char *end;
	enum err e;

	if (!split(line, n, columns))
		return ERR_INVALID;
	e = read_parts(columns, &parts);
	if (e)
		return e;
	end = put_row(row, &parts);
	if (!end)
		return ERR_INVALID;
	*ret_note = parts.note;
	*ret_n = (size_t)(end - row);
	assert(*ret_n <= n + CLICK_ROW_MORE);
	return ERR_OK;
}
