/*
 * Lists: which part the query asks for, and the Link header that leads to the next.
 */
#ifndef APP_WORKER_LIST_H
#define APP_WORKER_LIST_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/data/page.h"
#include "lib/http/field.h"

struct req;
struct resp;

/* A member of each list's query struct, named `list`. */
struct list_query {
	int64_t page, per_page, after;
};

#define LIST_PAGE_MAX INT64_C(1000000000000)
#define LIST_PER_PAGE 50
#define LIST_PER_PAGE_MAX 200

/* The three rows of a list's field table; they come last. */
#define LIST_FIELDS(type)                                                                          \
	{ "page", FIELD_INT, 1, LIST_PAGE_MAX, FIELD_CLAMP, NULL, offsetof(type, list.page) },     \
	    { "per_page", FIELD_INT, 1, LIST_PER_PAGE_MAX, FIELD_CLAMP, NULL,                      \
		    offsetof(type, list.per_page) },                                               \
	{                                                                                          \
		"after", FIELD_INT, 0, INT64_MAX, FIELD_CLAMP, NULL, offsetof(type, list.after)    \
	}

/* Reads the query by rows (n, the last three by LIST_FIELDS) into query_struct, whose `list`
 * is q, and works out the part asked for. ERR_INVALID with faults. */
MUST_CHECK enum err list_read(struct req *rq, const struct field *rows, size_t n,
    void *query_struct, struct list_query *q, struct page *ret_page);

/* How many of n rows found are shown (one more was asked for), and the Link header for what
 * is before and after them. last_id: of the last row shown. ERR_MEMORY. */
MUST_CHECK enum err list_link(
    struct req *rq, struct resp *rs, const struct page *page, int n, int64_t last_id);
int list_shown(const struct page *page, int n);

#endif
