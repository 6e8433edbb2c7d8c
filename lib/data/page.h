/*
 * Which part of a list: keyset (`after`) or by page. Stores ask for one row more than
 * limit, to know whether there is a next page.
 */
#ifndef LIB_DATA_PAGE_H
#define LIB_DATA_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

struct ctx;

struct page {
	bool is_keyset; /* after counts, even when it is 0 */
	int64_t after;  /* rows with a greater id; 0: from the start */
	int64_t offset; /* rows to skip; 0 with after */
	int64_t limit;  /* 1..200 */
};

/* Returns e; tells the client how to do without a page too deep to be found in time. */
enum err page_refuse(struct ctx *cx, enum err e, const struct page *page);

#endif
