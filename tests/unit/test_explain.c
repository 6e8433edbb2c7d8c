/*
 * No list, filter or redirect scans a table as it grows: each is run on a filled database,
 * and its plan, as auto_explain logs it, must touch no more than its page is worth. With
 * TERSE_EXPLAIN=full there are 1,000,000 urls and 10,000,000 events, else a twentieth.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/data/alert_store.h"
#include "lib/data/db.h"
#include "lib/data/event_store.h"
#include "lib/data/lookup.h"
#include "lib/data/stats_store.h"
#include "lib/data/url_store.h"
#include "lib/data/user_store.h"
#include "tests/unit/database.h"
#include "tests/unit/looker.h"

static struct database d;
static int64_t scale; /* urls; ten times as many events and clicks */

/* Everything is lopsided: users 1 and 2 own most urls, those of 2 are the last; the last
 * urls are inactive; a third of the clicks is on url 1; the last events have a type of
 * their own. $ is the scale. Indexes are made at the end, which is quicker. */
static const char *const fill[] = {
	"SET maintenance_work_mem = '256MB'",
	"CREATE TEMP TABLE defs AS SELECT indexname,"
	" replace(indexdef, ' ON ONLY ', ' ON ') AS indexdef FROM pg_indexes"
	" WHERE tablename IN ('urls', 'events', 'clicks') AND indexname !~ '_(pkey|key)$'",
	"DO $$ DECLARE name text; BEGIN FOR name IN SELECT indexname FROM defs LOOP"
	" EXECUTE format('DROP INDEX %I', name); END LOOP; END $$",
	"INSERT INTO users (username, email)"
	" SELECT 'u' || n, 'u' || n || '@b.c' FROM generate_series(1, #::int / 10) AS n",
	"INSERT INTO urls (user_id, short_code, original_url, is_active)"
	" SELECT CASE WHEN n <= # * 7 / 10 THEN 1 WHEN n > # - # / 20 THEN 2"
	" ELSE n % (# / 10) + 1 END, 'c' || n, 'http://example.com/' || n, n <= # - # / 20"
	" FROM generate_series(1, #) AS n",
	"INSERT INTO clicks SELECT n, timestamptz '2025-01-01Z'"
	" + n / (10.0 * #) * interval '300 days',"
	" CASE WHEN n % 10 < 4 THEN 1 ELSE abs(hashint8(n)) % # + 1 END,"
	" CASE WHEN n % 10 < 4 THEN 1 ELSE abs(hashint8(n)) % (# / 10) + 1 END,"
	" md5(n::text)::uuid, n, n % 5 = 0, 'c' || n, 'http://r/', 'agent'"
	" FROM generate_series(1, 10 * #) AS n WHERE n % 10 > 0",
	"INSERT INTO events SELECT n, timestamptz '2025-01-01Z'"
	" + n / (10.0 * #) * interval '300 days', n / 10, n / 100 + 1,"
	" CASE WHEN n < 10 * # - # / 20 THEN 'created' ELSE 'updated' END"
	" FROM generate_series(10, 10 * #, 10) AS n",
	"INSERT INTO alerts (source, name, status, severity)"
	" SELECT 'api', 'n' || least(n % 40, 20),"
	" CASE WHEN n > # - # / 100 THEN 'firing' ELSE 'resolved' END,"
	" (ARRAY['critical', 'warning', 'info'])[least(n % 40, 20) % 3 + 1]"
	" FROM generate_series(1, #) AS n",
	"SELECT setval('event_id_seq', 10 * #), setval('urls_id_seq', #),"
	" setval('users_id_seq', # / 10)",
	"DO $$ DECLARE def text; BEGIN FOR def IN SELECT indexdef FROM defs LOOP"
	" EXECUTE def; END LOOP; END $$",
	"VACUUM ANALYZE",
};

/* Puts the scale where a statement has '#'. */
static const char *
scaled(const char *text)
{
	struct buf sql;

	buf_init(&sql, d.arena);
	for (; *text != '\0'; text++) {
		if (*text == '#')
			buf_addi(&sql, scale);
		else
			buf_addc(&sql, *text);
	}
	return buf_str(&sql);
}

