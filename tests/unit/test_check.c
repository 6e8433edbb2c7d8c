#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/attr.h"
#include "lib/http/check.h"
#include "lib/http/field.h"
#include "lib/http/target.h"

static const struct field_env env = { 0 };

static void
expect_all(field_check *check, const char *const *values, size_t n, bool fine)
{
	for (size_t i = 0; i < n; i++)
		cr_expect_eq(check(&env, values[i]) == NULL, fine, "%s", values[i]);
}

Test(check, takes_names_of_any_script)
{
	static const char *const taken[] = { "a", "  a ", "J\xc3\xbcrgen",
		"\xe6\x9d\x8e \xe5\xb0\x8f", "<b>", "'; DROP TABLE users; --", "\xf0\x9f\x98\x80",
		"a\nb", "\x7f" };
	static const char *const refused[] = { "", " ", "\t\n", "\xc2\xa0", "\xe3\x80\x80 ",
		"\xe2\x80\x8b" };

	expect_all(check_name, taken, N(taken), true);
	expect_all(check_name, refused, N(refused), false);
}

Test(check, takes_loose_email_addresses)
{
	static const char *const taken[] = { "user@host.tld", "a@b.c", "a.b+c_d@x-y.example.com",
		("J\xc3\xbcrgen@b\xc3\xbc"
		 "cher.de"),
		"\"x\"@y.z", "a@1.2.3.4" };
	static const char *const refused[] = { "", "@", "a", "a@", "@b.c", "a@b", "a@@b.c",
		"a@b@c.d", "a@.b", "a@b.", "a@b..c", "a b@c.d", " a@b.c", "a@b.c ", "a@b.c\n",
		"a\t@b.c", "a@b .c", "a@b.c\x7f", "a\xc2\xa0@b.c", "a@b.\xe3\x80\x80" };

	expect_all(check_email, taken, N(taken), true);
	expect_all(check_email, refused, N(refused), false);
}

Test(check, takes_codes_of_3_to_64_url_safe_characters)
{
	static const char *const taken[] = { "abc", "A-_", "000", "Users", "users1", "HEALTH",
		"0123456789012345678901234567890123456789012345678901234567890123" };
	static const char *const refused[] = { "", "ab", "a b", "a/b", "abc.", "a%62c",
		"\xc3\xa4\xc3\xa4", "abc\n",
		"01234567890123456789012345678901234567890123456789012345678901234" };

	expect_all(check_code, taken, N(taken), true);
	expect_all(check_code, refused, N(refused), false);
}

Test(check, reserves_the_names_of_routes)
{
	static const char *const reserved[] = { "users", "urls", "shorten", "stats", "events",
		"alerts", "health", "metrics", "prom_metrics", "logs", "chaos", "api", "docs" };

	expect_all(check_code, reserved, N(reserved), false);
	for (size_t i = 0; i < N(reserved); i++)
		cr_expect(check_is_reserved(reserved[i]), "%s", reserved[i]);
	cr_expect(check_is_reserved("qr"));
	cr_expect(check_is_reserved("favicon.ico"));
	cr_expect(check_is_reserved(".well-known"));
	cr_expect_not(check_is_reserved("Users"));
	cr_expect_not(check_is_reserved(""));
}

Test(check, asks_the_rules_about_targets)
{
	struct target_rules *rules = target_rules_new("http://sho.rt", "");
	const struct field_env asked = { .targets = rules, .host = "go.example" };

	cr_expect_null(check_target(&asked, "http://h/"));
	cr_expect_not_null(check_target(&asked, "http://sho.rt/"));
	cr_expect_not_null(check_target(&asked, "http://go.example/"));
	target_rules_free(rules);
}
