/*
 * Urls: the records behind short codes. All SQL about them is here. Each change writes
 * its audit event and its outbox row in the same statement.
 */
#ifndef LIB_DATA_URL_STORE_H
#define LIB_DATA_URL_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/data/page.h"

struct ctx;
struct db;

struct url {
	int64_t id, user_id, version; /* user_id 0: none */
	int64_t created_us, updated_us;
	const char *short_code, *original_url, *title; /* title NULL: none */
	bool is_active;
};

/* `given` as in lib/http/field.h. */
struct url_new {
	unsigned given;
	const char *original_url, *title, *short_code; /* short_code NULL: drawn */
	int64_t user_id;
	bool find_if_exists;
	/* Asked of each drawn code; NULL: none is reserved. */
	bool (*is_reserved)(const char *code);
};

struct url_edit {
	unsigned given;
	const char *title, *original_url;
	bool is_active;
};
enum { URL_EDIT_TITLE, URL_EDIT_TARGET, URL_EDIT_ACTIVE };

struct url_filter {
	unsigned given;
	int64_t user_id;
	bool is_active;
};
enum { URL_FILTER_USER, URL_FILTER_ACTIVE };

struct url_list {
	struct url *urls;
	int n;
};

/* A new url; with find_if_exists the oldest active one with the same target and owner is
 * returned instead, *ret_found says so. code_length: of a drawn code; drawn again while it
 * is taken, or deleted so lately that a cache may remember that. ERR_CONFLICT: the custom code is taken. ERR_NOT_FOUND: no such user (detail). */
MUST_CHECK enum err url_insert(struct db *db, struct ctx *cx, const struct url_new *in,
    int code_length, struct url *ret_url, bool *ret_found);

/* ERR_NOT_FOUND. */
MUST_CHECK enum err url_get(struct db *db, struct ctx *cx, int64_t id, struct url *ret_url);
MUST_CHECK enum err url_get_by_code(
    struct db *db, struct ctx *cx, const char *code, struct url *ret_url);
MUST_CHECK enum err url_find(struct db *db, struct ctx *cx, const struct url_filter *filter,
    const struct page *page, struct url_list *ret_list);

/* What must hold for a change: the version in If-Match, 0 for any. */

/* Changes what is given and differs; *ret_changed is false when nothing does (then there is
 * no event, and version and updated_us stay). ERR_NOT_FOUND, ERR_PRECONDITION. */
MUST_CHECK enum err url_update(struct db *db, struct ctx *cx, int64_t id, const struct url_edit *in,
    int64_t if_version, struct url *ret_url, bool *ret_changed);

/* ret_url: as it was, with the version of its deletion. ERR_NOT_FOUND, ERR_PRECONDITION. */
MUST_CHECK enum err url_delete(
    struct db *db, struct ctx *cx, int64_t id, int64_t if_version, struct url *ret_url);

#endif
