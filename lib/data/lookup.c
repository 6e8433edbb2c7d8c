#include "lib/data/lookup.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/metric.h"
#include "lib/base/utf8.h"
#include "lib/data/circuit.h"
#include "lib/data/db.h"
#include "lib/data/db_array.h"
#include "lib/data/db_trace.h"
#include "lib/data/sqlstate.h"
#include "lib/data/url_sql.h"
#include "lib/data/url_store.h"
#include "lib/data/url_target.h"
#include "lib/data/wire.h"

enum { ARENA_BYTES = 64 * 1024 };

/* $1 codes */
static const struct db_query by_codes = {
	.name = "url_look_up",
	.text = "SELECT u.id, " URL_SQL_OWNER(
	    "u") ", u.version, u.short_code, u.original_url,"
		 " u.is_active FROM urls AS u WHERE u.short_code = ANY ($1)",
	.idempotent = true,
};

enum { COLUMN_ID, COLUMN_USER_ID, COLUMN_VERSION, COLUMN_CODE, COLUMN_URL, COLUMN_ACTIVE };

enum phase { PHASE_CONNECT, PHASE_PROBE, PHASE_QUERY, PHASE_PAUSE /* before the next try */ };

struct lookup {
	struct wire *wire;
	struct arena *arena; /* of codes */
	int64_t timeout_ms;
	struct circuit circuit;
	bool is_up;

	enum lookup_state state;
	enum phase phase;
	const char *text;  /* by_codes', perhaps with a comment */
	const char *codes; /* its parameter */
	bool must_probe;
	bool has_failed; /* once at least */
	int64_t began_us;
	int64_t deadline_us;
	int64_t limit_us;  /* the deadline, or the end of the probe's time */
	int64_t resume_us; /* end of the pause */

	struct wire_result *rows;
	enum err result;
	char why[256];
};

struct lookup *
lookup_new(const char *conninfo, const char *password, int64_t timeout_ms)
{
	struct lookup *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->timeout_ms = timeout_ms;
	l->is_up = true;
	l->wire = wire_new(conninfo, password);
	l->arena = arena_new(ARENA_BYTES);
	if (!l->wire || !l->arena) {
		lookup_free(l);
		return NULL;
	}
	return l;
}

void
lookup_free(struct lookup *l)
{
	if (!l)
		return;
	wire_result_free(l->rows);
	wire_free(l->wire);
	arena_free(l->arena);
	free(l);
}

enum lookup_state
lookup_state(const struct lookup *l)
{
	return l->state;
}

/*
 * How it ends.
 */

static void
count(const struct lookup *l)
{
	metric_add(M_DB_QUERIES, wire_is_open(l->wire) ? OUTCOME_OK : OUTCOME_ERROR, 0, 0, 1);
	metric_observe(M_DB_DURATION, 0, clock_mono_us() - l->began_us);
}

/* Ends it without having asked the database. */
static void
refuse(struct lookup *l, enum err e, const char *why)
{
	l->state = LOOKUP_DONE;
	l->result = e;
	snprintf(l->why, sizeof(l->why), "%s: %s", by_codes.name, why);
}

static void
end(struct lookup *l, enum err e)
{
	l->state = LOOKUP_DONE;
	l->result = e;
	/* Whatever the answer was: one came if, and only if, the connection is still there. */
	l->is_up = wire_is_open(l->wire);
	if (e == ERR_OK)
		l->why[0] = '\0';
	if (l->is_up)
		circuit_succeeded(&l->circuit);
	else
		circuit_failed(&l->circuit, l->began_us, clock_mono_us());
	count(l);
}

/* What a server's error means here: never that there is no such code. */
static enum err
narrow(enum err e)
{
	bool is_known = e == ERR_UNAVAILABLE || e == ERR_DEADLINE || e == ERR_MEMORY;

	return is_known ? e : ERR_INTERNAL;
}

