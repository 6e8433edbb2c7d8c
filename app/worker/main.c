/*
 * terse-worker: serves FastCGI requests on the listening socket that it finds as its
 * standard input. One thread, one of two fronts.
 * usage: terse-worker [--front pull|mux] [--slot N] | --routes
 */
#include <errno.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/worker/app.h"
#include "app/worker/routes.h"
#include "app/worker/serve.h"
#include "app/worker/signals.h"
#include "lib/base/attr.h"
#include "lib/base/beat.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/base/num.h"
#include "lib/base/settings.h"
#include "lib/base/trace.h"
#include "lib/base/trace_visits.h"
#include "lib/http/dispatch.h"

/* As many as metrics can tell apart. */
#define ROUTES_MAX 64

struct front {
	const char *name;
	serve_fn *serve;
	const struct route *routes;
	const size_t *n_routes;
};

static const struct front fronts[] = {
	{ "pull", serve_pull, api_routes, &n_api_routes },
	{ "mux", serve_mux, redirect_routes, &n_redirect_routes },
};

struct options {
	pid_t parent;
	const struct front *front;
	int slot; /* of the pool's board; -1: none */
	bool must_print_routes;
};

static const struct front *
front_named(const char *name)
{
	for (size_t i = 0; i < N(fronts); i++)
		if (strcmp(fronts[i].name, name) == 0)
			return &fronts[i];
	return NULL;
}

static bool
read_slot(const char *text, int *ret_slot)
{
	int64_t slot;

	if (num_parse(text, strlen(text), 0, BEAT_SLOTS - 1, &slot))
		return false;
	*ret_slot = (int)slot;
	return true;
}

static bool
read_options(char **argv, struct options *ret)
{
	*ret = (struct options){ .parent = getppid(), .front = &fronts[0], .slot = -1 };
	for (argv++; *argv; argv++) {
		if (strcmp(*argv, "--routes") == 0)
			ret->must_print_routes = true;
		else if (strcmp(*argv, "--front") == 0 && argv[1])
			ret->front = front_named(*++argv);
		else if (strcmp(*argv, "--slot") != 0 || !argv[1] ||
			 !read_slot(*++argv, &ret->slot))
			return false;
		if (!ret->front)
			return false;
	}
	return true;
}

static int
run(struct app *app, const struct settings *s, const struct options *o)
{
	const struct dispatch d = {
		.routes = o->front->routes,
		.n_routes = *o->front->n_routes,
		.app = app,
		.env = &app->env,
		.admin_key = s->admin_key,
		.cors_origins = s->cors_origins,
		.pool = s->pool,
		.client_ip = dispatch_client_ip(s->log_client_ip),
		.tracer = app->tracer,
		.timeout_ms = s->request_timeout_ms,
		.body_max = (size_t)s->body_max_bytes,
	};
	struct beat *beat = beat_attach(s->run_dir, s->pool, o->slot);
	bool served;

	if (!beat) {
		log_event(LOG_ERROR, "start failed", "board of %s: %s", s->pool, strerror(errno));
		return 1;
	}
	app->beat = beat;
	orphan_init(&app->orphan, STDIN_FILENO, o->parent);
	log_event(LOG_INFO, "start", "%s", s->pool);
	served = o->front->serve(app, &d, beat);
	if (served)
		log_event(LOG_INFO, "stop", "%s", s->pool);
	else
		log_event(LOG_ERROR, "start failed", "standard input is no listening socket: %s",
		    strerror(errno));
	beat_free(beat);
	return served ? 0 : 1;
}

/* Without them requests are served all the same. */
static void
open_traces(struct app *app, const struct settings *s)
{
	app->tracer = tracer_new(s, PROGRAM_WORKER);
	if (app->tracer)
		app->trace_visits = trace_visits_open(s->run_dir);
	if (!app->trace_visits)
		log_event(LOG_WARN, "traces are not kept", "%s: %s", s->run_dir, strerror(errno));
}

static int
start(const struct settings *s, const struct options *o)
{
	const char *names[ROUTES_MAX];
	size_t n = *o->front->n_routes;
	struct app app;
	char why[512];
	int status = 1;

	log_rotate_at(s->log_max_bytes, s->log_keep);
	log_obey(s->run_dir);
	dispatch_route_names(o->front->routes, n, names);
	if (metric_open(s->run_dir, names, n + 1) != ERR_OK)
		log_event(LOG_WARN, "metrics are private", "%s: %s", s->run_dir, strerror(errno));
	if (app_init(&app, s, why, sizeof(why))) {
		open_traces(&app, s);
		status = run(&app, s, o);
	} else {
		log_event(LOG_ERROR, "start failed", "%s", why);
	}
	app_release(&app);
	metric_close();
	return status;
}

static void
print_routes(const struct route *routes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%s %s %s\n", req_method_name(routes[i].method), routes[i].path,
		    routes[i].name);
}

int
main(int argc, char **argv)
{
	struct options o;
	struct settings s;
	char why[512];
	int status = 1;

	(void)argc;
	if (!read_options(argv, &o)) {
		fprintf(stderr, "usage: terse-worker [--front pull|mux] [--slot N] | --routes\n");
		return 2;
	}
	if (o.must_print_routes) {
		print_routes(redirect_routes, n_redirect_routes);
		print_routes(api_routes, n_api_routes);
		return 0;
	}
	setlocale(LC_ALL, "C.UTF-8"); /* for the host names in target URLs */
	signals_take(o.parent);
	if (settings_load(&s, why, sizeof(why)) != ERR_OK)
		fprintf(stderr, "terse-worker: %s\n", why);
	else if (log_open(s.log_file, "terse-worker", log_level_of(s.log_level)) != ERR_OK)
		fprintf(stderr, "terse-worker: %s: %s\n", s.log_file, strerror(errno));
	else
		status = start(&s, &o);
	log_close();
	settings_release(&s);
	return status;
}
