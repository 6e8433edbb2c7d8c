#include "lib/data/click.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/escape.h"
#include "lib/base/num.h"
#include "lib/base/utf8.h"
#include "lib/data/url_target.h"

enum { VISIT_ID_DIGITS = 32, CLIENT_MAX = 64 };

const char click_columns[] =
    "visit_id, at, url_id, user_id, short_code, referrer, user_agent, visitor, is_bot";

/* Every byte of a text may need a backslash; the numbers and the rest need less than 256. */
_Static_assert(2 * (CODE_MAX + CLICK_REFERRER_MAX + CLICK_AGENT_MAX) + 256 <= CLICK_LINE_MAX,
    "the longest line fits");

/*
 * What the User-Agents of programs contain, in lower case, by the first letter: crawlers and
 * previewers, browsers without a person, monitors and load, HTTP libraries and tools. Names
 * that say "bot", "spider" and the like need no entry of their own.
 */
enum { NAMES_MAX = 13, NAME_SIZE = 20 };

static const char bots[26][NAMES_MAX][NAME_SIZE] = {
	['a' - 'a'] = { "archive", "apachebench", "aiohttp", "axios" },
	['b' - 'a'] = { "bot", "blackbox" },
	['c' - 'a'] = { "crawl", "claude-", "chatgpt-", "check_http", "curl" },
	['d' - 'a'] = { "datadog", "dart/" },
	['e' - 'a'] = { "embedly" },
	['f' - 'a'] = { "fetch", "facebookexternalhit", "facebookcatalog", "feed", "faraday" },
	['g' - 'a'] = { "google-", "guzzle", "got (" },
	['h' - 'a'] = { "headless", "hey/", "httpie", "httpx", "http-client", "httpclient",
	    "http_request", "hyper/" },
	['i' - 'a'] = { "indexer", "insomnia" },
	['j' - 'a'] = { "jmeter", "java/" },
	['k' - 'a'] = { "k6/" },
	['l' - 'a'] = { "lighthouse", "locust", "libwww", "lwp::" },
	['m' - 'a'] = { "mastodon", "mediapartners", "monitor", "masscan" },
	['n' - 'a'] = { "nutch", "nagios", "newrelic", "node.js", "nmap", "nikto" },
	['o' - 'a'] = { "okhttp" },
	['p' - 'a'] = { "preview", "perplexity", "phantomjs", "puppeteer", "playwright", "pingdom",
	    "prometheus", "python", "perl/", "php/", "postman", "powershell" },
	['q' - 'a'] = { "quora link" },
	['r' - 'a'] = { "ruby", "reqwest", "restsharp" },
	['s' - 'a'] = { "spider", "slurp", "scrape", "skypeuri", "slack-img", "scrapy", "selenium",
	    "statuscake", "site24x7", "siege/", "superagent" },
	['u' - 'a'] = { "uptime", "undici" },
	['v' - 'a'] = { "vkshare", "validator", "vegeta" },
	['w' - 'a'] = { "whatsapp/", "wrk", "wget", "winhttp" },
	['z' - 'a'] = { "zabbix", "zgrab" },
};

