/*
 * Events: the audit trail and the visits as one list. Audit events (and posted ones) are
 * rows of `events`, visits are rows of `clicks`; ids come from one sequence.
 */
#ifndef LIB_DATA_EVENT_STORE_H
#define LIB_DATA_EVENT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/data/page.h"

struct ctx;
struct db;

struct event {
	int64_t id, url_id, user_id; /* 0: none */
	const char *event_type;
	int64_t at_us;
	const char *details; /* JSON text of an object */
};

struct event_new {
	unsigned given;
	const char *event_type;
	int64_t url_id, user_id; /* user_id 0: none */
	const char *details;     /* NULL: {} */
};

struct event_filter {
	unsigned given;
	int64_t url_id, user_id;
	const char *event_type;
	int64_t from_us, to_us; /* from <= timestamp < to */
};
enum { EVENT_FILTER_URL, EVENT_FILTER_USER, EVENT_FILTER_TYPE, EVENT_FILTER_FROM, EVENT_FILTER_TO };

struct event_list {
	struct event *events;
	int n;
};

/* ERR_NOT_FOUND: no such url or user (detail). */
MUST_CHECK enum err event_insert(
    struct db *db, struct ctx *cx, const struct event_new *in, struct event *ret_event);
MUST_CHECK enum err event_get(struct db *db, struct ctx *cx, int64_t id, struct event *ret_event);
MUST_CHECK enum err event_find(struct db *db, struct ctx *cx, const struct event_filter *filter,
    const struct page *page, struct event_list *ret_list);

#endif
