#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/shm.h"

enum { BYTES = 100000 };

static char dir[] = "/tmp/test_shm.XXXXXX";

static void
path_of(char path[256], const char *name, uint64_t layout)
{
	snprintf(path, 256, "%s/%s.%016llx", dir, name, (unsigned long long)layout);
}

static void
set_up(void)
{
	cr_assert_not_null(mkdtemp(dir));
}

static void
tear_down(void)
{
	char path[256];
	uint64_t layout;

	for (layout = 0; layout < 3; layout++) {
		path_of(path, "map", layout);
		unlink(path);
	}
	rmdir(dir);
}

TestSuite(shm, .init = set_up, .fini = tear_down);

static unsigned char *
map(uint64_t layout)
{
	void *p = NULL;

	cr_assert_eq(shm_map(dir, "map", layout, BYTES, &p), ERR_OK);
	return p;
}

Test(shm, is_zero_at_first)
{
	static const unsigned char zeros[BYTES];
	unsigned char *p = map(1);

	cr_assert_arr_eq(p, zeros, BYTES);
	shm_unmap(p, BYTES);
	shm_unmap(NULL, BYTES);
}

Test(shm, is_shared_and_outlives_its_maps)
{
	unsigned char *p = map(1), *q = map(1);

	cr_assert_neq(p, q);
	p[BYTES - 1] = 42;
	cr_assert_eq(q[BYTES - 1], 42);
	shm_unmap(p, BYTES);
	shm_unmap(q, BYTES);
	p = map(1);
	cr_assert_eq(p[BYTES - 1], 42);
	shm_unmap(p, BYTES);
}

Test(shm, keeps_layouts_apart)
{
	unsigned char *p = map(1), *q = map(2);

	p[0] = 1;
	cr_assert_eq(q[0], 0);
	shm_unmap(p, BYTES);
	shm_unmap(q, BYTES);
}

Test(shm, has_mode_0660_whatever_the_umask)
{
	char path[256];
	struct stat st;

	umask(077);
	shm_unmap(map(1), BYTES);
	path_of(path, "map", 1);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0660);
	cr_assert_eq(st.st_size, BYTES);
}

Test(shm, finishes_what_a_killed_creator_left)
{
	char path[256];
	unsigned char *p;
	int fd;

	path_of(path, "map", 1);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	cr_assert_eq(write(fd, "x", 1), 1);
	close(fd);
	p = map(1);
	cr_assert_eq(p[0], 'x');
	cr_assert_eq(p[BYTES - 1], 0);
	shm_unmap(p, BYTES);
}

Test(shm, never_cuts_a_larger_file)
{
	void *p = NULL;

	shm_unmap(map(1), BYTES);
	cr_assert_eq(shm_map(dir, "map", 1, BYTES - 1, &p), ERR_UNAVAILABLE);
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(p);
}

Test(shm, follows_no_symbolic_link)
{
	char path[256];
	void *p;

	path_of(path, "map", 1);
	cr_assert_eq(symlink("/tmp/test_shm.nowhere", path), 0);
	cr_assert_eq(shm_map(dir, "map", 1, BYTES, &p), ERR_UNAVAILABLE);
	cr_assert_eq(errno, ELOOP);
}

Test(shm, tells_why_it_can_not)
{
	char long_name[5000];
	void *p;

	cr_assert_eq(shm_map("/nonexistent", "map", 1, BYTES, &p), ERR_UNAVAILABLE);
	cr_assert_eq(errno, ENOENT);
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	cr_assert_eq(shm_map(dir, long_name, 1, BYTES, &p), ERR_UNAVAILABLE);
	cr_assert_eq(errno, ENAMETOOLONG);
	cr_assert_eq(shm_map(dir, "map", 1, (size_t)1 << 62, &p), ERR_UNAVAILABLE);
}

Test(shm, is_opened_by_many_at_once_without_a_race)
{
	enum { CHILDREN = 16 };
	unsigned char *p;
	int i, status, ready[2];
	char go;

	cr_assert_eq(pipe(ready), 0);
	for (i = 0; i < CHILDREN; i++) {
		if (fork() == 0) {
			close(ready[1]);
			if (read(ready[0], &go, 1) != 0)
				_exit(1);
			atomic_fetch_add((atomic_int *)(void *)map(1), 1);
			_exit(0);
		}
	}
	close(ready[1]); /* all start */
	for (i = 0; i < CHILDREN; i++) {
		cr_assert_gt(wait(&status), 0);
		cr_assert_eq(status, 0);
	}
	p = map(1);
	cr_assert_eq(atomic_load((atomic_int *)(void *)p), CHILDREN);
	shm_unmap(p, BYTES);
}

Test(shm, everybody_agrees_on_the_seed_that_was_drawn_first)
{
	unsigned char *a = map(1), *b = map(1);
	uint64_t first, second;

	cr_assert(shm_seed((_Atomic uint64_t *)(void *)a, &first));
	cr_assert_neq(first, 0);
	cr_assert(shm_seed((_Atomic uint64_t *)(void *)b, &second));
	cr_assert_eq(second, first);
	shm_unmap(a, BYTES);
	shm_unmap(b, BYTES);
}
