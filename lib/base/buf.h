/*
 * A growing run of bytes in an arena. The first append that finds no room makes the
 * buffer failed; later appends do nothing, so a writer checks once, at the end.
 */
#ifndef LIB_BASE_BUF_H
#define LIB_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct arena;

struct buf {
	struct arena *arena; /* borrowed */
	char *data;          /* NUL-terminated once anything was added */
	size_t len;          /* bytes, without the NUL */
	size_t cap;
	bool failed;
};

void buf_init(struct buf *b, struct arena *a);
void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addi(struct buf *b, int64_t v); /* decimal */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Appends s as the inside of a JSON string (RFC 8259): escapes, no quotes added. Bytes
 * that are not UTF-8 become U+FFFD. */
void buf_add_json(struct buf *b, const char *s);

/* Drops everything after the first len bytes. */
void buf_cut(struct buf *b, size_t len);

/* The bytes as a C string ("" when empty); NULL when the buffer failed. */
const char *buf_str(const struct buf *b);

#endif
