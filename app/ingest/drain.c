#include "app/ingest/drain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/ingest/batch.h"
#include "app/ingest/click_trace.h"
#include "app/ingest/dead.h"
#include "app/ingest/fresh.h"
#include "app/ingest/loss.h"
#include "app/ingest/recall.h"
#include "app/ingest/sources.h"
#include "app/ingest/visits.h"
#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/base/settings.h"
#include "lib/data/click_store.h"
#include "lib/data/db.h"

enum {
	REPEATS_US = 60 * 1000 * 1000, /* nginx asks another pool within this time */
	SPREAD_US = 120 * 1000 * 1000, /* the segments of a minute are stored one after another */
	PAUSES_MOST = 20,
	SYNC_AFTER_US = 150 * 1000,
	REMOVE_EVERY_US = 500 * 1000
};

struct drain {
	const struct settings *settings;
	struct db *db;
	struct sources sources;
	struct batch batch;
	int64_t most_lines; /* of a batch; less after one that failed */
	bool in_pass;
	int64_t pass_us; /* when the pass began */
	int64_t pass_wall_us;
	int64_t stored_us; /* all from before is stored */
	int64_t removed_us;
	struct fresh fresh;
	struct visits visits; /* stored lately */
	struct recall recall;
	struct click_trace trace;
	int64_t pass_lines; /* stored in this pass */
	int64_t pauses;     /* as many intervals until the next one */
};

struct drain *
drain_new(const struct settings *s, struct db *db)
{
	struct drain *d = calloc(1, sizeof(*d));
	bool ok;

	if (d == NULL)
		return NULL;
	d->settings = s;
	d->db = db;
	d->most_lines = s->ingest_batch_lines;
	recall_again(&d->recall);
	click_trace_init(&d->trace, s);
	d->pauses = 1;
	ok = sources_init(&d->sources);
	ok = batch_init(&d->batch) && ok;
	ok = fresh_init(&d->fresh) && ok;
	if (!ok) {
		drain_free(d);
		return NULL;
	}
	return d;
}

void
drain_free(struct drain *d)
{
	if (d == NULL)
		return;
	sources_release(&d->sources);
	batch_release(&d->batch);
	fresh_release(&d->fresh);
	visits_release(&d->visits);
	click_trace_release(&d->trace);
	free(d);
}

int64_t
drain_stored_us(const struct drain *d)
{
	return d->stored_us;
}

int64_t
drain_pause_us(const struct drain *d)
{
	return d->settings->ingest_interval_ms * 1000 * d->pauses;
}

static enum err
list(struct drain *d, struct ctx *cx)
{
	const char *dir = d->settings->journal_dir;

	if (sources_list(&d->sources, dir) != ERR_OK)
		return ctx_fail(cx, ERR_UNAVAILABLE, "%s: %s", dir, strerror(errno));
	loss_look(&d->sources);
	metric_set(M_JOURNAL_PENDING, (double)sources_pending(&d->sources));
	return ERR_OK;
}

enum err
drain_sync(struct drain *d, struct ctx *cx)
{
	const char *dir = d->settings->journal_dir;
	enum err e = ERR_OK;

	if (clock_mono_us() - d->stored_us < SYNC_AFTER_US)
		return ERR_OK;
	if (!d->in_pass)
		e = list(d, cx);
	if (!e && sources_sync(&d->sources, dir) != ERR_OK)
		e = ctx_fail(cx, ERR_UNAVAILABLE, "%s: %s", dir, strerror(errno));
	return e;
}

static enum err
begin_pass(struct drain *d, struct ctx *cx)
{
	enum err e;

	d->pass_us = clock_mono_us();
	d->pass_wall_us = clock_wall_us();
	e = list(d, cx);
	d->in_pass = !e;
	return e;
}

