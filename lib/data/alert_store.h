/*
 * Alerts. All SQL about them is here. Those that Alertmanager tells of are known again by
 * their fingerprint and start: one row each, however often and from wherever it is told.
 * Nothing deletes an alert.
 */
#ifndef LIB_DATA_ALERT_STORE_H
#define LIB_DATA_ALERT_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/data/page.h"

struct ctx;
struct db;

/* Times that are 0 and texts that are NULL are not there. */
struct alert {
	int64_t id;
	const char *source, *fingerprint, *name, *status, *severity, *summary, *description;
	const char *labels, *annotations, *notes; /* JSON texts */
	const char *acknowledged_by;
	int64_t acknowledged_us, starts_us, ends_us, resolved_us, created_us, updated_us;
};

/* What a client posts; `given` as in lib/http/field.h. */
struct alert_new {
	unsigned given;
	const char *name, *severity, *summary, *description; /* severity NULL: warning */
	const char *labels, *annotations;                    /* JSON texts; NULL: {} */
	int64_t starts_us;                                   /* now, unless given */
};
enum {
	ALERT_NEW_NAME,
	ALERT_NEW_SEVERITY,
	ALERT_NEW_SUMMARY,
	ALERT_NEW_DESCRIPTION,
	ALERT_NEW_LABELS,
	ALERT_NEW_ANNOTATIONS,
	ALERT_NEW_STARTS
};

/* What a client may change. A note is added to those there are. */
struct alert_edit {
	unsigned given;
	const char *status, *severity, *note, *author, *acknowledged_by;
};
enum {
	ALERT_EDIT_STATUS,
	ALERT_EDIT_SEVERITY,
	ALERT_EDIT_NOTE,
	ALERT_EDIT_AUTHOR,
	ALERT_EDIT_ACKNOWLEDGED_BY
};

/* One alert as Alertmanager tells of it. */
struct alert_notice {
	unsigned given;
	const char *status;               /* firing, resolved */
	const char *labels, *annotations; /* JSON texts; annotations NULL: {} */
	const char *fingerprint;          /* NULL: made from the labels */
	int64_t starts_us;
	int64_t ends_us; /* 0, or long ago: it has not ended */
};

/* What became of notices: alerts stored, and those among them that were not there before. */
struct alert_tally {
	int64_t stored, created;
};

struct alert_filter {
	unsigned given;
	const char *status, *severity, *name;
};
enum { ALERT_FILTER_STATUS, ALERT_FILTER_SEVERITY, ALERT_FILTER_NAME };

struct alert_list {
	struct alert *alerts;
	int n;
};

MUST_CHECK enum err alert_insert(
    struct db *db, struct ctx *cx, const struct alert_new *in, struct alert *ret_alert);

/* ERR_NOT_FOUND. */
MUST_CHECK enum err alert_get(struct db *db, struct ctx *cx, int64_t id, struct alert *ret_alert);
MUST_CHECK enum err alert_find(struct db *db, struct ctx *cx, const struct alert_filter *filter,
    const struct page *page, struct alert_list *ret_list);

/* Any status may follow any other; each sets and clears the times that go with it. What
 * changes nothing leaves updated_at alone. ERR_NOT_FOUND; ERR_CONFLICT: no room for a note. */
MUST_CHECK enum err alert_update(struct db *db, struct ctx *cx, int64_t id,
    const struct alert_edit *in, struct alert *ret_alert);

/* Stores all n notices or none; the last one of an alert counts. One that is acknowledged
 * stays so while it fires; one that was resolved fires again. What only the client's rows
 * have (severity, notes) is not touched. */
MUST_CHECK enum err alert_receive(struct db *db, struct ctx *cx, const struct alert_notice *notices,
    size_t n, struct alert_tally *ret_tally);

#endif
