#include "lib/data/l1_sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/data/l1_owners.h"

/* Those of l1_generations.c are named otherwise. */
static bool
is_table(const char *name)
{
	return strncmp(name, "l1.", 3) == 0 && strlen(name) == 3 + 16 &&
	       strspn(name + 3, "0123456789abcdef") == 16;
}

static void
remove_if_unused(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return;
	if (l1_owners_are_all_dead(fd))
		unlinkat(dir_fd, name, 0);
	close(fd);
}

void
l1_sweep(const char *run_dir, uint64_t layout)
{
	DIR *d = opendir(run_dir);
	const struct dirent *entry;
	char mine[32];

	if (!d)
		return;
	snprintf(mine, sizeof(mine), "l1.%016" PRIx64, layout);
	while ((entry = readdir(d)))
		if (is_table(entry->d_name) && strcmp(entry->d_name, mine) != 0)
			remove_if_unused(dirfd(d), entry->d_name);
	closedir(d);
}
