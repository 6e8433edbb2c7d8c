#include <inttypes.h>

#include "app/worker/handlers.h"
#include "app/worker/import.h"
#include "lib/base/arena.h"
#include "lib/http/check.h"
#include "lib/http/field.h"

#define AT(member) offsetof(struct import_user, member)

static const struct field fields[] = {
	{ "id", FIELD_ID, 0, 0, FIELD_NULLABLE, NULL, AT(id) },
	{ "username", FIELD_TEXT, 1, 64, FIELD_REQUIRED, check_name, AT(username) },
	{ "email", FIELD_TEXT, 1, 254, FIELD_REQUIRED, check_email, AT(email) },
	{ "created_at", FIELD_TIME, 0, 0, FIELD_NULLABLE, NULL, AT(created_us) },
};

static int
keys_of(struct arena *a, const void *row, char *keys[IMPORT_KEYS_MAX])
{
	const struct import_user *u = row;
	int n = 0;

	keys[n++] = arena_printf(a, "name %s", u->username);
	keys[n++] = arena_printf(a, "email %s", u->email);
	if (u->id != 0)
		keys[n++] = arena_printf(a, "id %" PRId64, u->id);
	return keys[n - 1] == NULL ? -1 : n;
}

static enum err
store(struct db *db, struct ctx *cx, const void *rows, int n, struct import_result *results)
{
	return import_users(db, cx, rows, n, results);
}

static const struct import_kind users = {
	.fields = fields,
	.n_fields = N(fields),
	.row_bytes = sizeof(struct import_user),
	.keys = keys_of,
	.store = store,
};

enum err
user_import(struct app *app, struct req *rq, struct resp *rs)
{
	return import_run(app, rq, rs, &users);
}
