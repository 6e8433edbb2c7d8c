#include <criterion/criterion.h>

#include "lib/base/arena.h"
#include "lib/data/db.h"
#include "lib/data/db_array.h"

Test(db_array, is_a_literal_when_empty)
{
	struct arena *arena = arena_new(4096);
	struct db_array a;

	db_array_init(&a, arena);
	cr_assert_str_eq(db_array_end(&a), "{}");
	arena_free(arena);
}

Test(db_array, quotes_what_is_not_null)
{
	struct arena *arena = arena_new(4096);
	struct db_array a;

	db_array_init(&a, arena);
	db_array_text(&a, "");
	db_array_text(&a, NULL);
	db_array_text(&a, "NULL");
	db_array_text(&a, "\\a\"b\\\\");
	db_array_int(&a, -7);
	db_array_id(&a, 0);
	db_array_id(&a, 8);
	db_array_bool(&a, true);
	db_array_time(&a, 0);
	db_array_time(&a, 1000000);
	cr_assert_str_eq(db_array_end(&a),
	    "{\"\",NULL,\"NULL\",\"\\\\a\\\"b\\\\\\\\\",-7,NULL,8,t,NULL,1970-01-01T00:00:01Z}");
	arena_free(arena);
}

Test(db_array, says_when_memory_ran_out)
{
	struct arena *arena = arena_new(1024);
	struct db_array a;
	struct db_args args;

	db_array_init(&a, arena);
	db_args_init(&args, arena);
	for (int i = 0; i < 2000; i++)
		db_array_int(&a, i);
	db_arg_array(&args, &a);
	cr_assert(args.failed);
	cr_assert_null(db_array_end(&a));
	arena_free(arena);
}
