/*
 * A visit, and its line in the journal: PostgreSQL's COPY text format, ready to be copied.
 */
#ifndef LIB_DATA_CLICK_H
#define LIB_DATA_CLICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

#define CLICK_REFERRER_MAX 1024 /* bytes kept */
#define CLICK_AGENT_MAX 512
#define CLICK_LINE_MAX 8192
#define CLICK_COLUMNS 9

struct click {
	const char *visit_id; /* 32 hex digits */
	int64_t at_us;
	int64_t url_id, user_id; /* user_id 0: none */
	const char *short_code;
	const char *referrer, *user_agent; /* as sent, or NULL */
	const char *client;                /* address; only its keyed hash is kept */
};

/* Columns of a line, in order, as COPY's column list has them. */
extern const char click_columns[];

/* Writes the line, newline included, and returns its length; 0: visit_id is not 32 hex
 * digits. Bytes that are not UTF-8 become '?'; long texts are cut. key: 16 bytes for the
 * hash of client and user agent (SipHash-2-4). */
size_t click_format(const struct click *c, const unsigned char key[16], char line[CLICK_LINE_MAX]);

/* Whether a User-Agent is a program rather than a person; NULL and "" are. */
bool click_is_bot(const char *user_agent);

/* Derives the key from a setting's text (BLAKE2b). */
void click_key(const char *secret, unsigned char ret_key[16]);

#endif
