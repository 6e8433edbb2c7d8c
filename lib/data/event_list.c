#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/attr.h"
#include "lib/base/ctx.h"
#include "lib/data/db.h"
#include "lib/data/event_sql.h"
#include "lib/data/event_store.h"

/*
 * Lists. All have the same parameters: $1 after, $2 last id, $3 from, $4 to, $5 offset,
 * $6 limit, $7 url, $8 user, $9 type; those by days also $10 first day, $11 days after it.
 * A filter that leads is written as a range in the order of its index, and that is the
 * order asked for, so that no estimate can make the planner walk another index and throw
 * away what does not fit. Each table gives what the page may need, then both are merged.
 */
/* clang-format off */
#define BOTH(events, events_order, clicks, clicks_order)                                           \
	"(" EVENT_SQL_EVENTS(events) " ORDER BY " events_order " LIMIT $5 + $6)"                   \
	" UNION ALL"                                                                               \
	" (" EVENT_SQL_CLICKS(clicks) " ORDER BY " clicks_order " LIMIT $5 + $6)"
#define LIST(rows)                                                                                 \
	"WITH page AS (SELECT * FROM (" rows ") AS merged ORDER BY id OFFSET $5 LIMIT $6)"         \
	" SELECT " EVENT_SQL_COLUMNS " FROM page AS p ORDER BY p.id"

/*
 * What all rows have in common. The times are in a CASE: else the planner, which counts the
 * ranges of ids and of times twice, would expect few rows and walk the index of times. No
 * list has as many rows as the sequence has given ids.
 */
#define WITHIN                                                                                     \
	"CASE WHEN at >= $3 THEN at < $4 END"                                                      \
	" AND $5 < (SELECT last_value FROM event_id_seq)"                                          \
	" AND ($8::bigint IS NULL OR EXISTS (SELECT FROM users WHERE users.id = $8))"
#define URL_IS " AND ($7::bigint IS NULL OR url_id = $7)"
#define USER_IS " AND ($8::bigint IS NULL OR user_id = $8)"
#define TYPE_IS " AND ($9::text IS NULL OR event_type = $9)"
#define CLICK_IS " AND ($9::text IS NULL OR $9 = 'click')"

/* Ranges of ids: by the primary key, and behind a column that leads. */
#define IDS WITHIN " AND id > $1 AND id <= $2"
#define IDS_OF(column, value)                                                                      \
	WITHIN " AND (" column ", id) > (" value ", $1) AND (" column ", id) <= (" value ", $2)"   \
	" AND " column " <= " value
#define BY_URL IDS_OF("url_id", "$7") USER_IS
#define BY_USER IDS_OF("user_id", "$8") URL_IS
#define BY_TYPE IDS_OF("event_type", "$9") URL_IS USER_IS
#define BY_DAY IDS_OF(EVENT_SQL_DAY, "days.day") URL_IS USER_IS

enum list { LIST_ALL, LIST_URL, LIST_USER, LIST_TYPE, LIST_FEW, LIST_DAYS, LIST__COUNT };

static const struct db_query lists[] = {
	[LIST_ALL] = { "event_find", LIST(BOTH(
		IDS URL_IS USER_IS TYPE_IS, "id",
		IDS URL_IS USER_IS CLICK_IS, "id")), true },
	[LIST_URL] = { "event_find_url", LIST(BOTH(
		BY_URL TYPE_IS, "url_id, id",
		BY_URL CLICK_IS, "url_id, id")), true },
	[LIST_USER] = { "event_find_user", LIST(BOTH(
		BY_USER TYPE_IS, "user_id, id",
		BY_USER CLICK_IS, "user_id, id")), true },
	[LIST_TYPE] = { "event_find_type", LIST(BOTH(
		BY_TYPE, "event_type, id",
		IDS URL_IS USER_IS CLICK_IS, "id")), true },
	[LIST_FEW] = { "event_find_few", LIST(
		"SELECT * FROM (" EVENT_SQL_EVENTS("at >= $3 AND at < $4")
		" UNION ALL " EVENT_SQL_CLICKS("at >= $3 AND at < $4") ") AS few"
		" WHERE " IDS URL_IS USER_IS TYPE_IS), true },
	[LIST_DAYS] = { "event_find_days", LIST(
		"SELECT rows.* FROM (SELECT $10::date + n AS day"
		" FROM generate_series(0, $11::int) AS n) AS days CROSS JOIN LATERAL ("
		BOTH(BY_DAY TYPE_IS, EVENT_SQL_DAY ", id",
			BY_DAY CLICK_IS, EVENT_SQL_DAY ", id") ") AS rows"), true },
};
/* clang-format on */
_Static_assert(N(lists) == LIST__COUNT, "one query per kind of list");

