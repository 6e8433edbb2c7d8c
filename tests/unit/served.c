#include "tests/unit/served.h"

#include <assert.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/http/dispatch.h"
#include "lib/http/fcgi.h"
#include "lib/http/pull.h"

enum { IO_TIMEOUT_MS = 300, WAIT_MS = 10 * 1000, ARENA_BYTES = 4 << 20 };

void
served_start(struct served *s)
{
	*s = (struct served){ .fd = -1, .listen_fd = fcgi_client_listen() };
	assert(s->listen_fd >= 0);
	s->pull = pull_new(s->listen_fd, IO_TIMEOUT_MS);
	s->arena = arena_new(ARENA_BYTES);
	assert(s->pull && s->arena);
}

void
served_stop(struct served *s)
{
	pull_free(s->pull);
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
	e = pull_accept(s->pull, WAIT_MS, &s->fcgi);
	assert(e == ERR_OK);
	ctx_init(&s->cx, s->arena, WAIT_MS);
}

void
served_drop(struct served *s)
{
	fcgi_finish(s->fcgi, false);
	arena_reset(s->arena);
	close(s->fd);
}

void
served_answer(struct served *s, const struct dispatch *d, struct arena *a)
{
	dispatch_request(d, s->fcgi, a);
	fcgi_finish(s->fcgi, false);
}
