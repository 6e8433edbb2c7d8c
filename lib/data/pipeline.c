#include "lib/data/pipeline.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/data/stream.h"

enum { RECEIVE_BYTES = 16 * 1024 };

/* Of hiredis only the protocol is used: its own connection would raise SIGPIPE, and its
 * timeout is one per read, not one per batch. */
struct pipeline {
	char *socket;
	int fd;              /* -1: not connected */
	redisReader *reader; /* NULL: not connected */
	redisReply *reply;   /* the one taken last, or NULL */
	struct buf commands; /* of the batch */
	size_t gathered;     /* commands in the batch */
	size_t due;          /* replies not taken yet */
};

struct pipeline *
pipeline_new(const char *socket)
{
	struct pipeline *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->fd = -1;
	p->socket = strdup(socket);
	if (!p->socket) {
		free(p);
		return NULL;
	}
	return p;
}

static void
forget_reply(struct pipeline *p)
{
	if (p->reply)
		freeReplyObject(p->reply);
	p->reply = NULL;
}

static void
disconnect(struct pipeline *p)
{
	if (p->fd >= 0)
		close(p->fd);
	if (p->reader)
		redisReaderFree(p->reader);
	p->fd = -1;
	p->reader = NULL;
	p->due = 0;
}

void
pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	forget_reply(p);
	disconnect(p);
	free(p->socket);
	free(p);
}

void
pipeline_begin(struct pipeline *p, struct arena *a)
{
	buf_init(&p->commands, a);
	p->gathered = 0;
}

void
pipeline_add(struct pipeline *p, const char *const words[])
{
	const char *argv[PIPELINE_ARGS_MAX];
	char *bytes;
	int argc = 0, n;

	for (; words[argc]; argc++) {
		assert(argc < PIPELINE_ARGS_MAX);
		argv[argc] = words[argc];
	}
	n = redisFormatCommandArgv(&bytes, argc, argv, NULL);
	if (n < 0) {
		p->commands.failed = true;
		return;
	}
	buf_add(&p->commands, bytes, (size_t)n);
	redisFreeCommand(bytes);
	p->gathered++;
}

/* Nothing is due on an idle connection: whatever can be read, or was, is not ours. */
static bool
is_idle(const struct pipeline *p)
{
	return p->fd >= 0 && p->due == 0 && p->reader->pos == p->reader->len &&
	       !stream_has_input(p->fd);
}

static enum err
connect_unless_idle(struct pipeline *p, int64_t deadline_us)
{
	if (is_idle(p))
		return ERR_OK;
	disconnect(p);
	p->reader = redisReaderCreate();
	if (!p->reader)
		return ERR_MEMORY;
	return stream_connect(p->socket, deadline_us, &p->fd);
}

enum err
pipeline_send(struct pipeline *p, int64_t deadline_us)
{
	enum err e;

	if (p->commands.failed)
		return ERR_MEMORY;
	e = connect_unless_idle(p, deadline_us);
	if (!e)
		e = stream_send(p->fd, p->commands.data, p->commands.len, deadline_us);
	if (e)
		disconnect(p);
	else
		p->due = p->gathered;
	return e;
}

static enum err
receive_reply(struct pipeline *p, int64_t deadline_us)
{
	for (;;) {
		char bytes[RECEIVE_BYTES];
		void *reply = NULL;
		size_t n;
		enum err e;

		if (redisReaderGetReply(p->reader, &reply) != REDIS_OK)
			return ERR_UNAVAILABLE;
		if (reply) {
			p->reply = reply;
			return ERR_OK;
		}
		e = stream_receive(p->fd, bytes, sizeof(bytes), deadline_us, &n);
		if (e)
			return e;
		if (redisReaderFeed(p->reader, bytes, n) != REDIS_OK)
			return ERR_UNAVAILABLE;
	}
}

static enum reply_kind
kind_of(const redisReply *r)
{
	switch (r->type) {
	case REDIS_REPLY_STRING:
		return REPLY_STRING;
	case REDIS_REPLY_NIL:
		return REPLY_NIL;
	case REDIS_REPLY_INTEGER:
		return REPLY_INTEGER;
	case REDIS_REPLY_STATUS:
		return REPLY_STATUS;
	case REDIS_REPLY_ERROR:
		return REPLY_ERROR;
	default:
		return REPLY_OTHER;
	}
}

enum err
pipeline_take(struct pipeline *p, int64_t deadline_us, struct reply *ret_reply)
{
	enum err e;

	assert(p->due > 0);
	forget_reply(p);
	e = receive_reply(p, deadline_us);
	if (e) {
		disconnect(p);
		return e;
	}
	p->due--;
	*ret_reply = (struct reply){
		.kind = kind_of(p->reply),
		.text = p->reply->str ? p->reply->str : "",
		.n = p->reply->str ? (size_t)p->reply->len : 0,
	};
	return ERR_OK;
}
