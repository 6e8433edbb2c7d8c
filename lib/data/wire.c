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

/* What goes on. */
enum stage {
	STAGE_NONE,
	STAGE_CONNECT,
	STAGE_FLUSH, /* send what libpq holds */
	STAGE_LINES, /* hand libpq the next lines of a COPY */
	STAGE_RECEIVE
};

struct wire {
	PGconn *conn; /* NULL: closed */
	char *conninfo, *password;
	enum stage stage, after_flush;
	short events;      /* what the stage waits for; 0: it can go on */
	const char *lines; /* of a COPY: what is not sent yet; NULL: it is none, or all is */
	size_t lines_n;
	PGresult *result; /* so far, or NULL */
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
	PQclear(w->result);
	w->conn = NULL;
	w->result = NULL;
	w->lines = NULL;
	w->stage = STAGE_NONE;
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

/* Connecting. */

static void
ignore_notice(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

static enum err
start_connecting(struct wire *w)
{
	const char *const names[] = { "dbname", "password", "client_encoding",
		"fallback_application_name", NULL };
	const char *const values[] = { w->conninfo, w->password, "UTF8", "terse", NULL };

	/* 1: dbname is a conninfo. An empty value does not replace one of its own. */
	w->conn = PQconnectStartParams(names, values, 1);
	if (!w->conn)
		return ERR_MEMORY;
	PQsetNoticeProcessor(w->conn, ignore_notice, NULL);
	if (PQstatus(w->conn) == CONNECTION_BAD)
		return ERR_UNAVAILABLE;
	w->stage = STAGE_CONNECT;
	w->events = POLLOUT;
	return ERR_OK;
}

enum err
wire_begin_connect(struct wire *w)
{
	enum err e;

	wire_close(w);
	e = start_connecting(w);
	return e ? give_up(w, e) : ERR_OK;
}

static enum err
go_on_connecting(struct wire *w)
{
	switch (PQconnectPoll(w->conn)) {
	case PGRES_POLLING_READING:
		w->events = POLLIN;
		return ERR_OK;
	case PGRES_POLLING_WRITING:
		w->events = POLLOUT;
		return ERR_OK;
	case PGRES_POLLING_OK:
		w->stage = STAGE_NONE;
		return PQsetnonblocking(w->conn, 1) == 0 ? ERR_OK : ERR_UNAVAILABLE;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE:
		break;
	}
	return ERR_UNAVAILABLE;
}

/* Statements. */

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

/* Sends all that libpq holds. It reads meanwhile, since a server that can't get rid of its
 * answer stops reading. A lost connection shows when the answer is read. */
static enum err
flush(struct wire *w)
{
	if (PQflush(w->conn) > 0)
		w->events = POLLIN | POLLOUT;
	else
		w->stage = w->after_flush;
	return ERR_OK;
}

static void
flush_before(struct wire *w, enum stage next)
{
	w->stage = STAGE_FLUSH;
	w->after_flush = next;
}

/* Takes the next lines, in pieces, so that libpq's buffer stays small. */
static enum err
add_lines(struct wire *w)
{
	size_t piece = w->lines_n < COPY_CHUNK ? w->lines_n : COPY_CHUNK;

	if (piece == 0) {
		w->lines = NULL;
		flush_before(w, STAGE_RECEIVE);
		return PQputCopyEnd(w->conn, NULL) == 1 ? ERR_OK : ERR_UNAVAILABLE;
	}
	if (PQputCopyData(w->conn, w->lines, (int)piece) != 1)
		return ERR_UNAVAILABLE;
	w->lines += piece;
	w->lines_n -= piece;
	flush_before(w, STAGE_LINES);
	return ERR_OK;
}

/* All results are there: either it waits for our lines now, or that was the answer. */
static enum err
end_results(struct wire *w)
{
	if (!w->result)
		return ERR_UNAVAILABLE;
	w->stage = STAGE_NONE;
	if (!is_copy(w->result))
		return ERR_OK;
	if (!w->lines || PQresultStatus(w->result) != PGRES_COPY_IN)
		return ERR_INTERNAL;
	PQclear(w->result);
	w->result = NULL;
	w->stage = STAGE_LINES;
	return ERR_OK;
}

/* Takes the next result of what was sent. After a FATAL one nothing follows, and a COPY waits
 * for us. */
static enum err
receive(struct wire *w)
{
	PGresult *r;

	if (PQisBusy(w->conn) && PQstatus(w->conn) != CONNECTION_BAD) {
		w->events = POLLIN;
		return ERR_OK;
	}
	r = PQgetResult(w->conn);
	if (r)
		w->result = choose(w->result, r);
	if (r && !is_fatal(w->result) && !is_copy(w->result))
		return ERR_OK;
	return end_results(w);
}

static void
note_field(char *to, size_t size, const PGresult *r, int field)
{
	const char *from = PQresultErrorField(r, field);

	snprintf(to, size, "%s", from ? from : "");
}

/* Turns a failed result into an error; a connection that is lost with it is closed. */
static enum err
judge(struct wire *w)
{
	struct wire_failure *f = &w->failure;
	const PGresult *r = w->result;
	bool is_lost = PQstatus(w->conn) == CONNECTION_BAD || is_fatal(r);

	note_failure(w, PQresultErrorMessage(r));
	note_field(f->state, sizeof(f->state), r, PG_DIAG_SQLSTATE);
	note_field(f->constraint, sizeof(f->constraint), r, PG_DIAG_CONSTRAINT_NAME);
	if (f->state[0] != '\0')
		note_field(f->why, sizeof(f->why), r, PG_DIAG_MESSAGE_PRIMARY);
	PQclear(w->result);
	w->result = NULL;
	if (!is_lost)
		return sqlstate_err(f->state);
	wire_close(w);
	return ERR_UNAVAILABLE;
}

static enum err
step(struct wire *w)
{
	switch (w->stage) {
	case STAGE_CONNECT:
		return go_on_connecting(w);
	case STAGE_FLUSH:
		return flush(w);
	case STAGE_LINES:
		return add_lines(w);
	case STAGE_RECEIVE:
		return receive(w);
	case STAGE_NONE:
		break;
	}
	return ERR_INTERNAL;
}

/* Steps until it is done or has to wait. */
static enum err
go_on(struct wire *w)
{
	w->events = 0;
	while (w->stage != STAGE_NONE && w->events == 0) {
		enum err e = step(w);

		if (e)
			return give_up(w, e);
	}
	if (w->stage == STAGE_NONE && w->result && !is_good(w->result))
		return judge(w);
	return ERR_OK;
}

enum err
wire_begin(struct wire *w, const struct wire_work *work)
{
	int ok;

	assert(w->conn && w->stage == STAGE_NONE && !w->result);
	assert(work->n_args == 0 || !work->is_script);
	if (work->is_script || work->copy)
		ok = PQsendQuery(w->conn, work->text);
	else
		ok = PQsendQueryParams(
		    w->conn, work->text, work->n_args, NULL, work->args, NULL, NULL, 0);
	if (!ok)
		return give_up(w, ERR_UNAVAILABLE);
	w->lines = work->copy;
	w->lines_n = work->copy_n;
	flush_before(w, STAGE_RECEIVE);
	return go_on(w);
}

bool
wire_is_busy(const struct wire *w)
{
	return w->stage != STAGE_NONE;
}

int
wire_fd(const struct wire *w)
{
	return PQsocket(w->conn);
}

short
wire_events(const struct wire *w)
{
	return w->events;
}

enum err
wire_step(struct wire *w)
{
	assert(w->stage != STAGE_NONE);
	if (w->stage == STAGE_CONNECT) {
		/* libpq takes being called for being connected. */
		if (!stream_is_ready(PQsocket(w->conn), w->events))
			return ERR_OK;
	} else if (!PQconsumeInput(w->conn) && PQstatus(w->conn) != CONNECTION_BAD) {
		/* A lost connection is no failure here: PQgetResult then returns the reason,
		 * without blocking. */
		return give_up(w, ERR_MEMORY);
	}
	return go_on(w);
}

enum err
wire_expire(struct wire *w)
{
	return give_up(w, ERR_DEADLINE);
}

struct wire_result *
wire_take(struct wire *w)
{
	PGresult *r = w->result;

	assert(w->stage == STAGE_NONE && r);
	w->result = NULL;
	return (struct wire_result *)r;
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

int
wire_column(const struct wire_result *r, const char *name)
{
	return PQfnumber((const PGresult *)r, name);
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
