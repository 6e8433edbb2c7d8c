#include "lib/data/news.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/data/stream.h"

enum { PAUSE_US = 50 * 1000, DOUBLINGS_MAX = 5, PATIENCE_US = 10 * 1000 };

/* The answers are not parsed: whatever Redis sends, its answer to this included, means that
 * something may have changed. */
static const char subscribe[] = "SUBSCRIBE " NEWS_CHANNEL "\r\n";

struct news {
	char *socket;
	int fd;       /* -1: not connected */
	int failures; /* in a row */
	int64_t retry_us;
};

struct news *
news_new(const char *socket)
{
	struct news *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->fd = -1;
	n->socket = strdup(socket);
	if (!n->socket) {
		free(n);
		return NULL;
	}
	return n;
}

static void
disconnect(struct news *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

void
news_free(struct news *n)
{
	if (!n)
		return;
	disconnect(n);
	free(n->socket);
	free(n);
}

int
news_fd(const struct news *n)
{
	return n->fd;
}

static void
put_off(struct news *n, int64_t now_us)
{
	int doublings = n->failures < DOUBLINGS_MAX ? n->failures : DOUBLINGS_MAX;

	disconnect(n);
	n->retry_us = now_us + ((int64_t)PAUSE_US << doublings);
	n->failures++;
}

static void
connect_when_due(struct news *n, int64_t now_us)
{
	if (n->socket[0] == '\0' || n->fd >= 0 || now_us < n->retry_us)
		return;
	/* Neither waits on a unix socket with so few bytes. */
	if (stream_connect(n->socket, now_us + PATIENCE_US, &n->fd) != ERR_OK ||
	    stream_send(n->fd, subscribe, sizeof(subscribe) - 1, now_us + PATIENCE_US) != ERR_OK)
		put_off(n, now_us);
}

bool
news_turn(struct news *n, int64_t now_us)
{
	bool has_come = false;
	char bytes[4096];
	size_t len;

	connect_when_due(n, now_us);
	while (n->fd >= 0 && stream_has_input(n->fd)) {
		if (stream_receive(n->fd, bytes, sizeof(bytes), now_us + PATIENCE_US, &len)) {
			put_off(n, now_us);
			break;
		}
		n->failures = 0;
		has_come = true;
	}
	return has_come;
}
