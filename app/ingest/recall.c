#include "app/ingest/recall.h"

#include "app/ingest/visits.h"
#include "lib/base/clock.h"
#include "lib/data/click_store.h"

/* A step takes some 50 ms, and 10 MB of the arena. */
enum { STEP_ROWS = 50 * 1000, ROWS_MAX = 3 * 1000 * 1000 };

static enum err
keep(const struct click_recent *found, struct visits *visits)
{
	enum err e = visits_begin(visits, (size_t)found->n);

	if (e)
		return e;
	for (int i = 0; i < found->n; i++)
		visits_add(visits, found->visits[i]);
	visits_keep(visits, clock_mono_us());
	return ERR_OK;
}

enum err
recall_step(
    struct recall *r, struct db *db, struct ctx *cx, int64_t since_us, struct visits *visits)
{
	struct click_recent found;
	enum err e = click_find_recent(db, cx, r->known_id, r->before_id, STEP_ROWS, &found);

	if (!e)
		e = keep(&found, visits);
	if (e)
		return e;
	r->n += found.n;
	r->before_id = found.first_id;
	r->is_due = found.n == STEP_ROWS && found.newest_us >= since_us && r->n < ROWS_MAX;
	return ERR_OK;
}

void
recall_note(struct recall *r, int64_t known_id)
{
	if (known_id > r->known_id)
		r->known_id = known_id;
}

void
recall_again(struct recall *r)
{
	r->is_due = true;
	r->before_id = 0;
	r->n = 0;
}
