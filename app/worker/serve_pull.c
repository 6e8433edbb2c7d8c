#include <malloc.h>
#include <string.h>
#include <unistd.h>

#include "app/worker/app.h"
#include "app/worker/serve.h"
#include "app/worker/signals.h"
#include "lib/base/arena.h"
#include "lib/base/beat.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/base/metric_process.h"
#include "lib/base/settings.h"
#include "lib/data/journal.h"
#include "lib/http/dispatch.h"
#include "lib/http/fcgi.h"
#include "lib/http/pull.h"

/* Memory that one request may take; a full page of events with large details fits. */
#define REQUEST_MEMORY ((size_t)128 << 20)
#define IO_TIMEOUT_MS 5000
#define LOG_AGE_US 100000
#define LAST_US (2 * 1000 * 1000)
#define LAST_MS 10 /* for those who are connecting just now */

/* Waits for a request; what can be put off is done before the wait begins. */
static enum err
next_request(struct app *app, struct pull *p, struct beat *beat, struct fcgi **ret_f)
{
	enum err e = pull_accept(p, 0, ret_f);

	if (e != ERR_DEADLINE)
		return e;
	log_flush();
	journal_tick(app->journal);
	beat_idle(beat, clock_mono_us());
	return pull_accept(p, BEAT_IDLE_MS, ret_f);
}

/* A request that only reads may be sent again by the web server when its worker is killed. */
static void
begin_work(const struct app *app, struct beat *beat, const struct fcgi *f)
{
	const char *method = fcgi_param(f, "REQUEST_METHOD");
	bool is_safe = method && (*method == 'G' || *method == 'H' || *method == 'O');
	int64_t now_us = clock_mono_us();

	beat_works(beat, now_us, now_us + app->settings->request_timeout_ms * 1000, is_safe, 1);
}

/* Whether the body has 100,000 bytes or more. */
static bool
is_large(const struct fcgi *f)
{
	const char *length = fcgi_param(f, "CONTENT_LENGTH");

	return length && strlen(length) >= sizeof("100000") - 1;
}

/* What a large body was read into goes back to the system: workers are many, and live long. */
static void
serve_one(
    struct app *app, const struct dispatch *d, struct beat *beat, struct fcgi *f, struct arena *a)
{
	bool was_large = is_large(f);

	begin_work(app, beat, f);
	metric_set(M_HTTP_IN_FLIGHT, 1);
	dispatch_request(d, f, a);
	fcgi_finish(f, false);
	metric_set(M_HTTP_IN_FLIGHT, 0);
	if (was_large)
		malloc_trim(0);
}

/* It was told to stop. Whoever has connected is served first, for a while: when the last
 * worker of a killed pool goes, so does the socket, and a write that waits there is lost. */
static void
serve_last(
    struct app *app, const struct dispatch *d, struct pull *p, struct beat *beat, struct arena *a)
{
	int64_t until_us = clock_mono_us() + LAST_US;
	struct fcgi *f;
	enum err e;

	orphan_leave(&app->orphan);
	do {
		e = pull_accept(p, LAST_MS, &f);
		if (!e)
			serve_one(app, d, beat, f, a);
	} while (e != ERR_DEADLINE && clock_mono_us() < until_us);
}

bool
serve_pull(struct app *app, const struct dispatch *d, struct beat *beat)
{
	struct arena *a = arena_new(REQUEST_MEMORY);
	struct pull *p = pull_new(STDIN_FILENO, IO_TIMEOUT_MS);
	struct metric_process process = { .program = PROGRAM_WORKER };
	bool is_able = a && p;

	while (is_able && !signals_say_stop()) {
		struct fcgi *f;

		if (next_request(app, p, beat, &f) == ERR_OK)
			serve_one(app, d, beat, f, a);
		metric_process_turn(&process, clock_mono_us());
		log_flush_if_older(LOG_AGE_US);
		if (signals_say_reopen())
			log_reopen();
	}
	if (is_able)
		serve_last(app, d, p, beat, a);
	pull_free(p);
	arena_free(a);
	return is_able;
}
