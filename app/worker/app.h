/*
 * What the handlers of a worker share: its settings, its connections and the rules made
 * from its settings. One per process, made once, handed to every handler.
 */
#ifndef APP_WORKER_APP_H
#define APP_WORKER_APP_H

#include <stdbool.h>
#include <stddef.h>

#include "app/worker/orphan.h"
#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/http/field.h"

struct beat;
struct breaker;
struct cache;
struct ctx;
struct db;
struct journal;
struct l1;
struct lookup;
struct resp;
struct settings;
struct target_rules;
struct trace_visits;
struct tracer;
struct unknown;
struct url;
struct url_target;

struct app {
	const struct settings *settings; /* borrowed */
	struct beat *beat;               /* borrowed; set by main */
	struct orphan orphan;            /* set by main */
	struct db *db;                   /* of the pull front; blocks */
	struct lookup *lookup;           /* of the mux front; never does */
	struct breaker *breaker;
	struct l1 *l1;
	struct cache *cache;
	struct unknown *unknown;
	struct journal *journal;
	struct tracer *tracer;             /* NULL: nothing is traced */
	struct trace_visits *trace_visits; /* NULL: terse-ingest traces nothing */
	struct target_rules *targets;
	struct field_env env;
	unsigned char visitor_key[16];
};

/* Makes everything; nothing is connected yet. False: why (why_size bytes) says what is
 * wrong. Needs app_release either way. */
bool app_init(struct app *app, const struct settings *settings, char *why, size_t why_size);
void app_release(struct app *app);

/* What following u needs, its Location included. ERR_INVALID: its target has none. */
MUST_CHECK enum err app_target(struct ctx *cx, const struct url *u, struct url_target *ret_target);

/* Brings this host's caches to the state of a url that was created, changed, or found as it
 * was asked for (whoever made it so may not have come this far), before the client is told.
 * What Redis did not take, terse-ingest brings to it from the outbox, and nobody reads from
 * Redis until then. */
void app_publish(struct app *app, struct ctx *cx, const struct url *u);

/* The same for a url that was deleted; its version is that of the deletion. */
void app_retract(struct app *app, struct ctx *cx, const struct url *u);

/* Waits until the clicks that this host journaled so far can be read from the database; says
 * in a header when the answer will lag. */
void app_settle(struct app *app, struct ctx *cx, struct resp *rs);

#endif
