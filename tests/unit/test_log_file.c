#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/arena.h"
#include "lib/base/log.h"
#include "lib/base/log_file.h"
#include "lib/base/metric.h"

enum { PROCESSES = 4, LINES = 100000, FILES_MAX = 200 };

static char dir[] = "/tmp/test_log_file.XXXXXX";
static char path[64];
static struct log_file file;

static void
set_up(void)
{
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	file = (struct log_file){ .fd = STDERR_FILENO, .max_bytes = 100, .keep = 3 };
	cr_assert_eq(log_file_open(&file, path), ERR_OK);
}

static const char *
rotated(int n)
{
	static char name[80];

	if (n == 0)
		return path;
	snprintf(name, sizeof(name), "%s.%d", path, n);
	return name;
}

static void
tear_down(void)
{
	log_file_close(&file);
	for (int n = 0; n < FILES_MAX; n++)
		unlink(rotated(n));
	rmdir(dir);
}

TestSuite(log_file, .init = set_up, .fini = tear_down);

static long
size_of(int n)
{
	struct stat st;

	return stat(rotated(n), &st) == 0 ? (long)st.st_size : -1;
}

static void
append(char c, size_t n)
{
	char line[4096];

	memset(line, c, n - 1);
	line[n - 1] = '\n';
	cr_assert_eq(log_file_append(&file, line, n), n);
}

static char
first_of(int n)
{
	FILE *f = fopen(rotated(n), "r");
	int c = f ? fgetc(f) : EOF;

	if (f)
		fclose(f);
	return c == EOF ? '\0' : (char)c;
}

Test(log_file, is_renamed_once_it_is_full_and_only_some_are_kept)
{
	for (char c = 'a'; c <= 'f'; c++)
		append(c, 150);
	for (int n = 0; n <= 3; n++) {
		cr_assert_eq(size_of(n), 150);
		cr_assert_eq(first_of(n), 'f' - n);
	}
	cr_assert_eq(size_of(4), -1);
}

Test(log_file, is_not_renamed_before)
{
	append('a', 50);
	append('b', 49);
	append('c', 1000);
	cr_assert_eq(size_of(0), 1099);
	file.max_bytes = 0;
	append('d', 100);
	cr_assert_eq(size_of(0), 1199);
	cr_assert_eq(size_of(1), -1);
}

Test(log_file, keeps_one_at_least)
{
	file.keep = 1;
	for (char c = 'a'; c <= 'c'; c++)
		append(c, 150);
	cr_assert_eq(first_of(0), 'c');
	cr_assert_eq(first_of(1), 'b');
	cr_assert_eq(size_of(2), -1);
}

Test(log_file, follows_a_path_that_names_another_file_or_none)
{
	append('a', 20);
	cr_assert_eq(rename(path, rotated(7)), 0);
	append('b', 20);
	cr_assert_eq(first_of(0), 'b');
	cr_assert_eq(size_of(7), 20);
	cr_assert_eq(unlink(path), 0);
	append('c', 20);
	cr_assert_eq(first_of(0), 'c');
}

Test(log_file, waits_for_nobody_who_rotates)
{
	int other = open(path, O_RDONLY);

	append('a', 150);
	cr_assert_eq(flock(other, LOCK_EX), 0);
	append('b', 150);
	cr_assert_eq(size_of(0), 300);
	close(other);
	append('c', 150);
	cr_assert_eq(size_of(1), 300);
}

Test(log_file, loses_nothing_when_a_name_is_taken)
{
	cr_assert_eq(mkdir(rotated(3), 0700), 0);
	for (char c = 'a'; c <= 'e'; c++)
		append(c, 150);
	rmdir(rotated(3));
	cr_assert_eq(first_of(2), 'a');
	cr_assert_eq(first_of(1), 'b');
	cr_assert_eq(size_of(0), 450);
}

