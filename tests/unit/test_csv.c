#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ctx.h"
#include "lib/http/csv.h"

static const char *const columns[] = { "id", "name", "note" };

enum { ID_REQUIRED = 1, NAME_REQUIRED = 2 };

static struct arena *arena;
static struct ctx cx;
static struct buf seen; /* the rows, as text */
static enum err answer; /* what the callback returns */

static void
setup(void)
{
	arena = arena_new(1 << 24);
	ctx_init(&cx, arena, 1000);
	buf_init(&seen, arena);
	answer = ERR_OK;
}

static void
teardown(void)
{
	arena_free(arena);
}

TestSuite(csv, .init = setup, .fini = teardown);

/* Notes a row as `number:id|name|note;` or `number!fault;`. */
static enum err
note_row(void *arg, const struct csv_row *row)
{
	cr_assert_eq(arg, &seen);
	if (row->fault) {
		buf_printf(&seen, "%zu!%s;", row->number, row->fault);
		for (size_t i = 0; i < N(columns); i++)
			cr_expect_null(row->cells[i]);
		return answer;
	}
	buf_printf(&seen, "%zu:", row->number);
	for (size_t i = 0; i < N(columns); i++)
		buf_printf(&seen, "%s%s", i ? "|" : "", row->cells[i] ? row->cells[i] : "-");
	buf_adds(&seen, ";");
	return answer;
}

static struct csv_reader *
open_reader(void)
{
	struct csv_reader *c =
	    csv_reader_new(columns, N(columns), ID_REQUIRED | NAME_REQUIRED, note_row, &seen);

	cr_assert_not_null(c);
	buf_cut(&seen, 0);
	return c;
}

/* Feeds n bytes in pieces of at most step. */
static enum err
read_in_steps(const char *bytes, size_t n, size_t step)
{
	struct csv_reader *c = open_reader();
	enum err e = ERR_OK;

	for (size_t at = 0; at < n && !e; at += step)
		e = csv_reader_feed(c, &cx, bytes + at, step < n - at ? step : n - at);
	if (!e)
		e = csv_reader_end(c, &cx);
	csv_reader_free(c);
	return e;
}

/* Whatever the pieces, the rows are the same. */
static void
expect_bytes(const char *bytes, size_t n, const char *wanted)
{
	for (size_t step = n ? n : 1; step > 0; step--) {
		cr_assert_eq(read_in_steps(bytes, n, step), ERR_OK, "%s, steps of %zu: %s", bytes,
		    step, cx.detail);
		cr_assert_str_eq(
		    buf_str(&seen), wanted, "%s, steps of %zu: %s", bytes, step, buf_str(&seen));
	}
}

static void
expect(const char *text, const char *wanted)
{
	expect_bytes(text, strlen(text), wanted);
}

static void
expect_refused(const char *text, const char *detail)
{
	for (size_t step = strlen(text); step > 0; step--) {
		cx.detail = NULL;
		cr_assert_eq(read_in_steps(text, strlen(text), step), ERR_INVALID, "%s", text);
		cr_assert(cx.detail && strstr(cx.detail, detail), "%s: %s", text, cx.detail);
	}
}

Test(csv, finds_columns_in_any_order_and_ignores_others)
{
	expect("id,name,note\n1,a,x\n2,b,y\n", "1:1|a|x;2:2|b|y;");
	expect("name,other,id\na,o,1\nb,,2", "1:1|a|-;2:2|b|-;");
	expect(" id\t, name \n1,a\n", "1:1|a|-;");
	expect("\"id\",\"name\"\n\"1\",\"a\"\n", "1:1|a|-;");
}

Test(csv, takes_every_line_end_and_skips_blank_lines)
{
	expect("id,name\r\n1,a\r\n\r\n2,b\r\n", "1:1|a|-;2:2|b|-;");
	expect("id,name\r1,a\r\r2,b\r", "1:1|a|-;2:2|b|-;");
	expect("\n\r\nid,name\n\n\n1,a\n\n2,b\n\n", "1:1|a|-;2:2|b|-;");
}

Test(csv, passes_by_a_byte_order_mark)
{
	expect("\xef\xbb\xbfid,name\n1,a\n", "1:1|a|-;");
	expect("\xef\xbb\xbf\"id\",name\n1,a\n", "1:1|a|-;");
	expect("\xef\xbbx,id,name\nx,1,a\n", "1:1|a|-;");
	expect_refused("\xef\xbb\xbf\xef\xbb\xbfid,name\n1,a\n", "lacks");
}

