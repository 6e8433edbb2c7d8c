#include "app/ingest/dead.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_BYTES = 16 * 1024 };

static bool
write_all(int fd, const char *bytes, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t wrote = write(fd, bytes + done, n - done);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return false;
		done += (size_t)wrote;
	}
	return true;
}

static bool
copy(int from, int64_t offset, int64_t n, int to)
{
	char piece[PIECE_BYTES];

	while (n > 0) {
		size_t want = n < PIECE_BYTES ? (size_t)n : PIECE_BYTES;
		ssize_t got = pread(from, piece, want, offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			errno = ENODATA;
		if (got <= 0 || !write_all(to, piece, (size_t)got))
			return false;
		offset += got;
		n -= got;
	}
	return true;
}

/* Opens dir/dead/name.dead, made when missing, and makes sure that its name lasts, too. */
static int
open_dead(const char *dir, const char *name)
{
	char path[PATH_MAX];
	int dir_fd, fd = -1;

	snprintf(path, sizeof(path), "%s/dead", dir);
	if (mkdir(path, 0750) != 0 && errno != EEXIST)
		return -1;
	dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -1;
	snprintf(path, sizeof(path), "%s.dead", name);
	fd = openat(dir_fd, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd >= 0 && fsync(dir_fd) != 0) {
		close(fd);
		fd = -1;
	}
	close(dir_fd);
	return fd;
}

/* Appends all or nothing. */
static bool
append(int from, int64_t offset, int64_t n, int to)
{
	struct stat before;
	int why;

	if (fstat(to, &before) != 0)
		return false;
	if (copy(from, offset, n, to) && fdatasync(to) == 0)
		return true;
	why = errno;
	if (ftruncate(to, before.st_size) != 0)
		return false;
	errno = why;
	return false;
}

enum err
dead_append(const char *dir, const char *name, int64_t offset, int64_t n)
{
	char path[PATH_MAX];
	bool done = false;
	int from, to;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	from = open(path, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return ERR_UNAVAILABLE;
	to = open_dead(dir, name);
	if (to >= 0) {
		done = append(from, offset, n, to);
		close(to);
	}
	close(from);
	return done ? ERR_OK : ERR_UNAVAILABLE;
}
