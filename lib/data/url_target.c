#include "lib/data/url_target.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/num.h"

/* "<version> <url_id> <user_id> <status> <is_active> <location>", one blank between them. */
enum { VERSION_DIGITS = 16 };

const char *
url_target_pack(struct arena *a, const struct url_target *t)
{
	return arena_printf(a, "%016" PRIx64 " %" PRId64 " %" PRId64 " %d %d %s",
	    (uint64_t)t->version, t->url_id, t->user_id, t->status, t->is_active, t->location);
}

/* What is left to unpack. */
struct rest {
	const char *at, *end;
};

static bool
take_blank(struct rest *r)
{
	return r->at < r->end && *r->at++ == ' ';
}

static bool
take_version(struct rest *r, int64_t *ret_version)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t version = 0;

	if (r->end - r->at < VERSION_DIGITS)
		return false;
	for (int i = 0; i < VERSION_DIGITS; i++) {
		const char *digit = memchr(digits, *r->at++, sizeof(digits) - 1);

		if (!digit)
			return false;
		version = version << 4 | (uint64_t)(digit - digits);
	}
	*ret_version = (int64_t)version;
	return version <= INT64_MAX && take_blank(r);
}

static bool
take_int(struct rest *r, int64_t max, int64_t *ret_value)
{
	const char *blank = memchr(r->at, ' ', (size_t)(r->end - r->at));
	const char *from = r->at;

	if (!blank)
		return false;
	r->at = blank + 1;
	return num_parse(from, (size_t)(blank - from), 0, max, ret_value) == ERR_OK;
}

/* A location that is not fit for a header must not come out of a cache either. */
static bool
is_location(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || (unsigned char)s[i] >= 0x7f)
			return false;
	return true;
}

static bool
is_redirect(int64_t status)
{
	return status == 301 || status == 302 || status == 307 || status == 308;
}

enum err
url_target_unpack(struct arena *a, const char *packed, size_t n, struct url_target *ret_target)
{
	struct rest r = { packed, packed + n };
	struct url_target t = { 0 };
	int64_t status, is_active;
	size_t len;

	if (!take_version(&r, &t.version) || !take_int(&r, INT64_MAX, &t.url_id) ||
	    !take_int(&r, INT64_MAX, &t.user_id) || !take_int(&r, 999, &status) ||
	    !take_int(&r, 1, &is_active))
		return ERR_INVALID;
	len = (size_t)(r.end - r.at);
	if (t.url_id != 0 && (!is_redirect(status) || len == 0))
		return ERR_INVALID;
	if (!is_location(r.at, len))
		return ERR_INVALID;
	t.status = (int)status;
	t.is_active = is_active;
	t.location = arena_strndup(a, r.at, len);
	if (!t.location)
		return ERR_MEMORY;
	*ret_target = t;
	return ERR_OK;
}
