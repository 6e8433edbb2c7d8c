#include "lib/data/cache.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/base/metric.h"
#include "lib/base/trace.h"
#include "lib/data/breaker.h"
#include "lib/data/news.h"
#include "lib/data/pipeline.h"

enum { SHA1_DIGITS = 40, KEY_SIZE = 2 + CODE_MAX + 1 };

struct cache {
	struct pipeline *pipe; /* NULL: no cache */
	int64_t timeout_ms;
	struct breaker *breaker;
	char sha[SHA1_DIGITS + 1]; /* put_script's; "": not loaded by this process yet */
};

/* Versions are compared as text, being 16 hex digits each. A value that is none of ours is
 * overwritten, whatever its type. A change is published though it is there already: not
 * everybody may know. */
static const char put_script[] =
    "if ARGV[3] ~= '' then\n"
    "  redis.call('PUBLISH', ARGV[3], '')\n"
    "end\n"
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

struct cache *
cache_new(const char *socket, int64_t timeout_ms, struct breaker *b)
{
	struct cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->timeout_ms = timeout_ms;
	c->breaker = b;
	if (socket[0] == '\0')
		return c;
	c->pipe = pipeline_new(socket);
	if (!c->pipe) {
		free(c);
		return NULL;
	}
	return c;
}

void
cache_free(struct cache *c)
{
	if (!c)
		return;
	pipeline_free(c->pipe);
	free(c);
}

static int64_t
deadline_of(const struct cache *c, const struct ctx *cx)
{
	int64_t deadline_us = clock_mono_us() + c->timeout_ms * 1000;

	return deadline_us < cx->deadline_us ? deadline_us : cx->deadline_us;
}

/* What became of the codes of one round trip. */
struct tally {
	size_t of[OUTCOME__COUNT];
};

static size_t
count_all(const struct tally *t)
{
	size_t n = 0;

	for (unsigned o = 0; o < OUTCOME__COUNT; o++)
		n += t->of[o];
	return n;
}

/* A round trip, by its verb. */
struct trip {
	const char *name;
	struct tally tally;
	int64_t began_us;
};

static void
trace(struct ctx *cx, const struct trip *trip, bool is_good)
{
	const struct trace_part p = {
		.name = trip->name,
		.kind = SPAN_CLIENT,
		.has_failed = !is_good,
		.began_us = trip->began_us,
		.ended_us = clock_mono_us(),
		.unit = "codes",
		.n = (int64_t)count_all(&trip->tally),
	};

	trace_add(cx->trace, &p);
}

/* e: of the round trip. */
static void
report(struct cache *c, struct ctx *cx, enum err e, const struct trip *trip)
{
	const struct tally *t = &trip->tally;
	bool is_good = !e && t->of[OUTCOME_OK] + t->of[OUTCOME_MISS] > 0;

	if (cx->trace)
		trace(cx, trip, is_good);
	/* One bad value among good ones is no sign of a bad Redis, nor is a full arena. */
	if (e != ERR_MEMORY)
		breaker_report(c->breaker, is_good);
	for (unsigned o = 0; o < OUTCOME__COUNT; o++)
		if (t->of[o] > 0)
			metric_add(M_CACHE_CALLS, o, 0, 0, t->of[o]);
	metric_observe(M_CACHE_DURATION, 0, clock_mono_us() - trip->began_us);
}

static void
report_skipped(size_t n)
{
	metric_add(M_CACHE_CALLS, OUTCOME_SKIPPED, 0, 0, n);
}

static void
make_key(char key[KEY_SIZE], const char *code)
{
	snprintf(key, KEY_SIZE, "u:%s", code);
}

/*
 * Reading.
 */

static void
ask(struct pipeline *p, struct arena *a, const char *const codes[], size_t n)
{
	pipeline_begin(p, a);
	for (size_t i = 0; i < n; i++) {
		char key[KEY_SIZE];

		make_key(key, codes[i]);
		pipeline_add(p, (const char *const[]){ "GET", key, NULL });
	}
}

