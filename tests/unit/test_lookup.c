/* lookup on a real database. */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/data/db.h"
#include "lib/data/lookup.h"
#include "lib/data/url_store.h"
#include "tests/unit/database.h"

static struct database d;
static struct lookup *l;

static void
set_up(void)
{
	database_init(&d);
	l = lookup_new(d.conninfo, "", 5000);
}

static void
tear_down(void)
{
	lookup_free(l);
	database_release(&d);
}

TestSuite(lookup, .init = set_up, .fini = tear_down, .timeout = 60);

static void
wait_for_it(void)
{
	while (lookup_state(l) == LOOKUP_RUNS) {
		struct pollfd p = { .fd = lookup_fd(l), .events = lookup_events(l) };
		int64_t left_us = lookup_wake_us(l) - clock_mono_us();

		poll(&p, 1, left_us > 0 ? (int)(left_us / 1000) + 1 : 0);
		lookup_step(l, clock_mono_us());
	}
}

Test(lookup, finds_codes)
{
	static const char *const codes[] = { "abc", "none", "abc" };
	struct url u;

	database_run(&d, "INSERT INTO urls (short_code, original_url) VALUES ('abc', 'http://x/')");
	lookup_start(l, codes, 3, clock_mono_us() + 3000000);
	wait_for_it();
	cr_assert_eq(lookup_result(l), ERR_OK, "%s", lookup_why(l));
	cr_assert(lookup_find(l, "abc", &u));
	cr_assert_str_eq(u.original_url, "http://x/");
	cr_assert_not(lookup_find(l, "none", &u));
	lookup_clear(l);
}
