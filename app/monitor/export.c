#include "app/monitor/export.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/random.h>

#include "app/monitor/otlp.h"
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ctx.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/base/shm.h"
#include "lib/base/trace_ring.h"
#include "lib/http/client.h"

enum {
	BATCH = 512,
	BATCH_EVERY_US = 1000 * 1000,
	SEND_MS = 5000,
	PAUSE_MIN_US = 200 * 1000,
	PAUSE_DOUBLINGS = 6, /* 12.8 s */
	RETRY_AFTER_MAX_S = 60,
	ARENA_BYTES = 8 * 1024 * 1024
};

/* What the log was told last. */
enum told { TOLD_NOTHING, TOLD_WELL, TOLD_ILL };

struct export
{
	const char *url, *host;
	struct client *client;
	struct trace_ring *ring;
	_Atomic uint64_t *sent; /* in shared memory: the cursor behind the last batch */
	uint64_t cursor;
	struct arena *arena; /* of the batch */
	struct buf body;
	size_t n; /* spans of the batch; 0: there is none */
	struct client_call *call;
	int64_t due_us;       /* of the next batch, or try */
	int64_t next_take_us; /* unless the ring holds a whole batch */
	unsigned failures;    /* in a row */
	enum told told;
	struct span spans[BATCH];
};

struct export *
export_new(const char *run_dir, const char *url, const char *host, struct client *c)
{
	struct export *x = calloc(1, sizeof(*x));
	void *sent;

	if (!x)
		return NULL;
	x->url = url;
	x->host = host;
	x->client = c;
	x->arena = arena_new(ARENA_BYTES);
	x->ring = trace_ring_open(run_dir);
	if (!x->arena || !x->ring || shm_map(run_dir, "trace-sent", 1, sizeof(*x->sent), &sent)) {
		export_free(x);
		return NULL;
	}
	x->sent = sent;
	x->cursor = atomic_load(x->sent);
	return x;
}

void
export_free(struct export *x)
{
	int saved = errno;

	if (!x)
		return;
	client_call_free(x->call);
	if (x->sent)
		shm_unmap(x->sent, sizeof(*x->sent));
	trace_ring_close(x->ring);
	arena_free(x->arena);
	free(x);
	errno = saved;
}

/*
 * The log says when it begins to go wrong, and when it goes well again; not where they are
 * sent, since a URL may hold a password.
 */

static void
tell_ill(struct export *x, const char *why, int status)
{
	if (x->told != TOLD_ILL && log_begin(LOG_WARN, "spans are not taken")) {
		if (status)
			log_int("status", status);
		log_text("diag", why);
		log_end();
	}
	x->told = TOLD_ILL;
}

static void
tell_well(struct export *x)
{
	if (x->told != TOLD_WELL && log_begin(LOG_INFO, "spans are taken"))
		log_end();
	x->told = TOLD_WELL;
}

/*
 * What becomes of a batch
 */

static void
count(enum metric_fate fate, uint64_t n)
{
	if (n > 0)
		metric_add(M_SPANS, fate, 0, 0, n);
}

/* Nothing more can be done for the batch. */
static void
end_batch(struct export *x)
{
	atomic_store(x->sent, x->cursor);
	x->due_us = x->n == BATCH ? 0 : x->next_take_us;
	x->n = 0;
	x->failures = 0;
	arena_reset(x->arena);
}

static void
accept(struct export *x, const struct client_answer *a)
{
	const char *why;
	struct ctx cx;
	uint64_t rejected;

	ctx_init(&cx, x->arena, SEND_MS);
	rejected = (uint64_t)otlp_rejected(&cx, a->body, a->body_n, &why);
	if (rejected > x->n)
		rejected = x->n;
	count(FATE_REFUSED, rejected);
	count(FATE_EXPORTED, x->n - rejected);
	if (rejected > 0)
		tell_ill(x, why, a->status);
	else
		tell_well(x);
	end_batch(x);
}

/* It doubles, up to a bound, and is spread over its upper half. */
static int64_t
pause_us(const struct export *x, int64_t retry_after_s)
{
	unsigned doublings = x->failures < PAUSE_DOUBLINGS ? x->failures : PAUSE_DOUBLINGS;
	int64_t us = (int64_t)PAUSE_MIN_US << doublings, asked_us;
	uint32_t random = 0;

	/* Without a random number the pause is only less spread. */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = 0;
	us -= us / 2 * (random % 1024) / 1024;
	if (retry_after_s > RETRY_AFTER_MAX_S)
		retry_after_s = RETRY_AFTER_MAX_S;
	asked_us = retry_after_s * 1000 * 1000;
	return asked_us > us ? asked_us : us;
}

/* The statuses that OTLP says to come again after. */
static bool
is_worth_retrying(const struct client_answer *a)
{
	if (a->e)
		return a->e != ERR_INVALID;
	return a->status == 429 || a->status == 502 || a->status == 503 || a->status == 504;
}

static void
settle(struct export *x, const struct client_answer *a, int64_t now_us)
{
	if (a->e == ERR_OK && a->status >= 200 && a->status < 300) {
		accept(x, a);
		return;
	}
	tell_ill(x, a->e ? a->why : a->body, a->status);
	if (is_worth_retrying(a)) {
		x->due_us = now_us + pause_us(x, a->retry_after_s);
		x->failures++;
	} else {
		count(FATE_REFUSED, x->n);
		end_batch(x);
	}
}

/*
 * The next batch
 */

/* Takes at most max spans from the ring, and counts what is gone. */
static size_t
take(struct export *x, size_t max)
{
	uint64_t missed;
	size_t n = trace_ring_take(x->ring, &x->cursor, x->spans, max, &missed);

	count(FATE_DROPPED, missed);
	return n;
}

static void
gather(struct export *x, int64_t now_us)
{
	x->n = take(x, BATCH);
	x->next_take_us = now_us + BATCH_EVERY_US;
	x->due_us = x->next_take_us;
	if (x->n == 0)
		return;
	buf_init(&x->body, x->arena);
	if (otlp_write(x->host, x->spans, x->n, &x->body) == ERR_OK)
		return;
	count(FATE_DROPPED, x->n);
	end_batch(x);
}

static void
send_batch(struct export *x, int64_t now_us)
{
	const struct client_request rq = {
		.method = "POST",
		.url = x->url,
		.headers = { "Content-Type: application/json" },
		.body = x->body.data,
		.body_n = x->body.len,
		.timeout_ms = SEND_MS,
	};
	const struct client_answer no_memory = { .e = ERR_MEMORY, .why = "out of memory" };

	x->call = client_begin(x->client, &rq);
	if (!x->call)
		settle(x, &no_memory, now_us);
}

void
export_turn(struct export *x, int64_t now_us)
{
	const struct client_answer *a = x->call ? client_answer(x->call) : NULL;

	if (a) {
		settle(x, a, now_us);
		client_call_free(x->call);
		x->call = NULL;
	}
	if (x->n > 0)
		take(x, 0);
	if (x->call || now_us < x->due_us)
		return;
	if (x->n == 0)
		gather(x, now_us);
	if (x->n > 0)
		send_batch(x, now_us);
}

int64_t
export_due_us(const struct export *x)
{
	return x->call ? INT64_MAX : x->due_us;
}
