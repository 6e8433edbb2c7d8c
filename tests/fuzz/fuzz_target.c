/*
 * Target URLs: whatever may be followed has a Location that is a harmless header value and
 * means the same; whatever leads back to us, in any spelling, is refused. The input is a
 * Host header, a line break, and a URL.
 */
#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "lib/base/arena.h"
#include "lib/base/utf8.h"
#include "lib/http/target.h"
#include "tests/fuzz/fuzz.h"

static bool
is_graphic_ascii(const char *s)
{
	for (; *s; s++) {
		if (*s <= ' ' || *s == 0x7f || *s & 0x80)
			return false;
	}
	return true;
}

static void
check_location(struct arena *a, const struct target_rules *r, const char *host, const char *url)
{
	const char *location = target_location(a, url);
	const char *authority;
	size_t n;

	assert(location && is_graphic_ascii(location) && strlen(location) <= TARGET_MAX);
	assert(!is_graphic_ascii(url) || strcmp(location, url) == 0);
	assert(
	    strncasecmp(location, "http://", 7) == 0 || strncasecmp(location, "https://", 8) == 0);
	authority = strstr(location, "://") + 3;
	n = strcspn(authority, "/?#");
	assert(n > 0 && !memchr(authority, '@', n) && !memchr(authority, '\\', n));
	/* What goes out is judged as what came in was. */
	assert(!target_refusal(r, host, location));
	assert(strcmp(target_location(a, location), location) == 0);
}

/* The same URL's host as our own must be refused. */
static void
check_own(struct arena *a, const char *url)
{
	const char *authority = strstr(url, "://") + 3;
	const char *host = arena_strndup(a, authority, strcspn(authority, "/?#"));
	struct target_rules *own = target_rules_new("http://unlike.example", host);

	assert(own);
	assert(target_refusal(own, NULL, url));
	target_rules_free(own);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *arena = arena_new((size_t)16 << 20);
	struct target_rules *rules =
	    target_rules_new("http://127.0.0.1:8080", "sho.rt, [2001:db8::1]");
	char *host, *url;

	assert(arena && rules);
	host = arena_strndup(arena, (const char *)data, n);
	url = strchr(host, '\n');
	if (url) {
		*url++ = '\0';
		if (utf8_valid(url, strlen(url)) && !target_refusal(rules, host, url)) {
			check_location(arena, rules, host, url);
			check_own(arena, url);
		}
	}
	target_rules_free(target_rules_new(host, ""));
	target_rules_free(target_rules_new("http://h", host));
	target_rules_free(rules);
	arena_free(arena);
	return 0;
}
