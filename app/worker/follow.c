#include "app/worker/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/worker/app.h"
#include "app/worker/follow_trace.h"
#include "lib/base/arena.h"
#include "lib/base/attr.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/data/cache.h"
#include "lib/data/click.h"
#include "lib/data/journal.h"
#include "lib/data/l1.h"
#include "lib/data/lookup.h"
#include "lib/data/unknown.h"
#include "lib/data/url_store.h"
#include "lib/http/dispatch.h"
#include "lib/http/target.h"

enum {
	LINES_BYTES = 8 * CLICK_LINE_MAX,
	SCRATCH_BYTES = 4 << 20, /* a full query's targets fit several times */
	REDIS_MS = 400           /* whatever the settings say: two fit a turn of the loop */
};

_Static_assert(FOLLOW_BATCH <= CACHE_CODES_MAX, "a batch is one round trip");
_Static_assert(LOOKUP_CODES_MAX <= CACHE_CODES_MAX, "a query's rows are one round trip");

struct follow {
	struct app *app;
	struct follow_front front;
	struct visit *first, **last;           /* parked and not asked for yet, oldest first */
	struct visit *asked[LOOKUP_CODES_MAX]; /* of the query that runs; NULL: answered since */
	struct follow_query query;             /* that runs, as spans tell it */
	size_t n_asked, n_waiting;
	struct arena *scratch; /* what a batch learns from Redis or PostgreSQL */
	struct ctx cx;
	char locations[FOLLOW_BATCH][L1_LOCATION_SIZE];
	char lines[LINES_BYTES];
};

static const char *const layer_names[LAYER__COUNT] = {
	[LAYER_NONE] = "none",
	[LAYER_L1] = "l1",
	[LAYER_REDIS] = "redis",
	[LAYER_DB] = "db",
};

struct follow *
follow_new(struct app *app, const struct follow_front *front)
{
	struct follow *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->app = app;
	f->front = *front;
	f->last = &f->first;
	f->scratch = arena_new(SCRATCH_BYTES);
	if (!f->scratch) {
		free(f);
		return NULL;
	}
	return f;
}

void
follow_free(struct follow *f)
{
	if (!f)
		return;
	arena_free(f->scratch);
	free(f);
}

/*
 * Answers
 */

static enum metric_redirect
outcome_of(const struct visit *v)
{
	if (v->e == ERR_NOT_FOUND)
		return REDIRECT_UNKNOWN;
	if (v->e)
		return REDIRECT_FAILED;
	return v->target.is_active ? REDIRECT_FOUND : REDIRECT_INACTIVE;
}

bool
visit_is_click(const struct visit *v)
{
	return !v->e && v->target.is_active && v->x->rq.method == METHOD_GET;
}

static size_t
format(const struct follow *f, const struct visit *v, char line[CLICK_LINE_MAX])
{
	const struct req *rq = &v->x->rq;
	const struct click c = {
		.visit_id = rq->visit_id,
		.at_us = clock_wall_us(),
		.url_id = v->target.url_id,
		.user_id = v->target.user_id,
		.short_code = v->code,
		.referrer = req_header(rq, "HTTP_REFERER"),
		.user_agent = req_header(rq, "HTTP_USER_AGENT"),
		.client = rq->client,
	};
	size_t n = click_format(&c, f->app->visitor_key, line);

	if (n == 0)
		log_event(LOG_ERROR, "click lost", "no visit id from the web server");
	return n;
}

/* Clicks that can't be journaled are counted and told to the operator; the visitors are sent
 * on all the same. */
static bool
append(struct follow *f, size_t n)
{
	if (n == 0 || journal_append(f->app->journal, f->lines, n) == ERR_OK)
		return true;
	log_event(LOG_ERROR, "click lost", "journal: %s", strerror(errno));
	return false;
}

/* One append for all, unless they are very long. */
static void
record(struct follow *f, struct visit *const visits[], size_t n)
{
	int64_t began_us = clock_mono_us();
	bool is_kept = true;
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		if (!visit_is_click(visits[i]))
			continue;
		if (used > LINES_BYTES - CLICK_LINE_MAX) {
			is_kept = append(f, used) && is_kept;
			used = 0;
		}
		used += format(f, visits[i], f->lines + used);
	}
	is_kept = append(f, used) && is_kept;
	follow_trace_journal(f->app, visits, n, began_us, !is_kept);
}

static void
answer(struct follow *f, struct visit *v)
{
	struct resp *rs = &v->x->rs;
	enum metric_redirect outcome = outcome_of(v);

	metric_add(M_REDIRECTS, v->layer, outcome, 0, 1);
	rs->layer = layer_names[v->layer];
	if (outcome == REDIRECT_FOUND) {
		resp_header(rs, "Location", v->target.location);
		resp_header(rs, "Cache-Control", "private, no-store");
		v->e = resp_empty(rs, v->target.status);
	} else if (outcome == REDIRECT_INACTIVE) {
		v->e = ERR_NOT_FOUND;
	}
	f->front.answered(f->front.arg, v);
}