/*
 * A window of time, looked at before its list is made: how many rows it has if they are
 * few, else in which days, and between which ids, they are. $1 from, $2 to, $3 after
 */
#define FEW "2000"
#define DAYS "4000"
/* clang-format off */
#define HIT(table)                                                                                 \
	"(SELECT at FROM " table " WHERE at >= $1 AND at < $2 ORDER BY at LIMIT " FEW " + 1)"
#define LIMITS(agg)                                                                                \
	"(SELECT " agg "(" EVENT_SQL_DAY ") FROM events),"                                         \
	" (SELECT " agg "(" EVENT_SQL_DAY ") FROM clicks)"
#define FIRST(table)                                                                               \
	"(SELECT id FROM " table " WHERE (" EVENT_SQL_DAY ", id) > (day, $3)"                      \
	" AND " EVENT_SQL_DAY " <= day ORDER BY " EVENT_SQL_DAY ", id LIMIT 1)"
#define LAST(table)                                                                                \
	"(SELECT id FROM " table " WHERE " EVENT_SQL_DAY " >= day AND " EVENT_SQL_DAY " < day + 1" \
	" ORDER BY " EVENT_SQL_DAY " DESC, id DESC LIMIT 1)"

static const struct db_query window = {
	.name = "event_window",
	.text = "WITH hits AS MATERIALIZED (SELECT count(*) > " FEW " AS many"
		" FROM (" HIT("events") " UNION ALL " HIT("clicks") ") AS h),"
		" span AS MATERIALIZED (SELECT"
		" greatest(($1::timestamptz AT TIME ZONE 'UTC')::date, least(" LIMITS("min") "))"
		" AS first,"
		" least((($2::timestamptz - interval '1 us') AT TIME ZONE 'UTC')::date,"
		" greatest(" LIMITS("max") "))"
		" AS last FROM hits WHERE many),"
		" days AS MATERIALIZED (SELECT first + n AS day"
		" FROM span, generate_series(0, last - first) AS n WHERE last - first < " DAYS "),"
		" ids AS (SELECT min(least(" FIRST("events") ", " FIRST("clicks") ")) AS first,"
		" max(greatest(" LAST("events") ", " LAST("clicks") ")) AS last FROM days)"
		" SELECT many, span.first, span.last - span.first,"
		" ids.first - 1, ids.last, span.last - span.first < " DAYS
		" FROM hits LEFT JOIN span ON true LEFT JOIN ids ON true",
	.idempotent = true,
};
/* clang-format on */

/* Rows that LIST_DAYS may read; for more, days have so many rows that all can be read. */
enum { DAYS_ROWS_MAX = 400 * 1000 };

/* More than any table has rows, and small enough to add to. */
#define OFFSET_MAX (INT64_MAX / 2)

/* How a list is to be made. */
struct plan {
	enum list list;
	int64_t after, last;   /* ids */
	int64_t skip, n;       /* rows */
	const char *first_day; /* of LIST_DAYS */
	int64_t days;
};

static bool
has(const struct event_filter *f, int row)
{
	return (f->given & 1U << row) != 0;
}

