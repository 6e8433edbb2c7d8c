#include "lib/base/utf8.h"

#include <assert.h>
#include <string.h>

#include "lib/base/attr.h"

/* Per length in bytes: the lead byte's mark and mask, and the least point that needs it. */
static const struct {
	unsigned char mark, mask;
	uint32_t least;
} forms[] = {
	{ 0x00, 0x7f, 0 },
	{ 0xc0, 0x1f, 0x80 },
	{ 0xe0, 0x0f, 0x800 },
	{ 0xf0, 0x07, 0x10000 },
};

size_t
utf8_decode(const char *s, size_t n, uint32_t *ret_point)
{
	unsigned char lead = (unsigned char)s[0];
	uint32_t point;
	size_t form, i;

	for (form = 0; form < N(forms); form++)
		if ((lead & ~forms[form].mask & 0xff) == forms[form].mark)
			break;
	if (form == N(forms) || form >= n)
		return 0;
	point = lead & forms[form].mask;
	for (i = 1; i <= form; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (s[i] & 0x3f);
	}
	if (point < forms[form].least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret_point = point;
	return form + 1;
}

bool
utf8_valid(const char *s, size_t n)
{
	uint32_t point;

	while (n > 0) {
		size_t len = utf8_decode(s, n, &point);

		if (len == 0)
			return false;
		s += len;
		n -= len;
	}
	return true;
}

size_t
utf8_length(const char *s)
{
	size_t points = 0;

	for (; *s != '\0'; s++)
		points += (*s & 0xc0) != 0x80;
	return points;
}

static bool
point_is_blank(uint32_t point)
{
	static const struct {
		uint32_t first, last;
	} blanks[] = {
		{ 0x09, 0x0d },
		{ 0x20, 0x20 },
		{ 0x85, 0x85 },
		{ 0xa0, 0xa0 },
		{ 0x1680, 0x1680 },
		{ 0x2000, 0x200b },
		{ 0x2028, 0x2029 },
		{ 0x202f, 0x202f },
		{ 0x205f, 0x2060 },
		{ 0x3000, 0x3000 },
		{ 0xfeff, 0xfeff },
	};
	size_t i;

	for (i = 0; i < N(blanks); i++)
		if (point >= blanks[i].first && point <= blanks[i].last)
			return true;
	return false;
}

static bool
point_is_control(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point <= 0x9f);
}

/* The first point of a valid string, or a byte that is none by itself; 0 at its end. */
static uint32_t
next_point(const char **s)
{
	uint32_t point = 0xfffd;
	size_t len;

	if (**s == '\0')
		return 0;
	len = utf8_decode(*s, strnlen(*s, 4), &point);
	*s += len ? len : 1;
	return point;
}

bool
utf8_is_blank(const char *s)
{
	uint32_t point;

	while ((point = next_point(&s)))
		if (!point_is_blank(point))
			return false;
	return true;
}

bool
utf8_has_blank(const char *s)
{
	uint32_t point;

	while ((point = next_point(&s)))
		if (point_is_blank(point))
			return true;
	return false;
}

bool
utf8_has_control(const char *s)
{
	uint32_t point;

	while ((point = next_point(&s)))
		if (point_is_control(point))
			return true;
	return false;
}

/* Bytes at the start of s that are ASCII but no NUL. */
static size_t
ascii_run(const char *s, size_t n)
{
	static const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
	uint64_t word;
	size_t i = 0;

	for (; n - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, s + i, sizeof(word));
		if (((word | (word - ones)) & highs) != 0)
			break;
	}
	while (i < n && s[i] > 0)
		i++;
	return i;
}

size_t
utf8_copy_clean(char *dst, size_t cap, const char *s, size_t n)
{
	size_t used = 0;
	uint32_t point;

	assert(cap > 0);
	while (n > 0) {
		size_t room = cap - 1 - used, len = 1;
		size_t taken = ascii_run(s, n < room ? n : room);

		if (taken == 0) {
			len = *s == '\0' ? 0 : utf8_decode(s, n, &point);
			taken = len ? len : 1;
		}
		if (taken > room)
			break;
		memcpy(dst + used, len ? s : "?", taken);
		used += taken;
		s += taken;
		n -= taken;
	}
	dst[used] = '\0';
	return used;
}
