#include "lib/base/beat.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "lib/base/shm.h"

enum { LAYOUT = 1, NAME_MAX_BYTES = 32 };

/* One writer, the worker; terse-pool reads. The state is written last and read first: who
 * sees a state also sees the times that came with it, or later ones. */
struct slot {
	_Alignas(64) _Atomic int32_t pid;
	_Atomic uint32_t state;
	_Atomic int64_t at_us;
	_Atomic int64_t deadline_us;
	_Atomic uint64_t busy_us;
	_Atomic uint64_t requests;
};

struct beat {
	struct slot *board; /* BEAT_SLOTS of them; NULL: memory of its own */
	struct slot *mine;  /* the worker's */
	struct slot own;
};

static struct beat *
beat_new(void)
{
	void *b;

	return posix_memalign(&b, _Alignof(struct beat), sizeof(struct beat)) == 0
		   ? memset(b, 0, sizeof(struct beat))
		   : NULL;
}

/* The name becomes a file's. */
static bool
is_name(const char *pool)
{
	size_t n = strnlen(pool, NAME_MAX_BYTES + 1);

	return n > 0 && n <= NAME_MAX_BYTES && !strchr(pool, '/');
}

struct beat *
beat_board(const char *run_dir, const char *pool)
{
	char name[NAME_MAX_BYTES + sizeof("beat-")];
	struct beat *b;
	void *map;

	if (!is_name(pool)) {
		errno = EINVAL;
		return NULL;
	}
	b = beat_new();
	if (!b)
		return NULL;
	snprintf(name, sizeof(name), "beat-%s", pool);
	if (shm_map(run_dir, name, LAYOUT, BEAT_SLOTS * sizeof(struct slot), &map)) {
		free(b);
		return NULL;
	}
	b->board = map;
	return b;
}

/* A slot that is another's is not touched: that worker would seem to hang, or not to. */
static struct slot *
slot_claim(struct slot *s)
{
	int32_t found = 0, me = getpid();

	if (atomic_compare_exchange_strong(&s->pid, &found, me) || found == me)
		return s;
	errno = EBUSY;
	return NULL;
}

struct beat *
beat_attach(const char *run_dir, const char *pool, int slot)
{
	struct beat *b;

	if (slot < 0) {
		b = beat_new();
		if (b)
			b->mine = &b->own;
		return b;
	}
	if (slot >= BEAT_SLOTS) {
		errno = EINVAL;
		return NULL;
	}
	b = beat_board(run_dir, pool);
	if (!b)
		return NULL;
	b->mine = slot_claim(&b->board[slot]);
	if (b->mine)
		return b;
	beat_free(b);
	errno = EBUSY;
	return NULL;
}

void
beat_free(struct beat *b)
{
	if (b && b->board)
		shm_unmap(b->board, BEAT_SLOTS * sizeof(struct slot));
	free(b);
}

static enum beat_state
state_of(const struct slot *s)
{
	uint32_t state = atomic_load_explicit(&s->state, memory_order_acquire);

	return state < BEAT__COUNT ? (enum beat_state)state : BEAT_NONE;
}

static bool
is_work(enum beat_state state)
{
	return state == BEAT_SAFE || state == BEAT_UNSAFE;
}

/* Sets a time or a count of which this process is the only writer. */
#define PUT(member, value) atomic_store_explicit(&(member), (value), memory_order_relaxed)
#define GET(member) atomic_load_explicit(&(member), memory_order_relaxed)

static void
move(struct slot *s, int64_t now_us, enum beat_state state)
{
	int64_t since_us = GET(s->at_us);

	if (is_work(state_of(s)) && now_us > since_us)
		PUT(s->busy_us, GET(s->busy_us) + (uint64_t)(now_us - since_us));
	PUT(s->at_us, now_us);
	atomic_store_explicit(&s->state, state, memory_order_release);
}

void
beat_idle(struct beat *b, int64_t now_us)
{
	move(b->mine, now_us, BEAT_IDLE);
}

void
beat_works(struct beat *b, int64_t now_us, int64_t deadline_us, bool is_safe, unsigned n)
{
	PUT(b->mine->deadline_us, deadline_us);
	PUT(b->mine->requests, GET(b->mine->requests) + n);
	move(b->mine, now_us, is_safe ? BEAT_SAFE : BEAT_UNSAFE);
}

void
beat_drains(struct beat *b, int64_t now_us)
{
	move(b->mine, now_us, BEAT_DRAINS);
}

static struct slot *
slot_at(const struct beat *b, unsigned slot)
{
	assert(b->board && slot < BEAT_SLOTS);
	return &b->board[slot];
}

static void
slot_begin(struct slot *s, int32_t pid, int64_t now_us, enum beat_state state)
{
	PUT(s->pid, pid);
	PUT(s->deadline_us, 0);
	PUT(s->busy_us, 0);
	PUT(s->requests, 0);
	PUT(s->at_us, now_us);
	atomic_store_explicit(&s->state, state, memory_order_release);
}

void
beat_assign(struct beat *b, unsigned slot, int32_t pid, int64_t now_us)
{
	slot_begin(slot_at(b, slot), pid, now_us, BEAT_STARTS);
}

void
beat_clear(struct beat *b, unsigned slot)
{
	slot_begin(slot_at(b, slot), 0, 0, BEAT_NONE);
}

struct beat_view
beat_view(const struct beat *b, unsigned slot)
{
	const struct slot *s = slot_at(b, slot);
	enum beat_state state = state_of(s);

	return (struct beat_view){
		.pid = GET(s->pid),
		.state = state,
		.at_us = GET(s->at_us),
		.deadline_us = GET(s->deadline_us),
		.busy_us = GET(s->busy_us),
		.requests = GET(s->requests),
	};
}
