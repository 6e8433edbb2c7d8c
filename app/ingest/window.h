/*
 * Outbox rows that were applied although rows before them may still appear: which of them
 * not to apply again.
 */
#ifndef APP_INGEST_WINDOW_H
#define APP_INGEST_WINDOW_H

#include <stdbool.h>

#include "lib/data/outbox.h"

enum { WINDOW_MAX = 16 * 1024 };

/* In order. Zeroed: empty. */
struct window {
	struct outbox_cursor at[WINDOW_MAX];
	int n;
};

/* Below 0, 0, above 0: a is before, at, after b. */
int cursor_compare(const struct outbox_cursor *a, const struct outbox_cursor *b);

bool window_has(const struct window *w, const struct outbox_cursor *at);

/* Remembers a row; when it is full it forgets the last one, which costs applying that row
 * once more. */
void window_add(struct window *w, const struct outbox_cursor *at);

/* Forgets the rows up to and with this one. */
void window_pass(struct window *w, const struct outbox_cursor *upto);

#endif
