#include <criterion/criterion.h>

#include "app/pool/scale.h"
#include "lib/base/attr.h"

/* Seconds of a clock that only the tests turn. */
#define S(n) ((int64_t)(n)*1000 * 1000)

static const struct scale_rules rules = {
	.min = 2,
	.max = 4,
	.high = 0.75,
	.low = 0.30,
	.window_us = S(5),
	.up_cooldown_us = S(60),
	.down_cooldown_us = S(120),
};

static struct scale s;

static void
set_up(void)
{
	scale_init(&s, &rules, S(1000));
}

TestSuite(scale, .init = set_up);

/* A window that ends at second `at`, in which the workers were busy for percent. */
static enum scale_move
window(int64_t at, int64_t percent)
{
	scale_add(&s, S(5) / 100 * percent, S(5));
	return scale_turn(&s, S(at));
}

Test(scale, begins_with_the_least)
{
	cr_assert_eq(s.workers, 2);
	cr_assert_eq(s.ratio, 0);
}

Test(scale, has_windows_of_their_length)
{
	cr_assert_not(scale_is_due(&s, S(1005) - 1));
	cr_assert(scale_is_due(&s, S(1005)));
	scale_turn(&s, S(1005));
	cr_assert_not(scale_is_due(&s, S(1009)));
}

Test(scale, takes_the_ratio_over_all_workers)
{
	scale_add(&s, S(5), S(5));
	scale_add(&s, S(1), S(5));
	scale_turn(&s, S(1005));
	cr_assert_float_eq(s.ratio, 0.6, 1e-9);
	scale_turn(&s, S(1010));
	cr_assert_eq(s.ratio, 0, "a window begins with nothing");
}

Test(scale, never_takes_a_worker_for_more_than_busy)
{
	scale_add(&s, S(50), S(5));
	scale_add(&s, -S(50), S(5));
	scale_add(&s, S(1), 0);
	scale_turn(&s, S(1005));
	cr_assert_eq(s.ratio, 1);
}

/* What happens, window after window. */
struct step {
	int64_t at, percent;
	enum scale_move move;
	unsigned workers;
};

static void
assert_steps(const struct step *steps, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		cr_assert_eq(window(steps[i].at, steps[i].percent), steps[i].move, "step %zu", i);
		cr_assert_eq(s.workers, steps[i].workers, "step %zu", i);
	}
}

Test(scale, adds_one_at_a_time_up_to_the_greatest)
{
	static const struct step steps[] = {
		{ 1005, 75, SCALE_STAY, 2 }, /* not above it */
		{ 1010, 76, SCALE_UP, 3 },
		{ 1015, 100, SCALE_STAY, 3 },
		{ 1069, 100, SCALE_STAY, 3 },
		{ 1070, 100, SCALE_UP, 4 },
		{ 1130, 100, SCALE_STAY, 4 },
	};

	assert_steps(steps, N(steps));
}

Test(scale, takes_one_at_a_time_down_to_the_least)
{
	static const struct step steps[] = {
		{ 1005, 100, SCALE_UP, 3 },
		{ 1065, 100, SCALE_UP, 4 },
		{ 1070, 0, SCALE_STAY, 4 }, /* just added */
		{ 1184, 0, SCALE_STAY, 4 },
		{ 1185, 30, SCALE_STAY, 4 }, /* not below it */
		{ 1190, 29, SCALE_DOWN, 3 },
		{ 1309, 0, SCALE_STAY, 3 },
		{ 1310, 0, SCALE_DOWN, 2 },
		{ 1430, 0, SCALE_STAY, 2 },
	};

	assert_steps(steps, N(steps));
}

Test(scale, may_add_right_after_it_has_taken)
{
	static const struct step steps[] = {
		{ 1005, 100, SCALE_UP, 3 },
		{ 1125, 10, SCALE_DOWN, 2 },
		{ 1130, 90, SCALE_UP, 3 },
		{ 1249, 10, SCALE_STAY, 3 },
		{ 1250, 10, SCALE_DOWN, 2 },
	};

	assert_steps(steps, N(steps));
}

Test(scale, stays_between_the_marks)
{
	int64_t at;

	for (at = 1005; at < 3000; at += 5)
		cr_assert_eq(window(at, 50), SCALE_STAY);
}

Test(scale, stays_when_there_is_but_one_number)
{
	static const struct scale_rules one = { .min = 3, .max = 3, .high = 0.75, .low = 0.3 };

	scale_init(&s, &one, S(1000));
	cr_assert_eq(window(1005, 100), SCALE_STAY);
	cr_assert_eq(window(1500, 0), SCALE_STAY);
	cr_assert_eq(s.workers, 3);
}
