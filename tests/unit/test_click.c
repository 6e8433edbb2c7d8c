#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/ctx.h"
#include "lib/data/click.h"
#include "lib/data/db.h"
#include "tests/unit/pg.h"

#define ID "0123456789abcdef0123456789ABCDEF"

static const unsigned char key[16] = "0123456789abcde";
static const char browser[] =
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

static const struct click plain = {
	.visit_id = ID,
	.at_us = 1000001,
	.url_id = 7,
	.user_id = 8,
	.short_code = "abc",
	.referrer = "https://example.com/",
	.user_agent = browser,
	.client = "192.0.2.1",
};

/* Formats into memory of just that size; returns a column (from 0), or the whole line. */
static const char *
column(const struct click *c, int index)
{
	static char line[CLICK_LINE_MAX + 1];
	size_t n = click_format(c, key, line);
	char *at = line;

	cr_assert_gt(n, 0);
	cr_assert_eq(line[n - 1], '\n');
	cr_assert_eq(memchr(line, '\n', n), line + n - 1);
	line[n - 1] = '\0';
	for (; index > 0; index--)
		at = strchr(at, '\t') + 1;
	at[strcspn(at, "\t")] = '\0';
	return at;
}

Test(click, is_a_line_of_tabbed_columns)
{
	char line[CLICK_LINE_MAX];
	size_t n = click_format(&plain, key, line);
	int tabs = 0, commas = 0;

	for (size_t i = 0; i < n; i++)
		tabs += line[i] == '\t';
	for (const char *s = click_columns; *s; s++)
		commas += *s == ',';
	cr_assert_eq(tabs, commas);
	cr_assert_eq(strncmp(line, ID "\t1970-01-01T00:00:01.000001Z\t7\t8\tabc\t", 66), 0);
	cr_assert_eq(line[n - 2], 'f');
}

Test(click, writes_null_for_what_is_absent)
{
	struct click c = plain;

	c.user_id = 0;
	c.referrer = NULL;
	c.user_agent = "";
	c.client = NULL;
	cr_assert_str_eq(column(&c, 3), "\\N");
	cr_assert_str_eq(column(&c, 5), "\\N");
	cr_assert_str_eq(column(&c, 6), "\\N");
	cr_assert_str_eq(column(&c, 8), "t");
}

Test(click, escapes_and_cleans_texts)
{
	struct click c = plain;

	c.referrer = "a\tb\nc\rd\\e\\.\x01";
	c.user_agent = "\xff\xc3\xbc\xc3";
	cr_assert_str_eq(column(&c, 5), "a\\tb\\nc\\rd\\\\e\\\\.\x01");
	cr_assert_str_eq(column(&c, 6), "?\xc3\xbc?");
	c.referrer = "\\N";
	cr_assert_str_eq(column(&c, 5), "\\\\N");
}

Test(click, cuts_long_texts)
{
	static char text[100000];
	struct click c = plain;

	memset(text, '\\', sizeof(text) - 1);
	c.referrer = c.user_agent = c.short_code = c.client = text;
	cr_assert_eq(strlen(column(&c, 4)), 2 * 64);
	cr_assert_eq(strlen(column(&c, 5)), 2 * CLICK_REFERRER_MAX);
	cr_assert_eq(strlen(column(&c, 6)), 2 * CLICK_AGENT_MAX);
}

Test(click, refuses_an_id_that_is_not_32_hex_digits)
{
	static const char *const ids[] = { NULL, "", "0", "0123456789abcdef0123456789abcde",
		"0123456789abcdef0123456789abcdef0", "0123456789abcdef0123456789abcdeg",
		"0123456789abcdef\t123456789abcdef" };
	char line[CLICK_LINE_MAX];
	struct click c = plain;

	for (size_t i = 0; i < N(ids); i++) {
		c.visit_id = ids[i];
		cr_expect_eq(click_format(&c, key, line), 0);
	}
}

Test(click, tells_visitors_apart_by_address_agent_and_key)
{
	static const unsigned char other_key[16] = "another key....";
	char first[64], other[64], line[CLICK_LINE_MAX];
	struct click c = plain;

	strcpy(first, column(&c, 7));
	c.referrer = NULL;
	cr_expect_str_eq(column(&c, 7), first);
	c.client = "192.0.2.2";
	cr_expect_str_neq(column(&c, 7), first);
	c = plain;
	c.user_agent = "Mozilla/5.0";
	cr_expect_str_neq(column(&c, 7), first);
	click_format(&plain, other_key, line);
	sscanf(line, "%*[^\t]\t%*[^\t]\t%*[^\t]\t%*[^\t]\t%*[^\t]\t%*[^\t]\t%*[^\t]\t%63s", other);
	cr_expect_str_neq(other, first);
}

