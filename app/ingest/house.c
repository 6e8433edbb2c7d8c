#include "app/ingest/house.h"

#include "lib/base/clock.h"
#include "lib/data/click_store.h"
#include "lib/data/outbox.h"

enum {
	PARTITIONS_EVERY_US = 5 * 1000 * 1000,
	CLEAN_EVERY_US = 5 * 1000 * 1000,
	TRIM_EVERY_US = 5 * 1000 * 1000,
	TRIM_ROWS = 20000
};

/* Whether it is time, and if so notes that it was done now. */
static bool
is_time(int64_t *last_us, int64_t every_us)
{
	int64_t now_us = clock_mono_us();

	if (*last_us != 0 && now_us - *last_us < every_us)
		return false;
	*last_us = now_us;
	return true;
}

enum err
house_step(struct house *h, struct db *db, struct ctx *cx, bool is_idle)
{
	enum err e = ERR_OK;

	if (is_time(&h->partitions_us, PARTITIONS_EVERY_US)) {
		e = click_partitions_ahead(db, cx);
		if (e)
			h->partitions_us = 0; /* the journal may wait for it */
	} else if (is_idle && is_time(&h->clean_us, h->has_dirt ? 0 : CLEAN_EVERY_US)) {
		e = click_clean(db, cx, &h->has_dirt);
	} else if (is_idle && is_time(&h->trim_us, TRIM_EVERY_US)) {
		e = outbox_trim(db, cx, TRIM_ROWS);
	}
	return e;
}
