#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/ingest/sources.h"
#include "tests/unit/daemon.h"

static char top[64], dir[96];
static struct sources s;

static void
set_up(void)
{
	daemon_dir(top, "sources");
	snprintf(dir, sizeof(dir), "%s/journal", top);
	cr_assert(sources_init(&s));
	cr_assert_eq(sources_list(&s, dir), ERR_OK);
}

static void
tear_down(void)
{
	sources_release(&s);
	daemon_remove_dir(top);
}

TestSuite(sources, .init = set_up, .fini = tear_down);

static void
append(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "a");
	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
}

static void
drop(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	cr_assert_eq(unlink(path), 0);
}

static void
list(void)
{
	cr_assert_eq(sources_list(&s, dir), ERR_OK);
	cr_assert(s.is_complete);
}

Test(sources, are_the_segments_in_order_and_not_known_at_first)
{
	append("2.log", "bb");
	append("1.log", "a");
	list();
	cr_assert_eq(s.n, 2);
	cr_assert_str_eq(s.list[0].segment.name, "1.log");
	cr_assert_eq(s.list[1].segment.bytes, 2);
	cr_assert_eq(s.list[0].offset, -1);
	cr_assert_not(source_is_spent(&s.list[0]));
}

Test(sources, stay_known_while_others_come_and_go)
{
	append("2.log", "bb");
	append("4.log", "dddd");
	list();
	s.list[0].offset = 20;
	s.list[1].offset = 40;
	s.list[1].has_tail = true;
	append("1.log", "a");
	append("3.log", "ccc");
	append("5.log", "eeeee");
	drop("2.log");
	append("4.log", "D");
	list();
	cr_assert_eq(s.n, 4);
	cr_assert_eq(s.list[0].offset, -1);
	cr_assert_eq(s.list[1].offset, -1);
	cr_assert_str_eq(s.list[2].segment.name, "4.log");
	cr_assert_eq(s.list[2].offset, 40);
	cr_assert_eq(s.list[2].segment.bytes, 5);
	cr_assert_not(s.list[2].has_tail, "there may be a whole line now");
	cr_assert_eq(s.list[3].offset, -1);
}

Test(sources, can_be_unknown_again)
{
	append("1.log", "a");
	list();
	s.list[0].offset = 1;
	cr_assert(source_is_spent(&s.list[0]));
	sources_forget_offsets(&s);
	cr_assert_eq(s.list[0].offset, -1);
	cr_assert_not(source_is_spent(&s.list[0]));
}

Test(sources, are_synced_as_far_as_they_are_not_stored)
{
	append("1.log", "aaaa");
	append("2.log", "bbbb");
	list();
	s.list[0].offset = 4;
	append("2.log", "more");
	cr_assert_eq(sources_sync(&s, dir), ERR_OK);
	cr_assert_eq(s.list[0].synced_bytes, 0);
	cr_assert_eq(s.list[1].synced_bytes, 8);
	list();
	cr_assert_eq(s.list[1].synced_bytes, 8);
}

Test(sources, that_are_gone_need_no_sync)
{
	append("1.log", "a");
	list();
	drop("1.log");
	cr_assert_eq(sources_sync(&s, dir), ERR_OK);
}

Test(sources, that_can_not_be_synced_are_an_error)
{
	char path[256];

	append("1.log", "a");
	list();
	drop("1.log");
	snprintf(path, sizeof(path), "%s/1.log", dir);
	cr_assert_eq(symlink("1.log", path), 0);
	cr_assert_eq(sources_sync(&s, dir), ERR_UNAVAILABLE);
}

Test(sources, need_a_directory)
{
	cr_assert_eq(sources_list(&s, "/nonexistent/journal"), ERR_UNAVAILABLE);
	cr_assert_eq(s.n, 0);
}

Test(sources, tell_when_they_were_begun)
{
	struct source source = { 0 };

	strcpy(source.segment.name, "0001790000000000-77-00000000deadbeef.log");
	cr_assert_eq(source_began_us(&source), 1790000000000);
	strcpy(source.segment.name, "strange.log");
	cr_assert_eq(source_began_us(&source), 0);
}
