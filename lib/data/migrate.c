#include "lib/data/migrate.h"

#include "lib/base/ctx.h"
#include "lib/data/db.h"

static const struct db_query lock = {
	.name = "migrate_lock",
	.text = "SELECT pg_advisory_xact_lock(hashtextextended('schema_migrations', 0))",
};

static const struct db_query find_table = {
	.name = "migrate_find_table",
	.text = "SELECT to_regclass('schema_migrations') IS NOT NULL",
	.idempotent = true,
};

static const struct db_query create_table = {
	.name = "migrate_create_table",
	.text = "CREATE TABLE schema_migrations (number int PRIMARY KEY, name text NOT NULL,"
		" checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
};

#define CHECKSUM "encode(sha256(convert_to($2, 'UTF8')), 'hex')"

static const struct db_query compare = {
	.name = "migrate_compare",
	.text = "SELECT checksum = " CHECKSUM " FROM schema_migrations WHERE number = $1",
	.idempotent = true,
};

static const struct db_query note = {
	.name = "migrate_note",
	.text = "INSERT INTO schema_migrations (number, checksum, name)"
		" VALUES ($1, " CHECKSUM ", $3)",
};

static const struct db_query count = {
	.name = "migrate_count",
	.text = "SELECT count(*) FROM schema_migrations WHERE number <= $1",
	.idempotent = true,
};

static enum err
prepare_table(struct db *db, struct ctx *cx)
{
	struct db_rows rows;
	enum err e;

	e = db_exec(db, cx, &lock, NULL, NULL);
	if (e)
		return e;
	e = db_exec(db, cx, &find_table, NULL, &rows);
	if (e || db_bool(&rows, 0, 0))
		return e;
	return db_exec(db, cx, &create_table, NULL, NULL);
}

static enum err
apply(struct db *db, struct ctx *cx, const struct migration *m, const struct db_args *args)
{
	enum err e = db_script(db, cx, m->name, m->sql);

	return e ? e : db_exec(db, cx, &note, args, NULL);
}

/* Within a transaction. *ret_applied: whether there was anything to do. */
static enum err
apply_if_missing(struct db *db, struct ctx *cx, const struct migration *m, bool *ret_applied)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;

	e = prepare_table(db, cx);
	if (e)
		return e;
	db_args_init(&args, cx->arena);
	db_arg_int(&args, m->number);
	db_arg_text(&args, m->sql);
	e = db_exec(db, cx, &compare, &args, &rows);
	if (e)
		return e;
	*ret_applied = rows.n == 0;
	if (rows.n == 0) {
		db_arg_text(&args, m->name);
		return apply(db, cx, m, &args);
	}
	if (!db_bool(&rows, 0, 0))
		return ctx_fail(cx, ERR_INTERNAL, "%s has been applied with another text", m->name);
	return ERR_OK;
}

static enum err
migrate_one(struct db *db, struct ctx *cx, const struct migration *m, bool *ret_applied)
{
	enum err e = db_begin(db, cx);

	if (e)
		return e;
	e = apply_if_missing(db, cx, m, ret_applied);
	if (!e)
		e = db_commit(db, cx);
	if (e)
		db_rollback(db);
	return e;
}

enum err
migrate_all(struct db *db, struct ctx *cx, int *ret_applied)
{
	int applied = 0;

	for (int i = 0; i < n_migrations; i++) {
		bool is_new = false;
		enum err e = migrate_one(db, cx, &migrations[i], &is_new);

		if (e)
			return e;
		applied += is_new;
	}
	*ret_applied = applied;
	return ERR_OK;
}

enum err
migrate_check(struct db *db, struct ctx *cx)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_int(&args, migrations[n_migrations - 1].number);
	e = db_exec(db, cx, &count, &args, &rows);
	if (e)
		return e;
	if (db_int(&rows, 0, 0) < n_migrations)
		return ctx_fail(cx, ERR_UNAVAILABLE, "the schema lacks migrations");
	return ERR_OK;
}
