#include "app/worker/routes.h"

#include "app/worker/handlers.h"
#include "lib/base/attr.h"

/* follow.c answers the rows without a handler. Nothing here may wait. */
const struct route redirect_routes[] = {
	{ METHOD_GET, "/:code", NULL, "url_follow", AUTH_PUBLIC, true },
	{ METHOD_GET, "/urls/:code/redirect", NULL, "url_redirect", AUTH_PUBLIC, false },
	{ METHOD_GET, "/health", health_show, "health_show", AUTH_PUBLIC, false },
	{ METHOD_GET, "/health/ready", health_glance, "health_ready", AUTH_PUBLIC, false },
};
const size_t n_redirect_routes = N(redirect_routes);

const struct route api_routes[] = {
	{ METHOD_GET, "/health", health_show, "health_show", AUTH_PUBLIC, false },
	{ METHOD_GET, "/health/ready", health_ready, "health_ready", AUTH_PUBLIC, false },
	{ METHOD_GET, "/metrics", metrics_show, "metrics_show", AUTH_OPERATOR, false },
	{ METHOD_GET, "/logs", log_list, "log_list", AUTH_ADMIN, false },
	{ METHOD_GET, "/prom_metrics", metrics_show, "prom_metrics_show", AUTH_OPERATOR, false },

	{ METHOD_GET, "/users", user_list, "user_list", AUTH_PUBLIC, false },
	{ METHOD_POST, "/users", user_create, "user_create", AUTH_PUBLIC, false },
	{ METHOD_POST, "/users/bulk", user_import, "user_import", AUTH_PUBLIC, false },
	{ METHOD_GET, "/users/:id", user_show, "user_show", AUTH_PUBLIC, false },
	{ METHOD_PUT, "/users/:id", user_edit, "user_edit", AUTH_PUBLIC, false },
	{ METHOD_PATCH, "/users/:id", user_edit, "user_patch", AUTH_PUBLIC, false },
	{ METHOD_DELETE, "/users/:id", user_remove, "user_remove", AUTH_PUBLIC, false },

	{ METHOD_GET, "/urls", url_list, "url_list", AUTH_PUBLIC, false },
	{ METHOD_POST, "/urls", url_create, "url_create", AUTH_PUBLIC, false },
	{ METHOD_POST, "/urls/bulk", url_import, "url_import", AUTH_PUBLIC, false },
	{ METHOD_GET, "/urls/:id", url_show, "url_show", AUTH_PUBLIC, false },
	{ METHOD_PUT, "/urls/:id", url_edit, "url_edit", AUTH_PUBLIC, false },
	{ METHOD_PATCH, "/urls/:id", url_edit, "url_patch", AUTH_PUBLIC, false },
	{ METHOD_DELETE, "/urls/:id", url_remove, "url_remove", AUTH_PUBLIC, false },
	{ METHOD_POST, "/shorten", url_shorten, "url_shorten", AUTH_PUBLIC, false },
	{ METHOD_GET, "/stats/:code", stats_show, "stats_show", AUTH_PUBLIC, false },

	{ METHOD_GET, "/events", event_list, "event_list", AUTH_PUBLIC, false },
	{ METHOD_POST, "/events", event_create, "event_create", AUTH_PUBLIC, false },
	{ METHOD_POST, "/events/bulk", event_import, "event_import", AUTH_PUBLIC, false },
	{ METHOD_GET, "/events/:id", event_show, "event_show", AUTH_PUBLIC, false },

	{ METHOD_GET, "/alerts", alert_list, "alert_list", AUTH_PUBLIC, false },
	{ METHOD_POST, "/alerts", alert_create, "alert_create", AUTH_PUBLIC, false },
	{ METHOD_POST, "/alerts/webhook", alert_hear, "alert_hear", AUTH_PUBLIC, false },
	{ METHOD_GET, "/alerts/:id", alert_show, "alert_show", AUTH_PUBLIC, false },
	{ METHOD_PUT, "/alerts/:id", alert_edit, "alert_edit", AUTH_PUBLIC, false },
	{ METHOD_PATCH, "/alerts/:id", alert_edit, "alert_patch", AUTH_PUBLIC, false },
};
const size_t n_api_routes = N(api_routes);
