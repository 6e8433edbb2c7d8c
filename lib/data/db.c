#include "lib/data/db.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/base/metric.h"
#include "lib/base/num.h"
#include "lib/base/trace.h"
#include "lib/data/circuit.h"
#include "lib/data/db_trace.h"
#include "lib/data/sqlstate.h"
#include "lib/data/wire.h"

enum {
	ROLLBACK_MS = 500,
	RERUNS_MAX = 3 /* after a serialization failure or a deadlock */
};

struct db {
	struct wire *wire;
	int64_t timeout_ms;
	bool in_transaction; /* between db_begin and db_commit or db_rollback */
	struct circuit circuit;
	char state[6];
	char constraint[64];
};

/* A statement and how to treat it. */
struct task {
	const char *name;
	bool idempotent;
	struct wire_work work;
	int64_t deadline_us;
	int64_t patience_us; /* until when to wait for a server that is just restarting */
};

struct db *
db_new(const char *conninfo, const char *password, int64_t timeout_ms)
{
	struct db *db = calloc(1, sizeof(*db));

	if (!db)
		return NULL;
	db->timeout_ms = timeout_ms;
	db->wire = wire_new(conninfo, password);
	if (!db->wire) {
		free(db);
		return NULL;
	}
	return db;
}

void
db_free(struct db *db)
{
	if (!db)
		return;
	wire_free(db->wire);
	free(db);
}

void
db_close(struct db *db)
{
	wire_close(db->wire);
}

const char *
db_state(const struct db *db)
{
	return db->state;
}

const char *
db_constraint(const struct db *db)
{
	return db->constraint;
}

bool
db_is_open_circuit(const struct db *db)
{
	return circuit_state(&db->circuit, clock_mono_us()) == CIRCUIT_OPEN;
}

bool
db_is_connected(const struct db *db)
{
	return wire_is_open(db->wire);
}

bool
db_is_listening(const struct db *db)
{
	return wire_is_listening(db->wire);
}

/* Hands the wire's reason on to whoever asks. */
static enum err
note_failure(struct db *db, struct ctx *cx, const char *name, enum err e)
{
	const struct wire_failure *f = wire_failure(db->wire);

	memcpy(db->state, f->state, sizeof(db->state));
	memcpy(db->constraint, f->constraint, sizeof(db->constraint));
	return ctx_fail(cx, e, "%s:%s%s %s", name, f->state[0] ? " " : "", f->state, f->why);
}

static enum err
connect_once(struct db *db, struct ctx *cx, int64_t deadline_us)
{
	enum err e = wire_connect(db->wire, deadline_us);

	metric_add(M_DB_CONNECTS, e ? OUTCOME_ERROR : OUTCOME_OK, 0, 0, 1);
	return e ? note_failure(db, cx, "connect", e) : ERR_OK;
}

/* Waits a little before the next try; false: there is no time for one. */
static bool
pause_before_retry(const struct task *t)
{
	if (clock_mono_us() + CIRCUIT_PAUSE_US >= t->patience_us)
		return false;
	poll(NULL, 0, CIRCUIT_PAUSE_US / 1000);
	return true;
}

static enum err
connect_patiently(struct db *db, struct ctx *cx, const struct task *t)
{
	enum err e;

	do {
		e = connect_once(db, cx, t->deadline_us);
	} while (e == ERR_UNAVAILABLE && pause_before_retry(t));
	return e;
}

/* Makes sure of a connection on which a statement can be sent. */
static enum err
make_ready(struct db *db, struct ctx *cx, const struct task *t)
{
	if (db->in_transaction) {
		if (!wire_is_open(db->wire))
			return ctx_fail(
			    cx, ERR_UNAVAILABLE, "the transaction's connection is lost");
		return ERR_OK;
	}
	if (wire_is_open(db->wire) && wire_is_idle(db->wire))
		return ERR_OK;
	return connect_patiently(db, cx, t);
}

/* Whether PgBouncer says that it has no server to give the statement to, which is no worse
 * than a connection that can't be made. Only its words tell: all its errors have one code. */
static bool
was_never_run(const struct db *db)
{
	static const char words[] = "server login has been failing";

	return strncmp(wire_failure(db->wire)->why, words, sizeof(words) - 1) == 0 &&
	       strcmp(db->state, "08P01") == 0;
}

