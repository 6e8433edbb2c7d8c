#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/http/target.h"

static struct arena *arena;
static struct target_rules *rules;

static void
setup(void)
{
	arena = arena_new(1 << 16);
	rules = target_rules_new("https://Sho.rt", "links.example:8443, 192.0.2.7");
	cr_assert_not_null(rules);
}

static void
teardown(void)
{
	target_rules_free(rules);
	arena_free(arena);
}

TestSuite(target, .init = setup, .fini = teardown);

static void
expect_taken(const char *host, const char *url)
{
	const char *why = target_refusal(rules, host, url);

	cr_expect_null(why, "%s %s", url, why);
}

static void
expect_refused(const char *host, const char *url, const char *reason)
{
	const char *why = target_refusal(rules, host, url);

	cr_expect(why && strstr(why, reason), "%s: %s", url, why ? why : "taken");
}

static void
expect_location(const char *url, const char *wanted)
{
	const char *location = target_location(arena, url);

	cr_assert_not_null(location, "%s", url);
	cr_expect_str_eq(location, wanted);
}

Test(target, takes_absolute_http_urls)
{
	static const char *const taken[] = { "http://h", "http://h/", "HTTP://EXAMPLE.com/A?b#c",
		"hTTps://a.b.c:8443", "http://h:/", "http://h:1", "http://h:65535/",
		"http://h:00080/", "http://a_b.c-d/", "http://h./", "http://a.b.:80/",
		"http://127.1/", "http://0x7f.1", "http://2130706433", "http://[2001:db8::1]",
		"http://[2001:db8::1]:81/x", "http://h?x", "http://h#@x",
		"http://h/@:\\//%zz%20%0a|\"<>{}", "http://h?a=http://u@b/",
		("http://b\xc3\xbc"
		 "cher.de/\xc3\xa4?\xe2\x82\xac"),
		"http://xn--bcher-kva.de", "http://h/\xf0\x9f\x98\x80" };

	for (size_t i = 0; i < N(taken); i++)
		expect_taken(NULL, taken[i]);
}

Test(target, refuses_other_schemes_and_shapes)
{
	static const char *const refused[] = { "", "h", "/h", "//h/", "ftp://h/",
		"javascript:alert(1)", "data:text/html,x", "mailto:a@b.c", "http:", "http:h",
		"http:/h", "http:\\\\h", "https:/h", "httpx://h", "http ://h", "xhttp://h" };

	for (size_t i = 0; i < N(refused); i++)
		expect_refused(NULL, refused[i], i == 14 ? "blanks" : "must begin");
}

Test(target, refuses_an_empty_host)
{
	expect_refused(NULL, "http://", "has no host");
	expect_refused(NULL, "http:///h", "has no host");
	expect_refused(NULL, "http://?x", "has no host");
	expect_refused(NULL, "http://#x", "has no host");
	expect_refused(NULL, "http://:80/", "has no host");
}

Test(target, refuses_user_information)
{
	expect_refused(NULL, "http://@h/", "user name");
	expect_refused(NULL, "http://u@h/", "user name");
	expect_refused(NULL, "http://u:p@h/", "user name");
	expect_refused(NULL, "http://good.example\\@evil.example/", "user name");
	expect_refused(NULL, "http://h:80@evil.example/", "user name");
}

Test(target, refuses_blanks_and_control_characters)
{
	static const char *const refused[] = { " http://h", "http://h ", "http://h/a b",
		"http://h/\t", "http://h/\r\nX: y", "http://h/\x7f", "http://h/\x01",
		"http://h/\xc2\x85", "http://h/\xc2\xa0", "http://h/\xe3\x80\x80",
		"http://h/\xef\xbb\xbf", "http://a b/" };

	for (size_t i = 0; i < N(refused); i++)
		expect_refused(NULL, refused[i], "blanks");
}

