/*
 * The handlers, one per thing the service does; routes.c says when each is called. Named
 * <noun>_<verb>. Each reads its input by a field table, calls a store, and presents.
 */
#ifndef APP_WORKER_HANDLERS_H
#define APP_WORKER_HANDLERS_H

#include "lib/http/route.h"

/* health.c, operate.c, logs.c */
route_handler health_show, health_ready, health_glance, metrics_show, log_list;

/* user.c */
route_handler user_list, user_create, user_show, user_edit, user_remove;

/* url.c */
route_handler url_list, url_create, url_shorten, url_show, url_edit, url_remove;

/* event.c, stats.c */
route_handler event_list, event_create, event_show, stats_show;

/* alert.c, alert_webhook.c */
route_handler alert_list, alert_create, alert_show, alert_edit, alert_hear;

/* import_user.c, import_url.c, import_event.c */
route_handler user_import, url_import, event_import;

#endif
