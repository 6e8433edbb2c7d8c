#include "lib/http/dispatch.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/base/utf8.h"
#include "lib/http/cors.h"
#include "lib/http/fcgi.h"
#include "lib/http/peer.h"
#include "lib/http/problem.h"
#include "lib/http/resp.h"

enum {
	LOGGED_PATH_BYTES = 512,
	LOGGED_AGENT_BYTES = 256,
	STATUS_ABORTED = 499 /* as nginx logs it; no client ever sees it */
};

/* Takes as long for a wrong key as for the right one of the same length. */
static bool
equals_secret(const char *given, const char *secret)
{
	size_t i, n = strlen(secret);
	unsigned char differ = 0;

	if (strlen(given) != n)
		return false;
	for (i = 0; i < n; i++)
		differ |= (unsigned char)(given[i] ^ secret[i]);
	return differ == 0;
}

/* The key that the request carries, or "". */
static const char *
given_key(const struct req *rq)
{
	static const char scheme[] = "Bearer ";
	const char *value = req_header(rq, "HTTP_AUTHORIZATION");

	if (value && strncasecmp(value, scheme, sizeof(scheme) - 1) == 0)
		return value + sizeof(scheme) - 1;
	value = req_header(rq, "HTTP_X_API_KEY");
	return value ? value : "";
}

static bool
is_admin(const struct dispatch *d, const struct req *rq)
{
	return *d->admin_key != '\0' && equals_secret(given_key(rq), d->admin_key);
}

static enum err
authorize(enum auth auth, const struct dispatch *d, const struct req *rq)
{
	switch (auth) {
	case AUTH_PUBLIC:
		return ERR_OK;
	case AUTH_OPERATOR:
		return peer_is_loopback(rq->client) || is_admin(d, rq) ? ERR_OK : ERR_NOT_FOUND;
	case AUTH_ADMIN:
		return is_admin(d, rq) ? ERR_OK : ERR_UNAUTHORIZED;
	}
	return ERR_NOT_FOUND;
}

/* The answer to OPTIONS, or ERR_METHOD with the header that goes with it. */
static enum err
refuse_method(struct exchange *x)
{
	const char *allow = route_allow(&x->rq, x->match.allowed);

	if (!allow)
		return ERR_MEMORY;
	resp_header(&x->rs, "Allow", allow);
	if (x->rq.method != METHOD_OPTIONS)
		return ERR_METHOD;
	cors_preflight(x->d->cors_origins, allow, &x->rq, &x->rs);
	return resp_empty(&x->rs, 204);
}

static enum err
find_route(struct exchange *x)
{
	enum err e = route_find(x->d->routes, x->d->n_routes, &x->rq, &x->match);

	if (e)
		return e;
	e = authorize(x->match.route->auth, x->d, &x->rq);
	/* What others may not see has no name in their metrics, either. */
	if (e == ERR_NOT_FOUND)
		x->match.route = NULL;
	return e;
}

/* Fills in what all responses have, and sends it. */
static enum err
send_answer(struct exchange *x)
{
	if (!resp_find(&x->rs, "Cache-Control"))
		resp_header(&x->rs, "Cache-Control", "no-store");
	cors_allow(x->d->cors_origins, &x->rq, &x->rs);
	return fcgi_send(x->fcgi, &x->rs, x->rq.method == METHOD_HEAD);
}

static void
count(const struct exchange *x, int64_t duration_us, const char *kept_trace)
{
	const struct route *row = x->match.route;
	unsigned route = (unsigned)(row ? (size_t)(row - x->d->routes) : x->d->n_routes);

	metric_add(M_HTTP_REQUESTS, route, x->rq.method, metric_status(x->rs.status), 1);
	metric_observe_traced(M_HTTP_DURATION, route, duration_us, kept_trace);
}

/* Logs a text of the client's, cut to fit. */
static void
log_cut(const char *name, const char *value, size_t n, size_t most)
{
	char text[LOGGED_PATH_BYTES + 1];

	utf8_copy_clean(text, most + 1, value, n);
	log_text(name, text);
}

enum client_ip
dispatch_client_ip(const char *word)
{
	if (strcmp(word, "full") == 0)
		return CLIENT_IP_FULL;
	return strcmp(word, "none") == 0 ? CLIENT_IP_NONE : CLIENT_IP_NETWORK;
}

static void
log_client(enum client_ip much, const struct req *rq)
{
	const char *agent = req_header(rq, "HTTP_USER_AGENT");
	char network[PEER_TEXT_SIZE];

	if (much == CLIENT_IP_NETWORK)
		log_text("client_ip", peer_network(rq->client, network));
	else if (much == CLIENT_IP_FULL)
		log_cut("client_ip", rq->client, strlen(rq->client), PEER_TEXT_SIZE);
	if (agent)
		log_cut("user_agent", agent, strlen(agent), LOGGED_AGENT_BYTES);
}