Test(csv, takes_a_header_alone)
{
	expect("id,name", "");
	expect("id,name\n", "");
	expect("\xef\xbb\xbfid,name\r\n", "");
}

Test(csv, reads_quoted_cells)
{
	expect("id,name,note\n1,\"a,b\",\"c\nd\r\ne\"\n2,\"\"\"q\"\"\",\"\"\n",
	    "1:1|a,b|c\nd\r\ne;2:2|\"q\"|-;");
}

Test(csv, keeps_blanks_and_quotes_inside_cells)
{
	expect("id,name,note\n 1, a ,\tx\n", "1: 1| a |\tx;");
	expect("id,name,note\n1,5\" disk,a\"b\"c\n", "1:1|5\" disk|a\"b\"c;");
	expect("id,name,note\n1, \"a\",b\n", "1:1| \"a\"|b;");
}

Test(csv, gives_empty_cells_as_null)
{
	expect("id,name,note\n,,\n\"\",a,\n", "1:-|-|-;2:-|a|-;");
}

Test(csv, faults_rows_with_more_or_fewer_cells)
{
	expect("id,name\n1\n1,a,x\n2,b\n   \n3,c\n",
	    "1!the row has more or fewer cells than the header;"
	    "2!the row has more or fewer cells than the header;3:2|b|-;"
	    "4!the row has more or fewer cells than the header;5:3|c|-;");
}

Test(csv, faults_cells_that_go_on_after_their_quote)
{
	expect("id,name\n1,\"a\"b\n2,\"a\" \n3,c\n",
	    "1!a cell goes on after its closing quote;2!a cell goes on after its closing quote;"
	    "3:3|c|-;");
	/* An unbalanced quote takes what follows with it, up to the next one: told, not guessed. */
	expect("id,name\n1,\"a\n2,b\n3,\"c\"\n4,d\n",
	    "1!a cell goes on after its closing quote;2:4|d|-;");
	expect("id,name\n\"1\"x,\"a\"y\n2,\"b\"\n",
	    "1!a cell goes on after its closing quote;2:2|b|-;");
}

Test(csv, faults_a_row_whose_quote_is_never_closed)
{
	expect("id,name\n1,a\n2,\"b\n3,c\n", "1:1|a|-;2!a quote is never closed;");
	expect("id,name\n1,a\n\"", "1:1|a|-;2!a quote is never closed;");
	expect("id,name\n1,\"a\"b \"\"", "1!a cell goes on after its closing quote;");
	expect("id,name\n1,\"a\"", "1:1|a|-;");
	expect("id,name\n1,\"a\"\"", "1!a quote is never closed;");
}

Test(csv, faults_cells_that_are_not_utf8_or_hold_a_nul)
{
	static const char text[] = "id,name,x\n1,a\0b,\n2,\xff,\n3,c,\xed\xa0\x80\n4,\xc3\xa4,\n";

	expect_bytes(text, sizeof(text) - 1,
	    "1!a cell holds a NUL;2!a cell is not UTF-8;3!a cell is not UTF-8;4:4|\xc3\xa4|-;");
}

/* Feeds the header and a row whose name is n bytes of fill between the two texts. */
static const char *
read_long(const char *before, char fill, size_t n, const char *after)
{
	struct csv_reader *c = open_reader();
	char block[1000];
	size_t part;

	memset(block, fill, sizeof(block));
	cr_assert_eq(csv_reader_feed(c, &cx, "id,name\n1,", 10), ERR_OK);
	cr_assert_eq(csv_reader_feed(c, &cx, before, strlen(before)), ERR_OK);
	for (; n > 0; n -= part) {
		part = n < sizeof(block) ? n : sizeof(block);
		cr_assert_eq(csv_reader_feed(c, &cx, block, part), ERR_OK);
	}
	cr_assert_eq(csv_reader_feed(c, &cx, after, strlen(after)), ERR_OK);
	cr_assert_eq(csv_reader_end(c, &cx), ERR_OK);
	csv_reader_free(c);
	return buf_str(&seen);
}

Test(csv, reads_a_cell_of_128_kib_and_not_more)
{
	const size_t most = 128 << 10;

	cr_expect_eq(
	    strlen(read_long("\"", 'a', most, "\"\n2,b\n")), most + strlen("1:1||-;2:2|b|-;"));
	cr_expect_eq(strlen(read_long("", 'a', most, "\n2,b\n")), most + strlen("1:1||-;2:2|b|-;"));
	for (size_t n = most + 1; n < most + 8; n++) {
		cr_expect_str_eq(read_long("\"", 'a', n, "\"\n2,b\n"),
		    "1!a cell is longer than 128 KiB;2:2|b|-;");
		cr_expect_str_eq(
		    read_long("", 'a', n, "\n2,b\n"), "1!a cell is longer than 128 KiB;2:2|b|-;");
	}
}

