#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "app/ingest/task.h"
#include "lib/base/ctx.h"
#include "lib/base/log.h"
#include "tests/unit/daemon.h"

#define SECOND_US INT64_C(1000000)

static char dir[64], path[96];
static struct task t;
static struct ctx cx;

static void
set_up(void)
{
	daemon_dir(dir, "task");
	snprintf(path, sizeof(path), "%s/log.json", dir);
	cr_assert_eq(log_open(path, "test", LOG_INFO), ERR_OK);
	t = (struct task){ .name = "chore", .interval_us = 7 };
	snprintf(cx.diag, sizeof(cx.diag), "because");
}

static void
tear_down(void)
{
	log_close();
	daemon_remove_dir(dir);
}

TestSuite(task, .init = set_up, .fini = tear_down);

static int
lines_logged(const char *needle)
{
	char line[8192];
	FILE *f;
	int n = 0;

	log_flush();
	f = fopen(path, "r");
	cr_assert_not_null(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, needle) != NULL;
	fclose(f);
	return n;
}

Test(task, is_due_at_first_and_then_after_its_interval)
{
	cr_assert(task_is_due(&t, 0));
	task_went(&t, 100, false);
	cr_assert_not(task_is_due(&t, 106));
	cr_assert(task_is_due(&t, 107));
}

Test(task, is_due_at_once_when_there_is_more_to_do)
{
	task_went(&t, 100, true);
	cr_assert(task_is_due(&t, 100));
}

Test(task, can_be_hurried_unless_it_failed)
{
	task_went(&t, 100, false);
	task_hurry(&t, 101);
	cr_assert(task_is_due(&t, 101));
	task_failed(&t, 102, ERR_UNAVAILABLE, &cx);
	task_hurry(&t, 103);
	cr_assert_not(task_is_due(&t, 103));
}

Test(task, waits_longer_with_each_failure_up_to_a_second)
{
	int64_t now_us = 0, last_us = 0;

	for (int i = 0; i < 40; i++) {
		task_failed(&t, now_us, ERR_DEADLINE, &cx);
		cr_assert_geq(t.due_us - now_us, last_us);
		cr_assert_leq(t.due_us - now_us, SECOND_US);
		last_us = t.due_us - now_us;
		now_us = t.due_us;
	}
	cr_assert_eq(last_us, SECOND_US);
	task_went(&t, now_us, false);
	task_failed(&t, now_us, ERR_DEADLINE, &cx);
	cr_assert_eq(t.due_us - now_us, 50000);
}

Test(task, says_that_it_fails_and_why_but_not_each_time)
{
	for (int i = 0; i < 100; i++)
		task_failed(&t, i, ERR_DEADLINE, &cx);
	cr_assert_eq(lines_logged("\"because\""), 1);
	cr_assert_eq(lines_logged("\"chore\""), 1);
	task_failed(&t, 6 * SECOND_US, ERR_DEADLINE, &cx);
	cr_assert_eq(lines_logged("\"because\""), 2);
}

Test(task, says_once_that_it_goes_on)
{
	task_went(&t, 0, false);
	cr_assert_eq(lines_logged("goes on"), 0);
	task_failed(&t, 1, ERR_DEADLINE, &cx);
	task_went(&t, 2, false);
	task_went(&t, 3, false);
	cr_assert_eq(lines_logged("goes on"), 1);
	task_failed(&t, 4, ERR_DEADLINE, &cx);
	cr_assert_eq(lines_logged("\"because\""), 2);
}
