#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/attr.h"
#include "lib/data/click.h"
#include "lib/data/journal.h"
#include "tests/unit/daemon.h"

static char top[64], dir[96];
static struct journal *j;
static struct segment segments[512];
static char bytes[4 * CLICK_LINE_MAX];

static void
set_up(void)
{
	daemon_dir(top, "journal");
	snprintf(dir, sizeof(dir), "%s/journal", top);
	j = journal_new(dir, 1000, 60000);
}

static void
tear_down(void)
{
	journal_free(j);
	daemon_remove_dir(top);
}

TestSuite(journal, .init = set_up, .fini = tear_down, .timeout = 60);

static enum err
append(const char *lines)
{
	return journal_append(j, lines, strlen(lines));
}

static int
list(void)
{
	return journal_list(dir, segments, N(segments));
}

/* What can be read of a segment at offset. */
static const char *
read_at(const char *name, int64_t offset)
{
	size_t n = 0;

	cr_assert_eq(journal_read(dir, name, offset, bytes, sizeof(bytes) - 1, &n), ERR_OK);
	bytes[n] = '\0';
	return bytes;
}

/* A segment as a dead worker leaves it. */
static void
leave(const char *name, const char *text, size_t n)
{
	char path[200];
	int fd;

	mkdir(dir, 0755);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	cr_assert_eq(write(fd, text, n), (ssize_t)n);
	close(fd);
}

Test(journal, makes_nothing_before_the_first_append)
{
	cr_assert_eq(list(), 0);
	cr_assert_eq(append("one\n"), ERR_OK);
	cr_assert_eq(list(), 1);
	cr_assert_eq(segments[0].bytes, 4);
}

Test(journal, gives_back_what_was_appended)
{
	cr_assert_eq(append("one\n"), ERR_OK);
	cr_assert_eq(append("two\nthree\n"), ERR_OK);
	cr_assert_eq(list(), 1);
	cr_assert_str_eq(read_at(segments[0].name, 0), "one\ntwo\nthree\n");
	cr_assert_str_eq(read_at(segments[0].name, 4), "two\nthree\n");
	cr_assert_str_eq(read_at(segments[0].name, 14), "");
	cr_assert_str_eq(read_at(segments[0].name, 99), "");
}

Test(journal, keeps_a_segment_locked_while_it_is_written)
{
	char name[SEGMENT_NAME_SIZE];

	cr_assert_eq(append("one\n"), ERR_OK);
	list();
	strcpy(name, segments[0].name);
	cr_assert_not(journal_is_done(dir, name));
	cr_assert_not(journal_remove(dir, name, 1000));
	journal_free(j);
	j = NULL;
	cr_assert(journal_is_done(dir, name));
	cr_assert_not(journal_remove(dir, name, 3), "a line is not stored yet");
	cr_assert(journal_remove(dir, name, 4));
	cr_assert_eq(list(), 0);
	cr_assert(journal_is_done(dir, name), "a segment that is gone");
	cr_assert_not(journal_remove(dir, name, 4));
}

Test(journal, starts_a_new_segment_when_one_is_full)
{
	char line[401];

	memset(line, 'x', 400);
	line[399] = '\n';
	line[400] = '\0';
	for (int i = 0; i < 6; i++)
		cr_assert_eq(append(line), ERR_OK);
	cr_assert_eq(list(), 3);
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(segments[i].bytes, 800);
		cr_expect_eq(journal_is_done(dir, segments[i].name), i < 2);
	}
	cr_expect_lt(strcmp(segments[0].name, segments[1].name), 0);
	cr_expect_lt(strcmp(segments[1].name, segments[2].name), 0);
}

Test(journal, takes_an_append_larger_than_a_segment)
{
	char *lines = malloc(100001);

	memset(lines, '\n', 100000);
	lines[100000] = '\0';
	cr_assert_eq(append(lines), ERR_OK);
	cr_assert_eq(append("one\n"), ERR_OK);
	free(lines);
	cr_assert_eq(list(), 2);
	cr_assert_eq(segments[0].bytes, 100000);
}

