#include "lib/data/alert_store.h"

#include <stdbool.h>

#include "lib/base/arena.h"
#include "lib/base/ctx.h"
#include "lib/data/db.h"
#include "lib/data/db_array.h"
#include "lib/data/retry.h"

#define COLUMNS                                                                                    \
	"id, source, fingerprint, name, status, severity, summary, description, labels,"           \
	" annotations, notes, acknowledged_by, us(acknowledged_at), us(starts_at), us(ends_at),"   \
	" us(resolved_at), us(created_at), us(updated_at)"

static const struct db_query insert = {
	.name = "alert_insert",
	.text = "INSERT INTO alerts"
		" (source, name, severity, summary, description, labels, annotations, starts_at)"
		" VALUES ('api', $1, coalesce($2, 'warning'), $3, $4, coalesce($5::jsonb, '{}'),"
		" coalesce($6::jsonb, '{}'), coalesce($7::timestamptz, now())) RETURNING " COLUMNS,
};

static const struct db_query get = {
	.name = "alert_get",
	.text = "SELECT " COLUMNS " FROM alerts WHERE id = $1",
	.idempotent = true,
};

/*
 * Lists. A filter is written as a range in the order of its index, and that is the order
 * asked for, so that no estimate can make the planner walk the primary key and throw away
 * what does not fit. $1 after, $2 offset, $3 limit, $4 and so on: what is given of status,
 * severity and name
 */
/* clang-format off */
#define LIST(where, order)                                                                         \
	"WITH page AS (SELECT * FROM alerts WHERE " where                                          \
	" AND $2 < (SELECT last_value FROM alerts_id_seq)"                                         \
	" ORDER BY " order " OFFSET $2 LIMIT $3)"                                                  \
	" SELECT " COLUMNS " FROM page ORDER BY id"
#define BY(key, value, others)                                                                     \
	LIST("(" key ", id) > (" value ", $1) AND " key " <= " value others, key ", id")

enum {
	BY_STATUS = 1U << ALERT_FILTER_STATUS,
	BY_SEVERITY = 1U << ALERT_FILTER_SEVERITY,
	BY_NAME = 1U << ALERT_FILTER_NAME,
	BY_ALL = BY_STATUS | BY_SEVERITY | BY_NAME
};

/* An alert's name says its severity, nearly always. */
static const struct db_query lists[] = {
	[0] = { "alert_find", LIST("id > $1", "id"), true },
	[BY_STATUS] = { "alert_find_status", BY("status", "$4", ""), true },
	[BY_SEVERITY] = { "alert_find_severity", BY("severity", "$4", ""), true },
	[BY_STATUS | BY_SEVERITY] = { "alert_find_status_severity",
		BY("(status || ' ' || severity)", "($4 || ' ' || $5)", ""), true },
	[BY_NAME] = { "alert_find_name", BY("name", "$4", ""), true },
	[BY_STATUS | BY_NAME] = { "alert_find_status_name",
		BY("(status || ' ' || name)", "($4 || ' ' || $5)", ""), true },
	[BY_SEVERITY | BY_NAME] = { "alert_find_severity_name",
		BY("name", "$5", " AND severity = $4"), true },
	[BY_ALL] = { "alert_find_all_three",
		BY("(status || ' ' || name)", "($4 || ' ' || $6)", " AND severity = $5"), true },
};
/* clang-format on */
_Static_assert(N(lists) == BY_ALL + 1, "one query per set of filters");

/* Bytes that an alert's notes may take. */
#define NOTES_MAX "65536"

/* $1 id, $2 status, $3 severity, $4 note, $5 its author, $6 whether there is $7, who
 * acknowledges it */
static const struct db_query update = {
	.name = "alert_update",
	.text = "WITH old AS (SELECT id AS old_id, coalesce($2, status) AS to_status,"
		" CASE WHEN $6 THEN $7 WHEN $2 = 'firing' THEN NULL ELSE acknowledged_by END"
		" AS to_by FROM alerts WHERE id = $1 FOR UPDATE)"
		" UPDATE alerts SET status = to_status, severity = coalesce($3, severity),"
		" acknowledged_by = to_by,"
		" acknowledged_at = CASE WHEN to_status = status THEN acknowledged_at"
		" WHEN to_status = 'acknowledged' THEN now()"
		" WHEN to_status = 'resolved' THEN acknowledged_at END,"
		" resolved_at = CASE WHEN to_status = status THEN resolved_at"
		" WHEN to_status = 'resolved' THEN now() END,"
		" ends_at = CASE WHEN to_status = status THEN ends_at"
		" WHEN to_status = 'resolved' THEN now() END,"
		" notes = CASE WHEN $4::text IS NULL THEN notes"
		" ELSE notes || alert_note($5, $4) END,"
		" updated_at = CASE WHEN $4::text IS NULL AND to_status = status"
		" AND coalesce($3, severity) = severity"
		" AND to_by IS NOT DISTINCT FROM acknowledged_by THEN updated_at"
		" ELSE greatest(now(), updated_at + interval '1 us') END"
		" FROM old WHERE id = old_id AND ($4::text IS NULL"
		" OR octet_length(notes::text) + octet_length($4) < " NOTES_MAX ")"
		" RETURNING " COLUMNS,
};

