/*
 * What only operators may see.
 */
#include "app/worker/app.h"
#include "app/worker/handlers.h"
#include "lib/base/metric.h"
#include "lib/http/resp.h"

enum err
metrics_show(struct app *app, struct req *rq, struct resp *rs)
{
	(void)app;
	(void)rq;
	metric_render(&rs->body);
	if (rs->body.failed)
		return ERR_MEMORY;
	rs->status = 200;
	rs->type = "text/plain; version=0.0.4; charset=utf-8";
	return ERR_OK;
}