Test(journal, leaves_a_segment_that_is_old)
{
	struct journal *quick = journal_new(dir, 1000, 50);

	cr_assert_eq(journal_append(quick, "one\n", 4), ERR_OK);
	journal_tick(quick);
	list();
	cr_assert_not(journal_is_done(dir, segments[0].name));
	usleep(60000);
	journal_tick(quick);
	cr_assert(journal_is_done(dir, segments[0].name));
	journal_tick(quick);
	cr_assert_eq(journal_append(quick, "two\n", 4), ERR_OK);
	usleep(60000);
	cr_assert_eq(journal_append(quick, "three\n", 6), ERR_OK);
	cr_assert_eq(list(), 3);
	journal_free(quick);
}

Test(journal, lists_the_oldest_and_only_segments)
{
	leave("3.log", "", 0);
	leave("1.log", "a\n", 2);
	leave("2.log", "", 0);
	leave(".4.log", "", 0);
	leave("5.dead", "", 0);
	leave("a-name-that-is-so-long-that-no-worker-of-ours-can-have-chosen-it.log", "", 0);
	cr_assert_eq(journal_list(dir, segments, 2), 3);
	cr_assert_str_eq(segments[0].name, "1.log");
	cr_assert_eq(segments[0].bytes, 2);
	cr_assert_str_eq(segments[1].name, "2.log");
}

Test(journal, hides_a_torn_tail)
{
	leave("1.log", "one\ntwo\nthr", 11);
	cr_assert_str_eq(read_at("1.log", 0), "one\ntwo\n");
	cr_assert_str_eq(read_at("1.log", 8), "");
	cr_assert_not(journal_remove(dir, "1.log", 8));
	cr_assert(journal_remove(dir, "1.log", 11));
}

Test(journal, returns_a_run_that_is_no_line)
{
	static char junk[10 * CLICK_LINE_MAX];
	size_t n;

	memset(junk, 'j', sizeof(junk));
	memcpy(junk + sizeof(junk) - 5, "\nend\n", 5);
	leave("1.log", junk, sizeof(junk));
	cr_assert_eq(journal_read(dir, "1.log", 0, bytes, CLICK_LINE_MAX, &n), ERR_OK);
	cr_assert_eq(n, CLICK_LINE_MAX);
	cr_assert_str_eq(read_at("1.log", sizeof(junk) - 4), "end\n");
}

Test(journal, cuts_a_read_after_a_whole_line)
{
	static char lines[2 * CLICK_LINE_MAX];
	size_t n;

	memset(lines, 'x', sizeof(lines));
	lines[99] = lines[sizeof(lines) - 1] = '\n';
	leave("1.log", lines, sizeof(lines));
	cr_assert_eq(journal_read(dir, "1.log", 0, bytes, CLICK_LINE_MAX, &n), ERR_OK);
	cr_assert_eq(n, 100);
}

Test(journal, says_why_it_can_not_append)
{
	struct journal *lost = journal_new("/nonexistent/journal", 1000, 1000);

	errno = 0;
	cr_assert_eq(journal_append(lost, "one\n", 4), ERR_UNAVAILABLE);
	cr_assert_eq(errno, ENOENT);
	cr_assert_eq(journal_list("/nonexistent/journal", segments, 1), -1);
	cr_assert_eq(errno, ENOENT);
	journal_free(lost);
	journal_free(NULL);
}

Test(journal, can_not_read_what_is_not_there)
{
	size_t n;

	cr_assert_eq(journal_read(dir, "1.log", 0, bytes, sizeof(bytes), &n), ERR_UNAVAILABLE);
}