/* Puts bytes of source into the dead letters and moves the batch past them. */
static enum err
bury(struct drain *d, struct ctx *cx, struct source *source, const struct line_run *run)
{
	const char *dir = d->settings->journal_dir, *name = source->segment.name;

	if (dead_append(dir, name, source->offset, (int64_t)run->bytes) != ERR_OK)
		return ctx_fail(cx, ERR_UNAVAILABLE, "dead letter: %s: %s", dir, strerror(errno));
	metric_add(M_INGEST_DEAD, 0, 0, 0, (uint64_t)run->lines);
	if (log_begin(LOG_WARN, "lines moved to the dead letters")) {
		log_text("segment", name);
		log_int("offset", source->offset);
		log_int("bytes", (int64_t)run->bytes);
		log_int("lines", run->lines);
		log_text("diag", cx->diag[0] != '\0' ? cx->diag : "not a click's line");
		log_end();
	}
	return ERR_OK;
}

static enum err
gather_from(struct drain *d, struct ctx *cx, struct source *source)
{
	const char *dir = d->settings->journal_dir, *name = source->segment.name;
	struct line_run junk;
	enum err e = ERR_OK;

	if (source->offset < 0)
		e = click_offset(d->db, cx, d->settings->host, name, &source->offset);
	if (e || source_is_spent(source))
		return e;
	if (batch_read(&d->batch, dir, source, &junk) != ERR_OK)
		return ctx_fail(cx, ERR_UNAVAILABLE, "%s/%s: %s", dir, name, strerror(errno));
	if (junk.bytes == 0)
		return ERR_OK;
	e = bury(d, cx, source, &junk);
	if (!e)
		batch_skip(&d->batch, source, (int64_t)junk.bytes);
	return e;
}

static enum err
gather(struct drain *d, struct ctx *cx)
{
	enum err e = ERR_OK;
	int i;

	batch_begin(&d->batch, d->most_lines);
	for (i = 0; !e && i < d->sources.n && !d->batch.is_full; i++)
		e = gather_from(d, cx, &d->sources.list[i]);
	return e;
}

static enum err
store_fresh(struct drain *d, struct ctx *cx)
{
	const struct batch *b = &d->batch;
	const struct fresh *f = &d->fresh;
	const struct click_batch click_batch = { f->rows, f->n, f->notes, f->n_notes, b->offsets,
		b->n_segments };
	int64_t last_id;
	enum err e;

	click_trace_begin(&d->trace, cx, f->notes, f->n_notes);
	e = click_store_batch(d->db, cx, d->settings->host, &click_batch, &last_id);
	click_trace_end(&d->trace, cx, e != ERR_OK);
	if (e)
		return e;
	visits_keep(&d->visits, clock_mono_us());
	recall_note(&d->recall, last_id);
	batch_stored(b);
	d->pass_lines += b->lines;
	metric_add(M_INGEST_CLICKS, 0, 0, 0, (uint64_t)f->n_notes);
	metric_add(M_INGEST_REPEATS, 0, 0, 0, (uint64_t)f->repeats);
	return ERR_OK;
}

static enum err
store_batch(struct drain *d, struct ctx *cx)
{
	struct batch *b = &d->batch;
	enum err e = fresh_take(&d->fresh, b->bytes, b->n, (size_t)b->lines, &d->visits);

	if (e == ERR_INVALID)
		e = ctx_fail(cx, e, "not a click's line");
	if (!e)
		e = store_fresh(d, cx);
	metric_add(M_INGEST_BATCHES, e ? OUTCOME_ERROR : OUTCOME_OK, 0, 0, 1);
	return e;
}

/* The database refuses the batch's one line. */
static enum err
bury_the_line(struct drain *d, struct ctx *cx)
{
	struct batch *b = &d->batch;
	const struct line_run run = { b->n, 1, true };
	enum err e = bury(d, cx, b->sources[0], &run);

	if (e)
		return e;
	batch_drop_lines(b);
	return store_batch(d, cx);
}

/*
 * A batch that the database refuses is halved until a single line is left: with one bad
 * line among ten thousand that takes fourteen tries. After a success batches grow again,
 * so that many bad lines in a row cost one try each. One that takes too long is halved,
 * too, or it would take too long forever.
 */
