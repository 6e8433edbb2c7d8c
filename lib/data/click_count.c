#include "lib/data/click_count.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/ctx.h"
#include "lib/data/click_note.h"
#include "lib/data/db.h"
#include "lib/data/db_array.h"

/*
 * Several hosts meet in url_visitors and then in url_counters, in both by order. The planner
 * can't know how many rows each step gives: what is looked up row by row is a subquery in an
 * expression, and no two steps are joined.
 * $1..$4 of each url: id, clicks, bots, last click; $5, $6 url and visitor; $7 users
 */
static const struct db_query count = {
	.name = "click_count",
	.text = "WITH live AS MATERIALIZED (SELECT * FROM"
		" unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::timestamptz[])"
		" AS sums (url_id, n, bots, last) WHERE"
		" (SELECT urls.id FROM urls WHERE urls.id = sums.url_id) IS NOT NULL),"
		" met AS (INSERT INTO url_visitors (url_id, visitor)"
		" SELECT * FROM unnest($5::bigint[], $6::bigint[]) AS pairs (url_id, visitor)"
		" WHERE (url_id IN (SELECT url_id FROM live)) IS TRUE"
		" ON CONFLICT DO NOTHING RETURNING url_id),"
		" counted AS (INSERT INTO url_counters AS c"
		" (url_id, all_clicks, bots, uniques, last_click_at)"
		" SELECT url_id, sum(n), sum(bots), sum(uniques), max(last) FROM"
		" (SELECT url_id, n, bots, 0 AS uniques, last FROM live"
		" UNION ALL SELECT url_id, 0, 0, 1, NULL FROM met) AS parts"
		" GROUP BY url_id ORDER BY url_id"
		" ON CONFLICT (url_id) DO UPDATE SET"
		" all_clicks = c.all_clicks + excluded.all_clicks,"
		" bots = c.bots + excluded.bots, uniques = c.uniques + excluded.uniques,"
		" last_click_at = greatest(c.last_click_at, excluded.last_click_at))"
		" SELECT (SELECT last_value FROM event_id_seq),"
		" (SELECT array_agg(u) FROM unnest($7::bigint[]) AS u"
		" WHERE (SELECT users.id FROM users WHERE users.id = u) IS NULL)",
};

/* $1 users, $2 first id */
static const struct db_query disown = {
	.name = "click_disown",
	.text = "UPDATE clicks SET user_id = NULL WHERE user_id = ANY ($1::bigint[]) AND id >= $2",
};

/* The columns of the statement. */
struct sums {
	struct db_array urls, clicks, bots, last;
	struct db_array met_urls, visitors;
	struct db_array users;
};

static int
compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* By url, then by visitor. */
static int
compare_notes(const void *a, const void *b)
{
	const struct click_note *left = a, *right = b;
	int order = compare(left->url_id, right->url_id);

	return order ? order : compare(left->visitor, right->visitor);
}

static void
sums_init(struct sums *s, struct arena *arena)
{
	db_array_init(&s->urls, arena);
	db_array_init(&s->clicks, arena);
	db_array_init(&s->bots, arena);
	db_array_init(&s->last, arena);
	db_array_init(&s->met_urls, arena);
	db_array_init(&s->visitors, arena);
	db_array_init(&s->users, arena);
}

/* Adds the url that notes begin with; returns how many of them are its. */
static size_t
sums_add(struct sums *s, const struct click_note *notes, size_t n)
{
	int64_t url_id = notes->url_id, bots = 0, user_id = 0;
	int64_t last_us = 1; /* an array has 0 as NULL */
	size_t i;

	for (i = 0; i < n && notes[i].url_id == url_id; i++) {
		const struct click_note *note = &notes[i];

		bots += note->is_bot;
		if (note->at_us > last_us)
			last_us = note->at_us;
		if (i == 0 || note->visitor != note[-1].visitor) {
			db_array_int(&s->met_urls, url_id);
			db_array_int(&s->visitors, note->visitor);
		}
		/* A url has one owner, or a few in a row. */
		if (note->user_id != 0 && note->user_id != user_id) {
			user_id = note->user_id;
			db_array_int(&s->users, user_id);
		}
	}
	db_array_int(&s->urls, url_id);
	db_array_int(&s->clicks, (int64_t)i);
	db_array_int(&s->bots, bots);
	db_array_time(&s->last, last_us);
	return i;
}

static enum err
count_notes(struct db *db, struct ctx *cx, const struct click_note *notes, size_t n,
    struct db_rows *ret_rows)
{
	struct db_args args;
	struct sums s;
	size_t i;

	sums_init(&s, cx->arena);
	for (i = 0; i < n;)
		i += sums_add(&s, notes + i, n - i);
	db_args_init(&args, cx->arena);
	db_arg_array(&args, &s.urls);
	db_arg_array(&args, &s.clicks);
	db_arg_array(&args, &s.bots);
	db_arg_array(&args, &s.last);
	db_arg_array(&args, &s.met_urls);
	db_arg_array(&args, &s.visitors);
	db_arg_array(&args, &s.users);
	return db_exec(db, cx, &count, &args, ret_rows);
}

enum err
click_count(struct db *db, struct ctx *cx, struct click_note *notes, size_t n, int64_t from_id,
    int64_t *ret_last_id)
{
	struct db_args args;
	struct db_rows rows;
	const char *gone;
	enum err e;

	qsort(notes, n, sizeof(*notes), compare_notes);
	e = count_notes(db, cx, notes, n, &rows);
	if (e)
		return e;
	gone = db_text(&rows, 0, 1);
	if (gone) {
		db_args_init(&args, cx->arena);
		db_arg_text(&args, gone);
		db_arg_int(&args, from_id);
		e = db_exec(db, cx, &disown, &args, NULL);
	}
	if (e)
		return e;
	*ret_last_id = db_int(&rows, 0, 0);
	return ERR_OK;
}
