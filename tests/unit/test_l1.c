#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/data/l1.h"
#include "tests/unit/daemon.h"

/* A few buckets of short slots, one or two of long ones. */
enum { SMALL = 512 * 1024 };

static char dir[64], location[L1_LOCATION_SIZE];
static struct url_target got;
static struct l1 *l;

static void
set_up(void)
{
	daemon_dir(dir, "l1");
	l = l1_new(dir, SMALL);
	cr_assert_not_null(l);
}

static void
tear_down(void)
{
	l1_free(l);
	daemon_remove_dir(dir);
}

TestSuite(l1, .init = set_up, .fini = tear_down, .timeout = 60);

static struct url_target
target(int64_t version, const char *where)
{
	return (struct url_target){
		.version = version,
		.url_id = 10 + version,
		.user_id = 20 + version,
		.status = 302,
		.is_active = true,
		.location = where,
	};
}

static uint64_t
ticket_of(const char *code)
{
	uint64_t ticket = 0;

	l1_get(l, code, &got, location, &ticket);
	return ticket;
}

static void
fill(const char *code, int64_t version, const char *where)
{
	const struct url_target t = target(version, where);

	l1_fill(l, code, &t, ticket_of(code));
}

static bool
has(struct l1 *table, const char *code)
{
	uint64_t ticket;

	return l1_get(table, code, &got, location, &ticket);
}

Test(l1, knows_nothing_at_first)
{
	cr_assert_not(has(l, "abc"));
	cr_assert_not(has(l, ""));
}

Test(l1, gives_back_what_was_filled)
{
	const struct url_target t = { .version = INT64_MAX,
		.url_id = INT64_MAX - 1,
		.user_id = 0,
		.status = 308,
		.is_active = false,
		.location = "https://example.com/a?b=c" };

	l1_fill(l, "abc", &t, ticket_of("abc"));
	cr_assert(has(l, "abc"));
	cr_assert_eq(got.version, t.version);
	cr_assert_eq(got.url_id, t.url_id);
	cr_assert_eq(got.user_id, t.user_id);
	cr_assert_eq(got.status, t.status);
	cr_assert_not(got.is_active);
	cr_assert_str_eq(got.location, t.location);
	cr_assert_eq(got.location, location);
}

Test(l1, is_shared_by_all_processes_of_the_host)
{
	struct l1 *other = l1_new(dir, SMALL);

	fill("abc", 1, "http://a.b/");
	cr_assert(has(other, "abc"));
	l1_invalidate(other, "abc");
	cr_assert_not(has(l, "abc"));
	l1_free(other);
}

Test(l1, takes_no_code_for_another)
{
	static const char *const others[] = { "ab", "abcd", "abC", "xbc", "abc\x01" };

	fill("abc", 1, "http://a.b/");
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		cr_assert_not(has(l, others[i]), "%s", others[i]);
}

Test(l1, keeps_codes_and_locations_of_every_length)
{
	char code[CODE_MAX + 2], where[L1_LOCATION_SIZE + 2];

	for (size_t n = 1; n <= CODE_MAX; n++) {
		memset(code, 'c', n);
		code[n] = '\0';
		fill(code, 1, "http://a.b/");
		cr_assert(has(l, code), "%zu", n);
	}
	for (size_t n = 0; n < L1_LOCATION_SIZE; n++) {
		memset(where, 'a' + (int)(n % 26), n);
		where[n] = '\0';
		fill("abc", (int64_t)n + 2, where);
		cr_assert(has(l, "abc"), "%zu", n);
		cr_assert_str_eq(got.location, where);
		fill(code, (int64_t)n + 2, where);
		cr_assert(has(l, code), "%zu", n);
		cr_assert_str_eq(got.location, where);
	}
}

Test(l1, does_not_keep_what_is_too_long)
{
	char code[CODE_MAX + 2], where[L1_LOCATION_SIZE + 1];

	memset(code, 'c', sizeof(code) - 1);
	code[sizeof(code) - 1] = '\0';
	memset(where, 'l', sizeof(where) - 1);
	where[sizeof(where) - 1] = '\0';
	fill(code, 1, "http://a.b/");
	fill("abc", 1, where);
	cr_assert_not(has(l, code));
	cr_assert_not(has(l, "abc"));
	l1_invalidate(l, code);
}

