#include "lib/base/shm.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE = 0660 };

/* Makes the file's size bytes. Every step may be done by several processes at once, and
 * none ever makes it smaller. The blocks are allocated, so that a full file system is an
 * error here and not a SIGBUS later. */
static int
make_size(int fd, size_t bytes)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -1;
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)bytes) {
		errno = EINVAL;
		return -1;
	}
	if (st.st_uid == geteuid() && (st.st_mode & 07777) != MODE && fchmod(fd, MODE) != 0)
		return -1;
	if (st.st_size == (off_t)bytes || fallocate(fd, 0, 0, (off_t)bytes) == 0)
		return 0;
	return errno == EOPNOTSUPP ? ftruncate(fd, (off_t)bytes) : -1;
}

enum err
shm_map_open(
    const char *dir, const char *name, uint64_t layout, size_t bytes, void **ret_map, int *ret_fd)
{
	char path[4096];
	void *map = MAP_FAILED;
	int len, fd, saved;

	assert(bytes > 0);
	len = snprintf(path, sizeof(path), "%s/%s.%016" PRIx64, dir, name, layout);
	if (len < 0 || (size_t)len >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return ERR_UNAVAILABLE;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, MODE);
	if (fd < 0)
		return ERR_UNAVAILABLE;
	if (make_size(fd, bytes) == 0)
		map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		saved = errno;
		close(fd);
		errno = saved;
		return ERR_UNAVAILABLE;
	}
	*ret_map = map;
	*ret_fd = fd;
	return ERR_OK;
}

enum err
shm_map(const char *dir, const char *name, uint64_t layout, size_t bytes, void **ret_map)
{
	int fd;
	enum err e = shm_map_open(dir, name, layout, bytes, ret_map, &fd);

	if (!e)
		close(fd);
	return e;
}

void
shm_unmap(void *map, size_t bytes)
{
	if (map)
		munmap(map, bytes);
}

bool
shm_seed(_Atomic uint64_t *word, uint64_t *ret_seed)
{
	uint64_t seed = 0, drawn;

	if (getrandom(&drawn, sizeof(drawn), 0) != (ssize_t)sizeof(drawn))
		return false;
	/* 0 stands for none yet; the first one drawn is everybody's. */
	if (atomic_compare_exchange_strong(word, &seed, drawn | 1))
		seed = drawn | 1;
	*ret_seed = seed;
	return true;
}