Test(click, takes_programs_for_bots)
{
	static const char *const agents[] = {
		NULL,
		"",
		"curl/7.88.1",
		"Wget/1.21",
		"python-requests/2.31.0",
		"Python-urllib/3.11",
		"Go-http-client/1.1",
		"Java/17.0.2",
		"okhttp/4.9.3",
		"axios/1.6.0",
		"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
		"Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
		"Mozilla/5.0 (compatible; Baiduspider/2.0)",
		"Mozilla/5.0 (compatible; Yahoo! Slurp)",
		"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
		"Twitterbot/1.0",
		"WhatsApp/2.19.81 A",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0 "
		"Safari/537.36",
		"Pingdom.com_bot_version_1.4",
		"Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
		"Mozilla/5.0 (Linux; Android 9; CUBOT) Googlebot/2.1",
	};

	for (size_t i = 0; i < N(agents); i++)
		cr_expect(click_is_bot(agents[i]), "%s", agents[i] ? agents[i] : "NULL");
}

Test(click, takes_browsers_for_people)
{
	static const char *const agents[] = {
		browser,
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
		"Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
		"(KHTML, like "
		"Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 Chrome/100 Mobile "
		"Safari",
		"Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Mobile/15E148 Instagram 300.0 (Trust)",
		"Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Mobile/15E148 [Pinterest/iOS]",
		"Opera/9.80 (Windows NT 6.1) Presto/2.12.388 Version/12.18",
	};

	for (size_t i = 0; i < N(agents); i++)
		cr_expect_not(click_is_bot(agents[i]), "%s", agents[i]);
}

Test(click, a_key_comes_from_the_whole_secret)
{
	unsigned char a[16], b[16], c[16];

	click_key("secret", a);
	click_key("secret", b);
	click_key("secret2", c);
	cr_assert_arr_eq(a, b, 16);
	cr_assert_arr_neq(a, c, 16);
	click_key("", c);
	cr_assert_arr_neq(a, c, 16);
}

Test(click, is_copied_by_postgresql_as_it_was)
{
	struct arena *arena = arena_new(1 << 20);
	struct db *db = db_new(pg_shared(), "", 10000);
	struct click c = plain;
	struct db_rows rows;
	struct ctx cx;
	char line[CLICK_LINE_MAX], sql[256];
	const struct db_query copy = { "copy", sql, false };
	const struct db_query select = { "select",
		"SELECT visit_id, at = '1970-01-01T00:00:01.000001Z', url_id, user_id, short_code, "
		"referrer,"
		" user_agent, is_bot FROM copied_clicks",
		true };

	ctx_init(&cx, arena, 10000);
	c.referrer = "a\tb\nc\rd\\e\\.\x01\b\f\v";
	c.user_id = 0;
	cr_assert_eq(
	    db_script(db, &cx, "make",
		"CREATE TABLE copied_clicks (visit_id uuid, at timestamptz, url_id bigint, user_id"
		" bigint, short_code text, referrer text, user_agent text, visitor bigint NOT NULL,"
		" is_bot bool)"),
	    ERR_OK, "%s", cx.diag);
	snprintf(sql, sizeof(sql), "COPY copied_clicks (%s) FROM STDIN", click_columns);
	cr_assert_eq(
	    db_copy(db, &cx, &copy, line, click_format(&c, key, line)), ERR_OK, "%s", cx.diag);
	cr_assert_eq(db_exec(db, &cx, &select, NULL, &rows), ERR_OK, "%s", cx.diag);
	cr_assert_eq(rows.n, 1);
	cr_assert_str_eq(db_text(&rows, 0, 0), "01234567-89ab-cdef-0123-456789abcdef");
	cr_assert(db_bool(&rows, 0, 1));
	cr_assert_eq(db_int(&rows, 0, 2), 7);
	cr_assert_null(db_text(&rows, 0, 3));
	cr_assert_str_eq(db_text(&rows, 0, 4), "abc");
	cr_assert_str_eq(db_text(&rows, 0, 5), c.referrer);
	cr_assert_str_eq(db_text(&rows, 0, 6), browser);
	cr_assert_not(db_bool(&rows, 0, 7));
	db_free(db);
	arena_free(arena);
}
