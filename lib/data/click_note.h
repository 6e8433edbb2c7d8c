/*
 * A click read back from its line (see click.h): what is counted of it, and its row for
 * COPY's binary format, which costs PostgreSQL a sixth less than the text does.
 */
#ifndef LIB_DATA_CLICK_NOTE_H
#define LIB_DATA_CLICK_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct click_note {
	uint64_t visit; /* stands for the visit id */
	int64_t at_us;
	int64_t url_id, user_id; /* user_id 0: none */
	int64_t visitor;
	bool is_bot;
};

#define CLICK_ROW_MORE 64 /* bytes that a row may be longer than its line */
#define CLICK_HEAD_BYTES 19
#define CLICK_TAIL_BYTES 2

/* What comes before the rows, and after them. */
extern const char click_head[CLICK_HEAD_BYTES];
extern const char click_tail[CLICK_TAIL_BYTES];

/* Reads a line of n bytes, newline included, writes its row (visit_id, at, url_id, user_id,
 * visitor, is_bot, short_code, referrer, user_agent) and returns in *ret_n how long that is. ERR_INVALID: a column is not as click_format writes it. That texts are UTF-8 is
 * PostgreSQL's to check. */
MUST_CHECK enum err click_note_read(
    const char *line, size_t n, struct click_note *ret_note, char *row, size_t *ret_n);

/* The number that stands for a visit id: n characters, of which 32 are hex digits and the others '-'. The
 * ids are random, so that two have one number once in 2^64. ERR_INVALID: it is none. */
MUST_CHECK enum err click_visit(const char *id, size_t n, uint64_t *ret_visit);

#endif
