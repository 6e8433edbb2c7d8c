#include "app/ingest/tail.h"

#include <stdlib.h>

#include "app/ingest/past.h"
#include "app/ingest/window.h"
#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/data/breaker.h"
#include "lib/data/cache.h"
#include "lib/data/db.h"
#include "lib/data/l1.h"
#include "lib/data/outbox.h"
#include "lib/data/unknown.h"
#include "lib/data/url_target.h"
#include "lib/http/target.h"

enum {
	PAGE = 500,
	SETTLE_US = 10 * 1000 * 1000, /* the longest request deadline */
	PAST_SPACING_US = 200 * 1000,
	STORE_EVERY_US = 60 * 1000 * 1000 /* a host that is idle is still there */
};

/*
 * Two readers follow the outbox. The first applies rows as they appear; `seen` is where
 * nothing can appear any more behind it. The second follows SETTLE_US later, applies them
 * again, and its position is the one that is stored.
 */
struct tail {
	const char *host;
	struct db *db;
	struct tail_targets to;
	bool is_open;
	struct outbox_cursor seen, passed;
	struct past past;     /* of seen */
	struct window window; /* applied, but after seen */
	/* the first reader's scan from seen to the end */
	bool in_scan;
	struct outbox_cursor at;
	uint64_t dirty_mark;
	int64_t scan_us;     /* when it began */
	int64_t complete_us; /* when the last complete one began */
	int64_t stored_us;
	/* Redis did not take a change: it lacks what came after `owed`. The host's own tables
	 * are brought forward without it. */
	bool owes;
	struct outbox_cursor owed;
};

struct tail *
tail_new(const char *host, struct db *db, const struct tail_targets *targets)
{
	struct tail *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->host = host;
	t->db = db;
	t->to = *targets;
	t->past.spacing_us = PAST_SPACING_US;
	t->complete_us = clock_mono_us();
	return t;
}

void
tail_free(struct tail *t)
{
	free(t);
}

void
tail_publish_lag(const struct tail *t)
{
	metric_set(M_OUTBOX_LAG, (double)(clock_mono_us() - t->complete_us) / 1e6);
}

static void
warn_of_target(const struct outbox_row *row)
{
	if (!log_begin(LOG_WARN, "a changed url has a target that can't be sent"))
		return;
	log_text("short_code", row->short_code);
	log_int("url_id", row->url_id);
	log_int("version", row->version);
	log_end();
}

static enum err
put(struct tail *t, struct ctx *cx, const struct outbox_row *row)
{
	struct url_target target = { .version = row->version, .location = "" };

	if (row->url_id != 0) {
		target.url_id = row->url_id;
		target.user_id = row->user_id;
		target.status = 302;
		target.is_active = row->is_active;
		target.location = target_location(cx->arena, row->original_url);
	}
	if (target.location == NULL) {
		warn_of_target(row);
		return ERR_OK;
	}
	return cache_put(t->to.cache, cx, row->short_code, &target);
}

/* A row that a later one made old is not put: if the cache has lost what came of the later
 * one, it would serve the old target until that one's turn comes. False: Redis did not take
 * it. The host's table comes after Redis (see l1.h), and again when Redis is back. */
static bool
apply(struct tail *t, struct ctx *cx, const struct outbox_row *row)
{
	bool is_put;

	unknown_learn(t->to.unknown, row->short_code);
	is_put = !row->is_latest || (!t->owes && put(t, cx, row) == ERR_OK);
	l1_invalidate(t->to.l1, row->short_code);
	if (is_put)
		metric_add(M_OUTBOX_APPLIED, 0, 0, 0, 1);
	return is_put;
}

/* Until Redis has all that came after `from`, nobody on this host reads from it. */
static void
owe(struct tail *t, const struct outbox_cursor *from)
{
	if (t->owes)
		return;
	t->owes = true;
	t->owed = *from;
	breaker_mark_dirty(t->to.breaker);
	log_event(LOG_WARN, "changes wait for redis", "it did not take one");
}

/* Goes back to what Redis lacks, once it answers. */
static void
pay(struct tail *t, const struct ctx *cx)
{
	struct ctx own = *cx; /* a failure is not the step's */
	int64_t us;

	if (!t->owes || cache_ping(t->to.cache, &own, &us) != ERR_OK)
		return;
	t->owes = false;
	t->seen = t->owed;
	t->window.n = 0;
	t->in_scan = false;
	log_event(LOG_INFO, "redis takes changes", "again");
}