Test(l1, never_keeps_a_tombstone)
{
	const struct url_target t = { .version = 1, .location = "" };

	l1_fill(l, "abc", &t, ticket_of("abc"));
	cr_assert_not(has(l, "abc"));
}

Test(l1, forgets_what_was_invalidated)
{
	fill("abc", 1, "http://a.b/1");
	l1_invalidate(l, "abc");
	cr_assert_not(has(l, "abc"));
	fill("abc", 2, "http://a.b/2");
	cr_assert(has(l, "abc"));
	cr_assert_str_eq(got.location, "http://a.b/2");
}

Test(l1, refuses_a_fill_whose_look_up_began_before_an_invalidation)
{
	const struct url_target t = target(1, "http://a.b/");
	uint64_t ticket = ticket_of("abc");

	l1_invalidate(l, "abc");
	l1_fill(l, "abc", &t, ticket);
	cr_assert_not(has(l, "abc"));
	l1_fill(l, "abc", &t, ticket_of("abc"));
	cr_assert(has(l, "abc"));
}

Test(l1, refuses_a_fill_that_is_older_than_what_is_there)
{
	char where[1000];

	memset(where, 'l', sizeof(where) - 1);
	where[sizeof(where) - 1] = '\0';
	fill("abc", 2, "http://a.b/2");
	fill("abc", 1, "http://a.b/1");
	cr_assert(has(l, "abc"));
	cr_assert_eq(got.version, 2);
	fill("abc", 1, where);
	cr_assert(has(l, "abc"));
	cr_assert_eq(got.version, 2, "nor is one of the other kind taken");
	fill("abc", 3, where);
	cr_assert(has(l, "abc"));
	cr_assert_eq(got.version, 3);
	fill("abc", 2, "http://a.b/2");
	cr_assert(has(l, "abc"));
	cr_assert_eq(got.version, 3);
}

/* A table that is full many times over keeps what is asked for again and again. */
Test(l1, makes_room_for_what_is_asked_for)
{
	char code[32];
	int lost = 0, kept = 0;

	for (int i = 0; i < 100; i++) {
		snprintf(code, sizeof(code), "hot%d", i);
		fill(code, 1, "http://a.b/");
	}
	for (int i = 0; i < 100000; i++) {
		snprintf(code, sizeof(code), "hot%d", i % 100);
		if (!has(l, code)) {
			lost++;
			fill(code, 1, "http://a.b/");
		}
		snprintf(code, sizeof(code), "cold%d", i);
		fill(code, 1, "http://a.b/");
		if (i % 10 == 0)
			kept += has(l, code);
	}
	cr_assert_leq(lost, 1000, "%d", lost);
	cr_assert_eq(kept, 10000, "%d", kept);
}

Test(l1, two_sizes_side_by_side_obey_the_same_invalidations)
{
	struct l1 *larger = l1_new(dir, 4 * SMALL), *none = l1_new(dir, 0);
	const struct url_target t = target(1, "http://a.b/");
	uint64_t ticket;

	cr_assert(larger && none);
	fill("abc", 1, "http://a.b/");
	cr_assert_not(l1_get(larger, "abc", &got, location, &ticket), "they share no entries");
	l1_fill(larger, "abc", &t, ticket);
	cr_assert(has(larger, "abc"));
	l1_invalidate(none, "abc");
	cr_assert_not(has(larger, "abc"));
	cr_assert_not(has(l, "abc"));
	l1_free(larger);
	l1_free(none);
}

Test(l1, a_table_that_appears_later_obeys_what_was_there_before)
{
	struct l1 *old = l1_new(dir, 0), *later;

	later = l1_new(dir, 2 * SMALL);
	cr_assert(old && later);
	l1_fill(later, "abc", &(struct url_target){ .version = 1, .url_id = 1, .location = "" },
	    ticket_of("abc"));
	cr_assert(has(later, "abc"));
	l1_invalidate(old, "abc");
	cr_assert_not(has(later, "abc"));
	l1_free(later);
	l1_free(old);
}