/* The limit on a file's size is what a full disk is: short, then refused. */
static void
limit_files(rlim_t bytes)
{
	const struct rlimit limit = { bytes, RLIM_INFINITY };

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(log_file, keeps_whole_lines_when_the_disk_is_full)
{
	static const char lines[] = "first line\nsecond line\nthird line\n";

	limit_files(28);
	cr_assert_eq(log_file_append(&file, lines, strlen(lines)), 23);
	cr_assert_eq(log_file_append(&file, lines, strlen(lines)), 0);
	cr_assert_eq(size_of(0), 23);
	cr_assert_eq(log_file_append(&file, "4\n", 2), 2);
	limit_files(RLIM_INFINITY);
	cr_assert_eq(log_file_append(&file, lines, strlen(lines)), strlen(lines));
	cr_assert_eq(size_of(0), 25 + (long)strlen(lines));
}

Test(log_file, lines_that_are_dropped_are_counted)
{
	struct arena *a = arena_new(1 << 20);
	struct buf text;

	cr_assert_eq(log_open(path, "test", LOG_INFO), ERR_OK);
	limit_files(0);
	for (int i = 0; i < 5; i++)
		log_event(LOG_INFO, "x", "lost");
	log_flush();
	limit_files(RLIM_INFINITY);
	log_event(LOG_WARN, "x", "kept");
	log_close();
	buf_init(&text, a);
	metric_render(&text, METRIC_TEXT);
	cr_assert_not_null(strstr(buf_str(&text), "\nterse_log_lines_dropped_total 5\n"));
	cr_assert_gt(size_of(0), 0);
	arena_free(a);
}

/*
 * Several processes through many rotations.
 */

static void
write_lines(int process)
{
	if (log_open(path, "child", LOG_INFO))
		_exit(1);
	log_rotate_at(1 << 20, FILES_MAX - 1);
	for (int i = process; i < LINES; i += PROCESSES) {
		log_begin(LOG_INFO, "x");
		log_int("number", i);
		log_end();
		if (i % 997 == 0)
			log_flush();
	}
	log_close();
	_exit(0);
}

static size_t
read_lines(const char *name, unsigned char *seen)
{
	FILE *f = fopen(name, "r");
	char line[512];
	size_t n = 0;

	while (f && fgets(line, sizeof(line), f)) {
		const char *number = strstr(line, "\"number\":");
		char *end;
		long i;

		cr_assert_not_null(number, "%s", line);
		cr_assert_eq(strncmp(line, "{\"ts\":\"", 7), 0, "%s", line);
		i = strtol(number + strlen("\"number\":"), &end, 10);
		cr_assert_str_eq(end, "}\n");
		cr_assert_lt(i, LINES);
		seen[i]++;
		n++;
	}
	if (f)
		fclose(f);
	return n;
}

Test(log_file, several_processes_lose_tear_and_double_no_line)
{
	unsigned char *seen = calloc(LINES, 1);
	size_t n = 0;
	int status;

	for (int i = 0; i < PROCESSES; i++)
		if (fork() == 0)
			write_lines(i);
	for (int i = 0; i < PROCESSES; i++) {
		cr_assert_gt(wait(&status), 0);
		cr_assert_eq(status, 0);
	}
	for (int i = 0; i < FILES_MAX; i++)
		n += read_lines(rotated(i), seen);
	cr_assert_eq(n, LINES);
	for (int i = 0; i < LINES; i++)
		cr_assert_eq(seen[i], 1);
	/* How many files there are depends on how long whoever rotates is kept from it. */
	cr_assert_geq(size_of(1), 1 << 20);
	cr_assert_geq(size_of(2), 1 << 20);
	free(seen);
}

Test(log_file, goes_on_in_a_new_line_after_half_a_one)
{
	char text[64] = "";
	int fd;

	cr_assert_eq(log_file_append(&file, "whole\n", 6), 6);
	cr_assert_eq(write(file.fd, "ha", 2), 2);
	cr_assert_eq(log_file_open(&file, path), ERR_OK);
	cr_assert_eq(log_file_append(&file, "next\n", 5), 5);
	cr_assert_eq(log_file_open(&file, path), ERR_OK);
	fd = open(path, O_RDONLY);
	cr_assert_gt(read(fd, text, sizeof(text) - 1), 0);
	close(fd);
	cr_assert_str_eq(text, "whole\nha\nnext\n");
}
