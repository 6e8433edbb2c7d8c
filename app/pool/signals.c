#include "app/pool/signals.h"

#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "app/pool/pool.h"
#include "lib/base/attr.h"

static const struct {
	unsigned signal;
	void (*act)(struct pool *p); /* NULL: it only wakes up */
} rows[] = {
	{ SIGTERM, pool_drain },
	{ SIGINT, pool_drain },
	{ SIGQUIT, pool_drain },
	{ SIGHUP, pool_roll },
	{ SIGUSR1, pool_reopen_logs },
	{ SIGCHLD, NULL },
};

int
signals_open(sigset_t *ret_mask)
{
	sigset_t set;
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	for (i = 0; i < N(rows); i++)
		sigaddset(&set, (int)rows[i].signal);
	if (sigprocmask(SIG_BLOCK, &set, ret_mask) != 0)
		return -1;
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

void
signals_turn(int fd, struct pool *p)
{
	struct signalfd_siginfo info;
	size_t i;

	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		for (i = 0; i < N(rows); i++)
			if (rows[i].signal == info.ssi_signo && rows[i].act)
				rows[i].act(p);
}
