/*
 * What only operators may see.
 */
#include <string.h>

#include "app/worker/app.h"
#include "app/worker/handlers.h"
#include "lib/base/metric.h"
#include "lib/http/req.h"
#include "lib/http/resp.h"

/* Prometheus asks for OpenMetrics before all others where it can read it. */
static enum metric_format
wanted_format(const struct req *rq)
{
	const char *accept = req_header(rq, "HTTP_ACCEPT");

	return accept && strcasestr(accept, "application/openmetrics-text") ? METRIC_OPENMETRICS
									    : METRIC_TEXT;
}

enum err
metrics_show(struct app *app, struct req *rq, struct resp *rs)
{
	static const char *const types[] = {
		[METRIC_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
		[METRIC_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
	};
	enum metric_format format = wanted_format(rq);

	(void)app;
	metric_render(&rs->body, format);
	if (rs->body.failed)
		return ERR_MEMORY;
	rs->status = 200;
	rs->type = types[format];
	return ERR_OK;
}
