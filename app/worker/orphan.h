/*
 * A worker whose pool was killed. It serves those who have connected and ends; its socket's
 * path goes first, so that nobody else connects: what waits at a socket when its last worker
 * ends is lost, and a write is not asked again. The next pool makes a socket of its own.
 */
#ifndef APP_WORKER_ORPHAN_H
#define APP_WORKER_ORPHAN_H

#include <sys/types.h>
#include <sys/un.h>

struct orphan {
	pid_t parent;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1]; /* "": none */
	dev_t dev;
	ino_t ino;
};

/* Remembers the socket that listen_fd is, and whose child this is. */
void orphan_init(struct orphan *o, int listen_fd, pid_t parent);

/* Removes the socket's path if the parent is gone and the path is still that of this socket. */
void orphan_leave(const struct orphan *o);

#endif