static enum err
store(struct drain *d, struct ctx *cx)
{
	struct batch *b = &d->batch;
	enum err e = store_batch(d, cx);

	if (!e) {
		d->most_lines = d->most_lines > d->settings->ingest_batch_lines / 2
				    ? d->settings->ingest_batch_lines
				    : d->most_lines * 2;
		return ERR_OK;
	}
	if (b->lines > 1 && (e == ERR_INVALID || e == ERR_DEADLINE))
		d->most_lines = b->lines / 2;
	if (e != ERR_INVALID || b->lines == 0)
		return e;
	return b->lines == 1 ? bury_the_line(d, cx) : ERR_OK;
}

/* Removes a segment that nobody writes and that has nothing left to store. */
static enum err
remove_spent(struct drain *d, struct ctx *cx, struct source *source)
{
	const char *name = source->segment.name;
	int64_t torn = source->segment.bytes - source->offset;

	if (!source_is_spent(source) ||
	    !journal_remove(d->settings->journal_dir, name, source->segment.bytes))
		return ERR_OK;
	source->is_removed = true;
	if (source->has_tail) {
		metric_add(M_INGEST_TORN, 0, 0, 0, 1);
		log_event(LOG_WARN, "torn tail dropped", "%s: %lld bytes", name, (long long)torn);
	}
	return click_offset_drop(d->db, cx, d->settings->host, name);
}

/* A transaction costs as much as some hundred clicks, and whoever reads makes us hurry: so
 * when many come, passes are made rarer until they are worth it. */
static void
set_pauses(struct drain *d)
{
	int64_t many = d->settings->ingest_batch_lines / 2, few = many / 50;

	if (d->pass_lines <= few)
		d->pauses = 1;
	else if (d->pass_lines < many && d->pauses < PAUSES_MOST)
		d->pauses++;
	else if (d->pass_lines > 2 * many && d->pauses > 1)
		d->pauses--;
	d->pass_lines = 0;
}

static enum err
end_pass(struct drain *d, struct ctx *cx)
{
	enum err e = ERR_OK;
	int i;

	d->in_pass = false;
	set_pauses(d);
	metric_set(M_JOURNAL_PENDING, (double)sources_pending(&d->sources));
	if (d->sources.is_complete) {
		d->stored_us = d->pass_us;
		metric_set(M_INGEST_CAUGHT_UP, (double)d->pass_wall_us / 1e6);
		/* Lines to come were journaled after this pass began. */
		visits_forget(&d->visits, d->pass_us - REPEATS_US);
	}
	if (clock_mono_us() - d->removed_us < REMOVE_EVERY_US)
		return ERR_OK;
	d->removed_us = clock_mono_us();
	for (i = 0; !e && i < d->sources.n; i++)
		e = remove_spent(d, cx, &d->sources.list[i]);
	return e;
}

/*
 * Asks the database which visits it has: only after the offsets, so that what an offset says
 * is stored is among them. Repeats of older visits than the first line's can't come.
 */
static enum err
recall(struct drain *d, struct ctx *cx)
{
	int64_t since_us = 0;

	if (d->recall.known_id == 0)
		since_us = source_began_us(d->batch.sources[0]) - REPEATS_US - SPREAD_US;
	return recall_step(&d->recall, d->db, cx, since_us, &d->visits);
}

/* Stores what has been gathered. */
static enum err
move(struct drain *d, struct ctx *cx)
{
	enum err e = ERR_OK;

	if (d->batch.n_segments == 0)
		return end_pass(d, cx);
	if (d->recall.is_due)
		e = recall(d, cx);
	return e || d->recall.is_due ? e : store(d, cx);
}

enum err
drain_step(struct drain *d, struct ctx *cx, bool *ret_more)
{
	enum err e = d->in_pass ? ERR_OK : begin_pass(d, cx);

	if (!e)
		e = gather(d, cx);
	if (!e)
		e = move(d, cx);
	if (e) {
		/* What came of the last transaction is not known, only the database knows. */
		sources_forget_offsets(&d->sources);
		recall_again(&d->recall);
		d->in_pass = false;
		return e;
	}
	*ret_more = d->in_pass;
	return ERR_OK;
}