static bool
is_visit_id(const char *s)
{
	int i = 0;

	while ((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f') ||
	       (s[i] >= 'A' && s[i] <= 'F'))
		i++;
	return i == VISIT_ID_DIGITS && s[i] == '\0';
}

/*
 * Columns of COPY's text format: each writes one at `to`, ends it with a tab, and returns
 * where the next begins.
 */

static char *
add_raw(char *to, const char *s)
{
	to = stpcpy(to, s);
	*to++ = '\t';
	return to;
}

static char *
add_int(char *to, int64_t value)
{
	to += num_format(value, to);
	*to++ = '\t';
	return to;
}

static char *
add_id(char *to, int64_t id)
{
	return id == 0 ? add_raw(to, "\\N") : add_int(to, id);
}

/* One character as COPY wants it. */
static char *
add_char(char *to, char c)
{
	static const char specials[] = "\\\t\n\r", letters[] = "\\tnr";
	const char *special = strchr(specials, c);

	if (special)
		*to++ = '\\';
	*to++ = special ? letters[special - specials] : c;
	return to;
}

/* "" is written as NULL. */
static char *
add_text(char *to, const char *s, size_t n)
{
	if (n == 0)
		return add_raw(to, "\\N");
	while (n > 0) {
		/* What is plain in JSON is plain here, too. */
		size_t plain = escape_plain(s, n);

		memcpy(to, s, plain);
		to += plain;
		s += plain;
		n -= plain;
		if (n > 0) {
			to = add_char(to, *s++);
			n--;
		}
	}
	*to++ = '\t';
	return to;
}

/* Cuts s (NULL: "") to what is kept; returns its length. */
static size_t
clean(char *to, size_t size, const char *s)
{
	return utf8_copy_clean(to, size, s ? s : "", s ? strlen(s) : 0);
}

/* One number for all visits of one client with one program. */
static int64_t
visitor_of(const char *client, const char *agent, size_t n, const unsigned char key[16])
{
	char text[CLIENT_MAX + 1 + CLICK_AGENT_MAX];
	unsigned char hash[crypto_shorthash_siphash24_BYTES];
	size_t len = client ? strnlen(client, CLIENT_MAX) : 0;
	int64_t visitor;

	memcpy(text, client ? client : "", len);
	text[len++] = '\n';
	memcpy(text + len, agent, n);
	crypto_shorthash_siphash24(hash, (const unsigned char *)text, len + n, key);
	memcpy(&visitor, hash, sizeof(visitor));
	return visitor;
}

size_t
click_format(const struct click *c, const unsigned char key[16], char line[CLICK_LINE_MAX])
{
	char code[CODE_MAX + 1], referrer[CLICK_REFERRER_MAX + 1], agent[CLICK_AGENT_MAX + 1];
	char time[CLOCK_TEXT_SIZE], *to = line;
	size_t agent_len;

	if (!c->visit_id || !is_visit_id(c->visit_id))
		return 0;
	to = add_raw(to, c->visit_id);
	to = add_raw(to, clock_format(c->at_us, time));
	to = add_int(to, c->url_id);
	to = add_id(to, c->user_id);
	to = add_text(to, code, clean(code, sizeof(code), c->short_code));
	to = add_text(to, referrer, clean(referrer, sizeof(referrer), c->referrer));
	agent_len = clean(agent, sizeof(agent), c->user_agent);
	to = add_text(to, agent, agent_len);
	to = add_int(to, visitor_of(c->client, agent, agent_len, key));
	to = add_raw(to, click_is_bot(agent) ? "t" : "f");
	to[-1] = '\n';
	assert(to - line < CLICK_LINE_MAX);
	return (size_t)(to - line);
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
begins_with(const char *s, const char *name)
{
	while (*name != '\0' && lower(*s) == *name) {
		s++;
		name++;
	}
	return *name == '\0';
}

/* Whether one of the names begins at s, a letter; the last one is "". */
static bool
names_a_bot(const char *s)
{
	const char(*name)[NAME_SIZE] = bots[lower(*s) - 'a'];
	char second = lower(s[1]);

	for (; (*name)[0] != '\0'; name++)
		if ((*name)[1] == second && begins_with(s + 1, *name + 1))
			return true;
	return false;
}

/* Cubot makes telephones. */
static bool
is_phone(const char *agent, const char *s)
{
	return s - agent >= 2 && begins_with(s - 2, "cubot");
}

bool
click_is_bot(const char *user_agent)
{
	const char *s = user_agent;

	if (!s || *s == '\0')
		return true;
	for (; *s != '\0' && s - user_agent < CLICK_AGENT_MAX; s++)
		if (lower(*s) >= 'a' && lower(*s) <= 'z' && names_a_bot(s) &&
		    !is_phone(user_agent, s))
			return true;
	return false;
}

void
click_key(const char *secret, unsigned char ret_key[16])
{
	crypto_generichash(ret_key, 16, (const unsigned char *)secret, strlen(secret), NULL, 0);
}
