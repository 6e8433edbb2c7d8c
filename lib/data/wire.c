#include "lib/data/wire.h"

#include <assert.h>
#include <libpq-fe.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/num.h"
#include "lib/data/sqlstate.h"
#include "lib/data/stream.h"

enum { COPY_CHUNK = 64 * 1024 };

struct wire {
	PGconn *conn; /* NULL: closed */
	char *conninfo, *password;
	int64_t deadline_us; /* of the call that is running */
	struct wire_failure failure;
};

struct wire *
wire_new(const char *conninfo, const char *password)
{
	struct wire *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->conninfo = strdup(conninfo);
	w->password = strdup(password);
	if (!w->conninfo || !w->password) {
		wire_free(w);
		return NULL;
	}
	return w;
}

void
wire_free(struct wire *w)
{
	if (!w)
		return;
	wire_close(w);
	free(w->conninfo);
	free(w->password);
	free(w);
}

void
wire_close(struct wire *w)
{
	PQfinish(w->conn);
	w->conn = NULL;
}

bool
wire_is_open(const struct wire *w)
{
	return w->conn != NULL;
}

bool
wire_is_idle(const struct wire *w)
{
	/* Nothing is due on an idle connection: whatever can be read is its end. */
	return PQtransactionStatus(w->conn) == PQTRANS_IDLE && !stream_has_input(PQsocket(w->conn));
}

const struct wire_failure *
wire_failure(const struct wire *w)
{
	return &w->failure;
}

/* Notes a failure that the server has no code for. why may have several lines. */
static void
note_failure(struct wire *w, const char *why)
{
	w->failure = (struct wire_failure){ 0 };
	snprintf(w->failure.why, sizeof(w->failure.why), "%.*s", (int)strcspn(why, "\n"), why);
}

/* Gives up on a connection: why in our words, or libpq's when the server is the reason. */
static enum err
give_up(struct wire *w, enum err e)
{
	if (e == ERR_UNAVAILABLE)
		note_failure(w, PQerrorMessage(w->conn));
	else if (e == ERR_DEADLINE)
		note_failure(w, "no answer in time");
	else
		note_failure(w, e == ERR_MEMORY ? "out of memory" : "an unexpected COPY");
	wire_close(w);
	return e;
}

/*
 * Waiting. A failure here leaves the connection open; whoever called gives up on it.
 */

static enum err
wait_for(const struct wire *w, short events)
{
	return stream_wait(PQsocket(w->conn), events, w->deadline_us);
}

/* Reads what is there. A lost connection is no failure here: PQgetResult then returns the
 * reason, without blocking. */
static enum err
read_some(const struct wire *w)
{
	if (PQconsumeInput(w->conn) || PQstatus(w->conn) == CONNECTION_BAD)
		return ERR_OK;
	return ERR_MEMORY;
}

/* Sends all that libpq holds. It reads meanwhile, since a server that can't get rid of its
 * answer stops reading. */
static enum err
flush(const struct wire *w)
{
	while (PQflush(w->conn) > 0) {
		enum err e = wait_for(w, POLLIN | POLLOUT);

		if (!e)
			e = read_some(w);
		if (e)
			return e;
	}
	return ERR_OK;
}

static enum err
wait_for_result(const struct wire *w)
{
	while (PQisBusy(w->conn) && PQstatus(w->conn) != CONNECTION_BAD) {
		enum err e = wait_for(w, POLLIN);

		if (!e)
			e = read_some(w);
		if (e)
			return e;
	}
	return ERR_OK;
}

/*
 * Connecting.
 */

static void
ignore_notice(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

static enum err
connect_start(struct wire *w)
{
	const char *const names[] = { "dbname", "password", "client_encoding",
		"fallback_application_name", NULL };
	const char *const values[] = { w->conninfo, w->password, "UTF8", "terse", NULL };

	/* 1: dbname is a conninfo. An empty value does not replace one of its own. */
	w->conn = PQconnectStartParams(names, values, 1);
	if (!w->conn)
		return ERR_MEMORY;
	PQsetNoticeProcessor(w->conn, ignore_notice, NULL);
	return PQstatus(w->conn) == CONNECTION_BAD ? ERR_UNAVAILABLE : ERR_OK;
}

static enum err
connect_finish(const struct wire *w)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;

	while (next == PGRES_POLLING_WRITING || next == PGRES_POLLING_READING) {
		enum err e = wait_for(w, next == PGRES_POLLING_READING ? POLLIN : POLLOUT);

		if (e)
			return e;
		next = PQconnectPoll(w->conn);
	}
	if (next != PGRES_POLLING_OK || PQsetnonblocking(w->conn, 1) != 0)
		return ERR_UNAVAILABLE;
	return ERR_OK;
}

enum err
wire_connect(struct wire *w, int64_t deadline_us)
{
	enum err e;

	wire_close(w);
	w->deadline_us = deadline_us;
	e = connect_start(w);
	if (!e)
		e = connect_finish(w);
	return e ? give_up(w, e) : ERR_OK;
}

/*
 * Statements.
 */

static bool
is_fatal(const PGresult *r)
{
	const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);

	return severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