static void
log_request(const struct exchange *x, int64_t duration_us, const char *trace_id)
{
	const struct req *rq = &x->rq;
	const struct resp *rs = &x->rs;
	const struct route *route = x->match.route;

	if (!log_begin(rs->status >= 500 ? LOG_WARN : LOG_INFO, "request"))
		return;
	log_text("request_id", x->cx.request_id);
	log_text("trace_id", trace_id);
	log_text("route", route ? route->name : "none");
	log_text("method", req_method_name(rq->method));
	log_cut("path", rq->target, strcspn(rq->target, "?"), LOGGED_PATH_BYTES);
	log_int("status", rs->status);
	log_int("duration_us", duration_us);
	log_int("bytes", (int64_t)rs->body.len);
	log_client(x->d->client_ip, rq);
	log_text("cache", rs->layer);
	log_text("pool", x->d->pool);
	log_text("diag", *x->cx.diag ? x->cx.diag : NULL);
	log_end();
}

static void
keep_trace(struct exchange *x, int64_t duration_us)
{
	const struct route *route = x->match.route;
	struct span s = {
		.kind = SPAN_SERVER,
		.failed = x->rs.status >= 500,
		.status = (uint16_t)x->rs.status,
		.duration_us = duration_us,
	};

	snprintf(s.name, sizeof(s.name), "%s", route ? route->name : "none");
	snprintf(s.request_id, sizeof(s.request_id), "%s", x->cx.request_id);
	snprintf(s.detail, sizeof(s.detail), "%s%s%s%s%s", req_method_name(x->rq.method),
	    route ? " " : "", route ? route->path : "", *x->cx.diag ? " " : "", x->cx.diag);
	trace_keep(&x->trace, &s, x->started_us);
}

static void
account(struct exchange *x)
{
	int64_t duration_us = clock_mono_us() - x->started_us;
	bool is_kept = trace_is_kept(&x->trace, x->rs.status, duration_us);
	char text[TRACE_ID_SIZE];
	const char *trace_id =
	    trace_has_id(&x->trace) ? trace_id_format(x->trace.ref.id, text) : NULL;

	count(x, duration_us, is_kept ? trace_id : NULL);
	log_request(x, duration_us, trace_id);
	if (is_kept)
		keep_trace(x, duration_us);
}

enum err
dispatch_begin(struct exchange *x, const struct dispatch *d, struct fcgi *f, struct arena *a,
    route_handler **ret_handler)
{
	enum err e;

	*x = (struct exchange){ .d = d, .fcgi = f, .started_us = clock_mono_us() };
	ctx_init(&x->cx, a, d->timeout_ms);
	resp_init(&x->rs, a);
	*ret_handler = NULL;
	e = req_init(&x->rq, &x->cx, f);
	if (e)
		return e;
	trace_begin(
	    &x->trace, d->tracer, a, req_header(&x->rq, "HTTP_TRACEPARENT"), x->rq.visit_id);
	x->cx.trace = &x->trace;
	x->env = *d->env;
	x->env.host = req_header(&x->rq, "HTTP_HOST");
	x->rq.env = &x->env;
	x->rq.body_max = d->body_max;
	e = find_route(x);
	if (!e)
		*ret_handler = x->match.route->handler;
	return e;
}

void
dispatch_end(struct exchange *x, enum err e)
{
	if (e == ERR_METHOD)
		e = refuse_method(x);
	if (!e && x->rs.bad_header)
		e = ctx_fail(
		    &x->cx, ERR_INTERNAL, "control character in header %s", x->rs.bad_header);
	if (e && e != ERR_ABORTED)
		problem_write(&x->rs, &x->rq, e);
	if (e != ERR_ABORTED)
		e = send_answer(x);
	if (e) {
		resp_clear(&x->rs);
		x->rs.status = STATUS_ABORTED;
	}
	account(x);
}

void
dispatch_request(const struct dispatch *d, struct fcgi *f, struct arena *a)
{
	struct exchange x;
	route_handler *handler;
	enum err e = dispatch_begin(&x, d, f, a, &handler);

	if (!e)
		e = handler(d->app, &x.rq, &x.rs);
	dispatch_end(&x, e);
	/* The response is with libfcgi, which also holds the parameters that rq borrows. */
	arena_reset(a);
}

void
dispatch_route_names(const struct route *routes, size_t n, const char **names)
{
	size_t i;

	for (i = 0; i < n; i++)
		names[i] = routes[i].name;
	names[n] = "none";
}
