#include <criterion/criterion.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ctx.h"
#include "lib/data/db.h"
#include "lib/data/db_lines.h"
#include "tests/unit/database.h"

static const struct db_query copy = { .name = "copy", .text = "COPY kept FROM STDIN" };

Test(db_lines, are_copy_text)
{
	struct arena *arena = arena_new(8192);
	struct db_lines l;

	db_lines_init(&l, arena);
	db_lines_text(&l, "");
	db_lines_text(&l, NULL);
	db_lines_text(&l, "\\N");
	db_lines_text(&l, "\ta\nb\r\\\\");
	db_lines_int(&l, -7);
	db_lines_end_row(&l);
	db_lines_id(&l, 0);
	db_lines_id(&l, 8);
	db_lines_bool(&l, true);
	db_lines_bool(&l, false);
	db_lines_time(&l, 0);
	db_lines_time(&l, 1000000);
	db_lines_end_row(&l);
	cr_assert_str_eq(buf_str(&l.text), "\t\\N\t\\\\N\t\\ta\\nb\\r\\\\\\\\\t-7\n"
					   "\\N\t8\tt\tf\tnow\t1970-01-01T00:00:01Z\n");
	arena_free(arena);
}

Test(db_lines, come_back_as_they_went)
{
	static const char *const texts[] = { "", "\\N", "\\.", "\\", "a\tb\r\n\n", "N", "é\x01" };
	struct database d;
	struct db_lines l;
	struct db_rows rows;
	static const struct db_query read = { .name = "read", .text = "SELECT * FROM kept" };

	database_init(&d);
	cr_assert_eq(db_script(d.db, &d.cx, "make", "CREATE TABLE kept (t text)"), ERR_OK);
	db_lines_init(&l, d.arena);
	for (size_t i = 0; i < N(texts); i++) {
		db_lines_text(&l, texts[i]);
		db_lines_end_row(&l);
	}
	cr_assert_eq(db_lines_copy(&l, d.db, &d.cx, &copy), ERR_OK, "%s", d.cx.diag);
	cr_assert_eq(db_lines_copy(&l, d.db, &d.cx, &copy), ERR_OK, "there are none any more");
	cr_assert_eq(db_exec(d.db, &d.cx, &read, NULL, &rows), ERR_OK);
	cr_assert_eq(rows.n, N(texts));
	for (int i = 0; i < rows.n; i++)
		cr_assert_str_eq(db_text(&rows, i, 0), texts[i]);
	database_release(&d);
}

Test(db_lines, say_when_memory_ran_out)
{
	struct arena *arena = arena_new(2048);
	struct db *away = db_new("host=/nonexistent dbname=none", "", 500);
	struct db_lines l;
	struct ctx cx;

	ctx_init(&cx, arena, 5000);
	db_lines_init(&l, arena);
	for (int i = 0; i < 1000; i++)
		db_lines_text(&l, "a value");
	db_lines_end_row(&l);
	cr_assert_eq(db_lines_copy(&l, away, &cx, &copy), ERR_MEMORY);
	db_free(away);
	arena_free(arena);
}