static void
set_up(void)
{
	const char *size = getenv("TERSE_EXPLAIN");

	scale = size && strcmp(size, "full") == 0 ? 1000 * 1000 : 50 * 1000;
	database_init(&d);
	ctx_init(&d.cx, d.arena, 600 * 1000);
	db_free(d.db);
	d.db = db_new(d.conninfo, "", 600 * 1000);
	for (size_t i = 0; i < N(fill); i++)
		database_run(&d, scaled(fill[i]));
	db_free(d.db);
	snprintf(d.conninfo + strlen(d.conninfo), sizeof(d.conninfo) - strlen(d.conninfo),
	    " options='-c session_preload_libraries=auto_explain"
	    " -c auto_explain.log_min_duration=0 -c auto_explain.log_analyze=on"
	    " -c auto_explain.log_buffers=on -c jit=off'");
	d.db = database_connect(&d);
}

static void
tear_down(void)
{
	database_release(&d);
}

TestSuite(explain, .init = set_up, .fini = tear_down, .timeout = 900);

/*
 * The server's log
 */

static FILE *log_file;

static void
open_log(void)
{
	const char *dir = strstr(d.conninfo, "host=") + strlen("host=");
	const char *path = arena_printf(d.arena, "%.*s/log", (int)strcspn(dir, " "), dir);

	log_file = fopen(path, "r");
	cr_assert_not_null(log_file, "%s", path);
	fseek(log_file, 0, SEEK_END);
}

/* What the plans say that were logged since the last call. */
struct cost {
	int64_t buffers, removed;
	int plans;
	const char *text;
};

/* The number behind a word of the line; 0: the word is not there. */
static int64_t
number_after(const char *line, const char *word)
{
	const char *at = strstr(line, word);

	return at ? strtoll(at + strlen(word), NULL, 10) : 0;
}

/* But for one row of a sequence, and what is known to be empty. */
static void
check_no_scan(const char *what, const char *line)
{
	static const char *const tables[] = { "Seq Scan on users", "Seq Scan on urls",
		"Seq Scan on events", "Seq Scan on clicks", "Seq Scan on alerts" };

	if (strstr(line, "_id_seq") || strstr(line, "(cost=0.00..0.00 rows=1 "))
		return;
	for (size_t i = 0; i < N(tables); i++)
		cr_expect_null(strstr(line, tables[i]), "%s: %s", what, line);
}

static struct cost
read_log(const char *what)
{
	struct cost cost = { 0 };
	bool is_top = false;
	char line[20000];
	struct buf text;

	buf_init(&text, d.arena);
	clearerr(log_file);
	while (fgets(line, sizeof(line), log_file)) {
		int64_t removed = number_after(line, "Rows Removed by Filter: ");

		buf_adds(&text, line);
		check_no_scan(what, line);
		if (strstr(line, " plan:")) {
			cost.plans++;
			is_top = true;
		}
		if (removed > cost.removed)
			cost.removed = removed;
		/* The first node's buffers are those of all. */
		if (is_top && strstr(line, "Buffers: ")) {
			cost.buffers += number_after(line, "hit=") + number_after(line, "read=");
			is_top = false;
		}
	}
	cost.text = buf_str(&text);
	return cost;
}

static void
check_cost(const char *what, int64_t buffers, int64_t removed)
{
	struct cost cost = read_log(what);

	cr_assert_gt(cost.plans, 0, "%s: no plan in the log", what);
	cr_expect(cost.buffers <= buffers && cost.removed <= removed,
	    "%s: %" PRId64 " buffers, %" PRId64 " rows for nothing\n%s", what, cost.buffers,
	    cost.removed, cost.text);
}

/*
 * The lists. Pages: the first, the hundredth of 200, and one by key near the end.
 */

static struct page
page_of(int which, int64_t rows)
{
	static const struct page pages[] = {
		{ .limit = 50 },
		{ .offset = 99 * 200, .limit = 200 },
		{ .is_keyset = true, .limit = 200 },
	};
	struct page page = pages[which];

	if (page.is_keyset)
		page.after = rows - rows / 100;
	return page;
}

/* A row costs its own page and those of its owner's index, in each table it may be in. */
static int64_t
page_cost(const struct page *page)
{
	return 500 + 4 * (page->offset + 1) + 10 * (page->limit + 1);
}

