#include "lib/data/db_array.h"

#include <stddef.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/data/db.h"

void
db_array_init(struct db_array *a, struct arena *arena)
{
	buf_init(&a->text, arena);
	buf_addc(&a->text, '{');
}

static void
separate(struct db_array *a)
{
	if (a->text.len > 1)
		buf_addc(&a->text, ',');
}

static void
add_plain(struct db_array *a, const char *value)
{
	separate(a);
	buf_adds(&a->text, value);
}

void
db_array_text(struct db_array *a, const char *value)
{
	if (!value) {
		add_plain(a, "NULL");
		return;
	}
	separate(a);
	buf_addc(&a->text, '"');
	for (;;) {
		size_t plain = strcspn(value, "\"\\");

		buf_add(&a->text, value, plain);
		value += plain;
		if (*value == '\0')
			break;
		buf_addc(&a->text, '\\');
		buf_addc(&a->text, *value++);
	}
	buf_addc(&a->text, '"');
}

void
db_array_int(struct db_array *a, int64_t value)
{
	separate(a);
	buf_addi(&a->text, value);
}

void
db_array_id(struct db_array *a, int64_t id)
{
	if (id == 0)
		add_plain(a, "NULL");
	else
		db_array_int(a, id);
}

void
db_array_bool(struct db_array *a, _Bool value)
{
	add_plain(a, value ? "t" : "f");
}

void
db_array_time(struct db_array *a, int64_t wall_us)
{
	char text[CLOCK_TEXT_SIZE];

	/* RFC 3339 has nothing that an array literal would want quoted. */
	add_plain(a, wall_us == 0 ? "NULL" : clock_format(wall_us, text));
}

const char *
db_array_end(struct db_array *a)
{
	buf_addc(&a->text, '}');
	return buf_str(&a->text);
}

void
db_arg_array(struct db_args *args, struct db_array *a)
{
	const char *text = db_array_end(a);

	if (!text)
		args->failed = true;
	db_arg_text(args, text);
}