/* Whether a statement that was sent, and failed, may be sent once more. */
static bool
may_rerun(const struct db *db, const struct task *t, enum err e, int reruns)
{
	if (e != ERR_UNAVAILABLE || db->in_transaction)
		return false;
	if (sqlstate_is_retryable(db->state))
		return reruns < RERUNS_MAX;
	if (was_never_run(db))
		return pause_before_retry(t);
	return !wire_is_open(db->wire) && t->idempotent && reruns < 1;
}

static enum err
run_with_reruns(
    struct db *db, struct ctx *cx, const struct task *t, struct wire_result **ret_result)
{
	for (int reruns = 0;; reruns++) {
		enum err e = make_ready(db, cx, t);

		if (e)
			return e;
		e = wire_run(db->wire, &t->work, t->deadline_us, ret_result);
		if (!e)
			return ERR_OK;
		note_failure(db, cx, t->name, e);
		if (!may_rerun(db, t, e, reruns))
			return e;
	}
}

/* After a long absence a cheap statement, which may not take long, decides. */
static enum err
probe(struct db *db, struct ctx *cx, int64_t deadline_us)
{
	static const struct wire_work select_1 = { .text = "SELECT 1" };
	int64_t soon_us = clock_mono_us() + CIRCUIT_PROBE_US;
	struct wire_result *r = NULL;
	enum err e;

	if (soon_us > deadline_us)
		soon_us = deadline_us;
	e = connect_once(db, cx, soon_us);
	if (e)
		return e;
	e = wire_run(db->wire, &select_1, soon_us, &r);
	wire_result_free(r);
	return e ? note_failure(db, cx, "probe", e) : ERR_OK;
}

static enum err
run_unless_away(
    struct db *db, struct ctx *cx, const struct task *t, struct wire_result **ret_result)
{
	int64_t began_us = clock_mono_us();
	enum circuit_state state = circuit_state(&db->circuit, began_us);
	enum err e = ERR_OK;

	/* A transaction has its connection already, or it has failed. */
	if (db->in_transaction)
		return run_with_reruns(db, cx, t, ret_result);
	if (state == CIRCUIT_OPEN)
		return ctx_fail(cx, ERR_UNAVAILABLE, "%s: the database is away", t->name);
	if (state == CIRCUIT_PROBE)
		e = probe(db, cx, t->deadline_us);
	if (!e)
		e = run_with_reruns(db, cx, t, ret_result);
	/* Whatever the answer was: one came if, and only if, the connection is still there. */
	if (wire_is_open(db->wire))
		circuit_succeeded(&db->circuit);
	else
		circuit_failed(&db->circuit, began_us, clock_mono_us());
	return e;
}

/* Makes a sampled statement say which span it is. */
static uint64_t
sign(struct ctx *cx, struct wire_work *work)
{
	struct trace_ref ref;

	if (!trace_is_sampled(cx->trace))
		return 0;
	ref = cx->trace->ref;
	ref.span = tracer_span(cx->trace->tracer);
	work->text = db_trace_sign(cx->arena, &ref, work->text);
	return ref.span;
}

/* r: what came of it, or NULL. */
static void
trace(struct ctx *cx, const char *name, struct wire_result *r, int64_t began_us, uint64_t span)
{
	struct trace_part p = {
		.name = name,
		.kind = SPAN_CLIENT,
		.has_failed = r == NULL,
		.began_us = began_us,
		.ended_us = clock_mono_us(),
		.id = span,
	};

	if (r) {
		p.unit = "rows";
		p.n = wire_rows(r) > 0 ? wire_rows(r) : wire_affected(r);
	}
	trace_add(cx->trace, &p);
}

/* Runs t by the deadlines; on success the caller owns *ret_result. */
static enum err
run(struct db *db, struct ctx *cx, struct task *t, struct wire_result **ret_result)
{
	int64_t began_us = clock_mono_us();
	bool had_diag = cx->diag[0] != '\0';
	uint64_t span;
	enum err e;

	t->deadline_us = began_us + db->timeout_ms * 1000;
	if (t->deadline_us > cx->deadline_us)
		t->deadline_us = cx->deadline_us;
	t->patience_us = began_us + CIRCUIT_PATIENCE_US;
	if (t->patience_us > t->deadline_us)
		t->patience_us = t->deadline_us;
	if (t->deadline_us <= began_us)
		return ctx_fail(cx, ERR_DEADLINE, "%s: no time left", t->name);
	db->state[0] = db->constraint[0] = '\0';
	span = sign(cx, &t->work);
	e = run_unless_away(db, cx, t, ret_result);
	if (cx->trace)
		trace(cx, t->name, e ? NULL : *ret_result, began_us, span);
	metric_add(M_DB_QUERIES, wire_is_open(db->wire) ? OUTCOME_OK : OUTCOME_ERROR, 0, 0, 1);
	metric_observe(M_DB_DURATION, 0, clock_mono_us() - began_us);
	/* What a second try made good is not worth a word. */
	if (!e && !had_diag)
		cx->diag[0] = '\0';
	return e;
}

