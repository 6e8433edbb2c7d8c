#include <inttypes.h>

#include "app/worker/handlers.h"
#include "app/worker/import.h"
#include "lib/base/arena.h"
#include "lib/http/check.h"
#include "lib/http/field.h"

#define AT(member) offsetof(struct import_event, member)

static const struct field fields[] = {
	{ "id", FIELD_ID, 0, 0, FIELD_NULLABLE, NULL, AT(id) },
	{ "url_id", FIELD_INT, 1, INT64_MAX, FIELD_REQUIRED, NULL, AT(url_id) },
	{ "user_id", FIELD_INT, 1, INT64_MAX, FIELD_NULLABLE, NULL, AT(user_id) },
	{ "event_type", FIELD_TEXT, 1, 64, FIELD_REQUIRED, check_name, AT(event_type) },
	{ "timestamp", FIELD_TIME, 0, 0, FIELD_NULLABLE, NULL, AT(at_us) },
	{ "details", FIELD_OBJECT, 0, 65536, FIELD_NULLABLE, NULL, AT(details) },
};

static int
keys_of(struct arena *a, const void *row, char *keys[IMPORT_KEYS_MAX])
{
	const struct import_event *ev = row;

	if (ev->id == 0)
		return 0;
	keys[0] = arena_printf(a, "id %" PRId64, ev->id);
	return keys[0] == NULL ? -1 : 1;
}

static enum err
store(struct db *db, struct ctx *cx, const void *rows, int n, struct import_result *results)
{
	return import_events(db, cx, rows, n, results);
}

static const struct import_kind events = {
	.fields = fields,
	.n_fields = N(fields),
	.row_bytes = sizeof(struct import_event),
	.keys = keys_of,
	.store = store,
};

enum err
event_import(struct app *app, struct req *rq, struct resp *rs)
{
	return import_run(app, rq, rs, &events);
}
