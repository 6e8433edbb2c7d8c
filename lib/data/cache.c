#include "lib/data/cache.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/base/metric.h"
#include "lib/data/breaker.h"
#include "lib/data/stream.h"

enum { SHA1_DIGITS = 40, RECEIVE_BYTES = 4096, KEY_SIZE = 2 + CODE_MAX + 1, COMMAND_ARGS_MAX = 6 };

/* Of hiredis only the protocol is used: its own connection would raise SIGPIPE, and its
 * timeout is one per read, not one per command. */
struct cache {
	char *socket; /* "": no cache */
	int64_t timeout_ms;
	struct breaker *breaker;
	int fd;                    /* -1: not connected */
	redisReader *reader;       /* NULL: not connected */
	char sha[SHA1_DIGITS + 1]; /* put_script's; "": not loaded by this process yet */
};

/* Versions are compared as text, being 16 hex digits each. A value that is none of ours is
 * overwritten, whatever its type. */
static const char put_script[] =
    "local old = redis.pcall('GET', KEYS[1])\n"
    "if type(old) == 'string' and string.find(old, '^' .. string.rep('%x', 16) .. ' ')\n"
    "    and string.sub(old, 1, 16) >= string.sub(ARGV[1], 1, 16) then\n"
    "  return 0\n"
    "end\n"
    "if ARGV[2] ~= '0' then\n"
    "  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
    "else\n"
    "  redis.call('SET', KEYS[1], ARGV[1])\n"
    "end\n"
    "return 1\n";

#define TOMBSTONE_MS "60000"

struct command {
	int argc;
	const char *argv[COMMAND_ARGS_MAX];
};

struct cache *
cache_new(const char *socket, int64_t timeout_ms, struct breaker *b)
{
	struct cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	*c = (struct cache){
		.socket = strdup(socket),
		.timeout_ms = timeout_ms,
		.breaker = b,
		.fd = -1,
	};
	if (!c->socket) {
		free(c);
		return NULL;
	}
	return c;
}

static void
disconnect(struct cache *c)
{
	if (c->fd >= 0)
		close(c->fd);
	if (c->reader)
		redisReaderFree(c->reader);
	c->fd = -1;
	c->reader = NULL;
}

void
cache_free(struct cache *c)
{
	if (!c)
		return;
	disconnect(c);
	free(c->socket);
	free(c);
}

/* Nothing is due on an idle connection: whatever can be read is its end. */
static enum err
connect_unless_alive(struct cache *c, int64_t deadline_us)
{
	if (c->fd >= 0 && !stream_has_input(c->fd))
		return ERR_OK;
	disconnect(c);
	c->reader = redisReaderCreate();
	if (!c->reader)
		return ERR_MEMORY;
	return stream_connect(c->socket, deadline_us, &c->fd);
}

static enum err
send_command(const struct cache *c, const struct command *cmd, int64_t deadline_us)
{
	const char *argv[COMMAND_ARGS_MAX];
	char *bytes;
	int n;
	enum err e;

	memcpy(argv, cmd->argv, sizeof(argv));
	n = redisFormatCommandArgv(&bytes, cmd->argc, argv, NULL);
	if (n < 0)
		return ERR_MEMORY;
	e = stream_send(c->fd, bytes, (size_t)n, deadline_us);
	redisFreeCommand(bytes);
	return e;
}

static enum err
receive_reply(const struct cache *c, int64_t deadline_us, redisReply **ret_reply)
{
	for (;;) {
		char bytes[RECEIVE_BYTES];
		void *reply = NULL;
		size_t n;
		enum err e;

		if (redisReaderGetReply(c->reader, &reply) != REDIS_OK)
			return ERR_UNAVAILABLE;
		if (reply) {
			*ret_reply = reply;
			return ERR_OK;
		}
		e = stream_receive(c->fd, bytes, sizeof(bytes), deadline_us, &n);
		if (e)
			return e;
		if (redisReaderFeed(c->reader, bytes, n) != REDIS_OK)
			return ERR_UNAVAILABLE;
	}
}

/* Sends one command and takes its reply. After a failure the connection is closed, so that a
 * late reply is never taken for the next command's. */
static enum err
call(struct cache *c, const struct command *cmd, int64_t deadline_us, redisReply **ret_reply)
{
	enum err e = connect_unless_alive(c, deadline_us);

	if (!e)
		e = send_command(c, cmd, deadline_us);
	if (!e)
		e = receive_reply(c, deadline_us, ret_reply);
	if (e)
		disconnect(c);
	return e;
}

static int64_t
deadline_of(const struct cache *c, const struct ctx *cx)
{
	int64_t deadline_us = clock_mono_us() + c->timeout_ms * 1000;

	return deadline_us < cx->deadline_us ? deadline_us : cx->deadline_us;
}

static void
report(struct cache *c, enum metric_outcome outcome, int64_t began_us)
{
	breaker_report(c->breaker, outcome != OUTCOME_ERROR);
	metric_add(M_CACHE_CALLS, outcome, 0, 0, 1);
	metric_observe(M_CACHE_DURATION, 0, clock_mono_us() - began_us);
}

static void
report_skipped(void)
{
	metric_add(M_CACHE_CALLS, OUTCOME_SKIPPED, 0, 0, 1);
}

