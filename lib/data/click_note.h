/*
 * What is counted of a click, read back from its line (see click.h).
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

/* Reads a line of n bytes, newline included. ERR_INVALID: one of these columns is not as
 * click_format writes it. */
MUST_CHECK enum err click_note_read(const char *line, size_t n, struct click_note *ret_note);

/* The number of a visit id: n characters, of which 32 are hex digits and the others '-'. The
 * ids are random, so that two have one number once in 2^64. ERR_INVALID: it is none. */
MUST_CHECK enum err click_visit(const char *id, size_t n, uint64_t *ret_visit);

#endif
