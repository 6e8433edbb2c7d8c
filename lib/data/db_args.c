#include <assert.h>
#include <inttypes.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/data/db.h"

void
db_args_init(struct db_args *a, struct arena *arena)
{
	*a = (struct db_args){ .arena = arena };
}

static void
add(struct db_args *a, const char *value)
{
	assert(a->n < DB_ARGS_MAX);
	a->v[a->n++] = value;
}

/* A value that was made in the arena: NULL means that there was no room. */
static void
add_made(struct db_args *a, const char *value)
{
	if (!value)
		a->failed = true;
	add(a, value);
}

void
db_arg_text(struct db_args *a, const char *value)
{
	add(a, value);
}

void
db_arg_int(struct db_args *a, int64_t value)
{
	add_made(a, arena_printf(a->arena, "%" PRId64, value));
}

void
db_arg_id(struct db_args *a, int64_t id)
{
	if (id == 0)
		add(a, NULL);
	else
		db_arg_int(a, id);
}

void
db_arg_bool(struct db_args *a, bool value)
{
	add(a, value ? "t" : "f");
}

void
db_arg_time(struct db_args *a, int64_t wall_us)
{
	char text[CLOCK_TEXT_SIZE];

	if (wall_us == 0)
		add(a, NULL);
	else
		add_made(a, arena_strdup(a->arena, clock_format(wall_us, text)));
}
