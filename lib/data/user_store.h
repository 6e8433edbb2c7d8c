/*
 * Users. All SQL about them is here.
 */
#ifndef LIB_DATA_USER_STORE_H
#define LIB_DATA_USER_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/data/page.h"

struct ctx;
struct db;

struct user {
	int64_t id;
	const char *username, *email;
	int64_t created_us;
};

/* What a client may set; `given` as in lib/http/field.h. */
struct user_edit {
	unsigned given;
	const char *username, *email;
};
enum { USER_EDIT_USERNAME, USER_EDIT_EMAIL };

/* A list; users has page->limit + 1 at most, in the arena. */
struct user_list {
	struct user *users;
	int n;
};

/* ERR_CONFLICT: username or e-mail is taken (cx's detail says which). */
MUST_CHECK enum err user_insert(
    struct db *db, struct ctx *cx, const struct user_edit *in, struct user *ret_user);

/* ERR_NOT_FOUND. */
MUST_CHECK enum err user_get(struct db *db, struct ctx *cx, int64_t id, struct user *ret_user);
MUST_CHECK enum err user_find(
    struct db *db, struct ctx *cx, const struct page *page, struct user_list *ret_list);

/* Changes what is given. ERR_NOT_FOUND, ERR_CONFLICT. */
MUST_CHECK enum err user_update(
    struct db *db, struct ctx *cx, int64_t id, const struct user_edit *in, struct user *ret_user);

/* Deletes the row only; its urls and events read as ownerless at once and are cleaned in
 * batches by terse-ingest. ERR_NOT_FOUND. */
MUST_CHECK enum err user_delete(struct db *db, struct ctx *cx, int64_t id);

#endif