Test(target, refuses_bad_hosts)
{
	static const char *const refused[] = { "http://a..b/", "http://.a", "http://a../",
		"http://./", "http://a*b", "http://a,b/", "http://h\\x/", "http://h%20/",
		"http://%68/", "http://a+b/", "http://[::1", "http://[::g]", "http://[::1%25eth0]/",
		"http://[]/", "http://[1.2.3.4]/", "http://\xe2\x98\x83.net/",
		"http://-\xc3\xbc.de/", "http://\xc2\xad/", "http://\xef\xbc\xbb::1\xef\xbc\xbd/",
		"http://a\xef\xbc\x8f"
		"b/",
		"http://a\xef\xbc\xa0"
		"b/" };

	for (size_t i = 0; i < N(refused); i++)
		expect_refused(NULL, refused[i], "host");
}

Test(target, refuses_bad_ports)
{
	static const char *const refused[] = { "http://h:0/", "http://h:65536/", "http://h:-1/",
		"http://h:+8/", "http://h:a/", "http://h:80:80/", "http://h:80\\x/",
		"http://[::1]x/", "http://[::1]80/", "http://h:0x50",
		"http://h:99999999999999999999999/", "http://h:\xd9\xa1/" };

	for (size_t i = 0; i < N(refused); i++)
		expect_refused(NULL, refused[i], "port");
}

