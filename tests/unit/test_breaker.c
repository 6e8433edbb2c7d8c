#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/data/breaker.h"
#include "tests/unit/daemon.h"

static char dir[64];
static struct breaker *b;

static void
set_up(void)
{
	daemon_dir(dir, "breaker");
	b = breaker_new(dir);
	cr_assert_not_null(b);
}

static void
tear_down(void)
{
	breaker_free(b);
	daemon_remove_dir(dir);
}

TestSuite(breaker, .init = set_up, .fini = tear_down, .timeout = 30);

static void
open_it(void)
{
	for (int i = 0; i < 3; i++)
		breaker_report(b, false);
}

/* Waits for the next probe and returns how long it took. */
static int64_t
wait_ms(struct breaker *of)
{
	int64_t began_us = clock_mono_us();

	while (!breaker_allows(of))
		usleep(1000);
	return (clock_mono_us() - began_us) / 1000;
}

Test(breaker, opens_at_the_third_failure_in_a_row)
{
	cr_assert(breaker_allows(b));
	breaker_report(b, false);
	breaker_report(b, false);
	breaker_report(b, true);
	breaker_report(b, false);
	breaker_report(b, false);
	cr_assert(breaker_allows(b));
	cr_assert_not(breaker_is_open(b));
	breaker_report(b, false);
	cr_assert_not(breaker_allows(b));
	cr_assert_not(breaker_allows_write(b));
	cr_assert(breaker_is_open(b));
}

Test(breaker, is_shared_by_all_processes_of_the_host)
{
	struct breaker *other = breaker_new(dir);

	open_it();
	cr_assert_not(breaker_allows(other));
	breaker_free(other);
}

Test(breaker, pauses_longer_each_time_and_closes_on_success)
{
	open_it();
	cr_assert_leq(wait_ms(b), 1000);
	breaker_report(b, false);
	cr_assert_geq(wait_ms(b), 390);
	breaker_report(b, false);
	cr_assert_geq(wait_ms(b), 790);
	breaker_report(b, false);
	/* Another process' late failure, from before, changes nothing. */
	breaker_report(b, false);
	cr_assert_leq(wait_ms(b), 3000);
	breaker_report(b, true);
	cr_assert_not(breaker_is_open(b));
	cr_assert(breaker_allows(b));
	open_it();
	cr_assert_leq(wait_ms(b), 1000, "the first pause is short again");
}

Test(breaker, lets_one_process_probe_at_a_time)
{
	enum { PROCESSES = 8 };
	int allowed = 0, status;

	open_it();
	usleep(420 * 1000);
	for (int i = 0; i < PROCESSES; i++) {
		if (fork() == 0) {
			struct breaker *own = breaker_new(dir);

			_exit(breaker_allows(own) ? 1 : 0);
		}
	}
	while (wait(&status) > 0)
		allowed += WEXITSTATUS(status);
	cr_assert_eq(allowed, 1);
	cr_assert_not(breaker_allows(b));
	/* The prober ended without a word: it does not keep the others out for ever. */
	cr_assert_leq(wait_ms(b), 1500);
}

Test(breaker, keeps_readers_out_while_dirty)
{
	uint64_t mark;

	breaker_mark_dirty(b);
	cr_assert_not(breaker_allows(b));
	cr_assert(breaker_allows_write(b));
	cr_assert(breaker_is_open(b));
	mark = breaker_dirty_mark(b);
	breaker_mark_dirty(b);
	breaker_clear_dirty(b, mark);
	cr_assert_not(breaker_allows(b), "a change was marked in between");
	breaker_clear_dirty(b, breaker_dirty_mark(b));
	cr_assert(breaker_allows(b));
	cr_assert_not(breaker_is_open(b));
}

Test(breaker, a_success_does_not_wash_it_clean)
{
	breaker_mark_dirty(b);
	breaker_report(b, true);
	cr_assert_not(breaker_allows(b));
}

Test(breaker, does_not_believe_a_time_of_the_last_boot)
{
	char pattern[128];
	int64_t far_us = clock_mono_us() + INT64_C(3600000000);
	FILE *f;
	glob_t g;

	open_it();
	snprintf(pattern, sizeof(pattern), "%s/breaker.*", dir);
	cr_assert_eq(glob(pattern, 0, NULL, &g), 0);
	f = fopen(g.gl_pathv[0], "r+");
	cr_assert_eq(fwrite(&far_us, sizeof(far_us), 1, f), 1);
	fclose(f);
	globfree(&g);
	cr_assert(breaker_allows(b));
	cr_assert_not(breaker_allows(b));
}

Test(breaker, says_when_there_is_no_directory)
{
	cr_assert_null(breaker_new("/nonexistent"));
	breaker_free(NULL);
}
