#include "app/ingest/window.h"

#include <string.h>

int
cursor_compare(const struct outbox_cursor *a, const struct outbox_cursor *b)
{
	if (a->xid != b->xid)
		return a->xid < b->xid ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

/* Index of the first row that is not before at. */
static int
find(const struct window *w, const struct outbox_cursor *at)
{
	int low = 0, high = w->n;

	while (low < high) {
		int middle = low + (high - low) / 2;

		if (cursor_compare(&w->at[middle], at) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
window_has(const struct window *w, const struct outbox_cursor *at)
{
	int i = find(w, at);

	return i < w->n && cursor_compare(&w->at[i], at) == 0;
}

void
window_add(struct window *w, const struct outbox_cursor *at)
{
	int i = find(w, at);

	if (i == WINDOW_MAX)
		return;
	if (w->n == WINDOW_MAX)
		w->n--;
	memmove(&w->at[i + 1], &w->at[i], (size_t)(w->n - i) * sizeof(w->at[0]));
	w->at[i] = *at;
	w->n++;
}

void
window_pass(struct window *w, const struct outbox_cursor *upto)
{
	const struct outbox_cursor next = { upto->xid, upto->id + 1 };
	int passed = find(w, &next);

	w->n -= passed;
	memmove(&w->at[0], &w->at[passed], (size_t)w->n * sizeof(w->at[0]));
}