/*
 * Notices, a column of each in an array: $1 fingerprint, $2 status, $3 start, $4 end, $5
 * labels, $6 annotations. They are stored in the order of their key, so that two deliveries
 * never wait for each other. Which rows are new is seen by their having no older version.
 */
#define SUMMARY_LENGTH "500"
#define DESCRIPTION_LENGTH "4000"
#define NAME_LENGTH "200"
static const struct db_query receive = {
	.name = "alert_receive",
	.text =
	    "WITH told AS (SELECT DISTINCT ON (key, starts) * FROM (SELECT"
	    " coalesce(fingerprint, md5(labels::jsonb::text)) AS key,"
	    " coalesce(starts_at, 'epoch') AS starts, status, n,"
	    " CASE WHEN ends_at > '0002-01-01Z' THEN ends_at ELSE now() END AS ends,"
	    " labels::jsonb AS labels, coalesce(annotations, '{}')::jsonb AS annotations"
	    " FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[],"
	    " $5::text[], $6::text[]) WITH ORDINALITY AS"
	    " t (fingerprint, status, starts_at, ends_at, labels, annotations, n)) AS all_told"
	    " ORDER BY key, starts, n DESC),"
	    " stored AS (INSERT INTO alerts AS a (source, fingerprint, name, status, severity,"
	    " summary, description, labels, annotations, starts_at, ends_at, resolved_at)"
	    " SELECT 'alertmanager', key,"
	    " coalesce(nullif(left(labels->>'alertname', " NAME_LENGTH "), ''), 'unnamed'), status,"
	    " CASE WHEN labels->>'severity' IN ('critical', 'warning', 'info')"
	    " THEN labels->>'severity' ELSE 'warning' END,"
	    " left(annotations->>'summary', " SUMMARY_LENGTH "),"
	    " left(annotations->>'description', " DESCRIPTION_LENGTH "), labels, annotations,"
	    " starts, CASE WHEN status = 'resolved' THEN ends END,"
	    " CASE WHEN status = 'resolved' THEN now() END"
	    " FROM told ORDER BY key, starts"
	    " ON CONFLICT (fingerprint, starts_at) DO UPDATE SET"
	    " status = CASE WHEN a.status = 'acknowledged' AND excluded.status = 'firing'"
	    " THEN a.status ELSE excluded.status END,"
	    " acknowledged_at = CASE WHEN a.status = 'resolved'"
	    " AND excluded.status = 'firing' THEN NULL ELSE a.acknowledged_at END,"
	    " acknowledged_by = CASE WHEN a.status = 'resolved'"
	    " AND excluded.status = 'firing' THEN NULL ELSE a.acknowledged_by END,"
	    " ends_at = excluded.ends_at,"
	    " resolved_at = CASE WHEN excluded.status = 'resolved'"
	    " THEN coalesce(a.resolved_at, excluded.resolved_at) END,"
	    " summary = excluded.summary, description = excluded.description,"
	    " annotations = excluded.annotations, updated_at = now()"
	    " RETURNING xmax = 0 AS is_new)"
	    " SELECT count(*), count(*) FILTER (WHERE is_new) FROM stored",
	.idempotent = true,
};

static struct alert
read_alert(const struct db_rows *rows, int row)
{
	return (struct alert){
		.id = db_int(rows, row, 0),
		.source = db_text(rows, row, 1),
		.fingerprint = db_text(rows, row, 2),
		.name = db_text(rows, row, 3),
		.status = db_text(rows, row, 4),
		.severity = db_text(rows, row, 5),
		.summary = db_text(rows, row, 6),
		.description = db_text(rows, row, 7),
		.labels = db_text(rows, row, 8),
		.annotations = db_text(rows, row, 9),
		.notes = db_text(rows, row, 10),
		.acknowledged_by = db_text(rows, row, 11),
		.acknowledged_us = db_int(rows, row, 12),
		.starts_us = db_int(rows, row, 13),
		.ends_us = db_int(rows, row, 14),
		.resolved_us = db_int(rows, row, 15),
		.created_us = db_int(rows, row, 16),
		.updated_us = db_int(rows, row, 17),
	};
}

static bool
has(unsigned given, int row)
{
	return (given & 1U << row) != 0;
}

/* A time that is there; to db_arg_time 1970 begins with none. */
static void
add_time(struct db_args *args, int64_t wall_us)
{
	if (wall_us == 0)
		db_arg_text(args, "epoch");
	else
		db_arg_time(args, wall_us);
}

