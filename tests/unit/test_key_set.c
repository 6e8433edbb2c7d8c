#include <criterion/criterion.h>
#include <signal.h>

#include "lib/base/arena.h"
#include "lib/data/key_set.h"

enum { MANY = 15000 };

Test(key_set, has_what_was_added_until_it_is_cleared)
{
	struct key_set *s = key_set_new(2);

	cr_assert_not(key_set_has(s, "a"));
	cr_assert_not(key_set_has(s, ""));
	key_set_add(s, "a");
	key_set_add(s, "");
	key_set_add(s, "a");
	cr_assert(key_set_has(s, "a"));
	cr_assert(key_set_has(s, ""));
	cr_assert_not(key_set_has(s, "b"), "a full one still ends its search");
	key_set_clear(s);
	cr_assert_not(key_set_has(s, "a"));
	key_set_add(s, "b");
	key_set_add(s, "c");
	cr_assert(key_set_has(s, "b"));
	key_set_free(s);
	key_set_free(NULL);
}

Test(key_set, compares_the_texts_not_where_they_are)
{
	struct key_set *s = key_set_new(1);
	char one[] = "same", two[] = "same";

	key_set_add(s, one);
	cr_assert(key_set_has(s, two));
	key_set_free(s);
}

Test(key_set, finds_each_of_many_that_begin_alike, .timeout = 20)
{
	struct arena *arena = arena_new(4 << 20);
	struct key_set *s = key_set_new(MANY);

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < MANY; i++) {
			const char *text = arena_printf(arena, "a long beginning %d", i);

			cr_assert_not(key_set_has(s, text));
			key_set_add(s, text);
			cr_assert(key_set_has(s, text));
		}
		key_set_clear(s);
		arena_reset(arena);
	}
	key_set_free(s);
	arena_free(arena);
}

Test(key_set, takes_no_more_than_it_was_made_for, .signal = SIGABRT)
{
	struct key_set *s = key_set_new(1);

	key_set_add(s, "a");
	key_set_add(s, "b");
}
