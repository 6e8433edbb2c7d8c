#include "tests/unit/served.h"

#include <assert.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/http/fcgi.h"

enum { IO_TIMEOUT_MS = 300, WAIT_MS = 10 * 1000, ARENA_BYTES = 4 << 20 };

void
served_start(struct served *s)
{
	*s = (struct served){ .fd = -1, .listen_fd = fcgi_client_listen() };
	assert(s->listen_fd >= 0);
	s->fcgi = fcgi_new(s->listen_fd, IO_TIMEOUT_MS);
	s->arena = arena_new(ARENA_BYTES);
	assert(s->fcgi && s->arena);
}

void
served_stop(struct served *s)
{
	fcgi_free(s->fcgi);
	arena_free(s->arena);
	close(s->listen_fd);
}

void
served_request(struct served *s, const char *const *pairs, const char *body, size_t n)
{
	enum err e;
	bool sent;

	s->fd = fcgi_client_connect(s->listen_fd);
	assert(s->fd >= 0);
	sent = fcgi_client_request(s->fd, pairs, body, n);
	assert(sent);
	e = fcgi_accept(s->fcgi, WAIT_MS);
	assert(e == ERR_OK);
	ctx_init(&s->cx, s->arena, WAIT_MS);
}

void
served_drop(struct served *s)
{
	fcgi_finish(s->fcgi);
	arena_reset(s->arena);
	close(s->fd);
}
