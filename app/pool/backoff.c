#include "app/pool/backoff.h"

void
backoff_crashed(struct backoff *b, int64_t age_us, int64_t now_us, uint32_t seed)
{
	int64_t wait_us = BACKOFF_LEAST_US;
	unsigned i;

	if (age_us >= BACKOFF_YOUNG_US) {
		b->failures = 0;
		return;
	}
	if (now_us < b->until_us)
		return;
	for (i = 0; i < b->failures && wait_us < BACKOFF_MOST_US; i++)
		wait_us *= 2;
	b->failures++;
	if (wait_us > BACKOFF_MOST_US)
		wait_us = BACKOFF_MOST_US;
	b->until_us = now_us + wait_us - wait_us / 4 * (int64_t)(seed % 100) / 100;
}