Test(target, bounds_labels_and_host)
{
	char url[512];

	(void)snprintf(url, sizeof(url), "http://%.*s.com/", 63,
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	expect_taken(NULL, url);
	(void)snprintf(url, sizeof(url), "http://%s.com/",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	expect_refused(NULL, url, "host");
	memset(url, 0, sizeof(url));
	strcpy(url, "http://");
	for (size_t i = 0; i < 127; i++)
		strcat(url, i ? ".a" : "a");
	expect_taken(NULL, url);
	strcat(url, ".");
	expect_taken(NULL, url);
	strcat(url, "a");
	expect_refused(NULL, url, "host");
	memset(url + 7, 'a', sizeof(url) - 8);
	expect_refused(NULL, url, "host");
}

Test(target, bounds_the_encoded_length)
{
	char url[TARGET_MAX + 8];

	memset(url, 'a', sizeof(url));
	memcpy(url, "http://h/", 9);
	url[TARGET_MAX] = '\0';
	expect_taken(NULL, url);
	expect_location(url, url);
	memcpy(url + TARGET_MAX - 2, "\xc3\xa4", 2);
	expect_refused(NULL, url, "2048");
	cr_expect_null(target_location(arena, url));
	url[TARGET_MAX - 6] = '\0';
	expect_taken(NULL, url);
	memcpy(url + TARGET_MAX - 6, "\xc3\xa4", 3);
	expect_taken(NULL, url);
	cr_expect_eq(strlen(target_location(arena, url)), TARGET_MAX);
	memset(url + TARGET_MAX - 6, 'a', 7);
	url[TARGET_MAX + 1] = '\0';
	expect_refused(NULL, url, "2048");
}

Test(target, refuses_our_own_addresses_in_any_spelling)
{
	static const char *const refused[] = { "https://sho.rt/x", "http://sho.rt",
		"HTTPS://SHO.RT./", "http://sho.rt:443/", "http://sho.rt:80/",
		"http://links.example:8443/", "https://LINKS.example:08443/", "http://192.0.2.7/",
		"http://192.0.2.7:9/", "http://3221225991/", "http://0xc0.0.519",
		"http://192.0.2.7./", "http://0300.0.2.7/", "http://[::ffff:192.0.2.7]/",
		"http://[::ffff:c000:207]/", "http://\xef\xbc\x91\xef\xbc\x99\xef\xbc\x92.0.2.7/",
		"http://\xef\xbd\x93ho.rt/", "http://sho\xe3\x80\x82rt/" };

	for (size_t i = 0; i < N(refused); i++)
		expect_refused(NULL, refused[i], "lead back");
}

Test(target, takes_our_host_on_other_ports)
{
	expect_taken(NULL, "https://sho.rt:8443/");
	expect_taken(NULL, "https://links.example/");
	expect_taken(NULL, "https://www.sho.rt/");
	expect_taken(NULL, "https://sho.rt.example/");
	expect_taken(NULL, "http://127.0.0.1/");
}

Test(target, refuses_the_host_that_was_asked)
{
	expect_refused("go.example", "https://GO.example/x", "lead back");
	expect_refused("go.example:8080", "http://go.example:8080/x", "lead back");
	expect_refused("[2001:db8::1]:8080", "http://[2001:db8:0::1]:8080/x", "lead back");
	expect_refused("b\xc3\xbc"
		       "cher.de",
	    "http://xn--bcher-kva.de/", "lead back");
	expect_taken("go.example:8080", "http://go.example/x");
	expect_taken("", "http://h/");
	expect_taken(":", "http://h/");
	expect_taken("a b", "http://h/");
	expect_taken("h/", "http://h/");
	expect_taken("h:80:80", "http://h/");
}

Test(target, takes_all_loopback_addresses_for_one)
{
	static const char *const refused[] = { "http://localhost:8080/", "http://127.0.0.1:8080/x",
		"http://127.1.2.3:8080/", "http://0.0.0.0:8080/", "http://[::1]:8080/",
		"http://[::]:8080/", "http://[::ffff:127.0.0.1]:8080/", "http://2130706433:8080/",
		"http://x.LOCALHOST:8080/" };
	struct target_rules *public_rules = rules;

	rules = target_rules_new("http://127.0.0.1:8080", NULL);
	cr_assert_not_null(rules);
	for (size_t i = 0; i < N(refused); i++)
		expect_refused(NULL, refused[i], "lead back");
	expect_taken(NULL, "http://localhost:8081/");
	expect_taken(NULL, "http://notlocalhost:8080/");
	target_rules_free(rules);
	rules = public_rules;
}

Test(target, refuses_rules_that_make_no_sense)
{
	static const char *const rows[][2] = { { "sho.rt", "" }, { "http://", "" },
		{ "http://a..b", "" }, { "http://h", "a b" }, { "http://h", "a, b:x" },
		{ "http://h", "http://b" }, { "http://h", "a, :80" } };

	for (size_t i = 0; i < N(rows); i++)
		cr_expect_null(target_rules_new(rows[i][0], rows[i][1]), "row %zu", i);
	target_rules_free(NULL);
}

Test(target, ignores_blanks_and_empty_entries_in_own_hosts)
{
	struct target_rules *r = target_rules_new("http://h", " , a ,, b:80 ,");

	cr_assert_not_null(r);
	cr_expect_not_null(target_refusal(r, NULL, "http://a:99/"));
	cr_expect_not_null(target_refusal(r, NULL, "http://b/"));
	cr_expect_null(target_refusal(r, NULL, "http://b:99/"));
	target_rules_free(r);
}

Test(target, leaves_an_ascii_location_as_it_is)
{
	expect_location(
	    "HTTP://EX.com:080/a/../%7e%zz|\"\\?#", "HTTP://EX.com:080/a/../%7e%zz|\"\\?#");
	expect_location("http://127.1", "http://127.1");
}

Test(target, encodes_other_bytes_and_the_host)
{
	expect_location("http://B\xc3\xbc"
			"cher.DE:8080/\xc3\xa4%41|?\xe2\x82\xac#\xf0\x9f\x98\x80",
	    "http://xn--bcher-kva.de:8080/%C3%A4%41|?%E2%82%AC#%F0%9F%98%80");
	expect_location("https://stra\xc3\x9f"
			"e.de",
	    "https://xn--strae-oqa.de");
	expect_location("hTTp://EX.com/\xc3\xa4", "hTTp://EX.com/%C3%A4");
	expect_location("http://h?\xc3\xa4", "http://h?%C3%A4");
}

Test(target, has_no_location_for_what_is_no_target)
{
	cr_expect_null(target_location(arena, "ftp://h/"));
	cr_expect_null(target_location(arena, "http://\xe2\x98\x83.net/"));
}

Test(target, reports_a_spent_arena)
{
	struct arena *small = arena_new(16);

	cr_expect_null(
	    target_location(small, "http://h/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa4"));
	arena_free(small);
}