static void
settle(struct follow *f, struct visit *const visits[], size_t n)
{
	record(f, visits, n);
	for (size_t i = 0; i < n; i++)
		answer(f, visits[i]);
}

/* A context for work that is done for many visits at once. */
static struct ctx *
scratch(struct follow *f)
{
	arena_reset(f->scratch);
	ctx_init(&f->cx, f->scratch, REDIS_MS);
	return &f->cx;
}

/*
 * The host's memory
 */

/* Whether it knows what becomes of the visit. */
static bool
is_remembered(struct follow *f, struct visit *v, char location[L1_LOCATION_SIZE])
{
	v->layer = LAYER_NONE;
	v->e = ERR_NOT_FOUND;
	if (strlen(v->code) > CODE_MAX)
		return true;
	if (l1_get(f->app->l1, v->code, &v->target, location, &v->l1_ticket)) {
		v->layer = LAYER_L1;
		v->e = ERR_OK;
		return true;
	}
	return unknown_has(f->app->unknown, v->code, &v->unknown_ticket);
}

/*
 * Redis
 */

/* Whether Redis knew. */
static bool
take_found(struct visit *v, const struct cache_found *found)
{
	if (found->e)
		return false;
	v->layer = LAYER_REDIS;
	v->target = found->target;
	v->e = found->target.url_id != 0 ? ERR_OK : ERR_NOT_FOUND;
	return true;
}

/* Remembers and answers those that Redis knows; the others are left in visits, their number
 * is returned. */
static size_t
ask_redis(struct follow *f, struct visit *visits[], size_t n)
{
	struct cache_found found[FOLLOW_BATCH];
	struct visit *known[FOLLOW_BATCH] = { NULL };
	const char *codes[FOLLOW_BATCH];
	size_t n_known = 0, n_left = 0;
	int64_t began_us = clock_mono_us();

	for (size_t i = 0; i < n; i++)
		codes[i] = visits[i]->code;
	cache_get_many(f->app->cache, scratch(f), codes, n, found);
	follow_trace_redis(visits, found, n, began_us);
	for (size_t i = 0; i < n; i++) {
		if (take_found(visits[i], &found[i])) {
			l1_fill(
			    f->app->l1, visits[i]->code, &found[i].target, visits[i]->l1_ticket);
			known[n_known++] = visits[i];
		} else {
			visits[n_left++] = visits[i];
		}
	}
	settle(f, known, n_known);
	return n_left;
}

/*
 * PostgreSQL
 */

static void
fail(struct follow *f, struct visit *v, enum err e, const char *why)
{
	v->layer = LAYER_DB;
	v->e = ctx_fail(&v->x->cx, e, "%s", why);
	answer(f, v);
}

/* Parks a visit at the end of the queue, or turns it away. */
static void
park(struct follow *f, struct visit *v)
{
	if (f->n_waiting >= FOLLOW_WAITING_MAX) {
		fail(f, v, ERR_UNAVAILABLE, "too many visits wait for the database");
		return;
	}
	v->next = NULL;
	*f->last = v;
	f->last = &v->next;
	f->n_waiting++;
	f->front.parked(f->front.arg, v);
}

static struct visit *
unqueue(struct follow *f)
{
	struct visit *v = f->first;

	f->first = v->next;
	if (!f->first)
		f->last = &f->first;
	return v;
}

/* The oldest that waits and must still be asked for: many may have waited for one code, which
 * the last query taught the host. NULL: there is none. */
static struct visit *
next_unknown(struct follow *f)
{
	while (f->first) {
		struct visit *v = unqueue(f);

		if (!is_remembered(f, v, f->locations[0]))
			return v;
		f->n_waiting--;
		settle(f, &v, 1);
	}
	return NULL;
}

/* Asks for the oldest of those that wait. */
static void
ask_postgresql(struct follow *f)
{
	const char *codes[LOOKUP_CODES_MAX];
	int64_t deadline_us = 0;

	if (lookup_state(f->app->lookup) != LOOKUP_FREE)
		return;
	for (f->n_asked = 0; f->n_asked < LOOKUP_CODES_MAX; f->n_asked++) {
		struct visit *v = next_unknown(f);

		if (!v)
			break;
		f->asked[f->n_asked] = v;
		codes[f->n_asked] = v->code;
		deadline_us = v->x->cx.deadline_us;
	}
	if (f->n_asked == 0)
		return;
	f->query = follow_trace_begin_query(f->asked, f->n_asked);
	lookup_start(f->app->lookup, codes, f->n_asked, deadline_us,
	    f->query.ref.is_sampled ? &f->query.ref : NULL);
}

/* What a row says is only followed if the rules of today still allow its target. */
static enum err
judge(struct follow *f, struct visit *v, const struct url *u)
{
	const char *refusal = target_refusal(f->app->targets, NULL, u->original_url);

	if (refusal)
		return ctx_fail(&v->x->cx, ERR_NOT_FOUND, "url %" PRId64 ": %s", u->id, refusal);
	if (app_target(&f->cx, u, &v->target) != ERR_OK)
		return ctx_fail(&v->x->cx, ERR_NOT_FOUND, "%s", f->cx.diag);
	return ERR_OK;
}

