/*
 * Look-ups of short codes that never wait: one query for many codes at a time, on the
 * process's one connection to PgBouncer, driven by the caller's event loop. The connection
 * is made, lost and made anew without blocking; the query only reads, so it is sent again
 * until its deadline. A circuit (circuit.h) refuses at once while the database is away. A
 * look-up that failed says so and is never taken for "no such code".
 */
#ifndef LIB_DATA_LOOKUP_H
#define LIB_DATA_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct lookup;
struct trace_ref;
struct url;

#define LOOKUP_CODES_MAX 64

enum lookup_state {
	LOOKUP_FREE, /* lookup_start may be called */
	LOOKUP_RUNS, /* call lookup_step when the descriptor is ready or the time has come */
	LOOKUP_DONE  /* lookup_result and lookup_find may be called, then lookup_clear */
};

/* conninfo, password: as db_new's. timeout_ms: of one query, when the deadline is later.
 * Nothing is connected yet. NULL: no memory. */
struct lookup *lookup_new(const char *conninfo, const char *password, int64_t timeout_ms);
void lookup_free(struct lookup *l);

enum lookup_state lookup_state(const struct lookup *l);

/* Begins to look n codes (1..LOOKUP_CODES_MAX, copied; any bytes) up. Never waits; it may be
 * DONE at once. Times are on clock_mono_us()'s scale. span: what the query says that it is;
 * NULL: nothing. */
void lookup_start(struct lookup *l, const char *const codes[], size_t n, int64_t deadline_us,
    const struct trace_ref *span);

/* Goes on as far as it can without waiting. A call too many does no harm. */
void lookup_step(struct lookup *l, int64_t now_us);

/* What to wait for while it RUNS: the descriptor (-1: none; it changes with the connection),
 * POLLIN and POLLOUT, and the time at which to call lookup_step in any case. */
int lookup_fd(const struct lookup *l);
short lookup_events(const struct lookup *l);
int64_t lookup_wake_us(const struct lookup *l);

/* ERR_OK; ERR_UNAVAILABLE, ERR_DEADLINE, ERR_INTERNAL or ERR_MEMORY: nothing is known of any
 * of the codes, and lookup_why says why in a line. */
enum err lookup_result(const struct lookup *l);
const char *lookup_why(const struct lookup *l);

/* After ERR_OK: the row of a code; false: there is none. Texts live until lookup_clear. Of the struct only
 * id, user_id, version, short_code, original_url and is_active are filled. */
bool lookup_find(const struct lookup *l, const char *code, struct url *ret_url);

/* Forgets the result: FREE again. */
void lookup_clear(struct lookup *l);

/* Whether the database answered when it was last asked (true before that); for /health/ready. */
bool lookup_is_up(const struct lookup *l);

#endif
