#include "app/pool/watch.h"

#include "app/pool/proc.h"

void
pulse_begin(struct pulse *p, int64_t now_us)
{
	*p = (struct pulse){
		.view = { .state = BEAT_STARTS, .at_us = now_us },
		.alive_us = now_us,
		.base_cpu_us = -1,
	};
}

bool
pulse_beat(struct pulse *p, const struct beat_view *v, int64_t now_us)
{
	if (v->at_us != p->view.at_us || v->state != p->view.state) {
		p->alive_us = now_us;
		p->base_cpu_us = -1;
		p->has_slept = p->is_blocked = false;
	}
	p->view = *v;
	return now_us - v->at_us > WATCH_LOOK_US;
}

void
pulse_look(struct pulse *p, const struct proc *proc, int64_t now_us)
{
	bool is_first = p->base_cpu_us < 0;

	if (is_first)
		p->base_cpu_us = proc->cpu_us;
	if (proc->state == 'R' || (!is_first && proc->cpu_us != p->cpu_us))
		p->alive_us = now_us;
	if (proc->state != 'R')
		p->has_slept = true;
	p->is_blocked = proc->state == 'D';
	p->cpu_us = proc->cpu_us;
}

void
pulse_forgive(struct pulse *p, int64_t now_us)
{
	p->alive_us = now_us;
	if (p->stopped_us)
		p->stopped_us = now_us;
}

/* It has not slept since its beat, and has the CPU time to show for it. */
static bool
spins(const struct pulse *p, int64_t now_us)
{
	return !p->has_slept && p->base_cpu_us >= 0 &&
	       p->cpu_us - p->base_cpu_us >= WATCH_SPIN_CPU_US &&
	       now_us - p->view.at_us >= WATCH_SPIN_US;
}

/* It has not slept either, but has hardly got the CPU. */
static bool
starves(const struct pulse *p)
{
	return !p->has_slept && p->base_cpu_us >= 0 &&
	       p->cpu_us - p->base_cpu_us < WATCH_SPIN_CPU_US;
}

static enum watch
judge_stopped(const struct pulse *p, int64_t now_us)
{
	int64_t since_us = now_us - p->stopped_us;

	if (p->view.state == BEAT_UNSAFE)
		return now_us > p->view.deadline_us + WATCH_HUNG_US ? WATCH_HUNG : WATCH_UNABLE;
	return since_us >= WATCH_LATE_US ? WATCH_HUNG : WATCH_UNABLE;
}

static enum watch
judge_idle(const struct pulse *p, int64_t now_us)
{
	int64_t silent_us = now_us - p->alive_us;

	if (silent_us >= WATCH_HUNG_US ||
	    (spins(p, now_us) && p->cpu_us - p->base_cpu_us >= WATCH_HUNG_US))
		return WATCH_HUNG;
	return silent_us >= WATCH_LATE_US || spins(p, now_us) ? WATCH_RETRY : WATCH_ABLE;
}

static enum watch
judge_work(const struct pulse *p, int64_t now_us)
{
	if (now_us > p->view.deadline_us + WATCH_HUNG_US && !starves(p))
		return WATCH_HUNG;
	if (!spins(p, now_us))
		return WATCH_ABLE;
	return p->view.state == BEAT_SAFE ? WATCH_RETRY : WATCH_UNABLE;
}

static enum watch
judge(const struct pulse *p, int64_t now_us)
{
	if (p->stopped_us)
		return judge_stopped(p, now_us);
	switch (p->view.state) {
	case BEAT_IDLE:
		return judge_idle(p, now_us);
	case BEAT_SAFE:
	case BEAT_UNSAFE:
		return judge_work(p, now_us);
	case BEAT_DRAINS:
		return WATCH_DRAINS;
	case BEAT_STARTS:
	case BEAT_NONE:
	case BEAT__COUNT:
		break;
	}
	return now_us - p->view.at_us > WATCH_START_US ? WATCH_HUNG : WATCH_STARTS;
}

enum watch
watch_judge(const struct pulse *p, int64_t now_us)
{
	enum watch w = judge(p, now_us);

	return p->is_blocked && (w == WATCH_HUNG || w == WATCH_RETRY) ? WATCH_UNABLE : w;
}
