#include "lib/data/db_lines.h"

#include <stddef.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/data/db.h"

void
db_lines_init(struct db_lines *l, struct arena *arena)
{
	buf_init(&l->text, arena);
	l->is_first = true;
}

static void
separate(struct db_lines *l)
{
	if (!l->is_first)
		buf_addc(&l->text, '\t');
	l->is_first = false;
}

static void
add_plain(struct db_lines *l, const char *value)
{
	separate(l);
	buf_adds(&l->text, value);
}

void
db_lines_text(struct db_lines *l, const char *value)
{
	static const char special[] = "\\\n\r\t", letters[] = "\\nrt";

	if (!value) {
		add_plain(l, "\\N");
		return;
	}
	separate(l);
	for (;;) {
		size_t plain = strcspn(value, special);

		buf_add(&l->text, value, plain);
		value += plain;
		if (*value == '\0')
			return;
		buf_addc(&l->text, '\\');
		buf_addc(&l->text, letters[strchr(special, *value++) - special]);
	}
}

void
db_lines_int(struct db_lines *l, int64_t value)
{
	separate(l);
	buf_addi(&l->text, value);
}

void
db_lines_id(struct db_lines *l, int64_t id)
{
	if (id == 0)
		add_plain(l, "\\N");
	else
		db_lines_int(l, id);
}

void
db_lines_bool(struct db_lines *l, bool value)
{
	add_plain(l, value ? "t" : "f");
}

void
db_lines_time(struct db_lines *l, int64_t wall_us)
{
	char text[CLOCK_TEXT_SIZE];

	add_plain(l, wall_us == 0 ? "now" : clock_format(wall_us, text));
}

void
db_lines_end_row(struct db_lines *l)
{
	buf_addc(&l->text, '\n');
	l->is_first = true;
}

enum err
db_lines_copy(struct db_lines *l, struct db *db, struct ctx *cx, const struct db_query *q)
{
	enum err e;

	if (l->text.failed)
		return ctx_fail(cx, ERR_MEMORY, "%s: no memory for the rows", q->name);
	if (l->text.len == 0)
		return ERR_OK;
	e = db_copy(db, cx, q, l->text.data, l->text.len);
	buf_cut(&l->text, 0);
	return e;
}
