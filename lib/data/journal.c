#include "lib/data/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/metric.h"
#include "lib/data/click.h"

enum { DIR_MODE = 0750, FILE_MODE = 0640 };

struct journal {
	char *dir;
	int64_t segment_bytes, segment_age_us;
	int fd; /* of the segment; -1: none */
	int64_t size;
	int64_t opened_us; /* clock_mono_us() */
};

struct journal *
journal_new(const char *dir, int64_t segment_bytes, int64_t segment_age_ms)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	*j = (struct journal){
		.dir = strdup(dir),
		.segment_bytes = segment_bytes,
		.segment_age_us = segment_age_ms * 1000,
		.fd = -1,
	};
	if (!j->dir) {
		free(j);
		return NULL;
	}
	return j;
}

/* Closing gives the lock away: from now on the segment may be removed. */
static void
leave_segment(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
	j->size = 0;
}

void
journal_free(struct journal *j)
{
	if (!j)
		return;
	leave_segment(j);
	free(j->dir);
	free(j);
}

/* Opens dir, which is made when missing. */
static int
open_dir(const char *dir)
{
	if (mkdir(dir, DIR_MODE) != 0 && errno != EEXIST)
		return -1;
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Makes the file under a hidden name, locks it, and only then lets it be seen: a segment in
 * sight without a lock is always one whose worker is gone. */
static int
make_segment(int dir_fd, const char *name)
{
	char hidden[SEGMENT_NAME_SIZE + 1];
	int fd;

	snprintf(hidden, sizeof(hidden), ".%s", name);
	fd = openat(dir_fd, hidden, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && renameat(dir_fd, hidden, dir_fd, name) == 0)
		return fd;
	unlinkat(dir_fd, hidden, 0);
	close(fd);
	return -1;
}

static int
start_segment(struct journal *j)
{
	char name[SEGMENT_NAME_SIZE];
	uint64_t random;
	int dir_fd;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -1;
	/* Names sort by time; the random part keeps one from coming back after a clock's. */
	snprintf(name, sizeof(name), "%016" PRId64 "-%d-%016" PRIx64 ".log", clock_wall_us(),
	    (int)getpid(), random);
	dir_fd = open_dir(j->dir);
	if (dir_fd < 0)
		return -1;
	j->fd = make_segment(dir_fd, name);
	j->size = 0;
	j->opened_us = clock_mono_us();
	close(dir_fd);
	return j->fd;
}

static bool
is_old(const struct journal *j)
{
	return clock_mono_us() - j->opened_us >= j->segment_age_us;
}

/* Writes all n bytes, or says how many went in. */
static size_t
write_all(int fd, const char *bytes, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t written = write(fd, bytes + done, n - done);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			break;
		done += (size_t)written;
	}
	return done;
}

/* Takes a part of an append back. The reader may have seen whole lines of it and be beyond
 * this end already, so nothing more may be put here. */
static void
take_back(struct journal *j)
{
	int saved = errno;

	/* If even this fails, the reader drops what follows the last newline. */
	if (ftruncate(j->fd, j->size) != 0)
		errno = saved;
	leave_segment(j);
	errno = saved;
}

static enum err
append(struct journal *j, const char *lines, size_t n)
{
	size_t done;

	if (j->fd >= 0 && j->size > 0 && (j->size + (int64_t)n > j->segment_bytes || is_old(j)))
		leave_segment(j);
	if (j->fd < 0 && start_segment(j) < 0)
		return ERR_UNAVAILABLE;
	done = write_all(j->fd, lines, n);
	if (done == n) {
		j->size += (int64_t)n;
		return ERR_OK;
	}
	if (done > 0)
		take_back(j);
	return ERR_UNAVAILABLE;
}

static uint64_t
count_lines(const char *lines, size_t n)
{
	uint64_t count = 0;

	for (const char *end = lines + n; (lines = memchr(lines, '\n', (size_t)(end - lines)));
	     lines++)
		count++;
	return count;
}

enum err
journal_append(struct journal *j, const char *lines, size_t n)
{
	enum err e = append(j, lines, n);
	int saved = errno;

	metric_add(M_JOURNAL_LINES, e ? OUTCOME_ERROR : OUTCOME_OK, 0, 0, count_lines(lines, n));
	if (!e)
		metric_add(M_JOURNAL_BYTES, 0, 0, 0, n);
	errno = saved;
	return e;
}

void
journal_tick(struct journal *j)
{
	if (j->fd >= 0 && is_old(j))
		leave_segment(j);
}

/*
 * The reading end.
 */

static int
is_segment(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 4 && n < SEGMENT_NAME_SIZE &&
	       strcmp(d->d_name + n - 4, ".log") == 0;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Whether the segment is still there; the reader may run more than once. */
static bool
describe(int dir_fd, const char *name, struct segment *ret_segment)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, 0) != 0)
		return false;
	ret_segment->bytes = st.st_size;
	memcpy(ret_segment->name, name, strlen(name) + 1);
	return true;
}

int
journal_list(const char *dir, struct segment *segments, int max)
{
	struct dirent **found;
	int n, listed = 0, gone = 0, dir_fd = open_dir(dir);

	if (dir_fd < 0)
		return -1;
	n = scandirat(dir_fd, ".", &found, is_segment, by_name);
	for (int i = 0; i < n; i++) {
		if (listed < max && describe(dir_fd, found[i]->d_name, &segments[listed]))
			listed++;
		else if (listed < max)
			gone++;
		free(found[i]);
	}
	if (n >= 0)
		free(found);
	close(dir_fd);
	return n < 0 ? -1 : n - gone;
}

static int
open_segment(const char *dir, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

enum err
journal_read(
    const char *dir, const char *name, int64_t offset, char *bytes, size_t cap, size_t *ret_n)
{
	int fd = open_segment(dir, name);
	const char *last;
	ssize_t n;

	if (fd < 0)
		return ERR_UNAVAILABLE;
	n = pread(fd, bytes, cap, (off_t)offset);
	close(fd);
	if (n < 0)
		return ERR_UNAVAILABLE;
	last = memrchr(bytes, '\n', (size_t)n);
	if (last)
		*ret_n = (size_t)(last - bytes) + 1;
	else
		*ret_n = n >= CLICK_LINE_MAX ? (size_t)n : 0; /* no line in the making is so long */
	return ERR_OK;
}

/* Opens a segment and takes its lock; -1: a worker writes it, or errno is ENOENT. */
static int
lock_segment(const char *dir, const char *name)
{
	int fd = open_segment(dir, name);

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		close(fd);
		errno = EWOULDBLOCK;
		return -1;
	}
	return fd;
}

bool
journal_is_done(const char *dir, const char *name)
{
	int fd = lock_segment(dir, name);

	if (fd < 0)
		return errno == ENOENT;
	close(fd);
	return true;
}

bool
journal_remove(const char *dir, const char *name, int64_t bytes)
{
	char path[PATH_MAX];
	int fd = lock_segment(dir, name);
	struct stat st;
	bool removed;

	if (fd < 0)
		return false;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	removed = fstat(fd, &st) == 0 && st.st_size <= bytes && unlink(path) == 0;
	close(fd);
	return removed;
}
