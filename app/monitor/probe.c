#include "app/monitor/probe.h"

#include <stddef.h>

enum { LOOK_US = 1000 * 1000 };

bool
probe_init(struct probe *p, enum metric_dependency what, struct health *h, struct wire *wire,
    int64_t interval_us)
{
	*p = (struct probe){ .what = what, .health = h, .wire = wire, .interval_us = interval_us };
	return wire != NULL;
}

void
probe_ask(struct probe *p, const struct probe_question *questions, void *arg)
{
	p->questions = questions;
	p->arg = arg;
}

void
probe_release(struct probe *p)
{
	wire_free(p->wire);
}

static void
end_look(struct probe *p, int64_t now_us, const char *diag)
{
	health_note(p->health, p->what, now_us - p->began_us, diag);
	p->began_us = 0;
	p->due_us = now_us + p->interval_us;
}

/* Asks what p->asked points to; there is no more: the look has ended well. */
static enum err
ask(struct probe *p, int64_t now_us)
{
	if (p->asked->work.text)
		return wire_begin(p->wire, &p->asked->work);
	end_look(p, now_us, NULL);
	return ERR_OK;
}

static enum err
begin_look(struct probe *p, int64_t now_us)
{
	p->began_us = now_us;
	p->asked = NULL;
	if (!wire_is_open(p->wire) || !wire_is_idle(p->wire))
		return wire_begin_connect(p->wire);
	p->asked = p->questions;
	return ask(p, now_us);
}

/* The step that went on has come to its end. */
static enum err
go_on(struct probe *p, int64_t now_us)
{
	struct wire_result *r;

	if (!p->asked) {
		p->asked = p->questions;
		return ask(p, now_us);
	}
	r = wire_take(p->wire);
	if (p->asked->take)
		p->asked->take(p->arg, r);
	wire_result_free(r);
	p->asked++;
	return ask(p, now_us);
}

static enum err
step(struct probe *p, int64_t now_us)
{
	enum err e = ERR_OK;

	if (p->began_us == 0)
		return now_us < p->due_us ? ERR_OK : begin_look(p, now_us);
	if (wire_is_busy(p->wire))
		e = wire_step(p->wire);
	while (!e && p->began_us != 0 && !wire_is_busy(p->wire))
		e = go_on(p, now_us);
	if (!e && p->began_us != 0 && now_us >= p->began_us + LOOK_US)
		e = wire_expire(p->wire);
	return e;
}

void
probe_turn(struct probe *p, int64_t now_us)
{
	if (step(p, now_us))
		end_look(p, now_us, wire_failure(p->wire)->why);
}

struct pollfd
probe_events(const struct probe *p)
{
	if (p->began_us == 0 || !wire_is_busy(p->wire))
		return (struct pollfd){ .fd = -1 };
	return (struct pollfd){ .fd = wire_fd(p->wire), .events = wire_events(p->wire) };
}

int64_t
probe_due_us(const struct probe *p)
{
	return p->began_us == 0 ? p->due_us : p->began_us + LOOK_US;
}
