#include "app/pool/child.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "app/pool/proc.h"
#include "lib/base/beat.h"

enum { CANT_RUN = 127, SLOT_TEXT = 12 };

/* Becomes the worker. It ends with its parent: an orphan would hold the socket. */
static void NORETURN
become(const struct child_command *command, struct beat *board, unsigned slot, int64_t now_us,
    pid_t parent)
{
	char text[SLOT_TEXT], flag[] = "--slot";

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EXIT_SUCCESS);
	beat_assign(board, slot, getpid(), now_us);
	snprintf(text, sizeof(text), "%u", slot);
	command->argv[command->n_args] = flag;
	command->argv[command->n_args + 1] = text;
	sigprocmask(SIG_SETMASK, &command->mask, NULL);
	signal(SIGPIPE, SIG_DFL);
	execvp(command->argv[0], command->argv);
	dprintf(STDERR_FILENO, "terse-pool: %s: %s\n", command->argv[0], strerror(errno));
	_exit(CANT_RUN);
}

enum err
child_start(struct child *c, const struct child_command *command, struct beat *board, unsigned slot,
    int64_t now_us)
{
	pid_t parent = getpid(), pid;

	beat_assign(board, slot, 0, now_us);
	pid = fork();
	if (pid == 0)
		become(command, board, slot, now_us, parent);
	if (pid < 0) {
		beat_clear(board, slot);
		return ERR_UNAVAILABLE;
	}
	*c = (struct child){ .pid = pid, .started_us = now_us };
	pulse_begin(&c->pulse, now_us);
	return ERR_OK;
}

bool
child_is_serving(const struct child *c)
{
	return c->pid && !c->kill_us && !c->is_killed;
}

static bool
works(const struct child *c)
{
	return c->pulse.view.state == BEAT_SAFE || c->pulse.view.state == BEAT_UNSAFE;
}

int64_t
child_busy_us(const struct child *c, int64_t now_us)
{
	const struct beat_view *v = &c->pulse.view;

	return (int64_t)v->busy_us + (works(c) && now_us > v->at_us ? now_us - v->at_us : 0);
}

void
child_tell(struct child *c, enum metric_reason why, int64_t now_us, int64_t request_us)
{
	int64_t until_us = now_us + request_us;

	if (works(c) && c->pulse.view.deadline_us > until_us)
		until_us = c->pulse.view.deadline_us;
	c->kill_us = until_us + WATCH_HUNG_US;
	c->ends = why;
	kill(c->pid, SIGTERM);
}

void
child_kill(struct child *c, enum metric_reason why)
{
	if (c->is_killed)
		return;
	c->is_killed = true;
	if (c->ends == REASON_NONE)
		c->ends = why;
	kill(c->pid, SIGKILL);
}

bool
child_look(struct child *c, const struct beat *board, unsigned slot, int64_t now_us)
{
	struct beat_view v = beat_view(board, slot);
	struct proc proc;

	if (c->is_left && !proc_read(c->pid, &proc))
		return false;
	if (pulse_beat(&c->pulse, &v, now_us) && proc_read(c->pid, &proc))
		pulse_look(&c->pulse, &proc, now_us);
	if (v.state > BEAT_STARTS && !c->is_up) {
		c->is_up = true;
		c->busy_us = 0;
		c->sample_us = now_us;
	}
	c->watch = watch_judge(&c->pulse, now_us);
	return true;
}