enum err
alert_insert(struct db *db, struct ctx *cx, const struct alert_new *in, struct alert *ret_alert)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;
	int tries = 0;

	db_args_init(&args, cx->arena);
	db_arg_text(&args, in->name);
	db_arg_text(&args, in->severity);
	db_arg_text(&args, in->summary);
	db_arg_text(&args, in->description);
	db_arg_text(&args, in->labels);
	db_arg_text(&args, in->annotations);
	if (has(in->given, ALERT_NEW_STARTS))
		add_time(&args, in->starts_us);
	else
		db_arg_text(&args, NULL);
	do {
		e = db_exec(db, cx, &insert, &args, &rows);
	} while (e && retry_insert(db, cx, ++tries));
	if (e)
		return e;
	*ret_alert = read_alert(&rows, 0);
	return ERR_OK;
}

enum err
alert_get(struct db *db, struct ctx *cx, int64_t id, struct alert *ret_alert)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_int(&args, id);
	e = db_exec(db, cx, &get, &args, &rows);
	if (e)
		return e;
	if (rows.n == 0)
		return ERR_NOT_FOUND;
	*ret_alert = read_alert(&rows, 0);
	return ERR_OK;
}

enum err
alert_find(struct db *db, struct ctx *cx, const struct alert_filter *filter,
    const struct page *page, struct alert_list *ret_list)
{
	unsigned given = filter->given & BY_ALL;
	struct alert *alerts;
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_int(&args, page->after);
	db_arg_int(&args, page->offset);
	db_arg_int(&args, page->limit + 1);
	if (given & BY_STATUS)
		db_arg_text(&args, filter->status);
	if (given & BY_SEVERITY)
		db_arg_text(&args, filter->severity);
	if (given & BY_NAME)
		db_arg_text(&args, filter->name);
	e = db_exec(db, cx, &lists[given], &args, &rows);
	if (e)
		return page_refuse(cx, e, page);
	alerts = arena_alloc(cx->arena, ((size_t)rows.n + 1) * sizeof(*alerts));
	if (!alerts)
		return ERR_MEMORY;
	for (int i = 0; i < rows.n; i++)
		alerts[i] = read_alert(&rows, i);
	*ret_list = (struct alert_list){ alerts, rows.n };
	return ERR_OK;
}

enum err
alert_update(
    struct db *db, struct ctx *cx, int64_t id, const struct alert_edit *in, struct alert *ret_alert)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_int(&args, id);
	db_arg_text(&args, in->status);
	db_arg_text(&args, in->severity);
	db_arg_text(&args, in->note);
	db_arg_text(&args, in->author);
	db_arg_bool(&args, has(in->given, ALERT_EDIT_ACKNOWLEDGED_BY));
	db_arg_text(&args, in->acknowledged_by);
	e = db_exec(db, cx, &update, &args, &rows);
	if (e)
		return e;
	if (rows.n == 1) {
		*ret_alert = read_alert(&rows, 0);
		return ERR_OK;
	}
	e = alert_get(db, cx, id, ret_alert);
	return e ? e : ctx_refuse(cx, ERR_CONFLICT, "the alert has no room for more notes");
}

/* One array per column, in receive's order. */
enum { KEYS, STATUSES, STARTS, ENDS, LABELS, ANNOTATIONS, COLUMNS_TOLD };

static void
add_notice(struct db_array columns[COLUMNS_TOLD], const struct alert_notice *notice)
{
	db_array_text(&columns[KEYS], notice->fingerprint);
	db_array_text(&columns[STATUSES], notice->status);
	db_array_time(&columns[STARTS], notice->starts_us);
	db_array_time(&columns[ENDS], notice->ends_us);
	db_array_text(&columns[LABELS], notice->labels);
	db_array_text(&columns[ANNOTATIONS], notice->annotations);
}

enum err
alert_receive(struct db *db, struct ctx *cx, const struct alert_notice *notices, size_t n,
    struct alert_tally *ret_tally)
{
	struct db_array columns[COLUMNS_TOLD];
	struct db_args args;
	struct db_rows rows;
	enum err e;
	int tries = 0;

	db_args_init(&args, cx->arena);
	for (size_t i = 0; i < COLUMNS_TOLD; i++)
		db_array_init(&columns[i], cx->arena);
	for (size_t i = 0; i < n; i++)
		add_notice(columns, &notices[i]);
	for (size_t i = 0; i < COLUMNS_TOLD; i++)
		db_arg_array(&args, &columns[i]);
	do {
		e = db_exec(db, cx, &receive, &args, &rows);
	} while (e && retry_insert(db, cx, ++tries));
	if (e)
		return e;
	*ret_tally = (struct alert_tally){ db_int(&rows, 0, 0), db_int(&rows, 0, 1) };
	return ERR_OK;
}