Test(l1, of_no_size_keeps_nothing)
{
	static const int64_t sizes[] = { 0, -1, 1, 64, 2000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct l1 *none = l1_new(dir, sizes[i]);
		const struct url_target t = target(1, "http://a.b/");
		uint64_t ticket;

		cr_assert_not_null(none);
		cr_assert_not(l1_get(none, "abc", &got, location, &ticket));
		l1_fill(none, "abc", &t, ticket);
		cr_assert_not(l1_get(none, "abc", &got, location, &ticket));
		l1_free(none);
	}
}

Test(l1, is_kept_when_the_last_process_ends)
{
	fill("abc", 1, "http://a.b/");
	l1_free(l);
	l = l1_new(dir, SMALL);
	cr_assert(has(l, "abc"));
}

static int
count_tables(void)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	int n = 0;

	while ((entry = readdir(d)))
		n += strncmp(entry->d_name, "l1.", 3) == 0 && strlen(entry->d_name) == 19;
	closedir(d);
	return n;
}

Test(l1, removes_tables_that_nobody_has_any_more)
{
	struct l1 *other = l1_new(dir, 2 * SMALL);

	cr_assert_eq(count_tables(), 2, "the first one is in use");
	l1_free(other);
	other = l1_new(dir, 3 * SMALL);
	cr_assert_eq(count_tables(), 2, "the second one was not");
	fill("abc", 1, "http://a.b/");
	l1_free(l);
	l = l1_new(dir, SMALL);
	cr_assert(has(l, "abc"), "one's own is kept");
	l1_free(other);
}

Test(l1, says_when_there_is_no_directory)
{
	cr_assert_null(l1_new("/nonexistent", SMALL));
	l1_free(NULL);
}

/* Random operations beside a model: what the table may say is what the model says, or
 * nothing. */
enum { CODES = 400, STEPS = 400000 };

struct model {
	int64_t version; /* the truth; 0: there is none */
	int64_t filled;  /* what the table may have; 0: nothing */
	int64_t read;    /* what a slow look-up found */
	uint64_t ticket; /* its */
	size_t length;
};

static const char *
where_of(const struct model *m, int64_t version)
{
	static char where[L1_LOCATION_SIZE];
	int n = snprintf(where, sizeof(where), "http://a.b/%lld/", (long long)version);

	memset(where + n, 'x', m->length);
	where[(size_t)n + m->length] = '\0';
	return where;
}

static void
check(const struct model *m, const char *code, int *hits)
{
	if (!has(l, code))
		return;
	++*hits;
	cr_assert_eq(got.version, m->filled, "%s", code);
	cr_assert_eq(got.url_id, 10 + m->filled);
	cr_assert_str_eq(got.location, where_of(m, m->filled));
}

static void
end_read(struct model *m, const char *code)
{
	const struct url_target t = target(m->read, where_of(m, m->read));

	l1_fill(l, code, &t, m->ticket);
	if (ticket_of(code) == m->ticket && m->read >= m->filled)
		m->filled = m->read;
	m->read = 0;
}

static void
act(struct model *m, const char *code, int what)
{
	if (what == 0) {
		m->version++;
		l1_invalidate(l, code);
		m->filled = 0;
	} else if (m->read != 0) {
		end_read(m, code);
	} else if (m->version != 0) {
		m->read = m->version;
		m->ticket = ticket_of(code);
	}
}

Test(l1, says_what_a_model_says_or_nothing)
{
	static struct model models[CODES];
	unsigned seed = 1;
	int hits = 0;

	for (int i = 0; i < CODES; i++)
		models[i].length = i % 3 == 0 ? 600 : (size_t)i % 150;
	for (int i = 0; i < STEPS; i++) {
		int which = rand_r(&seed) % CODES;
		char code[16];

		snprintf(code, sizeof(code), "c%d", which);
		act(&models[which], code, rand_r(&seed) % 8);
		check(&models[which], code, &hits);
	}
	cr_assert_geq(hits, STEPS / 4, "%d", hits);
}
