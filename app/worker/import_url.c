#include "app/worker/app.h"
#include "app/worker/handlers.h"
#include "app/worker/import.h"
#include "lib/data/breaker.h"
#include "lib/data/l1.h"
#include "lib/data/unknown.h"
#include "lib/http/check.h"
#include "lib/http/field.h"
#include "lib/http/target.h"

#define AT(member) offsetof(struct import_url, member)

static const struct field fields[] = {
	{ "id", FIELD_ID, 0, 0, FIELD_NULLABLE, NULL, AT(id) },
	{ "user_id", FIELD_INT, 1, INT64_MAX, FIELD_NULLABLE, NULL, AT(user_id) },
	{ "short_code", FIELD_TEXT, 3, 64, FIELD_REQUIRED, check_code, AT(short_code) },
	{ "original_url", FIELD_TEXT, 1, TARGET_MAX, FIELD_REQUIRED, check_target,
	    AT(original_url) },
	{ "title", FIELD_TEXT, 0, 500, FIELD_NULLABLE, NULL, AT(title) },
	{ "is_active", FIELD_BOOL, 0, 0, FIELD_NULLABLE, NULL, AT(is_active) },
	{ "created_at", FIELD_TIME, 0, 0, FIELD_NULLABLE, NULL, AT(created_us) },
	{ "updated_at", FIELD_TIME, 0, 0, FIELD_NULLABLE, NULL, AT(updated_us) },
};

static void
prepare(void *row)
{
	struct import_url *u = row;

	u->is_active = true;
}

static enum err
store(struct db *db, struct ctx *cx, const void *rows, int n, struct import_result *results)
{
	return import_urls(db, cx, rows, n, results);
}

/* Caches may know something else of a code that was there: until terse-ingest has brought the
 * change to Redis, nobody reads from it. Not so after a failure: nothing was promised, and
 * while PostgreSQL is away Redis is all there is. */
static void
stored(struct app *app, const void *row, enum import_outcome outcome)
{
	const struct import_url *u = row;

	if (outcome != IMPORT_NEW) {
		breaker_mark_dirty(app->breaker);
		l1_invalidate(app->l1, u->short_code);
	}
	unknown_learn(app->unknown, u->short_code);
}

static const struct import_kind urls = {
	.fields = fields,
	.n_fields = N(fields),
	.row_bytes = sizeof(struct import_url),
	.prepare = prepare,
	.stored = stored,
	.store = store,
};

enum err
url_import(struct app *app, struct req *rq, struct resp *rs)
{
	return import_run(app, rq, rs, &urls);
}
