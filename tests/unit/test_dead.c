#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/ingest/dead.h"
#include "tests/unit/daemon.h"

static char dir[64];

static void
set_up(void)
{
	daemon_dir(dir, "dead");
}

static void
tear_down(void)
{
	daemon_remove_dir(dir);
}

TestSuite(dead, .init = set_up, .fini = tear_down);

static void
put(const char *name, const char *bytes, size_t n)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	cr_assert_eq(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

static size_t
get(const char *name, char *bytes, size_t cap)
{
	char path[128];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	cr_assert_not_null(f);
	n = fread(bytes, 1, cap, f);
	fclose(f);
	return n;
}

Test(dead, keeps_the_bytes_of_a_segment_one_after_the_other)
{
	char bytes[64];

	put("s", "one\ntwo\nthree\n", 14);
	cr_assert_eq(dead_append(dir, "s", 4, 4), ERR_OK);
	cr_assert_eq(dead_append(dir, "s", 8, 6), ERR_OK);
	cr_assert_eq(get("dead/s.dead", bytes, sizeof(bytes)), 10);
	cr_assert_eq(memcmp(bytes, "two\nthree\n", 10), 0);
}

Test(dead, keeps_what_is_longer_than_a_piece)
{
	static char bytes[100000], found[sizeof(bytes) + 1];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i % 251);
	put("s", bytes, sizeof(bytes));
	cr_assert_eq(dead_append(dir, "s", 0, sizeof(bytes)), ERR_OK);
	cr_assert_eq(get("dead/s.dead", found, sizeof(found)), sizeof(bytes));
	cr_assert_eq(memcmp(bytes, found, sizeof(bytes)), 0);
}

Test(dead, leaves_the_file_as_it_was_when_not_all_can_be_kept)
{
	char bytes[64];

	put("s", "one\n", 4);
	cr_assert_eq(dead_append(dir, "s", 0, 4), ERR_OK);
	errno = 0;
	cr_assert_eq(dead_append(dir, "s", 0, 5), ERR_UNAVAILABLE);
	cr_assert_eq(errno, ENODATA);
	cr_assert_eq(get("dead/s.dead", bytes, sizeof(bytes)), 4);
}

Test(dead, says_when_there_is_no_such_segment)
{
	cr_assert_eq(dead_append(dir, "none", 0, 1), ERR_UNAVAILABLE);
	cr_assert_eq(errno, ENOENT);
}

Test(dead, says_when_there_is_no_place_for_it)
{
	put("s", "one\n", 4);
	put("dead", "", 0);
	cr_assert_eq(dead_append(dir, "s", 0, 4), ERR_UNAVAILABLE);
	cr_assert_eq(errno, ENOTDIR);
}

Test(dead, does_not_follow_a_link)
{
	char path[128];

	put("s", "one\n", 4);
	snprintf(path, sizeof(path), "%s/dead", dir);
	cr_assert_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/dead/s.dead", dir);
	cr_assert_eq(symlink("/dev/null", path), 0);
	cr_assert_eq(dead_append(dir, "s", 0, 4), ERR_UNAVAILABLE);
}
