#include "lib/data/migrate.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/terse/command.h"
#include "lib/base/arena.h"
#include "lib/base/ctx.h"
#include "lib/base/settings.h"
#include "lib/data/db.h"

#define MEMORY ((size_t)16 << 20)
/* A migration may have to build an index over a large table. */
#define TIMEOUT_MS (INT64_C(3600) * 1000)

static int
apply(struct db *db, struct arena *a)
{
	struct ctx cx;
	int applied;

	ctx_init(&cx, a, TIMEOUT_MS);
	if (migrate_all(db, &cx, &applied) != ERR_OK) {
		fprintf(stderr, "terse: migrate: %s\n", cx.diag);
		return EXIT_FAILURE;
	}
	printf("%d migrations applied, %d in all\n", applied, n_migrations);
	return EXIT_SUCCESS;
}

int
migrate_command(const struct settings *s, int argc, char **argv)
{
	struct db *db = db_new(s->db_direct, s->db_password, TIMEOUT_MS);
	struct arena *a = arena_new(MEMORY);
	int status = EXIT_FAILURE;

	(void)argc;
	(void)argv;
	if (db != NULL && a != NULL)
		status = apply(db, a);
	else
		fprintf(stderr, "terse: no memory\n");
	db_free(db);
	if (a != NULL)
		arena_free(a);
	return status;
}
