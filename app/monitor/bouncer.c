#include "app/monitor/bouncer.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/metric.h"
#include "lib/base/num.h"

/* The console has its own rows here. */
static const char console[] = "pgbouncer";

/* The number in a named column; 0 where PgBouncer has none: versions differ. */
static int64_t
cell(const struct wire_result *r, int row, const char *column)
{
	int at = wire_column(r, column);
	const char *text = at < 0 ? NULL : wire_cell(r, row, at);
	int64_t value = 0;

	if (!text || num_parse_clamped(text, strlen(text), 0, INT64_MAX / 1024, &value))
		return 0;
	return value;
}

static bool
is_console(const struct wire_result *r, int row, const char *column)
{
	int at = wire_column(r, column);
	const char *text = at < 0 ? NULL : wire_cell(r, row, at);

	return text && strcmp(text, console) == 0;
}

/* The sum of some columns over all rows but the console's; key names the database. */
static int64_t
sum(const struct wire_result *r, const char *key, const char *const columns[])
{
	int64_t total = 0;

	for (int row = 0; row < wire_rows(r); row++)
		for (size_t i = 0; columns[i] && !is_console(r, row, key); i++)
			total += cell(r, row, columns[i]);
	return total;
}

static double
longest_wait_s(const struct wire_result *r)
{
	double longest = 0;

	for (int row = 0; row < wire_rows(r); row++) {
		double s =
		    (double)cell(r, row, "maxwait") + (double)cell(r, row, "maxwait_us") / 1e6;

		longest = s > longest ? s : longest;
	}
	return longest;
}

static const struct {
	enum metric metric;
	enum metric_session state;
	const char *columns[4];
} sessions[] = {
	{ M_BOUNCER_CLIENTS, SESSION_ACTIVE, { "cl_active" } },
	{ M_BOUNCER_CLIENTS, SESSION_WAITING, { "cl_waiting" } },
	{ M_BOUNCER_SERVERS, SESSION_ACTIVE, { "sv_active" } },
	{ M_BOUNCER_SERVERS, SESSION_WAITING, { "sv_login", "sv_tested" } },
	{ M_BOUNCER_SERVERS, SESSION_IDLE, { "sv_idle", "sv_used" } },
};

static void
take_pools(void *arg, const struct wire_result *r)
{
	(void)arg;
	for (size_t i = 0; i < N(sessions); i++)
		metric_set_at(sessions[i].metric, sessions[i].state, 0,
		    (double)sum(r, "database", sessions[i].columns));
	metric_set(M_BOUNCER_WAIT, longest_wait_s(r));
}

static void
take_databases(void *arg, const struct wire_result *r)
{
	static const char *const columns[] = { "pool_size", NULL };

	(void)arg;
	metric_set(M_BOUNCER_SIZE, (double)sum(r, "name", columns));
}

static const struct {
	enum metric metric;
	unsigned label;
	const char *columns[2];
} totals[BOUNCER_TOTALS] = {
	[BOUNCER_QUERIES] = { M_BOUNCER_QUERIES, 0, { "total_query_count" } },
	[BOUNCER_QUERY_TIME] = { M_BOUNCER_TIME, EFFORT_QUERY, { "total_query_time" } },
	[BOUNCER_WAIT_TIME] = { M_BOUNCER_TIME, EFFORT_WAIT, { "total_wait_time" } },
};

/* Its totals begin anew when it does: then all of them is new. */
static void
take_stats(void *arg, const struct wire_result *r)
{
	struct bouncer *b = arg;

	for (size_t i = 0; i < N(totals); i++) {
		int64_t now = sum(r, "database", totals[i].columns), was = b->totals[i];

		if (b->is_known)
			metric_add(totals[i].metric, totals[i].label, 0, 0,
			    (uint64_t)(now < was ? now : now - was));
		b->totals[i] = now;
	}
	b->is_known = true;
}

/* The console knows only the simple protocol. */
const struct probe_question bouncer_questions[] = {
	{ { .text = "SHOW POOLS", .is_script = true }, take_pools },
	{ { .text = "SHOW DATABASES", .is_script = true }, take_databases },
	{ { .text = "SHOW STATS", .is_script = true }, take_stats },
	{ { .text = NULL }, NULL },
};

char *
bouncer_conninfo(const char *db)
{
	char *text;

	/* Of a keyword that is there twice the last one counts. */
	if (asprintf(&text, "%s dbname=%s user=terse_stats", db, console) < 0)
		return NULL;
	return text;
}

void
bouncer_away(void)
{
	for (size_t i = 0; i < N(sessions); i++)
		metric_set_at(sessions[i].metric, sessions[i].state, 0, 0);
	metric_set(M_BOUNCER_WAIT, 0);
}
