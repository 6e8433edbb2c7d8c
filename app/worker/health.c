/*
 * /health says that a worker answers; /health/ready says what it can reach.
 */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "app/worker/app.h"
#include "app/worker/handlers.h"
#include "lib/base/clock.h"
#include "lib/base/settings.h"
#include "lib/data/breaker.h"
#include "lib/data/cache.h"
#include "lib/data/db.h"
#include "lib/data/lookup.h"
#include "lib/data/migrate.h"
#include "lib/http/json.h"
#include "lib/http/req.h"
#include "lib/http/resp.h"

enum check_name { CHECK_POSTGRESQL, CHECK_PGBOUNCER, CHECK_REDIS, CHECK_JOURNAL, CHECK__COUNT };

struct check {
	const char *state; /* ok, down, or why it is not ok */
	int64_t took_us;
};

static const struct {
	const char *name;
	bool is_needed; /* without it the service is not ready */
} checks[CHECK__COUNT] = {
	[CHECK_POSTGRESQL] = { "postgresql", true },
	[CHECK_PGBOUNCER] = { "pgbouncer", true },
	[CHECK_REDIS] = { "redis", false },
	[CHECK_JOURNAL] = { "journal", true },
};

enum err
health_show(struct app *app, struct req *rq, struct resp *rs)
{
	struct json j;

	(void)app;
	(void)rq;
	json_map_init(&j, rs->body.arena);
	json_add_text(&j, NULL, "status", "ok");
	return resp_json(rs, 200, &j);
}

static struct check
check_postgresql(struct app *app, struct ctx *cx)
{
	int64_t began_us = clock_mono_us();
	enum err e = migrate_check(app->db, cx);
	struct check c = { .state = "ok" };

	if (e && db_state(app->db)[0] == '\0' && db_is_connected(app->db))
		c.state = "schema is not up to date";
	else if (e)
		c.state = "down";
	c.took_us = clock_mono_us() - began_us;
	return c;
}

static struct check
check_pgbouncer(const struct app *app)
{
	int64_t began_us = clock_mono_us();
	struct check c = { .state = db_is_listening(app->db) ? "ok" : "down" };

	c.took_us = clock_mono_us() - began_us;
	return c;
}

static struct check
check_redis(struct app *app, struct ctx *cx)
{
	struct check c = { .state = "ok" };

	if (app->settings->redis_socket[0] == '\0')
		c.state = "off";
	else if (cache_ping(app->cache, cx, &c.took_us) != ERR_OK)
		c.state = "down";
	return c;
}

/* The journal needs a folder that can be written to and room on its disk. */
static struct check
check_journal(const struct app *app)
{
	const char *dir = app->settings->journal_dir;
	int64_t began_us = clock_mono_us();
	struct check c = { .state = "ok" };
	struct statvfs disk;

	if (access(dir, W_OK | X_OK) != 0 && errno != ENOENT)
		c.state = "not writable";
	else if (statvfs(dir, &disk) == 0 && disk.f_bavail == 0)
		c.state = "disk full";
	c.took_us = clock_mono_us() - began_us;
	return c;
}

static const char *
overall(const struct check c[CHECK__COUNT])
{
	const char *state = "ok";

	for (size_t i = 0; i < CHECK__COUNT; i++) {
		if (strcmp(c[i].state, "ok") == 0 || strcmp(c[i].state, "off") == 0)
			continue;
		if (checks[i].is_needed)
			return "unavailable";
		state = "degraded";
	}
	return state;
}

static enum err
show(const struct check found[CHECK__COUNT], struct resp *rs)
{
	const char *status = overall(found);
	bool ready = strcmp(status, "unavailable") != 0;
	struct json_object *all;
	struct json j;

	json_map_init(&j, rs->body.arena);
	json_add_text(&j, NULL, "status", status);
	all = json_add_map(&j, NULL, "checks");
	for (size_t i = 0; i < CHECK__COUNT; i++) {
		struct json_object *one = json_add_map(&j, all, checks[i].name);

		json_add_text(&j, one, "state", found[i].state);
		json_add_real(&j, one, "ms", (double)found[i].took_us / 1000.0);
	}
	if (!ready)
		resp_header(rs, "Retry-After", "1");
	return resp_json(rs, ready ? 200 : 503, &j);
}

enum err
health_ready(struct app *app, struct req *rq, struct resp *rs)
{
	const struct check found[CHECK__COUNT] = {
		[CHECK_POSTGRESQL] = check_postgresql(app, rq->cx),
		[CHECK_PGBOUNCER] = check_pgbouncer(app),
		[CHECK_REDIS] = check_redis(app, rq->cx),
		[CHECK_JOURNAL] = check_journal(app),
	};

	return show(found, rs);
}

/* The same of a front that may not wait: what the last calls have told. A redirect worker can
 * serve without the database, from what is cached, so that is no reason to be unready. */
enum err
health_glance(struct app *app, struct req *rq, struct resp *rs)
{
	const char *database = lookup_is_up(app->lookup) ? "ok" : "off";
	const struct check found[CHECK__COUNT] = {
		[CHECK_POSTGRESQL] = { .state = database },
		[CHECK_PGBOUNCER] = { .state = database },
		[CHECK_REDIS] = { .state = breaker_is_open(app->breaker) ? "down" : "ok" },
		[CHECK_JOURNAL] = check_journal(app),
	};

	(void)rq;
	return show(found, rs);
}
