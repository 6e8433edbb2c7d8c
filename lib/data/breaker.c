#include "lib/data/breaker.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

#include "lib/base/clock.h"
#include "lib/base/shm.h"

enum {
	FAILURES_TO_OPEN = 3,
	FIRST_PAUSE_US = 200 * 1000,
	MAX_PAUSE_US = 2 * 1000 * 1000,
	/* How long one prober keeps the others out; a prober that dies just lets it pass. */
	PROBE_US = 500 * 1000
};

/* Name of the layout below; another one needs another number. */
#define LAYOUT UINT64_C(0x627265616b657231)

struct shared {
	_Atomic int64_t retry_us;      /* 0: closed; else when somebody may probe */
	_Atomic uint32_t failures;     /* in a row, while closed */
	_Atomic uint32_t pauses;       /* in a row, while open */
	_Atomic uint64_t dirty, clean; /* marks set; marks of which all was replayed */
};

struct breaker {
	struct shared *shared;
	int64_t probing; /* the retry_us that this process set to probe; 0: it does not */
};

struct breaker *
breaker_new(const char *run_dir)
{
	struct breaker *b = calloc(1, sizeof(*b));
	void *map;

	if (!b)
		return NULL;
	if (shm_map(run_dir, "breaker", LAYOUT, sizeof(struct shared), &map)) {
		free(b);
		return NULL;
	}
	b->shared = map;
	return b;
}

void
breaker_free(struct breaker *b)
{
	if (!b)
		return;
	shm_unmap(b->shared, sizeof(*b->shared));
	free(b);
}

static bool
is_dirty(const struct breaker *b)
{
	return atomic_load(&b->shared->dirty) != atomic_load(&b->shared->clean);
}

bool
breaker_is_open(const struct breaker *b)
{
	return atomic_load(&b->shared->retry_us) != 0 || is_dirty(b);
}

bool
breaker_allows_write(struct breaker *b)
{
	int64_t retry_us = atomic_load(&b->shared->retry_us), now_us, hold_us;

	if (retry_us == 0)
		return true;
	now_us = clock_mono_us();
	/* A time too far ahead is one of the machine's last boot. */
	if (now_us < retry_us && retry_us - now_us <= MAX_PAUSE_US)
		return false;
	hold_us = now_us + PROBE_US;
	if (!atomic_compare_exchange_strong(&b->shared->retry_us, &retry_us, hold_us))
		return false;
	b->probing = hold_us;
	return true;
}

bool
breaker_allows(struct breaker *b)
{
	return !is_dirty(b) && breaker_allows_write(b);
}

/* 200..400 ms for the first pause, twice that for the next, at most 2 s. */
static int64_t
pause_us(uint32_t pauses)
{
	uint32_t random = 0;
	int64_t us = (int64_t)FIRST_PAUSE_US << (pauses < 4 ? pauses : 4);

	/* Without a random number the pause is only less spread. */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = 0;
	us += us * (random % 1024) / 1024;
	return us < MAX_PAUSE_US ? us : MAX_PAUSE_US;
}

/* Opens anew after a probe that failed, or for the first time; whoever comes second has
 * lost nothing. */
static void
open_from(struct breaker *b, int64_t retry_us)
{
	uint32_t pauses = atomic_load(&b->shared->pauses);
	int64_t next_us = clock_mono_us() + pause_us(pauses);

	if (atomic_compare_exchange_strong(&b->shared->retry_us, &retry_us, next_us))
		atomic_store(&b->shared->pauses, pauses + 1);
}

static void
close_it(struct breaker *b)
{
	struct shared *s = b->shared;

	/* Almost always there is nothing to do, and then nothing is written. */
	if (atomic_load(&s->failures) != 0)
		atomic_store(&s->failures, 0);
	if (atomic_load(&s->pauses) != 0)
		atomic_store(&s->pauses, 0);
	if (atomic_load(&s->retry_us) != 0)
		atomic_store(&s->retry_us, 0);
}

void
breaker_report(struct breaker *b, bool success)
{
	int64_t probing = b->probing;

	b->probing = 0;
	if (success)
		close_it(b);
	else if (probing != 0)
		open_from(b, probing);
	else if (atomic_fetch_add(&b->shared->failures, 1) + 1 >= FAILURES_TO_OPEN)
		open_from(b, 0);
}

void
breaker_mark_dirty(struct breaker *b)
{
	atomic_fetch_add(&b->shared->dirty, 1);
}

uint64_t
breaker_dirty_mark(const struct breaker *b)
{
	return atomic_load(&b->shared->dirty);
}

void
breaker_clear_dirty(struct breaker *b, uint64_t mark)
{
	atomic_store(&b->shared->clean, mark);
}
