#include <criterion/criterion.h>

#include "app/pool/backoff.h"

static struct backoff b;

/* Dies at now after age, and returns for how long nobody is started. */
static int64_t
dies(int64_t now_us, int64_t age_us, uint32_t seed)
{
	backoff_crashed(&b, age_us, now_us, seed);
	return b.until_us - now_us;
}

Test(backoff, lets_one_start_at_once_after_one_that_has_lived)
{
	cr_assert_leq(dies(5000000, BACKOFF_YOUNG_US, 0), 0);
}

Test(backoff, waits_longer_each_time_one_dies_young)
{
	static const int64_t waits_ms[] = { 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000 };
	int64_t now_us = 5000000;
	size_t i;

	for (i = 0; i < sizeof(waits_ms) / sizeof(*waits_ms); i++) {
		int64_t wait_us = dies(now_us, 1000, 0);

		cr_assert_eq(wait_us, waits_ms[i] * 1000, "%zu", i);
		now_us += wait_us;
	}
}

Test(backoff, forgets_when_one_has_lived)
{
	dies(1000000, 0, 0);
	dies(2000000, 0, 0);
	dies(9000000, BACKOFF_YOUNG_US, 0);
	cr_assert_eq(dies(9500000, 0, 0), BACKOFF_LEAST_US);
}

Test(backoff, counts_those_that_die_together_as_one)
{
	dies(1000000, 0, 0);
	dies(1000001, 0, 0);
	dies(1000002, 0, 0);
	cr_assert_eq(b.failures, 1);
	cr_assert_eq(b.until_us, 1000000 + BACKOFF_LEAST_US);
}

Test(backoff, is_spread_by_a_quarter)
{
	uint32_t seed;

	for (seed = 0; seed < 1000; seed++) {
		int64_t wait_us;

		b = (struct backoff){ 0 };
		wait_us = dies(1000000, 0, seed);
		cr_assert_leq(wait_us, BACKOFF_LEAST_US);
		cr_assert_geq(wait_us, BACKOFF_LEAST_US / 4 * 3);
	}
	cr_assert_neq(dies(9000000, 0, 1), dies(90000000, 0, 50) / 2);
}
