#include "lib/data/click.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/utf8.h"
#include "lib/data/url_target.h"

enum { VISIT_ID_DIGITS = 32, CLIENT_MAX = 64 };

const char click_columns[] =
    "visit_id, at, url_id, user_id, short_code, referrer, user_agent, visitor, is_bot";

/* Every byte of a text may need a backslash; the numbers and the rest need less than 256. */
_Static_assert(2 * (CODE_MAX + CLICK_REFERRER_MAX + CLICK_AGENT_MAX) + 256 <= CLICK_LINE_MAX,
    "the longest line fits");

/* In lower case. Names that say "bot", "spider" and the like need no row of their own. */
static const char *const bots[] = {
	/* crawlers and previewers */
	"bot", "crawl", "spider", "slurp", "preview", "scrape", "fetch", "archive", "indexer",
	"facebookexternalhit", "facebookcatalog", "whatsapp/", "skypeuri", "embedly", "quora link",
	"mastodon", "slack-img", "vkshare", "validator", "feed", "google-", "mediapartners",
	"lighthouse", "scrapy", "nutch", "claude-", "perplexity", "chatgpt-",
	/* browsers without a person */
	"headless", "phantomjs", "selenium", "puppeteer", "playwright",
	/* monitors and load */
	"pingdom", "uptime", "statuscake", "monitor", "nagios", "check_http", "zabbix", "datadog",
	"newrelic", "site24x7", "blackbox", "prometheus", "k6/", "wrk", "apachebench", "locust",
	"jmeter", "siege/", "vegeta", "hey/",
	/* HTTP libraries and tools */
	"curl", "wget", "httpie", "python", "aiohttp", "httpx", "http-client", "httpclient",
	"http_request", "java/", "okhttp", "libwww", "lwp::", "perl/", "ruby", "faraday", "guzzle",
	"php/", "axios", "node.js", "undici", "got (", "superagent", "reqwest", "hyper/", "postman",
	"insomnia", "restsharp", "dart/", "winhttp", "powershell", "nmap", "nikto", "zgrab",
	"masscan"
};

static bool
is_hex(const char *s, size_t n)
{
	return strspn(s, "0123456789abcdefABCDEF") == n && s[n] == '\0';
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
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, value);
	return add_raw(to, text);
}

static char *
add_id(char *to, int64_t id)
{
	return id == 0 ? add_raw(to, "\\N") : add_int(to, id);
}

/* "" is written as NULL. */
static char *
add_text(char *to, const char *s)
{
	static const char specials[] = "\\\t\n\r", letters[] = "\\tnr";

	if (*s == '\0')
		return add_raw(to, "\\N");
	for (; *s != '\0'; s++) {
		const char *special = strchr(specials, *s);

		if (special)
			*to++ = '\\';
		*to++ = special ? letters[special - specials] : *s;
	}
	*to++ = '\t';
	return to;
}

/* Cuts s (NULL: "") to what is kept. */
static void
clean(char *to, size_t size, const char *s)
{
	utf8_copy_clean(to, size, s ? s : "", s ? strlen(s) : 0);
}

/* One number for all visits of one client with one program. */
static int64_t
visitor_of(const char *client, const char *agent, const unsigned char key[16])
{
	char text[CLIENT_MAX + 1 + CLICK_AGENT_MAX + 1];
	unsigned char hash[crypto_shorthash_siphash24_BYTES];
	int64_t visitor;

	snprintf(text, sizeof(text), "%.*s\n%s", CLIENT_MAX, client ? client : "", agent);
	crypto_shorthash_siphash24(hash, (const unsigned char *)text, strlen(text), key);
	memcpy(&visitor, hash, sizeof(visitor));
	return visitor;
}

size_t
click_format(const struct click *c, const unsigned char key[16], char line[CLICK_LINE_MAX])
{
	char code[CODE_MAX + 1], referrer[CLICK_REFERRER_MAX + 1], agent[CLICK_AGENT_MAX + 1];
	char time[CLOCK_TEXT_SIZE], *to = line;

	if (!c->visit_id || !is_hex(c->visit_id, VISIT_ID_DIGITS))
		return 0;
	clean(code, sizeof(code), c->short_code);
	clean(referrer, sizeof(referrer), c->referrer);
	clean(agent, sizeof(agent), c->user_agent);
	to = add_raw(to, c->visit_id);
	to = add_raw(to, clock_format(c->at_us, time));
	to = add_int(to, c->url_id);
	to = add_id(to, c->user_id);
	to = add_text(to, code);
	to = add_text(to, referrer);
	to = add_text(to, agent);
	to = add_int(to, visitor_of(c->client, agent, key));
	to = add_raw(to, click_is_bot(agent) ? "t" : "f");
	to[-1] = '\n';
	assert(to - line < CLICK_LINE_MAX);
	return (size_t)(to - line);
}

bool
click_is_bot(const char *user_agent)
{
	char lower[CLICK_AGENT_MAX + 1];
	char *phone;
	size_t n = 0;

	if (!user_agent || *user_agent == '\0')
		return true;
	for (; n < CLICK_AGENT_MAX && user_agent[n] != '\0'; n++) {
		char c = user_agent[n];

		lower[n] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	lower[n] = '\0';
	/* Cubot makes telephones. */
	while ((phone = strstr(lower, "cubot")))
		memset(phone, ' ', strlen("cubot"));
	for (size_t i = 0; i < N(bots); i++)
		if (strstr(lower, bots[i]))
			return true;
	return false;
}

void
click_key(const char *secret, unsigned char ret_key[16])
{
	crypto_generichash(ret_key, 16, (const unsigned char *)secret, strlen(secret), NULL, 0);
}
