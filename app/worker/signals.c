#include "app/worker/signals.h"

#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/base/attr.h"

static volatile sig_atomic_t stopping, reopening;

static void
on_stop(int sig)
{
	(void)sig;
	stopping = 1;
}

static void
on_reopen(int sig)
{
	(void)sig;
	reopening = 1;
}

static const struct {
	int sig;
	void (*handler)(int sig);
} rows[] = {
	{ SIGTERM, on_stop },
	{ SIGINT, on_stop },
	{ SIGQUIT, on_stop },
	{ SIGHUP, on_reopen },
	{ SIGUSR1, on_reopen },
};

void
signals_take(pid_t parent)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < N(rows); i++) {
		struct sigaction action = { .sa_handler = rows[i].handler };

		sigaddset(&set, rows[i].sig);
		sigaction(rows[i].sig, &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file limit is an error of write(2), like a full disk */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		stopping = 1;
}

bool
signals_say_stop(void)
{
	return stopping;
}

bool
signals_say_reopen(void)
{
	bool said = reopening;

	reopening = 0;
	return said;
}
