#include "lib/data/circuit.h"

enum { AWAY_US = 2 * 1000 * 1000, RETRY_US = 250 * 1000 };

enum circuit_state
circuit_state(const struct circuit *c, int64_t now_us)
{
	/* One failure may be a slow statement, so it takes two. */
	if (c->failures < 2 || now_us - c->since_us <= AWAY_US)
		return CIRCUIT_CLOSED;
	return now_us < c->retry_us ? CIRCUIT_OPEN : CIRCUIT_PROBE;
}

void
circuit_succeeded(struct circuit *c)
{
	*c = (struct circuit){ 0 };
}

void
circuit_failed(struct circuit *c, int64_t began_us, int64_t now_us)
{
	if (c->failures == 0)
		c->since_us = began_us;
	if (c->failures < 2)
		c->failures++;
	c->retry_us = now_us + RETRY_US;
}
