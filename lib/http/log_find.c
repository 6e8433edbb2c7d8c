#include "lib/http/log_find.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/http/log_back.h"
#include "lib/http/log_record.h"

enum {
	SERVICES_MAX = 64,
	SCRATCH_BYTES = 4 << 20,
	LINES_PER_LOOK = 256 /* at the clock */
};

/* Lines of several processes are in a file a moment after one another. */
#define DISORDER_US INT64_C(5000000)

/* A log, at its newest line that fits and was not given yet. */
struct head {
	struct log_back back;
	const char *service;
	const char *line; /* NULL: there is none */
	size_t n;
	int64_t wall_us;
};

struct hit {
	int64_t wall_us;
	int order; /* as they were found, newest first */
	const char *line;
};

struct search {
	const struct log_query *q;
	struct arena *arena, *scratch;
	int64_t deadline_us;
	bool is_late;
	struct head *heads;
	int n_heads;
	struct hit *hits;
	int n_hits;
};

static bool
is_late(struct search *s)
{
	if (s->q->tick)
		s->q->tick(s->q->arg);
	s->is_late = s->is_late || clock_mono_us() > s->deadline_us;
	return s->is_late;
}

/* Goes to the next older line that fits. */
static void
advance(struct search *s, struct head *h)
{
	const struct log_filter *f = &s->q->filter;
	unsigned i;

	h->line = NULL;
	for (i = 1; log_back_line(&h->back, &h->line, &h->n); i++) {
		if (i % LINES_PER_LOOK == 0 && is_late(s))
			break;
		if (!log_record_time(h->line, h->n, &h->wall_us))
			continue;
		if (h->wall_us < f->since_us - DISORDER_US)
			break;
		if (log_filter_fits(f, h->line, h->n))
			return;
	}
	h->line = NULL;
}

static struct head *
newest(struct search *s)
{
	struct head *best = NULL;

	for (int i = 0; i < s->n_heads; i++) {
		struct head *h = &s->heads[i];

		if (h->line && (!best || h->wall_us > best->wall_us))
			best = h;
	}
	return best;
}

/* A line that a killed process left half written is none. */
static enum err
keep(struct search *s, const struct head *h)
{
	if (!log_record_is_valid(s->scratch, h->line, h->n))
		return ERR_OK;
	s->hits[s->n_hits] = (struct hit){
		.wall_us = h->wall_us,
		.order = s->n_hits,
		.line = arena_strndup(s->arena, h->line, h->n),
	};
	return s->hits[s->n_hits++].line ? ERR_OK : ERR_MEMORY;
}

static enum err
collect(struct search *s)
{
	struct head *h;
	enum err e = ERR_OK;

	for (int i = 0; i < s->n_heads; i++)
		advance(s, &s->heads[i]);
	while (!e && s->n_hits < s->q->limit && (h = newest(s)) && !is_late(s)) {
		e = keep(s, h);
		advance(s, h);
	}
	return e;
}

static bool
is_wanted(const struct log_filter *f, const char *name)
{
	return *name != '.' && (!f->service || strcmp(f->service, name) == 0);
}

static enum err
open_heads(struct search *s, const char *dir, DIR *entries)
{
	char path[LOG_BACK_PATH_SIZE + 300];
	struct dirent *entry;

	while (s->n_heads < SERVICES_MAX && (entry = readdir(entries))) {
		struct head *h = &s->heads[s->n_heads];

		snprintf(path, sizeof(path), "%s/%s/terse.log", dir, entry->d_name);
		if (!is_wanted(&s->q->filter, entry->d_name) || !log_back_open(&h->back, path))
			continue;
		s->n_heads++;
		h->service = arena_strdup(s->arena, entry->d_name);
		if (!h->service)
			return ERR_MEMORY;
	}
	return ERR_OK;
}

static int
compare_hits(const void *left, const void *right)
{
	const struct hit *a = left, *b = right;

	if (a->wall_us != b->wall_us)
		return a->wall_us < b->wall_us ? -1 : 1;
	return b->order - a->order;
}

static enum err
note_ends(const struct search *s, struct log_found *ret)
{
	ret->ends = arena_alloc(s->arena, SERVICES_MAX * sizeof(*ret->ends));
	if (!ret->ends)
		return ERR_MEMORY;
	ret->n_ends = s->n_heads;
	for (int i = 0; i < s->n_heads; i++) {
		const struct head *h = &s->heads[i];

		ret->ends[i] =
		    (struct log_end){ h->service, h->back.dev, h->back.ino, h->back.end };
	}
	return ERR_OK;
}

static enum err
present(struct search *s, struct log_found *ret)
{
	ret->lines = arena_alloc(s->arena, LOG_FIND_MAX * sizeof(*ret->lines));
	if (!ret->lines)
		return ERR_MEMORY;
	qsort(s->hits, (size_t)s->n_hits, sizeof(*s->hits), compare_hits);
	for (int i = 0; i < s->n_hits; i++)
		ret->lines[i] = s->hits[i].line;
	ret->n = s->n_hits;
	ret->is_partial = s->is_late;
	return ERR_OK;
}

static enum err
search(struct search *s, const char *dir, DIR *entries, struct log_found *ret)
{
	enum err e;

	if (!s->scratch || !s->heads || !s->hits)
		return ERR_MEMORY;
	e = open_heads(s, dir, entries);
	if (!e)
		e = note_ends(s, ret);
	if (!e)
		e = collect(s);
	if (!e)
		e = present(s, ret);
	for (int i = 0; i < s->n_heads; i++)
		log_back_close(&s->heads[i].back);
	return e;
}

enum err
log_find(const char *dir, const struct log_query *q, struct arena *a, struct log_found *ret)
{
	struct search s = {
		.q = q,
		.arena = a,
		.deadline_us = clock_mono_us() + q->time_ms * 1000,
		.scratch = arena_new(SCRATCH_BYTES),
		.heads = arena_alloc(a, SERVICES_MAX * sizeof(struct head)),
		.hits = arena_alloc(a, LOG_FIND_MAX * sizeof(struct hit)),
	};
	DIR *entries = opendir(dir);
	enum err e = ERR_UNAVAILABLE;

	*ret = (struct log_found){ 0 };
	if (entries) {
		e = search(&s, dir, entries, ret);
		closedir(entries);
	}
	arena_free(s.scratch);
	return e;
}
