/*
 * Where something that only moves forward stood some time ago, from a ring of notes.
 */
#ifndef APP_INGEST_PAST_H
#define APP_INGEST_PAST_H

#include <stdbool.h>
#include <stdint.h>

enum { PAST_NOTES = 128 };

struct past_note {
	int64_t at_us;
	int64_t major, minor; /* the position */
};

/* Zeroed but for spacing_us: empty. It reaches back PAST_NOTES times spacing_us. */
struct past {
	int64_t spacing_us;
	struct past_note notes[PAST_NOTES];
	int64_t n; /* ever made */
};

/* Notes a position, unless the last note is younger than the spacing. */
void past_add(struct past *p, int64_t now_us, int64_t major, int64_t minor);

/* The newest note that is as old as when_us or older; NULL: none. */
const struct past_note *past_find(const struct past *p, int64_t when_us);

#endif
