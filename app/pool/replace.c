#include "app/pool/replace.h"

#include "app/pool/pool.h"
#include "app/pool/report.h"
#include "lib/base/log.h"

void
replace_init(struct replace *r)
{
	*r = (struct replace){ .newcomer = REPLACE_NOBODY, .leaver = REPLACE_NOBODY };
}

bool
replace_is_on(const struct replace *r)
{
	return r->is_roll || r->newcomer != REPLACE_NOBODY || r->leaver != REPLACE_NOBODY;
}

void
replace_roll(struct pool *p, int64_t now_us)
{
	struct replace *r = &p->replace;

	log_event(LOG_INFO, "roll begins", "%s", p->name);
	for (struct child *c = NULL; (c = pool_next(p, c));)
		if (child_is_serving(c))
			c->replace = REASON_ROLLED;
	r->is_roll = true;
	r->by_us = now_us + WATCH_START_US;
	p->backoff = (struct backoff){ 0 };
}

static void
give_up(struct pool *p, const char *why, int64_t now_us)
{
	struct replace *r = &p->replace;

	log_event(LOG_ERROR, "the old workers stay", "%s: %s", p->name, why);
	if (r->newcomer != REPLACE_NOBODY && p->children[r->newcomer].pid)
		child_kill(&p->children[r->newcomer], REASON_ABORTED);
	for (struct child *c = NULL; (c = pool_next(p, c));)
		c->replace = REASON_NONE;
	r->newcomer = REPLACE_NOBODY;
	r->from_us = now_us + REPLACE_RETRY_US;
	if (r->is_roll)
		report_roll(p, why);
	r->is_roll = false;
}

void
replace_ended(struct pool *p, int place, int64_t now_us)
{
	if (place == p->replace.leaver)
		p->replace.leaver = REPLACE_NOBODY;
	if (place != p->replace.newcomer)
		return;
	p->replace.newcomer = REPLACE_NOBODY;
	give_up(p, "a new worker died", now_us);
}

/* Not all at once: each place has a limit of its own. */
static int64_t
limit_of(const struct pool *p, const struct child *c)
{
	return p->recycle_after + p->recycle_after / 16 * ((c - p->children) % 8);
}

static void
mark_used_up(struct pool *p, int64_t now_us)
{
	if (!p->recycle_after || now_us < p->replace.from_us)
		return;
	for (struct child *c = NULL; (c = pool_next(p, c));)
		if (child_is_serving(c) && c->replace == REASON_NONE &&
		    (int64_t)c->pulse.view.requests >= limit_of(p, c))
			c->replace = REASON_RECYCLED;
}

/* The oldest of those that are marked; NULL: none is. */
static struct child *
next_of(struct pool *p)
{
	struct child *found = NULL;

	for (struct child *c = NULL; (c = pool_next(p, c));)
		if (c->replace != REASON_NONE && child_is_serving(c) &&
		    (!found || c->started_us < found->started_us))
			found = c;
	return found;
}

static void
finish_roll(struct pool *p, int64_t now_us)
{
	unsigned up = 0;

	for (struct child *c = NULL; (c = pool_next(p, c));)
		up += child_is_serving(c) && c->is_up;
	if (up < p->scale.workers) {
		if (now_us > p->replace.by_us)
			give_up(p, "workers do not come up", now_us);
		return;
	}
	p->replace.is_roll = false;
	log_event(LOG_INFO, "roll done", "%s", p->name);
	report_roll(p, NULL);
}

static void
begin(struct pool *p, int64_t now_us)
{
	struct replace *r = &p->replace;

	if (!next_of(p)) {
		if (r->is_roll)
			finish_roll(p, now_us);
		return;
	}
	r->newcomer = pool_start_child(p, now_us);
	r->by_us = now_us + WATCH_START_US;
	if (r->newcomer == REPLACE_NOBODY)
		give_up(p, "no new worker can be started", now_us);
}

static void
await_newcomer(struct pool *p, int64_t now_us)
{
	struct replace *r = &p->replace;
	struct child *old;

	if (!p->children[r->newcomer].is_up) {
		if (now_us > r->by_us)
			give_up(p, "a new worker does not come up", now_us);
		return;
	}
	r->newcomer = REPLACE_NOBODY;
	r->by_us = now_us + WATCH_START_US;
	old = next_of(p);
	if (!old) /* it has died, and this one stands for it */
		return;
	r->leaver = (int)(old - p->children);
	child_tell(old, old->replace, now_us, p->request_us);
}

void
replace_turn(struct pool *p, int64_t now_us)
{
	struct replace *r = &p->replace;

	mark_used_up(p, now_us);
	if (r->leaver != REPLACE_NOBODY)
		return;
	if (r->newcomer != REPLACE_NOBODY)
		await_newcomer(p, now_us);
	else
		begin(p, now_us);
}
