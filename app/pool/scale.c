#include "app/pool/scale.h"

void
scale_init(struct scale *s, const struct scale_rules *rules, int64_t now_us)
{
	*s = (struct scale){ .rules = rules, .workers = rules->min, .window_us = now_us };
}

bool
scale_is_due(const struct scale *s, int64_t now_us)
{
	return now_us - s->window_us >= s->rules->window_us;
}

void
scale_add(struct scale *s, int64_t busy_us, int64_t time_us)
{
	if (time_us <= 0 || busy_us < 0)
		return;
	s->busy_us += busy_us < time_us ? busy_us : time_us;
	s->time_us += time_us;
}

static bool
is_over(int64_t began_us, int64_t cooldown_us, int64_t now_us)
{
	return began_us == 0 || now_us - began_us >= cooldown_us;
}

static enum scale_move
decide(const struct scale *s, int64_t now_us)
{
	const struct scale_rules *r = s->rules;

	if (s->ratio > r->high && s->workers < r->max &&
	    is_over(s->up_us, r->up_cooldown_us, now_us))
		return SCALE_UP;
	if (s->ratio < r->low && s->workers > r->min &&
	    is_over(s->up_us, r->down_cooldown_us, now_us) &&
	    is_over(s->down_us, r->down_cooldown_us, now_us))
		return SCALE_DOWN;
	return SCALE_STAY;
}

enum scale_move
scale_turn(struct scale *s, int64_t now_us)
{
	enum scale_move move;

	s->ratio = s->time_us > 0 ? (double)s->busy_us / (double)s->time_us : 0;
	s->busy_us = s->time_us = 0;
	s->window_us = now_us;
	move = decide(s, now_us);
	if (move == SCALE_UP) {
		s->workers++;
		s->up_us = now_us;
	} else if (move == SCALE_DOWN) {
		s->workers--;
		s->down_us = now_us;
	}
	return move;
}
