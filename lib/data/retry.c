#include "lib/data/retry.h"

#include <string.h>

#include "lib/base/ctx.h"
#include "lib/data/db.h"
#include "lib/data/sqlstate.h"

/* Many may draw from the ids of an import that is about to end, and meet them in turn. */
enum { TRIES_MAX = 10 };

static const struct db_query partitions_ahead = {
	.name = "retry_partitions",
	.text = "SELECT event_partitions_ahead()",
	.idempotent = true,
};

static bool
met_taken_id(const struct db *db)
{
	static const char suffix[] = "_pkey";
	const char *name = db_constraint(db);
	size_t n = strlen(name);

	return strcmp(db_state(db), "23505") == 0 && n >= strlen(suffix) &&
	       strcmp(name + n - strlen(suffix), suffix) == 0;
}

bool
retry_insert(struct db *db, struct ctx *cx, int tries)
{
	bool is_due;

	if (tries >= TRIES_MAX)
		return false;
	if (strcmp(db_state(db), "23514") == 0)
		is_due = !db_exec(db, cx, &partitions_ahead, NULL, NULL);
	else
		is_due = met_taken_id(db) || sqlstate_is_retryable(db_state(db));
	if (is_due)
		cx->diag[0] = '\0';
	return is_due;
}
