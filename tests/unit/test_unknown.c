#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/data/unknown.h"
#include "tests/unit/daemon.h"

static char dir[64];
static struct unknown *u;

static void
set_up(void)
{
	daemon_dir(dir, "unknown");
	u = unknown_new(dir);
	cr_assert_not_null(u);
}

static void
tear_down(void)
{
	unknown_free(u);
	daemon_remove_dir(dir);
}

TestSuite(unknown, .init = set_up, .fini = tear_down, .timeout = 30);

static void
fill(const char *code)
{
	uint64_t ticket;

	if (!unknown_has(u, code, &ticket))
		unknown_fill(u, code, ticket);
}

static bool
has(const char *code)
{
	uint64_t ticket;

	return unknown_has(u, code, &ticket);
}

Test(unknown, knows_nothing_at_first)
{
	cr_assert_not(has(""));
	cr_assert_not(has("abc"));
}

Test(unknown, remembers_what_was_filled_in_all_processes)
{
	struct unknown *other = unknown_new(dir);
	uint64_t ticket;

	fill("abc");
	cr_assert(has("abc"));
	cr_assert(unknown_has(other, "abc", &ticket));
	cr_assert_not(has("abC"));
	cr_assert_not(has("abcd"));
	unknown_free(other);
}

Test(unknown, forgets_what_was_learnt)
{
	fill("abc");
	unknown_learn(u, "abc");
	cr_assert_not(has("abc"));
	fill("abc");
	cr_assert(has("abc"), "deleted again");
}

Test(unknown, voids_a_look_up_that_began_before)
{
	uint64_t ticket;

	cr_assert_not(unknown_has(u, "abc", &ticket));
	unknown_learn(u, "abc");
	unknown_fill(u, "abc", ticket);
	cr_assert_not(has("abc"));
}

Test(unknown, forgets_after_a_second)
{
	int64_t began_us = clock_mono_us(), age_us;

	fill("abc");
	while (has("abc"))
		usleep(5000);
	age_us = clock_mono_us() - began_us;
	cr_assert_geq(age_us, 490000);
	cr_assert_leq(age_us, 1200000);
	usleep(1100000);
	cr_assert_not(has("abc"));
}

Test(unknown, never_takes_one_code_for_another)
{
	char code[32];
	int found = 0;

	for (int i = 0; i < 200000; i++) {
		snprintf(code, sizeof(code), "filled%d", i);
		fill(code);
		snprintf(code, sizeof(code), "other%d", i);
		found += has(code);
	}
	cr_assert_eq(found, 0);
}

Test(unknown, two_files_have_two_seeds)
{
	char other_dir[64];
	struct unknown *other;
	uint64_t ticket;

	daemon_dir(other_dir, "unknown");
	other = unknown_new(other_dir);
	fill("abc");
	cr_assert_not(unknown_has(other, "abc", &ticket));
	unknown_free(other);
	daemon_remove_dir(other_dir);
}

/* Codes come to be while others look them up slowly: once a code is learnt, nobody may call
 * it unknown. */
enum { CODES = 300, FILLERS = 4 };

struct world {
	_Atomic int exists[CODES], learnt[CODES], over;
};

static void
look_up(struct world *w, unsigned seed)
{
	struct unknown *own = unknown_new(dir);

	while (!atomic_load(&w->over)) {
		int i = rand_r(&seed) % CODES;
		bool learnt = atomic_load(&w->learnt[i]);
		char code[32];
		uint64_t ticket;
		bool exists;

		snprintf(code, sizeof(code), "c%d", i);
		if (unknown_has(own, code, &ticket)) {
			if (learnt)
				_exit(1);
			continue;
		}
		exists = atomic_load(&w->exists[i]);
		if (seed % 4 == 0)
			usleep(seed % 1000);
		if (!exists)
			unknown_fill(own, code, ticket);
	}
	unknown_free(own);
	_exit(0);
}

Test(unknown, a_learnt_code_is_never_unknown_again)
{
	struct world *w =
	    mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, wrong = 0;

	for (unsigned i = 0; i < FILLERS; i++)
		if (fork() == 0)
			look_up(w, i + 1);
	for (int i = 0; i < CODES; i++) {
		char code[32];

		snprintf(code, sizeof(code), "c%d", i);
		atomic_store(&w->exists[i], 1);
		unknown_learn(u, code);
		atomic_store(&w->learnt[i], 1);
		usleep(3000);
	}
	atomic_store(&w->over, 1);
	while (wait(&status) > 0)
		wrong += status != 0;
	cr_assert_eq(wrong, 0);
}

Test(unknown, says_when_there_is_no_directory)
{
	cr_assert_null(unknown_new("/nonexistent"));
	unknown_free(NULL);
}