enum { PAGES = 3 };

static void
check_urls(const char *what, const struct url_filter *filter)
{
	for (int i = 0; i < PAGES; i++) {
		struct page page = page_of(i, scale);
		struct url_list list;

		cr_assert_eq(
		    url_find(d.db, &d.cx, filter, &page, &list), ERR_OK, "%s: %s", what, d.cx.diag);
		check_cost(what, page_cost(&page), 200);
	}
}

static void
check_all_urls(void)
{
	for (int64_t user = 1; user <= 4; user++) {
		/* 1 owns the first ones, 2 the last ones, 3 a few, and nobody is 4. */
		int64_t id = user == 4 ? INT64_MAX : user;

		for (unsigned given = 0; given < 4; given++) {
			check_urls(arena_printf(d.arena, "urls %u of %" PRId64, given, user),
			    &(struct url_filter){ given, id, false });
			check_urls(arena_printf(d.arena, "active %u of %" PRId64, given, user),
			    &(struct url_filter){ given, id, true });
		}
	}
}

static void
check_users(void)
{
	for (int i = 0; i < PAGES; i++) {
		struct page page = page_of(i, scale / 10);
		struct user_list list;

		cr_assert_eq(user_find(d.db, &d.cx, &page, &list), ERR_OK, "%s", d.cx.diag);
		check_cost("users", page_cost(&page), 0);
	}
}

/* In the first and last day of a window rows are passed over that are not in it. */
static int64_t
rows_per_day(void)
{
	return 10 * scale / 300;
}

static void
check_events(const char *what, const struct event_filter *filter, int64_t extra)
{
	for (int i = 0; i < PAGES; i++) {
		struct page page = page_of(i, 10 * scale);
		struct event_list list;

		cr_assert_eq(event_find(d.db, &d.cx, filter, &page, &list), ERR_OK, "%s: %s", what,
		    d.cx.diag);
		check_cost(what, page_cost(&page) + extra, rows_per_day());
	}
}

#define GIVEN(row) (1U << EVENT_FILTER_##row)

static void
check_filtered_events(void)
{
	static const int64_t ids[] = { 1, 2, 40000, INT64_MAX };
	static const char *const types[] = { "click", "created", "updated", "never" };

	check_events("all events", &(struct event_filter){ 0 }, 0);
	for (size_t i = 0; i < N(ids); i++) {
		const char *what = arena_printf(d.arena, "events of url %" PRId64, ids[i]);

		check_events(
		    what, &(struct event_filter){ .given = GIVEN(URL), .url_id = ids[i] }, 0);
		what = arena_printf(d.arena, "events of user %" PRId64, ids[i]);
		check_events(
		    what, &(struct event_filter){ .given = GIVEN(USER), .user_id = ids[i] }, 0);
		what = arena_printf(d.arena, "events of type %s", types[i]);
		check_events(what,
		    &(struct event_filter){ .given = GIVEN(TYPE), .event_type = types[i] }, 0);
	}
}

/* Windows: a look at each of 300 days may cost some pages, and then each day a page of rows,
 * unless that would be too many. */
enum { WINDOW_COST = 20 * 1000, DAYS_COST = 450 * 1000 };

static void
check_windows(void)
{
	static const struct {
		const char *from, *to;
	} windows[] = {
		{ "2025-05-05T10:00:00Z", "2025-05-05T10:01:00Z" }, /* a minute */
		{ "2025-05-05T00:00:00Z", "2025-05-06T00:00:00Z" }, /* a day */
		{ "2025-10-01T00:00:00Z", "2025-10-27T00:00:00Z" }, /* a late month */
		{ "2025-09-01T12:00:00Z", "9999-01-01T00:00:00Z" },
		{ "0001-01-01T00:00:00Z", "2025-01-02T00:00:00Z" },
		{ "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z" },
		{ "2026-01-01T00:00:00Z", "9999-01-01T00:00:00Z" }, /* none */
	};

	for (size_t i = 0; i < N(windows); i++) {
		struct event_filter f = { .given = GIVEN(FROM) | GIVEN(TO),
			.url_id = 1,
			.user_id = 1,
			.event_type = "created" };

		cr_assert_eq(clock_parse(windows[i].from, &f.from_us), ERR_OK);
		cr_assert_eq(clock_parse(windows[i].to, &f.to_us), ERR_OK);
		check_events(windows[i].from, &f, WINDOW_COST + DAYS_COST);
		for (unsigned other = 0; other <= EVENT_FILTER_TYPE; other++) {
			struct event_filter g = f;

			g.given |= 1U << other;
			check_events(
			    arena_printf(d.arena, "filter %u from %s", other, windows[i].from), &g,
			    WINDOW_COST);
		}
	}
}

