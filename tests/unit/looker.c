#include "tests/unit/looker.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <sys/resource.h>

#include "lib/base/clock.h"
#include "lib/data/lookup.h"

/* The kernel lets a call sleep for one of its own locks; who waits for a server waits longer. */
enum { LOCK_US = 2000 };

struct watch {
	int64_t began_us;
	long waits;
};

static struct watch
watch_begin(void)
{
	struct rusage used;

	getrusage(RUSAGE_THREAD, &used);
	return (struct watch){ clock_mono_us(), used.ru_nvcsw };
}

static void
watch_end(struct looker *k, struct watch w)
{
	struct watch now = watch_begin();

	int64_t took_us = now.began_us - w.began_us;

	k->calls++;
	if (took_us > LOCK_US)
		k->waits += now.waits - w.waits;
	if (took_us > k->longest_us)
		k->longest_us = took_us;
}

void
looker_start_many(struct looker *k, const char *const codes[], size_t n, int64_t timeout_ms)
{
	struct watch w;

	*k = (struct looker){ .l = k->l, .began_us = clock_mono_us() };
	w = watch_begin();
	lookup_start(k->l, codes, n, k->began_us + timeout_ms * 1000, NULL);
	watch_end(k, w);
}

void
looker_start(struct looker *k, const char *code, int64_t timeout_ms)
{
	looker_start_many(k, &code, 1, timeout_ms);
}

static void
step(struct looker *k)
{
	struct watch w = watch_begin();

	lookup_step(k->l, clock_mono_us());
	/* One too many. */
	lookup_step(k->l, clock_mono_us());
	watch_end(k, w);
}

bool
looker_drive(struct looker *k, int64_t ms)
{
	int64_t end_us = clock_mono_us() + ms * 1000;

	while (lookup_state(k->l) == LOOKUP_RUNS) {
		struct pollfd p = { .fd = lookup_fd(k->l), .events = lookup_events(k->l) };
		int64_t now_us = clock_mono_us(), wake_us = lookup_wake_us(k->l);

		if (now_us >= end_us)
			return false;
		cr_assert_eq(p.fd >= 0, p.events != 0, "a descriptor goes with events");
		if (wake_us > end_us)
			wake_us = end_us;
		poll(&p, 1, wake_us > now_us ? (int)((wake_us - now_us + 999) / 1000) : 0);
		step(k);
	}
	return true;
}

enum err
looker_finish(struct looker *k)
{
	cr_assert(looker_drive(k, 60000));
	cr_assert_eq(k->waits, 0, "%ld waits in %d calls, the longest took %lld us", k->waits,
	    k->calls, (long long)k->longest_us);
	return lookup_result(k->l);
}

enum err
looker_look(struct looker *k, const char *code, int64_t timeout_ms)
{
	enum err e;

	looker_start(k, code, timeout_ms);
	e = looker_finish(k);
	lookup_clear(k->l);
	return e;
}

int64_t
looker_took_ms(const struct looker *k)
{
	return (clock_mono_us() - k->began_us) / 1000;
}