/* Whether there is reason to try again, and time. */
static bool
may_retry(const struct lookup *l, enum err e, int64_t now_us)
{
	bool is_lost = !wire_is_open(l->wire);
	int64_t retry_us = now_us + CIRCUIT_PAUSE_US;

	if (e != ERR_UNAVAILABLE || l->must_probe)
		return false;
	if (!is_lost && !sqlstate_is_retryable(wire_failure(l->wire)->state))
		return false;
	return retry_us < l->deadline_us && retry_us < l->began_us + CIRCUIT_PATIENCE_US;
}

/* After the first failure it goes on at once: most often only an old connection was lost. */
static void
fail(struct lookup *l, enum err e)
{
	static const char *const names[] = { [PHASE_CONNECT] = "connect",
		[PHASE_PROBE] = "probe",
		[PHASE_QUERY] = "query",
		[PHASE_PAUSE] = "pause" };
	const struct wire_failure *f = wire_failure(l->wire);
	int64_t now_us = clock_mono_us();

	if (l->phase == PHASE_CONNECT)
		metric_add(M_DB_CONNECTS, OUTCOME_ERROR, 0, 0, 1);
	snprintf(l->why, sizeof(l->why), "%s: %s:%s%s %s", by_codes.name, names[l->phase],
	    f->state[0] ? " " : "", f->state, f->why);
	if (!may_retry(l, e, now_us)) {
		end(l, narrow(e));
		return;
	}
	l->phase = PHASE_PAUSE;
	l->resume_us = l->has_failed ? now_us + CIRCUIT_PAUSE_US : now_us;
	l->has_failed = true;
}

/*
 * How it goes on.
 */

static void
begin(struct lookup *l, enum phase phase)
{
	const struct wire_work probe = { .text = "SELECT 1" };
	const struct wire_work query = { .text = l->text, .args = &l->codes, .n_args = 1 };
	enum err e;

	l->phase = phase;
	if (phase == PHASE_CONNECT)
		e = wire_begin_connect(l->wire);
	else
		e = wire_begin(l->wire, phase == PHASE_PROBE ? &probe : &query);
	if (e)
		fail(l, e);
}

static void
try(struct lookup *l)
{
	bool is_ready = wire_is_open(l->wire) && wire_is_idle(l->wire);

	begin(l, is_ready ? PHASE_QUERY : PHASE_CONNECT);
}

/* Begins what comes after what has just succeeded. */
static void
follow(struct lookup *l)
{
	switch (l->phase) {
	case PHASE_CONNECT:
		metric_add(M_DB_CONNECTS, OUTCOME_OK, 0, 0, 1);
		begin(l, l->must_probe ? PHASE_PROBE : PHASE_QUERY);
		break;
	case PHASE_PROBE:
		wire_result_free(wire_take(l->wire));
		l->must_probe = false;
		l->limit_us = l->deadline_us;
		begin(l, PHASE_QUERY);
		break;
	case PHASE_QUERY:
		l->rows = wire_take(l->wire);
		end(l, ERR_OK);
		break;
	case PHASE_PAUSE:
		break;
	}
}

void
lookup_step(struct lookup *l, int64_t now_us)
{
	enum err e = ERR_OK;

	if (l->state != LOOKUP_RUNS)
		return;
	if (l->phase != PHASE_PAUSE)
		e = wire_step(l->wire);
	else if (now_us >= l->resume_us)
		try(l);
	if (e)
		fail(l, e);
	while (l->state == LOOKUP_RUNS && l->phase != PHASE_PAUSE && !wire_is_busy(l->wire))
		follow(l);
	/* An answer that came in time is taken, however late this call is. */
	if (l->state == LOOKUP_RUNS && now_us >= l->limit_us)
		fail(l, wire_expire(l->wire));
}

int
lookup_fd(const struct lookup *l)
{
	return l->phase == PHASE_PAUSE ? -1 : wire_fd(l->wire);
}

short
lookup_events(const struct lookup *l)
{
	return l->phase == PHASE_PAUSE ? 0 : wire_events(l->wire);
}

int64_t
lookup_wake_us(const struct lookup *l)
{
	return l->phase == PHASE_PAUSE ? l->resume_us : l->limit_us;
}