static void
check_alerts(void)
{
	static const struct alert_filter filters[] = {
		{ 0, "resolved", "warning", "n7" },
		{ 0, "firing", "critical", "n0" },
		{ 0, "acknowledged", "info", "n20" },
		{ 0, "firing", "info", "never" },
	};

	for (unsigned i = 0; i < 8 * N(filters); i++) {
		struct alert_filter f = filters[i / 8];
		const char *what;

		f.given = i % 8;
		what = arena_printf(d.arena, "alerts %u by %u", i / 8, f.given);
		for (int j = 0; j < PAGES; j++) {
			struct page page = page_of(j, scale);
			struct alert_list list;

			cr_assert_eq(alert_find(d.db, &d.cx, &f, &page, &list), ERR_OK, "%s: %s",
			    what, d.cx.diag);
			check_cost(what, page_cost(&page), 200);
		}
	}
}

static void
check_single_rows(void)
{
	const struct url_new same = {
		.original_url = "http://example.com/7", .user_id = 1, .find_if_exists = true
	};
	const struct url_edit edit = { .given = 1U << URL_EDIT_TITLE, .title = "new" };
	struct event ev;
	struct stats st;
	struct user user;
	struct url u;
	bool b;

	cr_assert_eq(url_get_by_code(d.db, &d.cx, "c7", &u), ERR_OK);
	check_cost("redirect", 30, 0);
	cr_assert_eq(url_get(d.db, &d.cx, 7, &u), ERR_OK);
	check_cost("url", 30, 0);
	cr_assert_eq(event_get(d.db, &d.cx, 77, &ev), ERR_OK);
	check_cost("event", 30, 0);
	cr_assert_eq(user_get(d.db, &d.cx, 7, &user), ERR_OK);
	check_cost("user", 30, 0);
	cr_assert_eq(stats_get(d.db, &d.cx, "c7", &st), ERR_OK);
	check_cost("stats", 30, 0);
	cr_assert_eq(url_insert(d.db, &d.cx, &same, 7, &u, &b), ERR_OK);
	cr_assert(b);
	check_cost("same", 30, 0);
	cr_assert_eq(url_update(d.db, &d.cx, 7, &edit, 0, &u, &b), ERR_OK);
	check_cost("update", 200, 0);
	cr_assert_eq(url_delete(d.db, &d.cx, 7, 0, &u), ERR_OK);
	check_cost("delete", 300, 0);
	cr_assert_eq(user_delete(d.db, &d.cx, 7), ERR_OK);
	check_cost("delete user", 100, 0);
}

/* As many codes at a time as there may be, every other one unknown. */
static void
check_look_up(void)
{
	struct looker k = { .l = lookup_new(d.conninfo, "", 60 * 1000) };
	const char *codes[LOOKUP_CODES_MAX];
	struct url u;

	for (int i = 0; i < LOOKUP_CODES_MAX; i++)
		codes[i] = arena_printf(d.arena, "%s%d", i % 2 == 0 ? "c" : "none", 100 * i + 9);
	looker_start_many(&k, codes, LOOKUP_CODES_MAX, 60 * 1000);
	cr_assert_eq(looker_finish(&k), ERR_OK, "%s", lookup_why(k.l));
	cr_assert(lookup_find(k.l, codes[0], &u));
	check_cost("look-up", 10 * LOOKUP_CODES_MAX, 0);
	lookup_free(k.l);
}

/* One test: filling takes the time. */
Test(explain, nothing_scans_a_table_as_it_grows)
{
	open_log();
	read_log("what setting up left");
	check_look_up();
	check_single_rows();
	check_users();
	check_all_urls();
	check_filtered_events();
	check_windows();
	check_alerts();
	fclose(log_file);
}
