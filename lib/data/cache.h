/*
 * The Redis cache of url targets. It is never the truth and its absence is never an error
 * for a visitor: a call that fails says so and the caller goes on without. A call has one
 * deadline; a breaker shared by the host keeps a dead Redis from costing every request its
 * deadline.
 */
#ifndef LIB_DATA_CACHE_H
#define LIB_DATA_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/data/url_target.h"

struct breaker;
struct cache;
struct ctx;

/* socket: path of Redis' unix socket; "": no cache, nothing is ever found or refused, and
 * cache_ping fails. b is borrowed. NULL: no memory. */
struct cache *cache_new(const char *socket, int64_t timeout_ms, struct breaker *b);
void cache_free(struct cache *c);

/* Looks a code up. ERR_NOT_FOUND: not cached. ERR_UNAVAILABLE: ask the database instead
 * (breaker open, timeout, or a value that does not unpack). A tombstone is found: url_id 0. */
MUST_CHECK enum err cache_get(
    struct cache *c, struct ctx *cx, const char *code, struct url_target *ret_target);

/* What came of one code of many. */
struct cache_found {
	enum err e; /* as cache_get's */
	struct url_target target;
};

#define CACHE_CODES_MAX 64

/* Looks n codes (at most CACHE_CODES_MAX) up in one round trip, by one deadline: ret_found[i]
 * is code i's. Strings live in cx's arena. */
void cache_get_many(struct cache *c, struct ctx *cx, const char *const codes[], size_t n,
    struct cache_found ret_found[]);

/* cache_put of n codes in one round trip. ERR_UNAVAILABLE: at least one is not stored. */
MUST_CHECK enum err cache_put_many(struct cache *c, struct ctx *cx, const char *const codes[],
    const struct url_target targets[], size_t n);

/* Stores t unless its version or a newer one is there (checked and set in one step), which is
 * ERR_OK, too. A tombstone stays for 60 s. ERR_UNAVAILABLE: it may hold an older one. */
MUST_CHECK enum err cache_put(
    struct cache *c, struct ctx *cx, const char *code, const struct url_target *t);

/* The same for a change that was just made: all hosts are told to look (lib/data/news.h). */
MUST_CHECK enum err cache_put_change(
    struct cache *c, struct ctx *cx, const char *code, const struct url_target *t);

/* Tries once although the breaker is open. ret_us: how long the answer took. */
MUST_CHECK enum err cache_ping(struct cache *c, struct ctx *cx, int64_t *ret_us);

#endif
