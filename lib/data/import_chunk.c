#include "lib/data/import_chunk.h"

#include <assert.h>
#include <stddef.h>

#include "lib/base/ctx.h"
#include "lib/data/db_array.h"
#include "lib/data/retry.h"

enum { ROUNDS_MAX = 10, TRIES_MAX = 10 };

/* A chunk, and the rows of it that are not settled. */
struct chunk {
	const struct chunk_kind *kind;
	const void *rows;
	struct import_result *results;
	int which[IMPORT_CHUNK];
	int n;
};

static int64_t
greatest_id(const struct chunk *c)
{
	int64_t greatest = 0;

	for (int i = 0; i < c->n; i++) {
		int64_t id = c->kind->id(c->rows, c->which[i]);

		if (id > greatest)
			greatest = id;
	}
	return greatest;
}

/* Before any row is stored, so that no id drawn from now on meets a kept one. */
static enum err
pass_ids(struct db *db, struct ctx *cx, const struct chunk *c)
{
	int64_t id = greatest_id(c);
	struct db_args args;

	if (id == 0)
		return ERR_OK;
	db_args_init(&args, cx->arena);
	db_arg_int(&args, id);
	return db_exec(db, cx, &c->kind->pass, &args, NULL);
}

/* Takes the results of a round in; the rows that it did not settle stay. */
static void
take_results(struct chunk *c, const struct db_rows *rows, bool is_last, int *ret_settled)
{
	bool settled[IMPORT_CHUNK] = { false };
	int left = 0;

	for (int i = 0; i < rows->n; i++) {
		int64_t at = db_int(rows, i, 0);

		assert(at >= 0 && at < IMPORT_CHUNK);
		c->results[at] = (struct import_result){
			.outcome = (enum import_outcome)db_int(rows, i, 1),
			.reason = c->kind->reasons[db_int(rows, i, 2)],
		};
		settled[at] = is_last || db_bool(rows, i, 3);
	}
	for (int i = 0; i < c->n; i++)
		if (!settled[c->which[i]])
			c->which[left++] = c->which[i];
	*ret_settled = c->n - left;
	c->n = left;
}

/* One round: the statement, for the rows that are left. */
static enum err
run_round(struct db *db, struct ctx *cx, struct chunk *c, bool is_last, int *ret_settled)
{
	struct db_array numbers;
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_array_init(&numbers, cx->arena);
	for (int i = 0; i < c->n; i++)
		db_array_int(&numbers, c->which[i]);
	db_args_init(&args, cx->arena);
	db_arg_array(&args, &numbers);
	c->kind->add(&args, c->rows, c->which, c->n);
	e = db_exec(db, cx, &c->kind->store, &args, &rows);
	if (e)
		return e;
	take_results(c, &rows, is_last, ret_settled);
	if (!c->kind->settle)
		return ERR_OK;
	return c->kind->settle(db, cx, c->rows, &rows, c->results);
}

static enum err
run_rounds(struct db *db, struct ctx *cx, struct chunk *c)
{
	int settled = 1;

	for (int round = 0; round < ROUNDS_MAX && c->n > 0; round++) {
		enum err e = run_round(db, cx, c, settled == 0, &settled);

		if (e)
			return e;
	}
	return c->n == 0 ? ERR_OK
			 : ctx_fail(cx, ERR_UNAVAILABLE, "%s: %d rows could not be settled",
			       c->kind->store.name, c->n);
}

static enum err
run_transaction(struct db *db, struct ctx *cx, struct chunk *c)
{
	enum err e = db_begin(db, cx);

	if (e)
		return e;
	e = db_exec(db, cx, &c->kind->lock, NULL, NULL);
	if (!e)
		e = pass_ids(db, cx, c);
	if (!e)
		e = run_rounds(db, cx, c);
	if (!e)
		e = db_commit(db, cx);
	if (e)
		db_rollback(db);
	return e;
}

/* A chunk again, when others were in the way: also a unique violation passes. */
static enum err
run_chunk(struct db *db, struct ctx *cx, struct chunk *c, int first, int n)
{
	for (int tries = 1;; tries++) {
		enum err e;

		c->n = n;
		for (int i = 0; i < n; i++)
			c->which[i] = first + i;
		e = run_transaction(db, cx, c);
		if (e == ERR_CONFLICT && tries < TRIES_MAX)
			cx->diag[0] = '\0';
		else if (!e || !retry_insert(db, cx, tries))
			return e == ERR_CONFLICT ? ERR_UNAVAILABLE : e;
	}
}

/* Finds the row that can't be stored, by halves. */
static enum err
run_part(struct db *db, struct ctx *cx, struct chunk *c, int first, int n)
{
	enum err e = run_chunk(db, cx, c, first, n);

	if (e != ERR_INVALID)
		return e;
	cx->diag[0] = '\0';
	if (n == 1) {
		c->results[first] =
		    (struct import_result){ IMPORT_SKIPPED, "has a value that can't be stored" };
		return ERR_OK;
	}
	e = run_part(db, cx, c, first, n / 2);
	return e ? e : run_part(db, cx, c, first + n / 2, n - n / 2);
}

enum err
chunk_store(struct db *db, struct ctx *cx, const struct chunk_kind *kind, const void *rows, int n,
    struct import_result *results)
{
	struct chunk c = { .kind = kind, .rows = rows, .results = results };

	assert(n <= IMPORT_CHUNK);
	return n > 0 ? run_part(db, cx, &c, 0, n) : ERR_OK;
}
