#include "lib/base/trace_ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/shm.h"

/*
 * Spans are numbered from 1 on; span n lies in slot n % SLOTS. A slot's stamp is 2n - 1 while
 * n is being written, 2n when it is complete, and never goes back: so a late writer finds
 * that its slot has been given to a later span, and gives up. One that was stopped in the
 * middle for a whole round of the ring may still spoil the words of its successor, which its
 * sum tells. Contents are words that are read and written atomically, as those of L1's slots.
 */

enum {
	SLOTS = 16384,
	SPAN_WORDS = sizeof(struct span) / 8,
	LAYOUT = 1,
	MARK_US = 500 * 1000 /* half of the time that an unfinished span is waited for */
};

_Static_assert(sizeof(struct span) % 8 == 0, "a span is a number of words");

struct slot {
	_Atomic uint64_t stamp;
	_Atomic uint64_t sum;
	_Atomic uint64_t words[SPAN_WORDS];
};

struct map {
	_Alignas(64) _Atomic uint64_t last; /* number of the span that was begun last */
	_Alignas(64) struct slot slots[SLOTS];
};

struct trace_ring {
	struct map *map;
	/* The reader's: spans up to `old` have had their time to be written; at mark_us, `mark`
	 * was the last one begun. */
	uint64_t old, mark;
	int64_t mark_us;
};

struct trace_ring *
trace_ring_open(const char *run_dir)
{
	struct trace_ring *r = calloc(1, sizeof(*r));
	void *map;

	if (!r)
		return NULL;
	if (shm_map(run_dir, "trace-ring", LAYOUT << 16 | SPAN_WORDS, sizeof(struct map), &map)) {
		free(r);
		return NULL;
	}
	r->map = map;
	return r;
}

void
trace_ring_close(struct trace_ring *r)
{
	if (!r)
		return;
	shm_unmap(r->map, sizeof(struct map));
	free(r);
}

static struct slot *
slot_of(const struct trace_ring *r, uint64_t n)
{
	return &r->map->slots[n % SLOTS];
}

static uint64_t
add_word(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return sum ^ sum >> 32;
}

static bool
claim(struct slot *s, uint64_t n)
{
	uint64_t stamp = atomic_load_explicit(&s->stamp, memory_order_relaxed);

	do {
		if (stamp >= 2 * n - 1)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
	    &s->stamp, &stamp, 2 * n - 1, memory_order_acq_rel, memory_order_relaxed));
	/* Who has read a word of this span also sees its stamp: pairs with copy()'s fence. */
	atomic_thread_fence(memory_order_release);
	return true;
}

void
trace_ring_put(struct trace_ring *r, const struct span *span)
{
	uint64_t n, begun, sum;
	struct slot *s;

	if (!r)
		return;
	n = atomic_fetch_add_explicit(&r->map->last, 1, memory_order_relaxed) + 1;
	s = slot_of(r, n);
	if (!claim(s, n))
		return;
	sum = n;
	for (size_t i = 0; i < SPAN_WORDS; i++) {
		uint64_t word;

		memcpy(&word, (const char *)span + i * 8, 8);
		atomic_store_explicit(&s->words[i], word, memory_order_relaxed);
		sum = add_word(sum, word);
	}
	atomic_store_explicit(&s->sum, sum, memory_order_relaxed);
	begun = 2 * n - 1;
	atomic_compare_exchange_strong_explicit(
	    &s->stamp, &begun, 2 * n, memory_order_release, memory_order_relaxed);
}

/*
 * Reading
 */

enum found { FOUND, UNFINISHED, LOST };

/* Texts end, whatever their writer did. */
static void
end_texts(struct span *s)
{
	s->name[sizeof(s->name) - 1] = '\0';
	s->detail[sizeof(s->detail) - 1] = '\0';
	s->pool[sizeof(s->pool) - 1] = '\0';
	s->request_id[sizeof(s->request_id) - 1] = '\0';
}

static enum found
copy(struct slot *s, uint64_t n, struct span *ret_span)
{
	uint64_t sum = n, stamp = atomic_load_explicit(&s->stamp, memory_order_acquire);
	uint64_t expected;

	if (stamp != 2 * n)
		return stamp < 2 * n ? UNFINISHED : LOST;
	for (size_t i = 0; i < SPAN_WORDS; i++) {
		uint64_t word = atomic_load_explicit(&s->words[i], memory_order_relaxed);

		memcpy((char *)ret_span + i * 8, &word, 8);
		sum = add_word(sum, word);
	}
	expected = atomic_load_explicit(&s->sum, memory_order_relaxed);
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&s->stamp, memory_order_relaxed) != stamp || sum != expected)
		return LOST;
	end_texts(ret_span);
	return FOUND;
}

static void
move_mark(struct trace_ring *r, uint64_t last)
{
	int64_t now_us = clock_mono_us();

	if (now_us - r->mark_us < MARK_US)
		return;
	r->old = r->mark;
	r->mark = last;
	r->mark_us = now_us;
}

/* The span to go on with, when `last` is the last one begun; those before it are gone. */
static uint64_t
next_of(uint64_t cursor, uint64_t last, uint64_t *ret_missed)
{
	uint64_t oldest = last < SLOTS ? 1 : last - SLOTS + 1;

	*ret_missed = 0;
	if (cursor == 0 || cursor > last + 1)
		return oldest;
	if (cursor >= oldest)
		return cursor;
	*ret_missed = oldest - cursor;
	return oldest;
}

size_t
trace_ring_take(
    struct trace_ring *r, uint64_t *cursor, struct span *spans, size_t max, uint64_t *ret_missed)
{
	uint64_t last = atomic_load_explicit(&r->map->last, memory_order_acquire);
	uint64_t missed, n = next_of(*cursor, last, &missed);
	size_t taken = 0;

	move_mark(r, last);
	for (; n <= last && taken < max; n++) {
		enum found found = copy(slot_of(r, n), n, &spans[taken]);

		if (found == UNFINISHED && n > r->old)
			break;
		if (found == FOUND)
			taken++;
		else
			missed++;
	}
	*cursor = n;
	*ret_missed = missed;
	return taken;
}
