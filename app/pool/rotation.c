#include "app/pool/rotation.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Bytes of the file: the first is held while one decides, the second is shared by all who
 * can answer. */
enum { TURN, ABLE };

/* What the file holds: when a pool of this upstream has last killed a worker that others'
 * requests may follow, on clock_mono_us()'s scale. */
struct last_kill {
	int64_t at_us;
	int64_t pid; /* of the pool */
};

static bool
lock(const struct rotation *r, short type, off_t byte)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	return fcntl(r->lock_fd, F_OFD_SETLK, &l) == 0;
}

static bool
another_is_able(const struct rotation *r)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = ABLE, .l_len = 1 };

	return fcntl(r->lock_fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

static bool
find_path(struct rotation *r)
{
	struct sockaddr_un address = { 0 };
	socklen_t n = sizeof(address);
	struct stat st;

	if (getsockname(r->listen_fd, (struct sockaddr *)&address, &n) != 0)
		return false;
	if (address.sun_family != AF_UNIX)
		return true;
	snprintf(r->path, sizeof(r->path), "%.*s", (int)sizeof(address.sun_path), address.sun_path);
	snprintf(r->aside, sizeof(r->aside), "%s.aside", r->path);
	if (!*r->path)
		return true;
	unlink(r->aside);
	if (stat(r->path, &st) != 0)
		return false;
	r->dev = st.st_dev;
	r->ino = st.st_ino;
	return true;
}

bool
rotation_init(struct rotation *r, int listen_fd, const char *run_dir, const char *pool)
{
	const char *dash = strrchr(pool, '-');
	int n = dash ? (int)(dash - pool) : (int)strlen(pool);
	char path[4096];

	*r = (struct rotation){ .listen_fd = listen_fd, .lock_fd = -1, .is_in = true };
	if (!find_path(r) || fcntl(listen_fd, F_SETFL, O_NONBLOCK) != 0)
		return false;
	snprintf(path, sizeof(path), "%s/%.*s.rotation", run_dir, n, pool);
	r->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
	return r->lock_fd >= 0;
}

static bool
is_ours(const struct rotation *r, const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_dev == r->dev && st.st_ino == r->ino;
}

static void
move(struct rotation *r, bool in)
{
	const char *from = in ? r->aside : r->path;

	if (r->is_in != in && *r->path && is_ours(r, from) &&
	    rename(from, in ? r->path : r->aside) == 0)
		r->is_in = in;
}

void
rotation_update(struct rotation *r, bool can_answer)
{
	if ((can_answer && r->is_in && r->is_able) || !lock(r, F_WRLCK, TURN))
		return;
	lock(r, can_answer ? F_RDLCK : F_UNLCK, ABLE);
	r->is_able = can_answer;
	move(r, can_answer || !another_is_able(r));
	lock(r, F_UNLCK, TURN);
}

bool
rotation_may_kill(const struct rotation *r, int64_t now_us, int64_t within_us)
{
	struct last_kill last;

	if (!another_is_able(r))
		return false;
	return pread(r->lock_fd, &last, sizeof(last), 0) != (ssize_t)sizeof(last) ||
	       last.pid == getpid() || now_us - last.at_us >= within_us || last.at_us > now_us;
}

bool
rotation_note_kill(const struct rotation *r, int64_t now_us)
{
	const struct last_kill last = { .at_us = now_us, .pid = getpid() };

	return pwrite(r->lock_fd, &last, sizeof(last), 0) == (ssize_t)sizeof(last);
}

void
rotation_leave(struct rotation *r)
{
	lock(r, F_UNLCK, ABLE);
	r->is_able = false;
	move(r, false);
}

bool
rotation_has_waiting(const struct rotation *r)
{
	struct pollfd p = { .fd = r->listen_fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

unsigned
rotation_turn_away(const struct rotation *r)
{
	unsigned n = 0;
	int fd;

	while (rotation_has_waiting(r)) {
		fd = accept4(r->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			break;
		close(fd);
		n++;
	}
	return n;
}

void
rotation_release(struct rotation *r)
{
	if (r->lock_fd >= 0)
		close(r->lock_fd);
	if (*r->aside && is_ours(r, r->aside))
		unlink(r->aside);
}