/* Leaves ret_found as it is when the reply is of no use. */
static enum metric_outcome
read_reply(struct arena *a, const struct reply *r, struct cache_found *ret_found)
{
	if (r->kind == REPLY_NIL) {
		ret_found->e = ERR_NOT_FOUND;
		return OUTCOME_MISS;
	}
	if (r->kind != REPLY_STRING)
		return OUTCOME_ERROR;
	/* A value that does not unpack is overwritten by the fill that follows. */
	if (url_target_unpack(a, r->text, r->n, &ret_found->target) == ERR_OK)
		ret_found->e = ERR_OK;
	return OUTCOME_OK;
}

void
cache_get_many(struct cache *c, struct ctx *cx, const char *const codes[], size_t n,
    struct cache_found ret_found[])
{
	struct trip trip = { .name = "redis GET", .began_us = clock_mono_us() };
	int64_t deadline_us = deadline_of(c, cx);
	struct reply reply;
	size_t taken = 0;
	enum err e;

	assert(n <= CACHE_CODES_MAX);
	for (size_t i = 0; i < n; i++)
		ret_found[i] = (struct cache_found){ .e = ERR_UNAVAILABLE };
	if (n == 0)
		return;
	if (!c->pipe || trip.began_us >= cx->deadline_us || !breaker_allows(c->breaker)) {
		report_skipped(n);
		return;
	}
	ask(c->pipe, cx->arena, codes, n);
	e = pipeline_send(c->pipe, deadline_us);
	while (!e && taken < n) {
		e = pipeline_take(c->pipe, deadline_us, &reply);
		if (!e)
			trip.tally.of[read_reply(cx->arena, &reply, &ret_found[taken++])]++;
	}
	trip.tally.of[OUTCOME_ERROR] += n - taken;
	report(c, cx, e, &trip);
}

enum err
cache_get(struct cache *c, struct ctx *cx, const char *code, struct url_target *ret_target)
{
	struct cache_found found;

	cache_get_many(c, cx, &code, 1, &found);
	if (!found.e)
		*ret_target = found.target;
	return found.e;
}

/*
 * Writing.
 */

struct put {
	char key[KEY_SIZE];
	const char *value, *ttl_ms, *channel; /* channel: where to publish it; "": nowhere */
	bool is_due; /* not tried, or this Redis does not know the script's hash */
	bool is_stored;
};

struct puts {
	struct arena *arena;
	int64_t deadline_us;
	size_t n;
	struct put v[CACHE_CODES_MAX];
};

/* ERR_MEMORY. */
static enum err
prepare(struct puts *p, const char *const codes[], const struct url_target targets[],
    const char *channel)
{
	for (size_t i = 0; i < p->n; i++) {
		struct put *put = &p->v[i];

		make_key(put->key, codes[i]);
		put->value = url_target_pack(p->arena, &targets[i]);
		if (!put->value)
			return ERR_MEMORY;
		put->ttl_ms = targets[i].url_id == 0 ? TOMBSTONE_MS : "0";
		put->channel = channel;
		put->is_due = true;
		put->is_stored = false;
	}
	return ERR_OK;
}

/* Learns the script's hash from Redis, once per process. */
static enum err
load_script(struct cache *c, struct puts *p)
{
	struct reply reply;
	enum err e;

	if (c->sha[0] != '\0')
		return ERR_OK;
	pipeline_begin(c->pipe, p->arena);
	pipeline_add(c->pipe, (const char *const[]){ "SCRIPT", "LOAD", put_script, NULL });
	e = pipeline_send(c->pipe, p->deadline_us);
	if (!e)
		e = pipeline_take(c->pipe, p->deadline_us, &reply);
	if (e)
		return e;
	if (reply.kind != REPLY_STRING || reply.n != SHA1_DIGITS)
		return ERR_UNAVAILABLE;
	memcpy(c->sha, reply.text, SHA1_DIGITS);
	return ERR_OK;
}

static bool
is_unknown_script(const struct reply *r)
{
	return r->kind == REPLY_ERROR && strncmp(r->text, "NOSCRIPT", 8) == 0;
}

