#include <criterion/criterion.h>

#include "app/pool/proc.h"
#include "app/pool/watch.h"
#include "lib/base/attr.h"

/* Milliseconds of a clock that only the tests turn; it does not begin at 0. */
#define MS(n) (INT64_C(5000000) + (int64_t)(n)*1000)

static struct pulse p;

static void
set_up(void)
{
	pulse_begin(&p, MS(0));
}

TestSuite(watch, .init = set_up);

static bool
beats(int64_t ms, enum beat_state state)
{
	const struct beat_view v = {
		.state = state, .at_us = MS(ms), .deadline_us = MS(ms + 10000)
	};

	return pulse_beat(&p, &v, MS(ms));
}

/* The same beat, seen again. */
static bool
sees(int64_t ms)
{
	const struct beat_view v = p.view;

	return pulse_beat(&p, &v, MS(ms));
}

static void
looks(int64_t ms, char state, int64_t cpu_ms)
{
	const struct proc proc = { .state = state, .cpu_us = cpu_ms * 1000 };

	pulse_look(&p, &proc, MS(ms));
}

static void
assert_watch(int64_t ms, enum watch expected)
{
	cr_assert_eq(watch_judge(&p, MS(ms)), expected, "after %d ms", (int)ms);
}

Test(watch, gives_a_new_worker_ten_seconds)
{
	assert_watch(0, WATCH_STARTS);
	assert_watch(10000, WATCH_STARTS);
	assert_watch(10001, WATCH_HUNG);
}

Test(watch, has_workers_that_drain)
{
	beats(0, BEAT_DRAINS);
	assert_watch(60000, WATCH_DRAINS);
}

Test(watch, looks_closer_only_when_a_beat_is_late)
{
	cr_assert_not(beats(0, BEAT_IDLE));
	cr_assert_not(sees(100));
	cr_assert(sees(101));
	cr_assert_not(beats(150, BEAT_IDLE));
}

Test(watch, gives_up_an_idle_worker_that_is_silent)
{
	beats(0, BEAT_IDLE);
	assert_watch(299, WATCH_ABLE);
	assert_watch(300, WATCH_RETRY);
	assert_watch(999, WATCH_RETRY);
	assert_watch(1000, WATCH_HUNG);
	beats(1100, BEAT_IDLE);
	assert_watch(1100, WATCH_ABLE);
}

Test(watch, bears_with_a_worker_that_waits_for_the_cpu)
{
	int64_t ms;

	beats(0, BEAT_IDLE);
	for (ms = 200; ms < 20000; ms += 100) {
		sees(ms);
		looks(ms, 'R', 7);
		assert_watch(ms + 100, WATCH_ABLE);
	}
}

Test(watch, takes_cpu_time_for_a_sign_of_life)
{
	beats(0, BEAT_IDLE);
	sees(200);
	looks(200, 'S', 10);
	looks(290, 'S', 20);
	assert_watch(500, WATCH_ABLE);
	looks(580, 'S', 20);
	assert_watch(590, WATCH_RETRY);
}

Test(watch, takes_the_first_look_for_no_sign_of_life)
{
	beats(0, BEAT_IDLE);
	looks(200, 'S', 5000);
	assert_watch(300, WATCH_RETRY);
}

Test(watch, lets_a_worker_wait_for_the_database_until_its_deadline)
{
	static const enum beat_state states[] = { BEAT_SAFE, BEAT_UNSAFE };
	size_t i;

	for (i = 0; i < N(states); i++) {
		set_up();
		beats(0, states[i]);
		looks(200, 'S', 5);
		looks(9000, 'S', 5);
		assert_watch(9000, WATCH_ABLE);
		assert_watch(11000, WATCH_ABLE);
		assert_watch(11001, WATCH_HUNG);
	}
}

static void
spin(enum beat_state state, int64_t until_ms)
{
	int64_t ms;

	beats(0, state);
	for (ms = 120; ms <= until_ms; ms += 20) {
		sees(ms);
		looks(ms, 'R', ms / 2);
	}
}

