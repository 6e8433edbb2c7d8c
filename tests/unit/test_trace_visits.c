#include <criterion/criterion.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/trace.h"
#include "lib/base/trace_visits.h"
#include "tests/unit/daemon.h"

static char dir[64];
static struct trace_visits *visits;

static void
set_up(void)
{
	daemon_dir(dir, "visits");
	visits = trace_visits_open(dir);
	cr_assert_not_null(visits);
}

static void
tear_down(void)
{
	trace_visits_close(visits);
	daemon_remove_dir(dir);
}

TestSuite(trace_visits, .init = set_up, .fini = tear_down);

/* All of it follows from n. */
static struct trace_ref
ref_of(uint64_t n)
{
	struct trace_ref ref = { .span = n * 3 + 1, .is_sampled = true };

	memset(ref.id, (int)(n % 255) + 1, sizeof(ref.id));
	return ref;
}

static void
note(uint64_t visit, uint64_t n)
{
	struct trace_ref ref = ref_of(n);

	trace_visits_note(visits, visit, &ref);
}

static bool
is_ref_of(const struct trace_ref *ref, uint64_t n)
{
	struct trace_ref whole = ref_of(n);

	return memcmp(ref->id, whole.id, sizeof(whole.id)) == 0 && ref->span == whole.span &&
	       ref->is_sampled;
}

Test(trace_visits, finds_what_another_process_noted)
{
	struct trace_visits *other = trace_visits_open(dir);
	struct trace_ref got;

	note(12345, 7);
	cr_assert(trace_visits_find(other, 12345, &got));
	cr_assert(is_ref_of(&got, 7));
	cr_assert_not(trace_visits_find(other, 12346, &got));
	trace_visits_close(other);
}

Test(trace_visits, finds_nothing_in_an_empty_place)
{
	struct trace_ref got;

	cr_assert_not(trace_visits_find(visits, 0, &got));
	cr_assert_not(trace_visits_find(visits, 1, &got));
}

Test(trace_visits, forgets_what_was_overwritten)
{
	struct trace_ref got;

	note(1, 1);
	note(1 + 4096, 2);
	cr_assert_not(trace_visits_find(visits, 1, &got));
	cr_assert(trace_visits_find(visits, 1 + 4096, &got));
	cr_assert(is_ref_of(&got, 2));
}

Test(trace_visits, may_be_none)
{
	struct trace_ref ref = ref_of(1);

	trace_visits_note(NULL, 1, &ref);
	cr_assert_not(trace_visits_find(NULL, 1, &ref));
	trace_visits_close(NULL);
	cr_assert_null(trace_visits_open("/nowhere/at/all"));
	cr_assert_eq(errno, ENOENT);
}

Test(trace_visits, never_gives_a_mixture_of_two)
{
	struct trace_ref got;
	unsigned n_found = 0;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		for (uint64_t i = 0; i < 300000; i++)
			note(5, 100 + i % 2);
		_exit(0);
	}
	for (uint64_t i = 0; i < 300000; i++) {
		note(5, 200 + i % 2);
		if (!trace_visits_find(visits, 5, &got))
			continue;
		n_found++;
		cr_assert(is_ref_of(&got, 100) || is_ref_of(&got, 101) || is_ref_of(&got, 200) ||
			  is_ref_of(&got, 201));
	}
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_assert_gt(n_found, 1000);
}
