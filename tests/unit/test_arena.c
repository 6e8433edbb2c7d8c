#include <criterion/criterion.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/arena.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

static struct arena *a;

static void
set_up(void)
{
	a = arena_new(1 << 20);
	cr_assert_not_null(a);
}

static void
tear_down(void)
{
	arena_free(a);
}

TestSuite(arena, .init = set_up, .fini = tear_down);

Test(arena, aligns_every_piece_for_any_object)
{
	size_t bytes;

	for (bytes = 0; bytes < 100; bytes++)
		cr_assert_eq((uintptr_t)arena_alloc(a, bytes) % alignof(max_align_t), 0);
}

Test(arena, hands_out_pieces_that_do_not_overlap)
{
	enum { PIECES = 500 };
	unsigned char *pieces[PIECES];
	size_t i, j;

	for (i = 0; i < PIECES; i++) {
		pieces[i] = arena_alloc(a, i * 7 % 3000 + 1);
		cr_assert_not_null(pieces[i]);
		memset(pieces[i], (int)(i % 251), i * 7 % 3000 + 1);
	}
	for (i = 0; i < PIECES; i++)
		for (j = 0; j < i * 7 % 3000 + 1; j++)
			cr_assert_eq(pieces[i][j], i % 251);
}

Test(arena, zeroes_memory_that_was_used_before)
{
	static const unsigned char zeros[5000];
	unsigned char *p = arena_alloc(a, sizeof(zeros));

	memset(p, 0xff, sizeof(zeros));
	arena_reset(a);
	p = arena_alloc(a, sizeof(zeros));
	cr_assert_arr_eq(p, zeros, sizeof(zeros));
}

Test(arena, uses_the_kept_block_again_after_a_reset)
{
	void *first = arena_alloc(a, 100);

	arena_alloc(a, 100000);
	arena_reset(a);
	cr_assert_eq(arena_alloc(a, 100), first);
}

Test(arena, keeps_the_rest_of_a_block_beside_a_large_piece)
{
	char *first = arena_alloc(a, 16), *second;

	cr_assert_not_null(arena_alloc(a, 100000));
	second = arena_alloc(a, 16);
	cr_assert_lt(second - first, 64);
}

Test(arena, refuses_what_is_above_its_cap)
{
	struct arena *small = arena_new(100);

	cr_assert_null(arena_alloc(small, SIZE_MAX));
	cr_assert_null(arena_alloc(small, SIZE_MAX - 15));
	cr_assert_null(arena_alloc(small, 113));
	cr_assert_not_null(arena_alloc(small, 100));
	cr_assert_null(arena_alloc(small, 1));
	cr_assert_null(arena_alloc(small, 0));
	arena_reset(small);
	cr_assert_not_null(arena_alloc(small, 100));
	arena_free(small);
}

#if !defined(__SANITIZE_ADDRESS__) /* whose malloc aborts */
Test(arena, answers_null_when_memory_is_spent)
{
	struct arena *huge = arena_new(PTRDIFF_MAX / 2);

	cr_assert_null(arena_alloc(huge, PTRDIFF_MAX / 4));
	cr_assert_not_null(arena_alloc(huge, 10));
	arena_free(huge);
}
#endif

Test(arena, counts_what_it_handed_out)
{
	cr_assert_eq(arena_used(a), 0);
	arena_alloc(a, 1);
	arena_alloc(a, 17);
	cr_assert_eq(arena_used(a), 48);
	arena_reset(a);
	cr_assert_eq(arena_used(a), 0);
}

Test(arena, copies_texts)
{
	static const char bytes[] = { 'a', '\0', 'b' };

	cr_assert_str_eq(arena_strdup(a, ""), "");
	cr_assert_str_eq(arena_strdup(a, "hello"), "hello");
	cr_assert_str_eq(arena_strndup(a, "hello", 2), "he");
	cr_assert_str_eq(arena_strndup(a, NULL, 0), "");
	cr_assert_arr_eq(arena_strndup(a, bytes, 3), "a\0b", 4);
	cr_assert_null(arena_strndup(a, "", SIZE_MAX));
}

Test(arena, formats_texts)
{
	cr_assert_str_eq(arena_printf(a, "%s-%d", "x", 42), "x-42");
	cr_assert_eq(strlen(arena_printf(a, "%05000d", 1)), 5000);
	cr_assert_null(arena_printf(a, "%0*d", 2 << 20, 1));
}

/* Deferred calls note themselves here. */
static int order[8];
static size_t n_called;

static void
note(void *p)
{
	order[n_called++] = *(int *)p;
}

Test(arena, runs_deferred_calls_newest_first_and_once)
{
	int values[] = { 1, 2, 3 };
	size_t i;

	for (i = 0; i < N(values); i++)
		cr_assert(arena_defer(a, note, &values[i]));
	cr_assert_eq(n_called, 0);
	arena_reset(a);
	arena_reset(a);
	cr_assert_eq(n_called, 3);
	cr_assert_eq(order[0], 3);
	cr_assert_eq(order[1], 2);
	cr_assert_eq(order[2], 1);
}

Test(arena, runs_deferred_calls_while_its_memory_is_whole)
{
	int *value = arena_alloc(a, sizeof(*value));

	*value = 7;
	cr_assert(arena_defer(a, note, value));
	arena_reset(a);
	cr_assert_eq(order[0], 7);
}

static void
defer_again(void *p)
{
	cr_assert(arena_defer(a, note, p));
}

Test(arena, runs_calls_that_deferred_calls_defer)
{
	int value = 5;

	cr_assert(arena_defer(a, defer_again, &value));
	arena_reset(a);
	cr_assert_eq(n_called, 1);
	cr_assert_eq(order[0], 5);
}

Test(arena, calls_at_once_what_it_has_no_room_to_defer)
{
	struct arena *full = arena_new(16);
	int value = 9;

	cr_assert_not(arena_defer(full, note, &value));
	cr_assert_eq(n_called, 1);
	arena_free(full);
	cr_assert_eq(n_called, 1);
}

Test(arena, runs_deferred_calls_when_freed)
{
	struct arena *other = arena_new(1000);
	int value = 4;

	cr_assert(arena_defer(other, note, &value));
	arena_free(other);
	arena_free(NULL);
	cr_assert_eq(n_called, 1);
}

#if defined(__SANITIZE_ADDRESS__)
Test(arena, poisons_what_is_not_handed_out)
{
	char *p = arena_alloc(a, 10), *q = arena_alloc(a, 10);

	cr_assert_not(__asan_address_is_poisoned(p + 9));
	cr_assert(__asan_address_is_poisoned(p + 10));
	cr_assert(__asan_address_is_poisoned(q - 1));
	arena_reset(a);
	cr_assert(__asan_address_is_poisoned(p));
}
#endif
