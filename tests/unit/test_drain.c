#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/ingest/drain.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/buf.h"
#include "lib/base/ctx.h"
#include "lib/base/metric.h"
#include "lib/base/settings.h"
#include "lib/data/db.h"
#include "tests/unit/daemon.h"
#include "tests/unit/database.h"

/* What was journaled is in the database, in the dead letters, or still in the journal. */

static struct database d;
static struct settings settings;
static struct drain *drain;
static char top[64], dir[96];

static void
set_up(void)
{
	database_init(&d);
	daemon_dir(top, "drain");
	snprintf(dir, sizeof(dir), "%s/journal", top);
	cr_assert_eq(mkdir(dir, 0700), 0);
	settings = (struct settings){ .journal_dir = dir, .host = "h", .ingest_batch_lines = 1000 };
	drain = drain_new(&settings, d.db);
	cr_assert_not_null(drain);
}

static void
tear_down(void)
{
	drain_free(drain);
	daemon_remove_dir(top);
	database_release(&d);
}

TestSuite(drain, .init = set_up, .fini = tear_down, .timeout = 120);

static const char *
in_journal(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
append(const char *name, const char *bytes, size_t n)
{
	FILE *f = fopen(in_journal(name), "a");

	cr_assert_not_null(f);
	cr_assert_eq(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

static void
append_text(const char *name, const char *text)
{
	append(name, text, strlen(text));
}

/* Lines of visits first, first + 1, ... */
static void
append_clicks(const char *name, int first, int n)
{
	FILE *f = fopen(in_journal(name), "a");

	cr_assert_not_null(f);
	for (int i = first; i < first + n; i++)
		fprintf(
		    f, "%032x\t2026-01-02T03:04:05Z\t1\t\\N\tcode\t\\N\t\\N\t7\tf\n", (unsigned)i);
	fclose(f);
}

/* A segment that is being written, until the descriptor is closed. */
static int
hold(const char *name)
{
	int fd = open(in_journal(name), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(flock(fd, LOCK_EX), 0);
	return fd;
}

/* Steps until the pass is over; returns how many steps it took, or the error. */
static enum err
pass(int *ret_steps)
{
	bool more = true;
	enum err e = ERR_OK;

	for (*ret_steps = 0; !e && more; ++*ret_steps) {
		database_fresh(&d);
		e = drain_step(drain, &d.cx, &more);
	}
	return e;
}

static int
drain_all(void)
{
	int64_t began_us = clock_mono_us();
	int steps;

	cr_assert_eq(pass(&steps), ERR_OK, "%s", d.cx.diag);
	cr_assert_geq(drain_stored_us(drain), began_us);
	return steps;
}

static int64_t
stored(void)
{
	cr_assert_eq(database_int(&d, "SELECT count(DISTINCT visit_id) FROM clicks"),
	    database_int(&d, "SELECT count(*) FROM clicks"));
	return database_int(&d, "SELECT count(*) FROM clicks");
}

static size_t
dead(const char *name, char *bytes, size_t cap)
{
	char path[128];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "dead/%s.dead", name);
	f = fopen(in_journal(path), "r");
	if (!f)
		return 0;
	n = fread(bytes, 1, cap, f);
	fclose(f);
	return n;
}

static bool
exists(const char *name)
{
	return access(in_journal(name), F_OK) == 0;
}

Test(drain, an_empty_journal_is_stored)
{
	cr_assert_eq(drain_stored_us(drain), 0);
	cr_assert_eq(drain_all(), 1);
}

Test(drain, stores_all_segments_and_removes_them)
{
	append_clicks("1.log", 0, 5);
	append_clicks("2.log", 5, 3);
	append_text("3.log", "");
	cr_assert_eq(drain_all(), 2);
	cr_assert_eq(stored(), 8);
	cr_assert_not(exists("1.log"));
	cr_assert_not(exists("2.log"));
	cr_assert_not(exists("3.log"));
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM journal_offsets"), 0);
}

Test(drain, moves_no_more_lines_at_once_than_the_setting_says)
{
	append_clicks("1.log", 0, 2500);
	cr_assert_eq(drain_all(), 4);
	cr_assert_eq(stored(), 2500);
}

Test(drain, moves_more_segments_than_a_batch_can_name)
{
	char name[32];

	for (int i = 0; i < 150; i++) {
		snprintf(name, sizeof(name), "%03d.log", i);
		append_clicks(name, i, 1);
	}
	drain_all();
	cr_assert_eq(stored(), 150);
	cr_assert_not(exists("149.log"));
}

Test(drain, follows_a_segment_that_is_being_written)
{
	int fd = hold("1.log");

	append_clicks("1.log", 0, 2);
	append_text("1.log", "half a li");
	drain_all();
	cr_assert_eq(stored(), 2);
	cr_assert(exists("1.log"));
	append_text("1.log", "ne\n");
	append_clicks("1.log", 2, 2);
	drain_all();
	drain_all();
	cr_assert_eq(stored(), 4);
	cr_assert(exists("1.log"));
	close(fd);
}

Test(drain, goes_on_where_another_process_ended)
{
	int fd = hold("1.log");

	append_clicks("1.log", 0, 2);
	drain_all();
	drain_free(drain);
	drain = drain_new(&settings, d.db);
	append_clicks("1.log", 2, 2);
	drain_all();
	cr_assert_eq(stored(), 4);
	close(fd);
}

Test(drain, a_visit_in_two_segments_counts_once)
{
	append_clicks("1.log", 0, 3);
	append_clicks("2.log", 2, 3);
	drain_all();
	append_clicks("3.log", 4, 2);
	drain_all();
	cr_assert_eq(stored(), 6);
}

Test(drain, a_visit_that_another_process_stored_counts_once)
{
	append_clicks("1.log", 0, 3);
	drain_all();
	drain_free(drain);
	drain = drain_new(&settings, d.db);
	append_clicks("2.log", 1, 3);
	drain_all();
	cr_assert_eq(stored(), 4);
}

Test(drain, a_visit_whose_transaction_had_no_answer_counts_once)
{
	int steps;

	append_clicks("1.log", 0, 3);
	drain_all();
	append_clicks("2.log", 3, 1);
	database_run(&d, "ALTER TABLE clicks RENAME TO hidden");
	cr_assert_neq(pass(&steps), ERR_OK);
	database_run(&d, "ALTER TABLE hidden RENAME TO clicks");
	/* As if it had been committed all the same. */
	database_run(&d, "INSERT INTO journal_offsets VALUES ('h', '2.log', 65536)");
	database_run(&d, "INSERT INTO clicks SELECT nextval('event_id_seq'), now(), 1, NULL,"
			 " '00000000-0000-0000-0000-000000000003', 1, false, 'x'");
	append_clicks("3.log", 2, 3);
	drain_all();
	cr_assert_eq(stored(), 5);
}

Test(drain, recalls_many_visits_in_steps)
{
	database_run(&d, "INSERT INTO clicks SELECT nextval('event_id_seq'), now(), 1, NULL,"
			 " lpad(to_hex(n), 32, '0')::uuid, 1, false, 'x'"
			 " FROM generate_series(0, 119999) AS n");
	append_clicks("1.log", 0, 2);
	append_clicks("1.log", 119999, 2);
	cr_assert_eq(drain_all(), 4);
	cr_assert_eq(stored(), 120001);
}

Test(drain, pauses_longer_while_many_lines_come)
{
	settings.ingest_interval_ms = 50;
	drain_all();
	cr_assert_eq(drain_pause_us(drain), 50 * 1000);
	for (int i = 0; i < 25; i++) {
		append_clicks("1.log", i * 200, 200);
		drain_all();
	}
	cr_assert_eq(drain_pause_us(drain), 1000 * 1000, "not without end");
	append_clicks("1.log", 10000, 5000);
	drain_all();
	cr_assert_lt(drain_pause_us(drain), 1000 * 1000);
	drain_all();
	cr_assert_eq(drain_pause_us(drain), 50 * 1000);
}

Test(drain, finds_the_bad_line_among_many)
{
	static const char bad[] = "no-visit\t2026-01-02T03:04:05Z\t1\t\\N\tc\t\\N\t\\N\t7\tf\n";
	char bytes[256];
	int steps;

	append_clicks("1.log", 0, 700);
	append_text("1.log", bad);
	append_clicks("1.log", 700, 299);
	steps = drain_all();
	cr_assert_leq(steps, 40, "%d", steps);
	cr_assert_eq(stored(), 999);
	cr_assert_eq(dead("1.log", bytes, sizeof(bytes)), strlen(bad));
	cr_assert_eq(memcmp(bytes, bad, strlen(bad)), 0);
	cr_assert_not(exists("1.log"));
}

Test(drain, many_bad_lines_in_a_row_cost_little_more_than_a_try_each)
{
	static char bytes[65536];
	size_t n = 0;
	int steps;

	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(bytes + n, sizeof(bytes) - n,
		    "bad%d\t2026-01-02T03:04:05Z\t1\t\\N\tc\t\\N\t\\N\t7\tf\n", i);
	append("1.log", bytes, n);
	append_clicks("1.log", 0, 10);
	steps = drain_all();
	cr_assert_leq(steps, 130, "%d", steps);
	cr_assert_eq(stored(), 10);
	cr_assert_eq(dead("1.log", bytes, sizeof(bytes)), n);
}

Test(drain, junk_in_a_row_costs_one_step)
{
	static char bytes[60000], found[sizeof(bytes) + 1];
	int steps;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i % 10 == 9 ? '\n' : 'x';
	append_clicks("1.log", 0, 1);
	append("1.log", bytes, sizeof(bytes));
	append_clicks("1.log", 1, 1);
	steps = drain_all();
	cr_assert_leq(steps, 10, "%d", steps);
	cr_assert_eq(stored(), 2);
	cr_assert_eq(dead("1.log", found, sizeof(found)), sizeof(bytes));
	cr_assert_eq(memcmp(bytes, found, sizeof(bytes)), 0);
}

Test(drain, drops_a_torn_tail)
{
	char bytes[64];

	append_clicks("1.log", 0, 2);
	append_text("1.log", "00000000");
	drain_all();
	cr_assert_eq(stored(), 2);
	cr_assert_not(exists("1.log"));
	cr_assert_eq(dead("1.log", bytes, sizeof(bytes)), 0);
}

Test(drain, an_end_that_is_longer_than_any_line_is_a_dead_letter)
{
	static char bytes[9000], found[sizeof(bytes) + 1];

	memset(bytes, 'x', sizeof(bytes));
	append_clicks("1.log", 0, 2);
	append("1.log", bytes, sizeof(bytes));
	drain_all();
	cr_assert_eq(stored(), 2);
	cr_assert_eq(dead("1.log", found, sizeof(found)), sizeof(bytes));
	cr_assert_not(exists("1.log"));
}

Test(drain, a_hole_of_megabytes_does_not_hide_what_follows)
{
	char end;

	append_text("1.log", "");
	cr_assert_eq(truncate(in_journal("1.log"), 5 << 20), 0);
	append_text("1.log", "\n");
	append_clicks("1.log", 0, 3);
	drain_all();
	cr_assert_eq(stored(), 3);
	cr_assert_gt(dead("1.log", &end, 1), 0);
	cr_assert_not(exists("1.log"));
}

Test(drain, asks_the_database_where_it_stands_after_a_failure)
{
	int fd = hold("1.log"), steps;

	append_clicks("1.log", 0, 2);
	drain_all();
	append_clicks("1.log", 2, 2);
	database_run(&d, "ALTER TABLE clicks RENAME TO hidden");
	cr_assert_neq(pass(&steps), ERR_OK);
	database_run(&d, "ALTER TABLE hidden RENAME TO clicks");
	/* As if that transaction had been committed and only the answer had been lost. */
	database_run(&d, "UPDATE journal_offsets SET bytes = bytes / 2 * 3");
	drain_all();
	cr_assert_eq(stored(), 3);
	cr_assert_eq(database_int(&d, "SELECT count(*) FROM clicks WHERE visit_id ="
				      " '00000000-0000-0000-0000-000000000002'"),
	    0);
	close(fd);
}

Test(drain, a_failure_leaves_everything_for_the_next_try)
{
	int64_t before_us;
	int steps;

	drain_all();
	before_us = drain_stored_us(drain);
	append_clicks("1.log", 0, 2);
	database_run(&d, "ALTER TABLE clicks RENAME TO hidden");
	cr_assert_neq(pass(&steps), ERR_OK);
	cr_assert_eq(drain_stored_us(drain), before_us);
	cr_assert_eq(drain_sync(drain, &d.cx), ERR_OK);
	database_run(&d, "ALTER TABLE hidden RENAME TO clicks");
	drain_all();
	cr_assert_eq(stored(), 2);
}

Test(drain, a_batch_that_takes_too_long_is_made_smaller)
{
	struct db *other = database_connect(&d);
	static const struct db_query lock = { .name = "lock",
		.text = "LOCK TABLE clicks IN EXCLUSIVE MODE" };
	struct ctx cx;
	bool more;
	int steps;

	append_clicks("1.log", 0, 1000);
	cr_assert_eq(db_begin(other, &d.cx), ERR_OK);
	cr_assert_eq(db_exec(other, &d.cx, &lock, NULL, NULL), ERR_OK);
	ctx_init(&cx, d.arena, 500);
	cr_assert_eq(drain_step(drain, &cx, &more), ERR_DEADLINE);
	db_rollback(other);
	db_free(other);
	steps = drain_all();
	cr_assert_eq(steps, 3, "%d", steps);
	cr_assert_eq(stored(), 1000);
}

Test(drain, without_a_place_for_dead_letters_nothing_is_lost)
{
	char bytes[64];
	int steps;

	append_text("dead", "");
	append_clicks("1.log", 0, 1);
	append_text("1.log", "junk\n");
	cr_assert_eq(pass(&steps), ERR_UNAVAILABLE);
	cr_assert_not_null(strstr(d.cx.diag, "dead letter"));
	cr_assert(exists("1.log"));
	cr_assert_eq(unlink(in_journal("dead")), 0);
	drain_all();
	cr_assert_eq(stored(), 1);
	cr_assert_eq(dead("1.log", bytes, sizeof(bytes)), 5);
}

Test(drain, a_journal_that_can_not_be_read_is_an_error)
{
	int steps;

	settings.journal_dir = "/nonexistent/journal";
	cr_assert_eq(pass(&steps), ERR_UNAVAILABLE);
	cr_assert_not_null(strstr(d.cx.diag, "/nonexistent"));
	cr_assert_eq(drain_sync(drain, &d.cx), ERR_UNAVAILABLE);
}

/*
 * What is lost. A line of append_clicks has 74 bytes.
 */

static long
figure(const char *name)
{
	struct buf page;
	const char *at;

	buf_init(&page, d.arena);
	metric_render(&page, METRIC_TEXT);
	at = strstr(buf_str(&page), arena_printf(d.arena, "\n%s ", name));
	cr_assert_not_null(at);
	return atol(strchr(at, ' '));
}

static long
lost(void)
{
	return figure("terse_ingest_lost_total");
}

/* As it is listed while the database is away. */
static void
list_only(void)
{
	cr_assert_eq(drain_sync(drain, &d.cx), ERR_OK, "%s", d.cx.diag);
}

Test(drain, loses_nothing_when_spent_segments_go)
{
	append_clicks("1.log", 0, 50);
	drain_all();
	usleep(510 * 1000);
	drain_all();
	cr_assert(!exists("1.log"));
	append_clicks("2.log", 50, 50);
	drain_all();
	cr_assert_eq(lost(), 0);
	cr_assert_eq(stored(), 100);
}

Test(drain, counts_what_was_in_a_segment_that_vanished_before_it_was_stored)
{
	int fd = hold("1.log");

	append_clicks("1.log", 0, 50);
	drain_all();
	append_clicks("1.log", 50, 100);
	usleep(160 * 1000);
	list_only();
	unlink(in_journal("1.log"));
	drain_all();
	cr_assert_eq(lost(), 74, "100 lines of 74 bytes, taken for 100 bytes each");
	drain_all();
	cr_assert_eq(lost(), 74, "once");
	close(fd);
}

Test(drain, counts_once_that_a_segment_is_shorter_than_what_is_stored)
{
	int fd = hold("1.log");

	append_clicks("1.log", 0, 50);
	drain_all();
	cr_assert_eq(ftruncate(fd, 0), 0);
	drain_all();
	cr_assert_eq(lost(), 37);
	drain_all();
	cr_assert_eq(lost(), 37);
	cr_assert_eq(stored(), 50);
	close(fd);
}

Test(drain, tells_how_much_is_not_stored)
{
	int fd = hold("1.log");

	append_clicks("1.log", 0, 100);
	list_only();
	cr_assert_eq(figure("terse_journal_pending_bytes"), 7400);
	drain_all();
	cr_assert_eq(figure("terse_journal_pending_bytes"), 0);
	append_text("1.log", "torn");
	drain_all();
	cr_assert_eq(figure("terse_journal_pending_bytes"), 4);
	close(fd);
}