static bool
is_copy(const PGresult *r)
{
	ExecStatusType status = PQresultStatus(r);

	return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

static bool
is_good(const PGresult *r)
{
	return PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK;
}

/* Of two results in a row the one that matters: the first that failed, or the last. */
static PGresult *
choose(PGresult *before, PGresult *after)
{
	bool failed = before && !is_good(before);

	PQclear(failed ? after : before);
	return failed ? before : after;
}

/* Takes all results of what was sent. After a FATAL one nothing follows, and a COPY waits
 * for us. */
static enum err
collect(const struct wire *w, PGresult **ret_result)
{
	PGresult *kept = NULL, *r;

	do {
		enum err e = wait_for_result(w);

		if (e) {
			PQclear(kept);
			return e;
		}
		r = PQgetResult(w->conn);
		if (r)
			kept = choose(kept, r);
	} while (r && !is_fatal(kept) && !is_copy(kept));
	*ret_result = kept;
	return kept ? ERR_OK : ERR_UNAVAILABLE;
}

static enum err
send_text(const struct wire *w, const struct wire_work *work)
{
	int ok;

	if (work->is_script || work->copy)
		ok = PQsendQuery(w->conn, work->text);
	else
		ok = PQsendQueryParams(
		    w->conn, work->text, work->n_args, NULL, work->args, NULL, NULL, 0);
	return ok ? flush(w) : ERR_UNAVAILABLE;
}

/* Sends the lines in pieces, so that libpq's buffer stays small. */
static enum err
send_lines(const struct wire *w, const char *lines, size_t n)
{
	while (n > 0) {
		size_t piece = n < COPY_CHUNK ? n : COPY_CHUNK;
		enum err e;

		if (PQputCopyData(w->conn, lines, (int)piece) != 1)
			return ERR_UNAVAILABLE;
		e = flush(w);
		if (e)
			return e;
		lines += piece;
		n -= piece;
	}
	return PQputCopyEnd(w->conn, NULL) == 1 ? flush(w) : ERR_UNAVAILABLE;
}

static enum err
converse(const struct wire *w, const struct wire_work *work, PGresult **ret_result)
{
	PGresult *begun;
	enum err e = send_text(w, work);

	if (!e)
		e = collect(w, &begun);
	if (e)
		return e;
	if (!work->copy || PQresultStatus(begun) != PGRES_COPY_IN) {
		*ret_result = begun;
		return ERR_OK;
	}
	PQclear(begun);
	e = send_lines(w, work->copy, work->copy_n);
	return e ? e : collect(w, ret_result);
}

static void
note_field(char *to, size_t size, const PGresult *r, int field)
{
	const char *from = PQresultErrorField(r, field);

	snprintf(to, size, "%s", from ? from : "");
}

/* Turns a failed result into an error; a connection that is lost with it is closed. */
static enum err
judge(struct wire *w, const PGresult *r)
{
	struct wire_failure *f = &w->failure;

	note_failure(w, PQresultErrorMessage(r));
	note_field(f->state, sizeof(f->state), r, PG_DIAG_SQLSTATE);
	note_field(f->constraint, sizeof(f->constraint), r, PG_DIAG_CONSTRAINT_NAME);
	if (f->state[0] != '\0')
		note_field(f->why, sizeof(f->why), r, PG_DIAG_MESSAGE_PRIMARY);
	if (PQstatus(w->conn) != CONNECTION_BAD && !is_fatal(r))
		return sqlstate_err(f->state);
	wire_close(w);
	return ERR_UNAVAILABLE;
}

enum err
wire_run(struct wire *w, const struct wire_work *work, int64_t deadline_us,
    struct wire_result **ret_result)
{
	PGresult *r = NULL;
	enum err e;

	assert(w->conn && (work->n_args == 0 || !work->is_script));
	w->deadline_us = deadline_us;
	e = converse(w, work, &r);
	if (!e && is_copy(r))
		e = ERR_INTERNAL;
	if (e)
		e = give_up(w, e);
	else if (!is_good(r))
		e = judge(w, r);
	if (e)
		PQclear(r);
	else
		*ret_result = (struct wire_result *)r;
	return e;
}

/*
 * Results: a wire_result is libpq's PGresult under a name that needs no libpq.
 */

void
wire_result_free(void *r)
{
	PQclear(r);
}

int
wire_rows(const struct wire_result *r)
{
	return PQntuples((const PGresult *)r);
}

int64_t
wire_affected(struct wire_result *r)
{
	const char *text = PQcmdTuples((PGresult *)r);
	int64_t n;

	/* "" for statements that don't count. */
	return num_parse(text, strlen(text), 0, INT64_MAX, &n) ? 0 : n;
}

const char *
wire_tag(struct wire_result *r)
{
	return PQcmdStatus((PGresult *)r);
}

const char *
wire_cell(const struct wire_result *r, int row, int column)
{
	const PGresult *pg = (const PGresult *)r;

	assert(row >= 0 && row < PQntuples(pg) && column >= 0 && column < PQnfields(pg));
	return PQgetisnull(pg, row, column) ? NULL : PQgetvalue(pg, row, column);
}

/* The value of a conninfo's keyword, or NULL; owned by options. */
static const char *
option(const PQconninfoOption *options, const char *keyword)
{
	for (const PQconninfoOption *o = options; o && o->keyword; o++)
		if (strcmp(o->keyword, keyword) == 0)
			return o->val;
	return NULL;
}

/* Whether something listens on the unix socket that conninfo's host and port name. */
static bool
listens(const char *dir, const char *port)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/.s.PGSQL.%s", dir, port);
	if (stream_connect(path, INT64_MAX, &fd))
		return false;
	close(fd);
	return true;
}

bool
wire_is_listening(const struct wire *w)
{
	PQconninfoOption *options = PQconninfoParse(w->conninfo, NULL);
	const char *host = option(options, "host"), *port = option(options, "port");
	bool found = wire_is_open(w);

	if (host && host[0] == '/')
		found = listens(host, port ? port : "5432");
	PQconninfoFree(options);
	return found;
}
