/*
 * Memory of one request: allocations are cut from blocks and all freed together by
 * arena_reset(). Bytes are capped, so that no input makes a worker grow without
 * bound. Deferred calls hand foreign objects (PGresult, json_object) to the arena.
 */
#ifndef LIB_BASE_ARENA_H
#define LIB_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"

struct arena;

/* A new arena that hands out at most max_bytes between resets; NULL: no memory. */
struct arena *arena_new(size_t max_bytes);
void arena_free(struct arena *a);

/* Runs the deferred calls, newest first, and takes all memory back. One block is
 * kept for the next request; it is poisoned under AddressSanitizer. */
void arena_reset(struct arena *a);

/* Zeroed memory aligned for any object; NULL when the cap or memory is reached. */
void *arena_alloc(struct arena *a, size_t bytes);

/* Copies; NULL when the cap or memory is reached. arena_strndup copies n bytes and
 * adds a NUL. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Calls fn(p) at reset. When there is no room for the note, fn(p) is called at once
 * and false is returned: p is then gone. */
MUST_CHECK bool arena_defer(struct arena *a, void (*fn)(void *), void *p);

/* Bytes handed out since the last reset, each piece rounded up to its alignment. */
size_t arena_used(const struct arena *a);

#endif