Test(csv, survives_every_kind_of_huge_cell)
{
	static const char fills[] = "a ,\n\0\xff";

	for (size_t i = 0; i < sizeof(fills) - 1; i++) {
		for (size_t n = 262144; n < 262150; n++)
			cr_expect_str_eq(read_long("\"", fills[i], n, "\"\n2,b\n"),
			    "1!a cell is longer than 128 KiB;2:2|b|-;", "fill %zu", i);
	}
	/* Pairs of quotes are one each, so the last quote of an odd number closes the cell. */
	for (size_t n = 262144 * 2; n < 262144 * 2 + 10; n++) {
		cr_expect_str_eq(read_long("\"", '"', n, n % 2 ? "\n2,b\n" : "\"\n2,b\n"),
		    "1!a cell is longer than 128 KiB;2:2|b|-;", "%zu quotes", n);
	}
	cr_expect_str_eq(read_long("\"", 'a', 300000, ""), "1!a quote is never closed;");
	cr_expect_str_eq(read_long("\"", 'a', 300000, "\"x,y\n2,b\n"),
	    "1!a cell goes on after its closing quote;2:2|b|-;");
}

Test(csv, holds_no_huge_cell_in_memory)
{
	struct rusage before, after;

	(void)read_long("", 'a', 1000000, "\n");
	cr_assert_eq(getrusage(RUSAGE_SELF, &before), 0);
	cr_expect_str_eq(
	    read_long("", 'a', 100000000, "\n2,b\n"), "1!a cell is longer than 128 KiB;2:2|b|-;");
	cr_assert_eq(getrusage(RUSAGE_SELF, &after), 0);
	cr_expect_lt(after.ru_maxrss - before.ru_maxrss, 8192, "KiB more");
}

Test(csv, refuses_a_header_without_the_required_columns)
{
	expect_refused("id\n1\n", "lacks");
	expect_refused("ID,NAME\n1,a\n", "lacks");
	expect_refused("{\"id\":1,\"name\":2}", "closing quote");
	expect_refused("\x89PNG\r\n\x1a\n", "lacks");
	expect_refused("<html>", "lacks");
	expect_refused("id;name\n1;a\n", "lacks");
	expect_refused("id,\"name\n1,a\n", "never closed");
	expect_refused("id,\"name\"x\n", "after its closing quote");
	expect_refused("id,name,id\n", "twice");
}

Test(csv, refuses_a_header_of_too_many_or_huge_cells)
{
	char *text = malloc(300000);

	cr_assert_not_null(text);
	memset(text, ',', 300000);
	cr_expect_eq(read_in_steps(text, 300000, 4096), ERR_INVALID);
	cr_expect(strstr(cx.detail, "too many columns"));
	cx.detail = NULL;
	memset(text, 'x', 300000);
	memcpy(text + 299980, "\nid,name\n", 9);
	cr_expect_eq(read_in_steps(text, 300000, 4096), ERR_INVALID);
	cr_expect(strstr(cx.detail, "longer than"));
	free(text);
}

Test(csv, refuses_an_empty_file)
{
	cr_expect_eq(read_in_steps("", 0, 1), ERR_INVALID);
	cr_expect_str_eq(cx.detail, "the file is empty");
	expect_refused("\xef\xbb\xbf", "empty");
	expect_refused("\n\r\n", "empty");
}

Test(csv, stops_at_the_first_error_of_the_callback)
{
	struct csv_reader *c = open_reader();

	answer = ERR_UNAVAILABLE;
	cr_expect_eq(csv_reader_feed(c, &cx, "id,name\n1,a\n2,b\n", 16), ERR_UNAVAILABLE);
	answer = ERR_OK;
	cr_expect_eq(csv_reader_feed(c, &cx, "3,c\n", 4), ERR_UNAVAILABLE);
	cr_expect_eq(csv_reader_end(c, &cx), ERR_UNAVAILABLE);
	cr_expect_str_eq(buf_str(&seen), "1:1|a|-;");
	cr_expect_null(cx.detail);
	csv_reader_free(c);
	csv_reader_free(NULL);
}

Test(csv, gives_the_last_row_without_a_line_end)
{
	expect("id,name,note\n1,a,", "1:1|a|-;");
	expect("id,name,note\n1,a,x", "1:1|a|x;");
	answer = ERR_CONFLICT;
	cr_expect_eq(read_in_steps("id,name\n1,a", 11, 11), ERR_CONFLICT);
}