static void
make_key(char key[KEY_SIZE], const char *code)
{
	snprintf(key, KEY_SIZE, "u:%s", code);
}

static enum metric_outcome
outcome_of_get(const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_STRING)
		return OUTCOME_OK;
	return reply->type == REDIS_REPLY_NIL ? OUTCOME_MISS : OUTCOME_ERROR;
}

enum err
cache_get(struct cache *c, struct ctx *cx, const char *code, struct url_target *ret_target)
{
	char key[KEY_SIZE];
	const struct command cmd = { 2, { "GET", key } };
	enum metric_outcome outcome = OUTCOME_ERROR;
	int64_t began_us = clock_mono_us();
	redisReply *reply = NULL;
	enum err e = ERR_UNAVAILABLE;

	if (c->socket[0] == '\0' || began_us >= cx->deadline_us || !breaker_allows(c->breaker)) {
		report_skipped();
		return ERR_UNAVAILABLE;
	}
	make_key(key, code);
	if (call(c, &cmd, deadline_of(c, cx), &reply) == ERR_OK)
		outcome = outcome_of_get(reply);
	report(c, outcome, began_us);
	if (outcome == OUTCOME_MISS)
		e = ERR_NOT_FOUND;
	/* A value that does not unpack is overwritten by the fill that follows. */
	else if (outcome == OUTCOME_OK &&
		 url_target_unpack(cx->arena, reply->str, reply->len, ret_target) == ERR_OK)
		e = ERR_OK;
	if (reply)
		freeReplyObject(reply);
	return e;
}

/* Learns the script's hash from Redis, once per process. */
static enum err
load_script(struct cache *c, int64_t deadline_us)
{
	const struct command cmd = { 3, { "SCRIPT", "LOAD", put_script } };
	redisReply *reply = NULL;
	enum err e;

	if (c->sha[0] != '\0')
		return ERR_OK;
	e = call(c, &cmd, deadline_us, &reply);
	if (e)
		return e;
	if (reply->type == REDIS_REPLY_STRING && reply->len == SHA1_DIGITS)
		memcpy(c->sha, reply->str, SHA1_DIGITS);
	else
		e = ERR_UNAVAILABLE;
	freeReplyObject(reply);
	return e;
}

/* Runs one form of the script; *ret_absent: this Redis does not know its hash. */
static enum err
run_script(struct cache *c, struct command *cmd, int64_t deadline_us, bool *ret_absent)
{
	redisReply *reply = NULL;
	bool is_good;
	enum err e = call(c, cmd, deadline_us, &reply);

	if (e)
		return e;
	is_good = reply->type == REDIS_REPLY_INTEGER;
	*ret_absent = reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOSCRIPT", 8) == 0;
	freeReplyObject(reply);
	return is_good ? ERR_OK : ERR_UNAVAILABLE;
}

static enum err
put(struct cache *c, const char *key, const char *value, const char *ttl_ms, int64_t deadline_us)
{
	struct command cmd = { 6, { "EVALSHA", c->sha, "1", key, value, ttl_ms } };
	bool absent = false;
	enum err e = load_script(c, deadline_us);

	if (!e)
		e = run_script(c, &cmd, deadline_us, &absent);
	if (!absent)
		return e;
	/* Redis was restarted; EVAL makes it know the hash again. */
	cmd.argv[0] = "EVAL";
	cmd.argv[1] = put_script;
	return run_script(c, &cmd, deadline_us, &absent);
}

enum err
cache_put(struct cache *c, struct ctx *cx, const char *code, const struct url_target *t)
{
	const char *value = url_target_pack(cx->arena, t);
	int64_t began_us = clock_mono_us();
	char key[KEY_SIZE];
	enum err e;

	if (!value)
		return ERR_MEMORY;
	if (c->socket[0] == '\0') {
		report_skipped();
		return ERR_OK;
	}
	if (began_us >= cx->deadline_us || !breaker_allows_write(c->breaker)) {
		report_skipped();
		return ERR_UNAVAILABLE;
	}
	make_key(key, code);
	e = put(c, key, value, t->url_id == 0 ? TOMBSTONE_MS : "0", deadline_of(c, cx));
	report(c, e ? OUTCOME_ERROR : OUTCOME_OK, began_us);
	return e ? ERR_UNAVAILABLE : ERR_OK;
}

enum err
cache_ping(struct cache *c, struct ctx *cx, int64_t *ret_us)
{
	const struct command cmd = { 1, { "PING" } };
	int64_t began_us = clock_mono_us();
	redisReply *reply = NULL;
	bool is_pong = false;

	if (c->socket[0] == '\0')
		return ctx_fail(cx, ERR_UNAVAILABLE, "redis: not configured");
	if (call(c, &cmd, deadline_of(c, cx), &reply) == ERR_OK) {
		is_pong = reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "PONG") == 0;
		freeReplyObject(reply);
	}
	report(c, is_pong ? OUTCOME_OK : OUTCOME_ERROR, began_us);
	if (!is_pong)
		return ctx_fail(cx, ERR_UNAVAILABLE, "redis: no answer");
	*ret_us = clock_mono_us() - began_us;
	return ERR_OK;
}
