#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include "lib/base/err.h"

static bool
is_slug(const char *s)
{
	size_t i;

	for (i = 0; s[i] != '\0'; i++)
		if (!islower((unsigned char)s[i]) && (s[i] != '-' || i == 0 || s[i + 1] == '\0'))
			return false;
	return i > 0;
}

Test(err, gives_every_error_a_slug_and_a_title)
{
	int e;

	for (e = 0; e < ERR__COUNT; e++) {
		const struct err_info *info = err_info((enum err)e);

		cr_assert(is_slug(info->slug), "error %d", e);
		cr_assert_not_null(info->title, "error %d", e);
		cr_assert_gt(strlen(info->title), 1, "error %d", e);
	}
}

Test(err, uses_no_slug_twice)
{
	int a, b;

	for (a = 0; a < ERR__COUNT; a++)
		for (b = a + 1; b < ERR__COUNT; b++)
			cr_assert_str_neq(err_info((enum err)a)->slug, err_info((enum err)b)->slug);
}

Test(err, maps_each_error_to_its_status)
{
	static const int statuses[] = { 200, 400, 401, 403, 404, 405, 409, 410, 412, 413, 415, 422,
		500, 503, 503, 503, 0 };
	int e;

	cr_assert_eq(N(statuses), ERR__COUNT);
	for (e = 0; e < ERR__COUNT; e++)
		cr_assert_eq(err_info((enum err)e)->status, statuses[e], "error %d", e);
}

Test(err, asks_to_retry_exactly_when_unavailable)
{
	int e;

	for (e = 0; e < ERR__COUNT; e++) {
		const struct err_info *info = err_info((enum err)e);

		cr_assert_eq(info->retry_after_s > 0, info->status == 503, "error %d", e);
	}
}