static enum err
open_once(struct tail *t, struct ctx *cx)
{
	enum err e;

	if (t->is_open)
		return ERR_OK;
	e = outbox_open(t->db, cx, t->host, &t->passed);
	if (e)
		return e;
	t->seen = t->passed;
	t->is_open = true;
	return ERR_OK;
}

/* The first reader meets a row. */
static void
meet(struct tail *t, struct ctx *cx, const struct outbox_row *row)
{
	const struct outbox_cursor at = { row->xid, row->id };

	if (!window_has(&t->window, &at) && !apply(t, cx, row))
		owe(t, &t->seen);
	if (row->is_settled)
		t->seen = at;
	else
		window_add(&t->window, &at);
	t->at = at;
}

static void
begin_scan(struct tail *t)
{
	t->in_scan = true;
	t->at = t->seen;
	t->scan_us = clock_mono_us();
	t->dirty_mark = breaker_dirty_mark(t->to.breaker);
}

/* All that was committed when the scan began has reached the caches, unless Redis is away. */
static void
end_scan(struct tail *t)
{
	t->in_scan = false;
	window_pass(&t->window, &t->seen);
	if (t->owes)
		return;
	t->complete_us = t->scan_us;
	breaker_clear_dirty(t->to.breaker, t->dirty_mark);
}

static enum err
scan_page(struct tail *t, struct ctx *cx)
{
	struct outbox_rows page;
	enum err e;
	int i;

	if (!t->in_scan)
		begin_scan(t);
	e = outbox_read(t->db, cx, &t->at, PAGE, &page);
	for (i = 0; !e && i < page.n; i++)
		meet(t, cx, &page.rows[i]);
	if (!e && page.n < PAGE)
		end_scan(t);
	if (!e)
		past_add(&t->past, clock_mono_us(), t->seen.xid, t->seen.id);
	return e;
}

static enum err
store(struct tail *t, struct ctx *cx, const struct outbox_cursor *to)
{
	enum err e = outbox_store(t->db, cx, t->host, to);

	if (e)
		return e;
	t->passed = *to;
	t->stored_us = clock_mono_us();
	return ERR_OK;
}

/* The second reader applies a page of what the first one had seen SETTLE_US ago. */
static enum err
pass_page(struct tail *t, struct ctx *cx, const struct outbox_cursor *seen)
{
	struct outbox_cursor to = t->passed;
	struct outbox_rows page;
	enum err e = outbox_read(t->db, cx, &t->passed, PAGE, &page);
	int i;

	for (i = 0; !e && i < page.n; i++) {
		const struct outbox_cursor at = { page.rows[i].xid, page.rows[i].id };

		if (cursor_compare(&at, seen) > 0)
			break;
		if (!apply(t, cx, &page.rows[i])) {
			owe(t, &to);
			break;
		}
		to = at;
	}
	if (!e && !t->owes && (i < page.n || page.n < PAGE))
		to = *seen;
	return e ? e : store(t, cx, &to);
}

static enum err
pass_what_settled(struct tail *t, struct ctx *cx, bool *ret_more)
{
	const struct past_note *old = past_find(&t->past, clock_mono_us() - SETTLE_US);
	struct outbox_cursor seen = t->passed;
	enum err e = ERR_OK;

	if (old != NULL)
		seen = (struct outbox_cursor){ old->major, old->minor };
	if (!t->owes && cursor_compare(&t->passed, &seen) < 0)
		e = pass_page(t, cx, &seen);
	else if (clock_mono_us() - t->stored_us > STORE_EVERY_US)
		e = store(t, cx, &t->passed);
	if (!e && !t->owes && cursor_compare(&t->passed, &seen) < 0)
		*ret_more = true;
	return e;
}

enum err
tail_step(struct tail *t, struct ctx *cx, bool *ret_more)
{
	bool more = false;
	enum err e = open_once(t, cx);

	if (!e) {
		pay(t, cx);
		e = scan_page(t, cx);
	}
	if (!e)
		e = pass_what_settled(t, cx, &more);
	if (e)
		t->in_scan = false;
	else
		*ret_more = more || t->in_scan;
	return e;
}
