/*
 * A conversation with PostgreSQL over libpq, the only module that knows it: connect, send,
 * take the answer. Each is there twice: in steps that never wait, for an event loop (lookup),
 * and with waiting by a deadline (db). It never tries anything twice; those two decide that.
 */
#ifndef LIB_DATA_WIRE_H
#define LIB_DATA_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct wire;
struct wire_result;

/* One thing to send, however it is sent. */
struct wire_work {
	const char *text;
	const char *const *args; /* parameters in text form */
	int n_args;
	bool is_script;   /* may hold several statements, then without parameters */
	const char *copy; /* the lines of a COPY FROM STDIN; NULL: it is none */
	size_t copy_n;
};

/* Why the last call failed. */
struct wire_failure {
	char state[6];       /* SQLSTATE; "": the server did not say */
	char constraint[64]; /* the one that was violated, or "" */
	char why[192];       /* one line */
};

struct wire *wire_new(const char *conninfo, const char *password);
void wire_free(struct wire *w);

/* Begins to connect, or to send work (its copy is borrowed until the end). Then call wire_step
 * whenever wire_fd is ready for wire_events (POLLIN, POLLOUT), as long as it is busy; a call
 * too many does no harm. Errors are wire_run's, and end it. None of these waits. */
MUST_CHECK enum err wire_begin_connect(struct wire *w);
MUST_CHECK enum err wire_begin(struct wire *w, const struct wire_work *work);
MUST_CHECK enum err wire_step(struct wire *w);
bool wire_is_busy(const struct wire *w);
int wire_fd(const struct wire *w);
short wire_events(const struct wire *w);

/* Closes the connection in the midst of what goes on: ERR_DEADLINE. */
MUST_CHECK enum err wire_expire(struct wire *w);

/* The answer to work once it is no longer busy; the caller owns it. */
struct wire_result *wire_take(struct wire *w);

/* Connects by deadline_us (clock_mono_us() scale). ERR_UNAVAILABLE, ERR_DEADLINE, ERR_MEMORY. */
MUST_CHECK enum err wire_connect(struct wire *w, int64_t deadline_us);
void wire_close(struct wire *w);
bool wire_is_open(const struct wire *w);

/* Whether something listens where w connects to, on a unix socket; elsewhere whether the
 * connection is open. Never waits. */
bool wire_is_listening(const struct wire *w);

/* Whether the connection is alive, and not in a transaction. */
bool wire_is_idle(const struct wire *w);

/* Sends work and takes the answer; the caller owns *ret_result. Errors are sqlstate_err's,
 * and leave the connection open; or ERR_UNAVAILABLE, ERR_DEADLINE, ERR_MEMORY or ERR_INTERNAL
 * with the connection closed, since nobody knows any more where the conversation stands. */
MUST_CHECK enum err wire_run(struct wire *w, const struct wire_work *work, int64_t deadline_us,
    struct wire_result **ret_result);

const struct wire_failure *wire_failure(const struct wire *w);

int wire_rows(const struct wire_result *r);
int64_t wire_affected(struct wire_result *r);

/* What the server says it did, as "INSERT 0 1". */
const char *wire_tag(struct wire_result *r);

/* NULL: SQL's NULL. Lives as long as the result. */
const char *wire_cell(const struct wire_result *r, int row, int column);

/* The number of a column; -1: there is none of that name. */
int wire_column(const struct wire_result *r, const char *name);

/* void *, to be handed to arena_defer. */
void wire_result_free(void *r);

#endif