Test(watch, knows_a_safe_request_that_spins)
{
	spin(BEAT_SAFE, 480);
	assert_watch(499, WATCH_ABLE);
	assert_watch(500, WATCH_RETRY);
	spin(BEAT_SAFE, 9000);
	assert_watch(9000, WATCH_RETRY);
}

Test(watch, lets_an_unsafe_request_spin_until_its_deadline)
{
	spin(BEAT_UNSAFE, 9000);
	assert_watch(9000, WATCH_UNABLE);
	assert_watch(11001, WATCH_HUNG);
}

Test(watch, kills_an_idle_worker_that_spins)
{
	spin(BEAT_IDLE, 600);
	assert_watch(600, WATCH_RETRY);
	spin(BEAT_IDLE, 3000);
	assert_watch(3000, WATCH_HUNG);
}

Test(watch, takes_no_worker_that_has_slept_for_one_that_spins)
{
	beats(0, BEAT_SAFE);
	looks(150, 'S', 0);
	looks(400, 'R', 200);
	looks(900, 'R', 600);
	assert_watch(900, WATCH_ABLE);
}

Test(watch, takes_little_cpu_time_for_no_spin)
{
	beats(0, BEAT_SAFE);
	looks(150, 'R', 100);
	looks(2000, 'R', 159);
	assert_watch(2000, WATCH_ABLE);
	looks(2001, 'R', 160);
	assert_watch(2001, WATCH_RETRY);
}

Test(watch, bears_with_work_that_waits_for_the_cpu_past_its_deadline)
{
	int64_t ms;

	beats(0, BEAT_SAFE);
	for (ms = 120; ms < 20000; ms += 100) {
		sees(ms);
		looks(ms, 'R', ms / 1000);
		assert_watch(ms, WATCH_ABLE);
	}
	looks(20000, 'S', 20);
	assert_watch(20000, WATCH_HUNG);
}

Test(watch, kills_nobody_whom_the_disk_blocks)
{
	static const enum beat_state states[] = { BEAT_IDLE, BEAT_SAFE, BEAT_UNSAFE };
	size_t i;

	for (i = 0; i < N(states); i++) {
		set_up();
		beats(0, states[i]);
		looks(200, 'D', 0);
		looks(20000, 'D', 0);
		assert_watch(20000, WATCH_UNABLE);
		looks(20001, 'S', 0);
		assert_watch(20001, WATCH_HUNG);
		beats(20002, states[i]);
		assert_watch(20002, WATCH_ABLE);
	}
}

Test(watch, begins_to_count_anew_with_a_beat)
{
	spin(BEAT_SAFE, 900);
	beats(900, BEAT_SAFE);
	assert_watch(1400, WATCH_ABLE);
	looks(1500, 'R', 9000);
	assert_watch(1500, WATCH_ABLE);
}

Test(watch, gives_a_stopped_worker_little_time)
{
	static const enum beat_state states[] = { BEAT_STARTS, BEAT_IDLE, BEAT_SAFE, BEAT_DRAINS };
	size_t i;

	for (i = 0; i < N(states); i++) {
		set_up();
		beats(0, states[i]);
		p.stopped_us = MS(10);
		assert_watch(309, WATCH_UNABLE);
		assert_watch(310, WATCH_HUNG);
	}
}

Test(watch, leaves_a_stopped_worker_its_unsafe_request)
{
	beats(0, BEAT_UNSAFE);
	p.stopped_us = MS(10);
	assert_watch(11000, WATCH_UNABLE);
	assert_watch(11001, WATCH_HUNG);
}

Test(watch, forgives_what_it_could_not_see)
{
	beats(0, BEAT_IDLE);
	p.stopped_us = MS(10);
	pulse_forgive(&p, MS(9000));
	assert_watch(9299, WATCH_UNABLE);
	assert_watch(9300, WATCH_HUNG);
	p.stopped_us = 0;
	assert_watch(9299, WATCH_ABLE);
}