/* Runs the script, by its hash or as text, for each put that is due. */
static enum err
run_script(struct cache *c, struct puts *p, const char *verb, const char *script)
{
	enum err e;

	pipeline_begin(c->pipe, p->arena);
	for (size_t i = 0; i < p->n; i++) {
		const struct put *put = &p->v[i];

		if (put->is_due)
			pipeline_add(c->pipe, (const char *const[]){ verb, script, "1", put->key,
						  put->value, put->ttl_ms, put->channel, NULL });
	}
	e = pipeline_send(c->pipe, p->deadline_us);
	for (size_t i = 0; i < p->n && !e; i++) {
		struct put *put = &p->v[i];
		struct reply reply;

		if (!put->is_due)
			continue;
		e = pipeline_take(c->pipe, p->deadline_us, &reply);
		if (e)
			break;
		put->is_due = is_unknown_script(&reply);
		put->is_stored = reply.kind == REPLY_INTEGER;
	}
	return e;
}

static bool
is_any_due(const struct puts *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].is_due)
			return true;
	return false;
}

static enum err
run_puts(struct cache *c, struct puts *p)
{
	enum err e = load_script(c, p);

	if (!e)
		e = run_script(c, p, "EVALSHA", c->sha);
	/* Redis was restarted; EVAL makes it know the hash again. */
	if (!e && is_any_due(p))
		e = run_script(c, p, "EVAL", put_script);
	return e;
}

static struct tally
count_puts(const struct puts *p)
{
	struct tally t = { { 0 } };

	for (size_t i = 0; i < p->n; i++)
		t.of[p->v[i].is_stored ? OUTCOME_OK : OUTCOME_ERROR]++;
	return t;
}

static enum err
put_many(struct cache *c, struct ctx *cx, const char *const codes[],
    const struct url_target targets[], size_t n, const char *channel)
{
	struct trip trip = { .name = "redis SET", .began_us = clock_mono_us() };
	struct puts puts;
	enum err e;

	assert(n <= CACHE_CODES_MAX);
	puts.arena = cx->arena;
	puts.deadline_us = deadline_of(c, cx);
	puts.n = n;
	e = prepare(&puts, codes, targets, channel);
	if (e || n == 0)
		return e;
	if (!c->pipe) {
		report_skipped(n);
		return ERR_OK;
	}
	if (trip.began_us >= cx->deadline_us || !breaker_allows_write(c->breaker)) {
		report_skipped(n);
		return ERR_UNAVAILABLE;
	}
	e = run_puts(c, &puts);
	trip.tally = count_puts(&puts);
	report(c, cx, e, &trip);
	return trip.tally.of[OUTCOME_ERROR] > 0 ? ERR_UNAVAILABLE : ERR_OK;
}

enum err
cache_put_many(struct cache *c, struct ctx *cx, const char *const codes[],
    const struct url_target targets[], size_t n)
{
	return put_many(c, cx, codes, targets, n, "");
}

enum err
cache_put(struct cache *c, struct ctx *cx, const char *code, const struct url_target *t)
{
	return put_many(c, cx, &code, t, 1, "");
}

enum err
cache_put_change(struct cache *c, struct ctx *cx, const char *code, const struct url_target *t)
{
	return put_many(c, cx, &code, t, 1, NEWS_CHANNEL);
}

enum err
cache_ping(struct cache *c, struct ctx *cx, int64_t *ret_us)
{
	struct trip trip = { .name = "redis PING", .began_us = clock_mono_us() };
	int64_t deadline_us = deadline_of(c, cx);
	struct reply reply;
	bool is_pong;
	enum err e;

	if (!c->pipe)
		return ctx_fail(cx, ERR_UNAVAILABLE, "redis: not configured");
	pipeline_begin(c->pipe, cx->arena);
	pipeline_add(c->pipe, (const char *const[]){ "PING", NULL });
	e = pipeline_send(c->pipe, deadline_us);
	if (!e)
		e = pipeline_take(c->pipe, deadline_us, &reply);
	is_pong = !e && reply.kind == REPLY_STATUS && strcmp(reply.text, "PONG") == 0;
	trip.tally.of[is_pong ? OUTCOME_OK : OUTCOME_ERROR]++;
	report(c, cx, e, &trip);
	if (!is_pong)
		return ctx_fail(cx, ERR_UNAVAILABLE, "redis: no answer");
	*ret_us = clock_mono_us() - trip.began_us;
	return ERR_OK;
}
