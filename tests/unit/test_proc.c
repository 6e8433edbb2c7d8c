#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/pool/proc.h"

/* A process that waits for its end, under a name that is hard to parse. */
static pid_t
waiter(const char *cwd)
{
	int ready[2];
	char byte;
	pid_t pid;

	cr_assert_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "a) R 1 (b");
		_exit(chdir(cwd) || write(ready[1], "x", 1) != 1 || pause());
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void
finish(pid_t pid)
{
	kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

Test(proc, tells_what_a_process_does)
{
	pid_t pid = waiter(".");
	struct proc p;

	while (proc_read(pid, &p) && p.state != 'S')
		;
	cr_assert_eq(p.state, 'S');
	cr_assert_lt(p.cpu_us, 1000000);
	cr_assert_gt(p.started_us, 0);
	kill(pid, SIGSTOP);
	cr_assert_eq(waitpid(pid, NULL, WUNTRACED), pid);
	cr_assert(proc_read(pid, &p));
	cr_assert_eq(p.state, 'T');
	finish(pid);
	cr_assert_not(proc_read(pid, &p));
}

Test(proc, counts_cpu_time)
{
	struct proc before, now;

	cr_assert(proc_read(getpid(), &before));
	do
		cr_assert(proc_read(getpid(), &now));
	while (now.cpu_us < before.cpu_us + 50000);
	cr_assert_eq(now.started_us, before.started_us);
}

Test(proc, takes_an_older_process_in_our_directory_for_one_that_was_left)
{
	int status;
	pid_t left = waiter("."), elsewhere = waiter("/"), us;

	us = fork();
	if (us == 0)
		_exit(!proc_is_left(left) || proc_is_left(elsewhere) || proc_is_left(getpid()) ||
		      proc_is_left(0) || proc_is_left(-1));
	cr_assert_eq(waitpid(us, &status, 0), us);
	cr_assert_eq(status, 0);
	finish(left);
	finish(elsewhere);
}

Test(proc, takes_no_dead_process_for_one_that_was_left)
{
	siginfo_t info;
	pid_t pid = waiter(".");

	kill(pid, SIGKILL);
	cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	cr_assert_not(proc_is_left(pid));
	finish(pid);
	cr_assert_not(proc_is_left(pid));
}
