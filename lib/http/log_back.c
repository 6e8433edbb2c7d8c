#include "lib/http/log_back.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_BYTES = 64 * 1024, FILES_MAX = 1000 };

/* Opens the file of a number; false: it is not there. */
static bool
open_number(struct log_back *b, int number, struct stat *ret_st)
{
	char name[LOG_BACK_PATH_SIZE + 16];
	int fd;

	snprintf(name, sizeof(name), number == 0 ? "%s" : "%s.%d", b->path, number);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return false;
	if (fstat(fd, ret_st) != 0 || !S_ISREG(ret_st->st_mode)) {
		close(fd);
		return false;
	}
	if (b->fd >= 0)
		close(b->fd);
	b->fd = fd;
	b->number = number;
	b->at = ret_st->st_size;
	b->n = 0;
	b->is_cut = false;
	return true;
}

/* After a rotation the file that was read has the next number. */
static bool
open_older(struct log_back *b)
{
	struct stat st;
	int number;

	for (number = b->number + 1; number <= FILES_MAX; number++) {
		if (!open_number(b, number, &st))
			return false;
		if (st.st_dev != b->dev || st.st_ino != b->ino) {
			b->dev = st.st_dev;
			b->ino = st.st_ino;
			return true;
		}
	}
	return false;
}

bool
log_back_open(struct log_back *b, const char *path)
{
	struct stat st;

	*b = (struct log_back){ .fd = -1 };
	if (strlen(path) >= sizeof(b->path))
		return false;
	strcpy(b->path, path);
	if (!open_number(b, 0, &st))
		return false;
	b->dev = st.st_dev;
	b->ino = st.st_ino;
	b->end = st.st_size;
	b->bytes = malloc(BLOCK_BYTES);
	if (b->bytes)
		return true;
	log_back_close(b);
	return false;
}

void
log_back_close(struct log_back *b)
{
	if (b->fd >= 0)
		close(b->fd);
	free(b->bytes);
	*b = (struct log_back){ .fd = -1 };
}

/* Reads n bytes at an offset; false: they are not all there. */
static bool
read_at(int fd, char *bytes, size_t n, off_t at)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(fd, bytes + done, n - done, at + (off_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

/* Puts what is before the bytes in front of them. */
static bool
read_block(struct log_back *b)
{
	size_t n;

	/* A line of ours is far shorter than half of the block. */
	if (b->n > BLOCK_BYTES / 2) {
		b->n = 0;
		b->is_cut = true;
	}
	n = BLOCK_BYTES - b->n;
	if ((off_t)n > b->at)
		n = (size_t)b->at;
	memmove(b->bytes + n, b->bytes, b->n);
	b->at -= (off_t)n;
	b->n += n;
	return read_at(b->fd, b->bytes, n, b->at);
}

/* Gives the bytes from i on. */
static bool
give(struct log_back *b, size_t i, const char **ret_line, size_t *ret_n)
{
	bool is_whole = !b->is_cut;

	*ret_line = b->bytes + i;
	*ret_n = b->n - i;
	if (*ret_n > 0 && b->bytes[b->n - 1] == '\n')
		--*ret_n;
	b->n = i;
	b->is_cut = false;
	return is_whole && *ret_n > 0;
}

bool
log_back_line(struct log_back *b, const char **ret_line, size_t *ret_n)
{
	for (;;) {
		const char *end = b->n > 0 ? memrchr(b->bytes, '\n', b->n - 1) : NULL;

		if (end || (b->at == 0 && b->n > 0)) {
			if (give(b, end ? (size_t)(end + 1 - b->bytes) : 0, ret_line, ret_n))
				return true;
		} else if (b->at > 0 ? !read_block(b) : !open_older(b)) {
			return false;
		}
	}
}
