#include "tests/unit/redis.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/daemon.h"

enum { READY_TRIES = 1000, READY_PAUSE_US = 10 * 1000 };

void
redis_create(struct redis *r)
{
	*r = (struct redis){ 0 };
	daemon_dir(r->dir, "redis");
	snprintf(r->socket, sizeof(r->socket), "%s/s", r->dir);
}

static int
try_connect(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int rc;

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	rc = connect(fd, (const struct sockaddr *)&to, sizeof(to));
	close(fd);
	return rc;
}

void
redis_start(struct redis *r)
{
	const char *const argv[] = { "redis-server", "--port", "0", "--unixsocket", r->socket,
		"--save", "", "--appendonly", "no", NULL };

	r->pid = daemon_start(r->dir, argv);
	for (int i = 0; i < READY_TRIES; i++) {
		if (try_connect(r->socket) == 0)
			return;
		usleep(READY_PAUSE_US);
	}
	fprintf(stderr, "Redis does not start: see %s/log\n", r->dir);
	_exit(99);
}

void
redis_kill(struct redis *r)
{
	daemon_stop(r->pid, SIGKILL);
	r->pid = 0;
}

void
redis_destroy(struct redis *r)
{
	if (r->pid)
		daemon_stop(r->pid, SIGTERM);
	daemon_remove_dir(r->dir);
}
