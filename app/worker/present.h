/*
 * Records as clients see them: one function per resource, used wherever it appears.
 */
#ifndef APP_WORKER_PRESENT_H
#define APP_WORKER_PRESENT_H

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct alert;
struct app;
struct event;
struct resp;
struct user;
struct url;

/* A single record as the body, with Location when status is 201. ERR_MEMORY. */
MUST_CHECK enum err present_user(struct resp *rs, int status, const struct user *u);
MUST_CHECK enum err present_url(
    const struct app *app, struct resp *rs, int status, const struct url *u); /* and ETag */
MUST_CHECK enum err present_event(struct resp *rs, int status, const struct event *ev);
MUST_CHECK enum err present_alert(struct resp *rs, int status, const struct alert *a);

/* n records as a bare array. */
MUST_CHECK enum err present_users(struct resp *rs, const struct user *users, int n);
MUST_CHECK enum err present_urls(
    const struct app *app, struct resp *rs, const struct url *urls, int n);
MUST_CHECK enum err present_events(struct resp *rs, const struct event *events, int n);
MUST_CHECK enum err present_alerts(struct resp *rs, const struct alert *alerts, int n);

#endif
