#include "lib/data/l1_owners.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

static struct flock
lock_on(uint64_t owner)
{
	return (struct flock){
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)owner,
		.l_len = 1,
	};
}

bool
l1_owners_init(struct l1_owners *o, int fd, _Atomic uint64_t *next)
{
	struct flock lock;

	o->fd = fd;
	o->self = atomic_fetch_add(next, 1) + 1;
	lock = lock_on(o->self);
	return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

void
l1_owners_release(struct l1_owners *o)
{
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
}

/* Nobody has a lock that is in the way of this one. */
static bool
is_free(int fd, struct flock *lock)
{
	return fcntl(fd, F_OFD_GETLK, lock) == 0 && lock->l_type == F_UNLCK;
}

bool
l1_owners_is_dead(const struct l1_owners *o, uint64_t owner)
{
	struct flock lock = lock_on(owner);

	return owner != o->self && is_free(o->fd, &lock);
}

bool
l1_owners_are_all_dead(int fd)
{
	struct flock all = lock_on(0);

	all.l_len = 0; /* to the end, wherever that is */
	return is_free(fd, &all);
}
