#include "lib/base/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Takes the place of what is open. */
static enum err
change_to(struct log_file *f, const char *path)
{
	struct stat st;
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

	if (fd < 0)
		return ERR_UNAVAILABLE;
	if (fstat(fd, &st) != 0) {
		close(fd);
		return ERR_UNAVAILABLE;
	}
	if (f->fd != STDERR_FILENO)
		close(f->fd);
	f->fd = fd;
	f->is_regular = S_ISREG(st.st_mode);
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	return ERR_OK;
}

/* The size of a file that ends in half a line; 0: it does not. */
static off_t
torn_size(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char last;

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n' ? size : 0;
}

/* Who was killed while it wrote has left half a line: the next one is not to go on with it.
 * Of a write that goes on half a line may be seen, too; that one grows. */
static void
end_torn_line(const struct log_file *f, const char *path)
{
	static const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	int fd = f->is_regular ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1;
	off_t size = fd < 0 ? 0 : torn_size(fd);

	if (size > 0 && nanosleep(&pause, NULL) == 0 && torn_size(fd) == size)
		(void)!write(f->fd, "\n", 1);
	if (fd >= 0)
		close(fd);
}

enum err
log_file_open(struct log_file *f, const char *path)
{
	enum err e;

	if (strlen(path) >= sizeof(f->path)) {
		errno = ENAMETOOLONG;
		return ERR_UNAVAILABLE;
	}
	if (strcmp(path, "-") == 0) {
		log_file_close(f);
		return ERR_OK;
	}
	e = change_to(f, path);
	if (e)
		return e;
	strcpy(f->path, path);
	end_torn_line(f, path);
	return ERR_OK;
}

void
log_file_close(struct log_file *f)
{
	if (f->fd != STDERR_FILENO)
		close(f->fd);
	f->fd = STDERR_FILENO;
	f->is_regular = false;
	f->path[0] = '\0';
}

void
log_file_reopen(struct log_file *f)
{
	if (f->path[0] != '\0')
		(void)!change_to(f, f->path);
}

static bool
is_named(const struct log_file *f, const struct stat *st)
{
	return st->st_dev == f->dev && st->st_ino == f->ino;
}

static bool
is_large(const struct log_file *f, const struct stat *st)
{
	return f->is_regular && f->max_bytes > 0 && st->st_size >= f->max_bytes;
}

/* Renames path.n to path.n+1; path.0 is path itself. One that is not there is no failure. */
static bool
shift_one(const struct log_file *f, int64_t n)
{
	char from[LOG_FILE_PATH_SIZE + 24], to[LOG_FILE_PATH_SIZE + 24];

	snprintf(from, sizeof(from), n == 0 ? "%s" : "%s.%" PRId64, f->path, n);
	snprintf(to, sizeof(to), "%s.%" PRId64, f->path, n + 1);
	return rename(from, to) == 0 || errno == ENOENT;
}

/*
 * Only who has the lock of the file that path names renames it, so there is one at a time:
 * the path of the next one is made after the last of these renames.
 */
static void
rotate(struct log_file *f)
{
	struct stat st;
	int64_t n;

	if (flock(f->fd, LOCK_EX | LOCK_NB) != 0)
		return; /* another process is at it */
	if (stat(f->path, &st) == 0 && is_named(f, &st) && is_large(f, &st))
		for (n = f->keep - 1; n >= 0 && shift_one(f, n); n--)
			;
	flock(f->fd, LOCK_UN);
	log_file_reopen(f);
}

static void
look_at_path(struct log_file *f)
{
	struct stat st;

	if (f->path[0] == '\0')
		return;
	if (stat(f->path, &st) != 0 || !is_named(f, &st))
		log_file_reopen(f);
	else if (is_large(f, &st))
		rotate(f);
}

/* Removes the last n bytes that were written, unless somebody has written after them. */
static void
take_back(const struct log_file *f, off_t n)
{
	off_t end = lseek(f->fd, 0, SEEK_CUR);
	struct stat st;

	if (fstat(f->fd, &st) == 0 && st.st_size == end)
		(void)!ftruncate(f->fd, end - n);
}

/* Of n bytes that were written, those that may stay: a file keeps no half a line when the
 * disk is full. */
static size_t
keep_whole_lines(const struct log_file *f, const char *lines, size_t n)
{
	const char *end;
	size_t half;

	if (!f->is_regular || lines[n - 1] == '\n')
		return n;
	end = memrchr(lines, '\n', n);
	half = end ? (size_t)(lines + n - 1 - end) : n;
	take_back(f, (off_t)half);
	return n - half;
}

size_t
log_file_append(struct log_file *f, const char *lines, size_t n)
{
	size_t done = 0, kept = 1;

	look_at_path(f);
	while (done < n && kept > 0) {
		ssize_t wrote = write(f->fd, lines + done, n - done);

		if (wrote < 0 && errno == EINTR)
			continue;
		kept = wrote > 0 ? keep_whole_lines(f, lines + done, (size_t)wrote) : 0;
		done += kept;
	}
	return done;
}
