/*
 * What following a short code needs to know of a url, and its packed form in a cache.
 */
#ifndef LIB_DATA_URL_TARGET_H
#define LIB_DATA_URL_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct arena;

/* Most characters of a short code. */
#define CODE_MAX 64

struct url_target {
	int64_t version; /* from the one sequence; caches only move forward */
	int64_t url_id;  /* 0: a tombstone, the code was deleted at this version */
	int64_t user_id; /* the owner; 0: none */
	int status;      /* of the redirect: 301, 302, 307, 308 */
	bool is_active;
	const char *location; /* ready to send; "" in a tombstone */
};

/* Packs t: 16 hex digits of the version come first, so that packed texts compare by it.
 * NULL: no memory. */
const char *url_target_pack(struct arena *a, const struct url_target *t);

/* ERR_INVALID: not such a text. Strings live in the arena. */
MUST_CHECK enum err url_target_unpack(
    struct arena *a, const char *packed, size_t n, struct url_target *ret_target);

#endif
