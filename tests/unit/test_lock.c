#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/lock.h"
#include "tests/unit/daemon.h"

static char top[64], dir[96];

static void
set_up(void)
{
	daemon_dir(top, "lock");
	snprintf(dir, sizeof(dir), "%s/journal", top);
}

static void
tear_down(void)
{
	daemon_remove_dir(top);
}

TestSuite(lock, .init = set_up, .fini = tear_down);

Test(lock, is_held_by_one_until_it_goes)
{
	int first = lock_open(dir, "ingest.lock"), second = lock_open(dir, "ingest.lock");

	cr_assert(first >= 0 && second >= 0);
	cr_assert(lock_try(first));
	cr_assert_not(lock_try(second));
	close(first);
	cr_assert(lock_try(second));
	close(second);
}

Test(lock, says_why_it_can_not_be)
{
	char far[5000];

	cr_assert_lt(lock_open("/nonexistent/journal", "ingest.lock"), 0);
	cr_assert_eq(errno, ENOENT);
	memset(far, 'x', sizeof(far) - 1);
	far[sizeof(far) - 1] = '\0';
	cr_assert_lt(lock_open(far, "ingest.lock"), 0);
	cr_assert_eq(errno, ENAMETOOLONG);
}
