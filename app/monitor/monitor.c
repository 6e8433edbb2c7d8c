#include "app/monitor/monitor.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/monitor/bouncer.h"
#include "app/monitor/certificate.h"
#include "app/monitor/export.h"
#include "app/monitor/health.h"
#include "app/monitor/host.h"
#include "app/monitor/probe.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/metric_process.h"
#include "lib/base/settings.h"
#include "lib/base/stop.h"
#include "lib/data/pipeline.h"
#include "lib/http/client.h"

enum {
	ANSWER_BYTES = 64 * 1024,
	ARENA_BYTES = 64 * 1024,
	REDIS_US = 200 * 1000 /* the only wait that holds up the others */
};

struct monitor {
	const struct settings *settings;
	struct metric_process process;
	struct health health;
	struct probe postgresql, pgbouncer;
	struct bouncer bouncer;
	struct arena *arena;
	struct pipeline *redis; /* NULL: there is no cache */
	struct host_cpu cpu;
	int64_t due_us; /* of Redis and the host */
	struct client *client;
	struct certificate certificate;
	struct export *export; /* NULL: nobody wants spans */
	bool has_looked;
	char host[65];
};

static const struct probe_question postgresql_questions[] = {
	{ { .text = "SELECT 1" }, NULL },
	{ { .text = NULL }, NULL },
};

/*
 * Making it
 */

static bool
init_probes(struct monitor *m)
{
	const struct settings *s = m->settings;
	int64_t every_us = s->monitor_interval_ms * 1000;
	char *console = bouncer_conninfo(s->db);
	bool made;

	made = probe_init(&m->postgresql, DEPENDENCY_POSTGRESQL, &m->health,
	    wire_new(s->db_direct, s->db_password), every_us);
	made = probe_init(&m->pgbouncer, DEPENDENCY_PGBOUNCER, &m->health,
		   console ? wire_new(console, s->db_password) : NULL, every_us) &&
	       made;
	probe_ask(&m->postgresql, postgresql_questions, NULL);
	probe_ask(&m->pgbouncer, bouncer_questions, &m->bouncer);
	free(console);
	return made;
}

static bool
init_clients(struct monitor *m)
{
	const struct settings *s = m->settings;

	m->arena = arena_new(ARENA_BYTES);
	m->client = client_new(ANSWER_BYTES);
	if (s->redis_socket[0] != '\0') {
		m->redis = pipeline_new(s->redis_socket);
		if (!m->redis)
			return false;
	}
	certificate_init(&m->certificate, m->client, s->listen, s->https_port);
	return m->arena && m->client;
}

static bool
init_export(struct monitor *m)
{
	const char *url = m->settings->otlp_url;

	snprintf(m->host, sizeof(m->host), "%s", m->settings->host);
	if (m->host[0] == '\0')
		(void)gethostname(m->host, sizeof(m->host) - 1);
	if (url[0] == '\0')
		return true;
	m->export = export_new(m->settings->run_dir, url, m->host, m->client);
	return m->export != NULL;
}

struct monitor *
monitor_new(const struct settings *s, char *why, size_t why_size)
{
	struct monitor *m = calloc(1, sizeof(*m));

	if (!m) {
		snprintf(why, why_size, "no memory");
		return NULL;
	}
	m->settings = s;
	m->process.program = PROGRAM_MONITOR;
	if (!init_probes(m) || !init_clients(m))
		snprintf(why, why_size, "no memory");
	else if (!init_export(m))
		snprintf(why, why_size, "spans: %s: %s", s->run_dir, strerror(errno));
	else
		return m;
	monitor_free(m);
	return NULL;
}

void
monitor_free(struct monitor *m)
{
	if (!m)
		return;
	export_free(m->export);
	certificate_release(&m->certificate);
	client_free(m->client);
	pipeline_free(m->redis);
	arena_free(m->arena);
	probe_release(&m->pgbouncer);
	probe_release(&m->postgresql);
	free(m);
}

/*
 * Looking
 */

static enum err
ping(struct monitor *m, int64_t deadline_us, struct reply *ret_reply)
{
	static const char *const words[] = { "PING", NULL };
	enum err e;

	pipeline_begin(m->redis, m->arena);
	pipeline_add(m->redis, words);
	e = pipeline_send(m->redis, deadline_us);
	return e ? e : pipeline_take(m->redis, deadline_us, ret_reply);
}

static void
look_at_redis(struct monitor *m, int64_t now_us)
{
	struct reply reply = { .text = "" };
	char diag[128] = "no answer in time";
	enum err e = ping(m, now_us + REDIS_US, &reply);
	bool is_up = !e && reply.kind == REPLY_STATUS;

	if (!e)
		snprintf(diag, sizeof(diag), "%s", reply.text);
	else if (e != ERR_DEADLINE)
		snprintf(diag, sizeof(diag), "no connection");
	health_note(&m->health, DEPENDENCY_REDIS, clock_mono_us() - now_us, is_up ? NULL : diag);
	arena_reset(m->arena);
}

static void
look_nearby(struct monitor *m, int64_t now_us)
{
	if (now_us < m->due_us)
		return;
	host_look(&m->cpu, m->settings->journal_dir);
	if (m->redis)
		look_at_redis(m, now_us);
	m->due_us = clock_mono_us() + m->settings->monitor_interval_ms * 1000;
}

static void
turn(struct monitor *m)
{
	probe_turn(&m->postgresql, clock_mono_us());
	probe_turn(&m->pgbouncer, clock_mono_us());
	if (m->health.states[DEPENDENCY_PGBOUNCER] == HEALTH_DOWN)
		bouncer_away();
	certificate_turn(&m->certificate, clock_mono_us());
	if (m->export)
		export_turn(m->export, clock_mono_us());
	look_nearby(m, clock_mono_us());
	metric_process_turn(&m->process, clock_mono_us());
}

/* One line when each dependency has been looked at once. */
static void
tell_ready(struct monitor *m)
{
	if (m->has_looked || m->health.states[DEPENDENCY_POSTGRESQL] == HEALTH_UNKNOWN ||
	    m->health.states[DEPENDENCY_PGBOUNCER] == HEALTH_UNKNOWN)
		return;
	m->has_looked = true;
	if (log_begin(LOG_INFO, "ready"))
		log_end();
}

/*
 * Waiting
 */

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int
until_next_ms(const struct monitor *m)
{
	int64_t due_us = earlier(m->due_us, certificate_due_us(&m->certificate)), left_us;

	due_us = earlier(due_us, probe_due_us(&m->postgresql));
	due_us = earlier(due_us, probe_due_us(&m->pgbouncer));
	if (m->export)
		due_us = earlier(due_us, export_due_us(m->export));
	left_us = due_us - clock_mono_us();
	return left_us <= 0 ? 0 : (int)((left_us + 999) / 1000);
}

static void
wait_for_events(const struct monitor *m, int signal_fd)
{
	struct pollfd all[] = {
		{ .fd = signal_fd, .events = POLLIN },
		probe_events(&m->postgresql),
		probe_events(&m->pgbouncer),
	};
	size_t n = 0;

	for (size_t i = 0; i < N(all); i++)
		if (all[i].fd >= 0)
			all[n++] = all[i];
	client_wait(m->client, all, n, until_next_ms(m));
}

void
monitor_run(struct monitor *m, int signal_fd)
{
	while (!stop_turn(signal_fd)) {
		turn(m);
		tell_ready(m);
		log_flush(); /* lines are few, and the next turn may be a minute away */
		wait_for_events(m, signal_fd);
	}
}