/* A bound in time; fallback when there is none. */
static void
add_bound(struct db_args *a, bool given, int64_t us, const char *fallback)
{
	if (!given)
		db_arg_text(a, fallback);
	else if (us == 0)
		db_arg_text(a, "1970-01-01T00:00:00Z");
	else
		db_arg_time(a, us);
}

static void
add_bounds(struct db_args *a, const struct event_filter *f)
{
	add_bound(a, has(f, EVENT_FILTER_FROM), f->from_us, "0001-01-01T00:00:00Z");
	add_bound(a, has(f, EVENT_FILTER_TO), f->to_us, "9999-12-31T23:59:59.999999Z");
}

/* Narrows a plan by what is in the window. */
static enum err
look_at_window(struct db *db, struct ctx *cx, const struct event_filter *f, struct plan *plan)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_args_init(&args, cx->arena);
	add_bounds(&args, f);
	db_arg_int(&args, plan->after);
	e = db_exec(db, cx, &window, &args, &rows);
	if (e)
		return e;
	if (!db_bool(&rows, 0, 0)) {
		plan->list = LIST_FEW;
		return ERR_OK;
	}
	if (!db_bool(&rows, 0, 5))
		return ERR_OK;
	plan->last = db_int(&rows, 0, 4); /* none: 0 */
	if (db_text(&rows, 0, 3))
		plan->after = db_int(&rows, 0, 3);
	plan->first_day = db_text(&rows, 0, 1);
	plan->days = db_int(&rows, 0, 2);
	if (plan->list == LIST_ALL && plan->skip + plan->n <= DAYS_ROWS_MAX / (plan->days + 1))
		plan->list = LIST_DAYS;
	return ERR_OK;
}

static enum list
leading(const struct event_filter *f)
{
	if (has(f, EVENT_FILTER_URL))
		return LIST_URL;
	if (has(f, EVENT_FILTER_USER))
		return LIST_USER;
	return has(f, EVENT_FILTER_TYPE) ? LIST_TYPE : LIST_ALL;
}

static enum err
run_list(struct db *db, struct ctx *cx, const struct event_filter *f, const struct plan *plan,
    struct db_rows *ret_rows)
{
	struct db_args args;

	db_args_init(&args, cx->arena);
	db_arg_int(&args, plan->after);
	db_arg_int(&args, plan->last);
	add_bounds(&args, f);
	db_arg_int(&args, plan->skip);
	db_arg_int(&args, plan->n);
	db_arg_id(&args, has(f, EVENT_FILTER_URL) ? f->url_id : 0);
	db_arg_id(&args, has(f, EVENT_FILTER_USER) ? f->user_id : 0);
	db_arg_text(&args, has(f, EVENT_FILTER_TYPE) ? f->event_type : NULL);
	if (plan->list == LIST_DAYS) {
		db_arg_text(&args, plan->first_day);
		db_arg_int(&args, plan->days);
	}
	return db_exec(db, cx, &lists[plan->list], &args, ret_rows);
}

enum err
event_find(struct db *db, struct ctx *cx, const struct event_filter *filter,
    const struct page *page, struct event_list *ret_list)
{
	struct plan plan = {
		.list = leading(filter),
		.after = page->after,
		.last = INT64_MAX,
		.skip = page->offset < OFFSET_MAX ? page->offset : OFFSET_MAX,
		.n = page->limit + 1,
	};
	struct event *events;
	struct db_rows rows;
	enum err e = ERR_OK;

	if (has(filter, EVENT_FILTER_FROM) || has(filter, EVENT_FILTER_TO))
		e = look_at_window(db, cx, filter, &plan);
	if (!e)
		e = run_list(db, cx, filter, &plan, &rows);
	if (e)
		return page_refuse(cx, e, page);
	events = arena_alloc(cx->arena, ((size_t)rows.n + 1) * sizeof(*events));
	if (!events)
		return ERR_MEMORY;
	for (int i = 0; i < rows.n; i++)
		events[i] = event_sql_read(&rows, i, 0);
	*ret_list = (struct event_list){ events, rows.n };
	return ERR_OK;
}