static void
resolve(struct follow *f, struct visit *v)
{
	struct url u;

	v->layer = LAYER_DB;
	v->e = lookup_result(f->app->lookup);
	if (v->e) {
		ctx_fail(&v->x->cx, v->e, "%s", lookup_why(f->app->lookup));
	} else if (lookup_find(f->app->lookup, v->code, &u)) {
		v->e = judge(f, v, &u);
	} else {
		unknown_fill(f->app->unknown, v->code, v->unknown_ticket);
		v->e = ERR_NOT_FOUND;
	}
}

/* What the caches are to learn of the answers, kept apart since visits end when answered. */
struct lessons {
	const char *codes[LOOKUP_CODES_MAX];
	struct url_target targets[LOOKUP_CODES_MAX];
	size_t n;
	struct trace_ref refs[LOOKUP_CODES_MAX]; /* of those that are sampled */
	size_t n_refs;
};

static void
note(struct follow *f, struct lessons *all, const struct visit *v)
{
	const char *code = v->e ? NULL : arena_strdup(f->scratch, v->code);

	if (!code)
		return;
	l1_fill(f->app->l1, code, &v->target, v->l1_ticket);
	all->codes[all->n] = code;
	all->targets[all->n++] = v->target;
	if (trace_is_sampled(&v->x->trace))
		all->refs[all->n_refs++] = v->x->trace.ref;
}

static void
teach(struct follow *f, const struct lessons *all)
{
	int64_t began_us = clock_mono_us();
	enum err e;

	if (all->n == 0)
		return;
	e = cache_put_many(f->app->cache, &f->cx, all->codes, all->targets, all->n);
	if (e)
		log_event(LOG_DEBUG, "not cached", "%zu codes", all->n);
	for (size_t i = 0; i < all->n_refs; i++)
		follow_trace_taught(f->app, &all->refs[i], all->n, began_us, e != ERR_OK);
}

static void
end_query(struct follow *f)
{
	struct visit *visits[LOOKUP_CODES_MAX] = { NULL };
	struct lessons all;
	size_t n = 0;

	all.n = all.n_refs = 0;
	scratch(f);
	for (size_t i = 0; i < f->n_asked; i++) {
		if (!f->asked[i])
			continue;
		resolve(f, f->asked[i]);
		follow_trace_query(f->asked[i], &f->query, lookup_result(f->app->lookup) != ERR_OK);
		note(f, &all, f->asked[i]);
		visits[n++] = f->asked[i];
	}
	f->n_asked = 0;
	f->n_waiting -= n;
	settle(f, visits, n);
	teach(f, &all);
	lookup_clear(f->app->lookup); /* the targets may be its texts */
}

static bool
is_late(const struct visit *v, int64_t now_us)
{
	return v->x->cx.deadline_us <= now_us;
}

/* All have the same time to wait, so the queue is in the order of their deadlines. */
static void
give_up_on_the_late(struct follow *f, int64_t now_us)
{
	static const char why[] = "the database did not answer in time";

	while (f->first && is_late(f->first, now_us)) {
		f->n_waiting--;
		fail(f, unqueue(f), ERR_DEADLINE, why);
	}
	for (size_t i = 0; i < f->n_asked; i++)
		if (f->asked[i] && is_late(f->asked[i], now_us)) {
			f->n_waiting--;
			follow_trace_query(f->asked[i], &f->query, true);
			fail(f, f->asked[i], ERR_DEADLINE, why);
			f->asked[i] = NULL;
		}
}

void
follow_step(struct follow *f)
{
	int64_t now_us = clock_mono_us();

	if (lookup_state(f->app->lookup) == LOOKUP_RUNS)
		lookup_step(f->app->lookup, now_us);
	if (lookup_state(f->app->lookup) == LOOKUP_DONE)
		end_query(f);
	if (f->n_waiting > 0)
		give_up_on_the_late(f, now_us);
	ask_postgresql(f);
}

int64_t
follow_wake_us(const struct follow *f)
{
	if (lookup_state(f->app->lookup) == LOOKUP_DONE)
		return 0;
	return f->n_waiting > 0 ? lookup_wake_us(f->app->lookup) : INT64_MAX;
}

size_t
follow_waiting(const struct follow *f)
{
	return f->n_waiting;
}

void
follow_batch(struct follow *f, struct visit *const visits[], size_t n)
{
	struct visit *known[FOLLOW_BATCH] = { NULL }, *left[FOLLOW_BATCH] = { NULL };
	size_t n_known = 0, n_left = 0;
	int64_t began_us = clock_mono_us();

	for (size_t i = 0; i < n; i++) {
		bool has_hit = is_remembered(f, visits[i], f->locations[i]);

		if (has_hit)
			known[n_known++] = visits[i];
		else
			left[n_left++] = visits[i];
		follow_trace_memory(visits[i], began_us, has_hit);
	}
	settle(f, known, n_known);
	if (n_left > 0)
		n_left = ask_redis(f, left, n_left);
	for (size_t i = 0; i < n_left; i++)
		park(f, left[i]);
	ask_postgresql(f);
}
