#include "app/ingest/past.h"

#include <stddef.h>

void
past_add(struct past *p, int64_t now_us, int64_t major, int64_t minor)
{
	if (p->n > 0 && now_us - p->notes[(p->n - 1) % PAST_NOTES].at_us < p->spacing_us)
		return;
	p->notes[p->n % PAST_NOTES] = (struct past_note){ now_us, major, minor };
	p->n++;
}

const struct past_note *
past_find(const struct past *p, int64_t when_us)
{
	int64_t i, oldest = p->n > PAST_NOTES ? p->n - PAST_NOTES : 0;

	for (i = p->n - 1; i >= oldest; i--)
		if (p->notes[i % PAST_NOTES].at_us <= when_us)
			return &p->notes[i % PAST_NOTES];
	return NULL;
}
