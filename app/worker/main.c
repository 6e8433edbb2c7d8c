/*
 * terse-worker: serves FastCGI requests on the listening socket that it finds as its
 * standard input. One thread, one request at a time.
 */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "app/worker/app.h"
#include "app/worker/routes.h"
#include "lib/base/arena.h"
#include "lib/base/attr.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/base/settings.h"
#include "lib/data/journal.h"
#include "lib/http/dispatch.h"
#include "lib/http/fcgi.h"

/* Memory that one request may take; a full page of events with large details fits. */
#define REQUEST_MEMORY ((size_t)128 << 20)
#define IO_TIMEOUT_MS 5000
#define IDLE_MS 500
/* As many as metrics can tell apart. */
#define ROUTES_MAX 64
#define LOG_AGE_US 100000

static volatile sig_atomic_t stopping, reopening;

static void
on_stop(int sig)
{
	(void)sig;
	stopping = 1;
}

static void
on_reopen(int sig)
{
	(void)sig;
	reopening = 1;
}

/* A process manager may choose any of these to stop its workers. */
static const int stop_signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGUSR1 };

/* The signals are blocked but while the worker waits for a request, so none is lost
 * between a look at the flags and the wait. */
static void
take_signals(void)
{
	struct sigaction stop = { .sa_handler = on_stop }, reopen = { .sa_handler = on_reopen };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaction(SIGHUP, &reopen, NULL);
	for (size_t i = 0; i < N(stop_signals); i++) {
		sigaddset(&set, stop_signals[i]);
		sigaction(stop_signals[i], &stop, NULL);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file limit is an error of write(2), like a full disk */
}

/* A worker whose parent is gone would hold the socket that its successors need. */
static void
die_with_parent(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		stopping = 1;
}

static void
serve(struct app *app, const struct dispatch *d, struct fcgi *f, struct arena *a)
{
	enum err e;

	while (!stopping) {
		e = fcgi_accept(f, 0);
		if (e == ERR_DEADLINE) {
			log_flush();
			journal_tick(app->journal);
			e = fcgi_accept(f, IDLE_MS);
		}
		if (e == ERR_OK)
			dispatch_request(d, f, a);
		log_flush_if_older(LOG_AGE_US);
		if (reopening) {
			reopening = 0;
			log_reopen();
		}
	}
}

static int
run(struct app *app, const struct settings *s)
{
	const struct dispatch d = {
		.routes = routes,
		.n_routes = n_routes,
		.app = app,
		.env = &app->env,
		.admin_key = s->admin_key,
		.cors_origins = s->cors_origins,
		.pool = s->pool,
		.timeout_ms = s->request_timeout_ms,
		.body_max = (size_t)s->body_max_bytes,
	};
	struct arena *a = arena_new(REQUEST_MEMORY);
	struct fcgi *f = fcgi_new(STDIN_FILENO, IO_TIMEOUT_MS);

	if (a == NULL || f == NULL) {
		log_event(LOG_ERROR, "start failed", "standard input is no listening socket: %s",
		    strerror(errno));
		return 1;
	}
	log_event(LOG_INFO, "start", "%s", s->pool);
	serve(app, &d, f, a);
	log_event(LOG_INFO, "stop", "%s", s->pool);
	fcgi_free(f);
	arena_free(a);
	return 0;
}

static int
start(const struct settings *s)
{
	const char *names[ROUTES_MAX];
	struct app app;
	char why[512];
	int status = 1;

	dispatch_route_names(routes, n_routes, names);
	if (metric_open(s->run_dir, names, n_routes + 1) != ERR_OK)
		log_event(LOG_WARN, "metrics are private", "%s: %s", s->run_dir, strerror(errno));
	if (app_init(&app, s, why, sizeof(why)))
		status = run(&app, s);
	else
		log_event(LOG_ERROR, "start failed", "%s", why);
	app_release(&app);
	metric_close();
	return status;
}

static void
print_routes(void)
{
	static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE",
		"OPTIONS" };

	for (size_t i = 0; i < n_routes; i++)
		printf("%s %s %s\n", methods[routes[i].method], routes[i].path, routes[i].name);
}

int
main(int argc, char **argv)
{
	pid_t parent = getppid();
	struct settings s;
	char why[512];
	int status = 1;

	if (argc == 2 && strcmp(argv[1], "--routes") == 0) {
		print_routes();
		return 0;
	}
	setlocale(LC_ALL, "C.UTF-8"); /* for the host names in target URLs */
	take_signals();
	die_with_parent(parent);
	if (settings_load(&s, why, sizeof(why)) != ERR_OK)
		fprintf(stderr, "terse-worker: %s\n", why);
	else if (log_open(s.log_file, "terse-worker", log_level_of(s.log_level)) != ERR_OK)
		fprintf(stderr, "terse-worker: %s: %s\n", s.log_file, strerror(errno));
	else
		status = start(&s);
	log_close();
	settings_release(&s);
	return status;
}
