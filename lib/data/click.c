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

static size_t
add(char *to, const char *s)
{
	size_t n = strlen(s);

	memcpy(to, s, n);
	return n;
}

/* A column of COPY's text format. */
static size_t
add_text(char *to, const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++) {
		const char *special = strchr("\\\t\n\r", *s);

		if (special)
			to[n++] = '\\';
		to[n++] = special ? "\\tnr"[special - "\\\t\n\r"] : *s;
	}
	return n;
}

static size_t
add_text_or_null(char *to, const char *s)
{
	return *s == '\0' ? add(to, "\\N") : add_text(to, s);
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
	char at[CLOCK_TEXT_SIZE];
	size_t n;

	if (!c->visit_id || !is_hex(c->visit_id, VISIT_ID_DIGITS))
		return 0;
	clean(code, sizeof(code), c->short_code);
	clean(referrer, sizeof(referrer), c->referrer);
	clean(agent, sizeof(agent), c->user_agent);
	n = (size_t)sprintf(
	    line, "%s\t%s\t%" PRId64 "\t", c->visit_id, clock_format(c->at_us, at), c->url_id);
	if (c->user_id != 0)
		n += (size_t)sprintf(line + n, "%" PRId64 "\t", c->user_id);
	else
		n += add(line + n, "\\N\t");
	n += add_text(line + n, code);
	line[n++] = '\t';
	n += add_text_or_null(line + n, referrer);
	line[n++] = '\t';
	n += add_text_or_null(line + n, agent);
	n += (size_t)sprintf(line + n, "\t%" PRId64 "\t%c\n", visitor_of(c->client, agent, key),
	    click_is_bot(agent) ? 't' : 'f');
	assert(n < CLICK_LINE_MAX);
	return n;
}

bool
click_is_bot(const char *user_agent)
{
	char lower[CLICK_AGENT_MAX + 1];
	char *phone;
	size_t n = 0;

	if (!user_agent || *user_agent == '\0')
		return true;
	for (; user_agent[n] != '\0' && n < CLICK_AGENT_MAX; n++) {
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