/*
 * How it begins.
 */

/* Leaves out what can't be a code, so that it is not found. Returns how many are left. */
static size_t
keep_codes(struct lookup *l, const char *const codes[], size_t n)
{
	struct db_array array;
	size_t kept = 0;

	db_array_init(&array, l->arena);
	for (size_t i = 0; i < n; i++) {
		size_t len = strnlen(codes[i], CODE_MAX + 1);

		if (len > CODE_MAX || !utf8_valid(codes[i], len))
			continue;
		db_array_text(&array, codes[i]);
		kept++;
	}
	l->codes = db_array_end(&array);
	return kept;
}

static void
set_times(struct lookup *l, int64_t deadline_us)
{
	l->began_us = clock_mono_us();
	l->deadline_us = l->began_us + l->timeout_ms * 1000;
	if (l->deadline_us > deadline_us)
		l->deadline_us = deadline_us;
	l->limit_us = l->deadline_us;
}

/* After a long absence a cheap statement, which may not take long, decides. */
static void
begin_with_probe(struct lookup *l)
{
	l->must_probe = true;
	if (l->limit_us > l->began_us + CIRCUIT_PROBE_US)
		l->limit_us = l->began_us + CIRCUIT_PROBE_US;
	begin(l, PHASE_CONNECT);
}

void
lookup_start(struct lookup *l, const char *const codes[], size_t n, int64_t deadline_us,
    const struct trace_ref *span)
{
	assert(l->state == LOOKUP_FREE && n >= 1 && n <= LOOKUP_CODES_MAX);
	l->state = LOOKUP_RUNS;
	l->must_probe = l->has_failed = false;
	l->text = span ? db_trace_sign(l->arena, span, by_codes.text) : by_codes.text;
	set_times(l, deadline_us);
	if (keep_codes(l, codes, n) == 0) {
		refuse(l, ERR_OK, "");
		return;
	}
	if (!l->codes) {
		refuse(l, ERR_MEMORY, "no memory for the codes");
		return;
	}
	if (l->deadline_us <= l->began_us) {
		refuse(l, ERR_DEADLINE, "no time left");
		return;
	}
	switch (circuit_state(&l->circuit, l->began_us)) {
	case CIRCUIT_OPEN:
		refuse(l, ERR_UNAVAILABLE, "the database is away");
		count(l);
		break;
	case CIRCUIT_PROBE:
		begin_with_probe(l);
		break;
	case CIRCUIT_CLOSED:
		try(l);
		break;
	}
}

/*
 * What came of it.
 */

enum err
lookup_result(const struct lookup *l)
{
	assert(l->state == LOOKUP_DONE);
	return l->result;
}

const char *
lookup_why(const struct lookup *l)
{
	return l->why;
}

bool
lookup_find(const struct lookup *l, const char *code, struct url *ret_url)
{
	const struct db_rows rows = { .result = l->rows, .n = l->rows ? wire_rows(l->rows) : 0 };

	assert(l->state == LOOKUP_DONE && l->result == ERR_OK);
	for (int i = 0; i < rows.n; i++) {
		if (strcmp(db_text(&rows, i, COLUMN_CODE), code) != 0)
			continue;
		*ret_url = (struct url){
			.id = db_int(&rows, i, COLUMN_ID),
			.user_id = db_int(&rows, i, COLUMN_USER_ID),
			.version = db_int(&rows, i, COLUMN_VERSION),
			.short_code = db_text(&rows, i, COLUMN_CODE),
			.original_url = db_text(&rows, i, COLUMN_URL),
			.is_active = db_bool(&rows, i, COLUMN_ACTIVE),
		};
		return true;
	}
	return false;
}

void
lookup_clear(struct lookup *l)
{
	assert(l->state == LOOKUP_DONE);
	wire_result_free(l->rows);
	l->rows = NULL;
	l->codes = NULL;
	l->why[0] = '\0';
	arena_reset(l->arena);
	l->state = LOOKUP_FREE;
}

bool
lookup_is_up(const struct lookup *l)
{
	return l->is_up;
}