static void
limit_files(rlim_t size)
{
	struct rlimit limit = { size, RLIM_INFINITY };

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(journal, takes_a_short_write_back)
{
	cr_assert_eq(append("one\n"), ERR_OK);
	limit_files(10);
	errno = 0;
	cr_assert_eq(append("two\nthree\nfour\n"), ERR_UNAVAILABLE);
	cr_assert_eq(errno, EFBIG);
	list();
	cr_assert_eq(segments[0].bytes, 4);
	/* A reader may already be beyond that end. */
	cr_assert(journal_is_done(dir, segments[0].name));
	cr_assert_eq(append("five\n"), ERR_OK);
	cr_assert_eq(list(), 2);
	cr_assert_str_eq(read_at(segments[1].name, 0), "five\n");
}

Test(journal, makes_no_pile_of_segments_on_a_full_disk)
{
	limit_files(0);
	for (int i = 0; i < 20; i++)
		cr_assert_eq(append("one\n"), ERR_UNAVAILABLE);
	cr_assert_eq(list(), 1);
	limit_files(1000);
	cr_assert_eq(append("one\n"), ERR_OK);
	cr_assert_eq(list(), 1);
}

Test(journal, loses_no_append_that_returned_when_killed)
{
	int fds[2], told = -1, stored = 0, n;
	pid_t pid;

	cr_assert_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		char line[32];

		for (int i = 0;; i++) {
			snprintf(line, sizeof(line), "line %d\n", i);
			if (append(line) || write(fds[1], &i, sizeof(i)) != sizeof(i))
				_exit(1);
		}
	}
	close(fds[1]);
	while (told < 3000)
		cr_assert_eq(read(fds[0], &told, sizeof(told)), sizeof(told));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (read(fds[0], &told, sizeof(told)) == sizeof(told))
		;
	n = list();
	cr_assert(n > 1 && n < (int)N(segments));
	for (int i = 0; i < n; i++) {
		cr_expect(journal_is_done(dir, segments[i].name));
		for (const char *s = read_at(segments[i].name, 0); *s; s = strchr(s, '\n') + 1) {
			cr_expect_eq(atoi(s + 5), stored);
			stored++;
		}
	}
	cr_assert_gt(stored, told);
}

/* A reader as terse-ingest is one, beside many writers. */
enum { WRITERS = 6, LINES = 2000 };

static void
write_lines(int writer)
{
	struct journal *own = journal_new(dir, 500, 5);
	char line[32];

	for (int i = 0; i < LINES; i++) {
		snprintf(line, sizeof(line), "%d\n", writer * LINES + i);
		if (journal_append(own, line, strlen(line)))
			_exit(1);
		if (i % 10 == 0)
			journal_tick(own);
	}
	_exit(0);
}

/* Reads all of a segment that its worker has left and removes it; returns the lines. */
static int
drain(const char *name, int *seen)
{
	int64_t offset = 0;
	int lines = 0;

	while (*read_at(name, offset) != '\0') {
		offset += (int64_t)strlen(bytes);
		for (const char *s = bytes; *s; s = strchr(s, '\n') + 1, lines++)
			seen[atoi(s)]++;
	}
	cr_assert(journal_remove(dir, name, offset));
	return lines;
}

Test(journal, each_line_of_many_processes_is_read_once)
{
	static int seen[WRITERS * LINES];
	int lines = 0, status, failed = 0;

	for (int i = 0; i < WRITERS; i++)
		if (fork() == 0)
			write_lines(i);
	while (lines < WRITERS * LINES) {
		int n = list();

		cr_assert_geq(n, 0);
		for (int i = 0; i < n && i < (int)N(segments); i++)
			if (journal_is_done(dir, segments[i].name))
				lines += drain(segments[i].name, seen);
	}
	while (wait(&status) > 0)
		failed += status != 0;
	cr_assert_eq(failed, 0);
	for (size_t i = 0; i < N(seen); i++)
		cr_expect_eq(seen[i], 1, "%zu", i);
	cr_assert_eq(list(), 0);
}
