#include "lib/base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

/* Under ASan every byte that is not handed out is poisoned, and a gap after each
 * allocation makes the smallest overrun visible. */
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
enum { GAP = 16 };
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
enum { GAP = 0 };
#endif

enum {
	ALIGN = _Alignof(max_align_t),
	BLOCK_BYTES = 16 * 1024,
	OWN_BLOCK_BYTES = BLOCK_BYTES / 4 /* from here on: a block of its own */
};

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct note {
	struct note *next;
	void (*fn)(void *);
	void *p;
};

struct arena {
	struct block *first;   /* kept at reset */
	struct block *more;    /* all others */
	struct block *current; /* where small pieces are cut from */
	struct note *notes;
	size_t used, max_bytes;
};

static size_t
round_up(size_t bytes)
{
	return (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static struct block *
block_new(size_t size, struct block *next)
{
	struct block *b = malloc(sizeof(*b) + size);

	if (!b)
		return NULL;
	b->next = next;
	b->used = 0;
	b->size = size;
	ASAN_POISON_MEMORY_REGION(b->bytes, size);
	return b;
}

static void
block_free(struct block *b)
{
	ASAN_UNPOISON_MEMORY_REGION(b->bytes, b->size);
	free(b);
}

/* The block to cut room bytes from. A large piece gets a block of its own, so that the
 * rest of the current one stays in use. */
static struct block *
block_for(struct arena *a, size_t room)
{
	bool own = room >= OWN_BLOCK_BYTES;
	struct block *b = a->current;

	if (room <= b->size - b->used)
		return b;
	b = block_new(own ? room : BLOCK_BYTES, a->more);
	if (!b)
		return NULL;
	a->more = b;
	if (!own)
		a->current = b;
	return b;
}

struct arena *
arena_new(size_t max_bytes)
{
	struct arena *a = malloc(sizeof(*a));

	assert(max_bytes <= PTRDIFF_MAX / 2);
	if (!a)
		return NULL;
	*a = (struct arena){ .max_bytes = round_up(max_bytes) };
	a->first = a->current = block_new(BLOCK_BYTES, NULL);
	if (!a->first) {
		free(a);
		return NULL;
	}
	return a;
}

void
arena_free(struct arena *a)
{
	if (!a)
		return;
	arena_reset(a);
	block_free(a->first);
	free(a);
}

void
arena_reset(struct arena *a)
{
	struct note *n;
	struct block *b;

	while ((n = a->notes)) {
		a->notes = n->next;
		n->fn(n->p);
	}
	while ((b = a->more)) {
		a->more = b->next;
		block_free(b);
	}
	a->current = a->first;
	a->first->used = 0;
	a->used = 0;
	ASAN_POISON_MEMORY_REGION(a->first->bytes, a->first->size);
}

void *
arena_alloc(struct arena *a, size_t bytes)
{
	struct block *b;
	size_t room;
	void *p;

	if (bytes > a->max_bytes)
		return NULL;
	room = round_up(bytes ? bytes : 1);
	if (room > a->max_bytes - a->used)
		return NULL;
	b = block_for(a, room + GAP);
	if (!b)
		return NULL;
	p = b->bytes + b->used;
	b->used += room + GAP;
	a->used += room;
	ASAN_UNPOISON_MEMORY_REGION(p, bytes);
	return memset(p, 0, bytes);
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *
arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy = n < SIZE_MAX ? arena_alloc(a, n + 1) : NULL;

	if (copy && n > 0)
		memcpy(copy, s, n);
	return copy;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	text = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
	if (!text)
		return NULL;
	va_start(args, fmt);
	vsnprintf(text, (size_t)len + 1, fmt, args);
	va_end(args);
	return text;
}

bool
arena_defer(struct arena *a, void (*fn)(void *), void *p)
{
	struct note *n = arena_alloc(a, sizeof(*n));

	if (!n) {
		fn(p);
		return false;
	}
	*n = (struct note){ a->notes, fn, p };
	a->notes = n;
	return true;
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}
