#include "app/ingest/loss.h"

#include <stdint.h>
#include <string.h>

#include "app/ingest/sources.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"

/* What a click takes in the journal, about: those that are gone can't be counted. */
enum { CLICK_BYTES = 100 };

static void
tell(const struct source *source, const char *how, int64_t bytes)
{
	int64_t clicks = (bytes + CLICK_BYTES - 1) / CLICK_BYTES;

	metric_add(M_INGEST_LOST, 0, 0, 0, (uint64_t)clicks);
	if (!log_begin(LOG_ERROR, "clicks lost"))
		return;
	log_text("segment", source->segment.name);
	log_text("diag", how);
	log_int("offset", source_reached(source));
	log_int("bytes", bytes);
	log_int("clicks", clicks);
	log_end();
}

/* Both lists are in order. */
static void
look_for_vanished(const struct sources *s)
{
	int i, at = 0;

	for (i = 0; i < s->n_before; i++) {
		const struct source *old = &s->before[i];
		int64_t left = old->segment.bytes - source_reached(old);

		while (at < s->n && strcmp(s->list[at].segment.name, old->segment.name) < 0)
			at++;
		if (at < s->n && strcmp(s->list[at].segment.name, old->segment.name) == 0)
			continue;
		if (left > 0 && !old->is_removed)
			tell(old, "the segment is gone", left);
	}
}

static void
look_for_shortened(const struct sources *s)
{
	int i;

	for (i = 0; i < s->n; i++) {
		struct source *source = &s->list[i];
		int64_t lacks = source_reached(source) - source->segment.bytes;

		if (lacks <= 0 || source->is_short)
			continue;
		source->is_short = true;
		tell(source, "the segment is shorter than what is stored of it", lacks);
	}
}

void
loss_look(struct sources *s)
{
	if (s->is_complete)
		look_for_vanished(s);
	look_for_shortened(s);
}
