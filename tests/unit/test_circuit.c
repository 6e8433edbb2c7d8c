#include <criterion/criterion.h>

#include "lib/data/circuit.h"

enum { SECOND = 1000 * 1000 };

Test(circuit, stays_closed_for_two_seconds)
{
	struct circuit c = { 0 };

	cr_assert_eq(circuit_state(&c, 100 * (int64_t)SECOND), CIRCUIT_CLOSED);
	circuit_failed(&c, SECOND, SECOND + 1);
	circuit_failed(&c, SECOND + 2, SECOND + 3);
	cr_assert_eq(circuit_state(&c, 3 * SECOND), CIRCUIT_CLOSED);
	cr_assert_neq(circuit_state(&c, 3 * SECOND + 1), CIRCUIT_CLOSED);
}

Test(circuit, one_slow_failure_does_not_open_it)
{
	struct circuit c = { 0 };

	circuit_failed(&c, SECOND, 9 * SECOND);
	cr_assert_eq(circuit_state(&c, 9 * SECOND), CIRCUIT_CLOSED);
}

Test(circuit, lets_one_try_through_every_quarter_of_a_second)
{
	struct circuit c = { 0 };

	circuit_failed(&c, SECOND, 2 * SECOND);
	circuit_failed(&c, 2 * SECOND, 4 * SECOND);
	cr_assert_eq(circuit_state(&c, 4 * SECOND), CIRCUIT_OPEN);
	cr_assert_eq(circuit_state(&c, 4 * SECOND + SECOND / 4 - 1), CIRCUIT_OPEN);
	cr_assert_eq(circuit_state(&c, 4 * SECOND + SECOND / 4), CIRCUIT_PROBE);
	circuit_failed(&c, 5 * SECOND, 5 * SECOND);
	cr_assert_eq(circuit_state(&c, 5 * SECOND + 1), CIRCUIT_OPEN);
}

Test(circuit, closes_at_the_first_success)
{
	struct circuit c = { 0 };

	circuit_failed(&c, SECOND, 2 * SECOND);
	circuit_failed(&c, 2 * SECOND, 4 * SECOND);
	circuit_succeeded(&c);
	circuit_failed(&c, 5 * SECOND, 5 * SECOND);
	cr_assert_eq(circuit_state(&c, 9 * SECOND), CIRCUIT_CLOSED);
}