static enum err
run_for_effect(struct db *db, struct ctx *cx, struct task *t)
{
	struct wire_result *r = NULL;
	enum err e = run(db, cx, t, &r);

	wire_result_free(r);
	return e;
}

enum err
db_exec(struct db *db, struct ctx *cx, const struct db_query *q, const struct db_args *args,
    struct db_rows *ret_rows)
{
	struct task t = { .name = q->name, .idempotent = q->idempotent, .work.text = q->text };
	struct wire_result *r = NULL;
	enum err e;

	if (args && args->failed)
		return ctx_fail(cx, ERR_MEMORY, "%s: no memory for the parameters", q->name);
	if (args) {
		t.work.args = args->v;
		t.work.n_args = args->n;
	}
	if (!ret_rows)
		return run_for_effect(db, cx, &t);
	e = run(db, cx, &t, &r);
	if (e)
		return e;
	if (!arena_defer(cx->arena, wire_result_free, r))
		return ctx_fail(cx, ERR_MEMORY, "%s: no memory for the rows", q->name);
	*ret_rows = (struct db_rows){ r, wire_rows(r), wire_affected(r) };
	return ERR_OK;
}

enum err
db_script(struct db *db, struct ctx *cx, const char *name, const char *sql)
{
	struct task t = { .name = name, .work = { .text = sql, .is_script = true } };

	return run_for_effect(db, cx, &t);
}

enum err
db_copy(struct db *db, struct ctx *cx, const struct db_query *q, const char *bytes, size_t n)
{
	struct task t = { .name = q->name, .idempotent = q->idempotent };

	t.work = (struct wire_work){ .text = q->text, .copy = bytes, .copy_n = n };
	return run_for_effect(db, cx, &t);
}

/*
 * Transactions.
 */

enum err
db_begin(struct db *db, struct ctx *cx)
{
	struct task t = { .name = "begin", .idempotent = true, .work.text = "BEGIN" };
	enum err e;

	assert(!db->in_transaction);
	e = run_for_effect(db, cx, &t);
	if (!e)
		db->in_transaction = true;
	return e;
}

enum err
db_commit(struct db *db, struct ctx *cx)
{
	struct task t = { .name = "commit", .work.text = "COMMIT" };
	struct wire_result *r = NULL;
	bool committed;
	enum err e;

	assert(db->in_transaction);
	e = run(db, cx, &t, &r);
	if (e)
		return e;
	/* COMMIT after a statement that failed succeeds in rolling back. */
	committed = strcmp(wire_tag(r), "COMMIT") == 0;
	wire_result_free(r);
	db->in_transaction = false;
	return committed ? ERR_OK : ctx_fail(cx, ERR_INTERNAL, "commit: rolled back");
}

void
db_rollback(struct db *db)
{
	static const struct wire_work rollback = { .text = "ROLLBACK" };
	struct wire_result *r = NULL;
	int64_t deadline_us = clock_mono_us() + ROLLBACK_MS * 1000;

	if (!db->in_transaction)
		return;
	db->in_transaction = false;
	if (!wire_is_open(db->wire) || wire_is_idle(db->wire))
		return;
	if (wire_run(db->wire, &rollback, deadline_us, &r))
		wire_close(db->wire);
	wire_result_free(r);
}

/*
 * Cells.
 */

const char *
db_text(const struct db_rows *rows, int row, int column)
{
	return wire_cell(rows->result, row, column);
}

int64_t
db_int(const struct db_rows *rows, int row, int column)
{
	const char *text = db_text(rows, row, column);
	int64_t value = 0;
	enum err e;

	if (!text)
		return 0;
	e = num_parse_clamped(text, strlen(text), INT64_MIN, INT64_MAX, &value);
	assert(!e); /* else the statement has another type in this column */
	return value;
}

bool
db_bool(const struct db_rows *rows, int row, int column)
{
	const char *text = db_text(rows, row, column);

	return text && text[0] == 't';
}
