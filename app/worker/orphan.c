#include "app/worker/orphan.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void
orphan_init(struct orphan *o, int listen_fd, pid_t parent)
{
	struct sockaddr_un address = { 0 };
	socklen_t n = sizeof(address);
	struct stat st;

	*o = (struct orphan){ .parent = parent };
	if (getsockname(listen_fd, (struct sockaddr *)&address, &n) != 0 ||
	    address.sun_family != AF_UNIX)
		return;
	snprintf(o->path, sizeof(o->path), "%.*s", (int)sizeof(address.sun_path), address.sun_path);
	if (stat(o->path, &st) != 0) {
		o->path[0] = '\0'; /* the pool has moved it aside */
		return;
	}
	o->dev = st.st_dev;
	o->ino = st.st_ino;
}

void
orphan_leave(const struct orphan *o)
{
	struct stat st;

	if (getppid() != o->parent && *o->path && stat(o->path, &st) == 0 && st.st_dev == o->dev &&
	    st.st_ino == o->ino)
		unlink(o->path);
}
