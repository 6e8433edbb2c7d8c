#include "lib/data/user_store.h"

#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/ctx.h"
#include "lib/data/db.h"

enum { INSERT_TRIES = 10 };

#define COLUMNS "id, username, email, us(created_at)"

static const struct db_query insert = {
	.name = "user_insert",
	.text = "INSERT INTO users (username, email) VALUES ($1, $2)"
		" ON CONFLICT DO NOTHING RETURNING " COLUMNS,
};

static const struct db_query taken = {
	.name = "user_taken",
	.text = "SELECT EXISTS (SELECT FROM users WHERE username = $1 AND id <> $3),"
		" EXISTS (SELECT FROM users WHERE email = $2 AND id <> $3)",
	.idempotent = true,
};

static const struct db_query get = {
	.name = "user_get",
	.text = "SELECT " COLUMNS " FROM users WHERE id = $1",
	.idempotent = true,
};

static const struct db_query find = {
	.name = "user_find",
	.text = "SELECT " COLUMNS " FROM users"
		" WHERE id > $1 AND $2 < (SELECT last_value FROM users_id_seq)"
		" ORDER BY id OFFSET $2 LIMIT $3",
	.idempotent = true,
};

static const struct db_query update = {
	.name = "user_update",
	.text = "UPDATE users SET username = coalesce($2, username), email = coalesce($3, email)"
		" WHERE id = $1 RETURNING " COLUMNS,
	.idempotent = true,
};

static const struct db_query delete = {
	.name = "user_delete",
	.text = "WITH gone AS (DELETE FROM users WHERE id = $1 RETURNING id)"
		" INSERT INTO deleted_users (id) SELECT id FROM gone"
		" ON CONFLICT (id) DO UPDATE"
		" SET deleted_at = excluded.deleted_at, due_at = excluded.due_at",
};

static struct user
read_user(const struct db_rows *rows, int row)
{
	return (struct user){
		.id = db_int(rows, row, 0),
		.username = db_text(rows, row, 1),
		.email = db_text(rows, row, 2),
		.created_us = db_int(rows, row, 3),
	};
}

/* Says which of the two another user (than id) has. ERR_OK: neither. */
static enum err
refuse_taken(struct db *db, struct ctx *cx, const struct user_edit *in, int64_t id)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_text(&args, in->username);
	db_arg_text(&args, in->email);
	db_arg_int(&args, id);
	e = db_exec(db, cx, &taken, &args, &rows);
	if (e)
		return e;
	if (db_bool(&rows, 0, 0))
		return ctx_refuse(cx, ERR_CONFLICT, "the username is taken");
	if (db_bool(&rows, 0, 1))
		return ctx_refuse(cx, ERR_CONFLICT, "the e-mail address is taken");
	return ERR_OK;
}

enum err
user_insert(struct db *db, struct ctx *cx, const struct user_edit *in, struct user *ret_user)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_text(&args, in->username);
	db_arg_text(&args, in->email);
	for (int tries = 0; tries < INSERT_TRIES; tries++) {
		e = db_exec(db, cx, &insert, &args, &rows);
		if (e)
			return e;
		if (rows.n == 1) {
			*ret_user = read_user(&rows, 0);
			return ERR_OK;
		}
		e = refuse_taken(db, cx, in, 0);
		if (e)
			return e;
		/* Neither: the sequence met an imported id, or the other user is gone. */
	}
	return ctx_fail(cx, ERR_UNAVAILABLE, "user_insert: no id is free");
}

enum err
user_get(struct db *db, struct ctx *cx, int64_t id, struct user *ret_user)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_int(&args, id);
	e = db_exec(db, cx, &get, &args, &rows);
	if (e)
		return e;
	if (rows.n == 0)
		return ERR_NOT_FOUND;
	*ret_user = read_user(&rows, 0);
	return ERR_OK;
}

enum err
user_find(struct db *db, struct ctx *cx, const struct page *page, struct user_list *ret_list)
{
	struct db_args args;
	struct db_rows rows;
	struct user *users;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_int(&args, page->after);
	db_arg_int(&args, page->offset);
	db_arg_int(&args, page->limit + 1);
	e = db_exec(db, cx, &find, &args, &rows);
	if (e)
		return page_refuse(cx, e, page);
	users = arena_alloc(cx->arena, ((size_t)rows.n + 1) * sizeof(*users));
	if (!users)
		return ERR_MEMORY;
	for (int i = 0; i < rows.n; i++)
		users[i] = read_user(&rows, i);
	*ret_list = (struct user_list){ users, rows.n };
	return ERR_OK;
}

enum err
user_update(
    struct db *db, struct ctx *cx, int64_t id, const struct user_edit *in, struct user *ret_user)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_int(&args, id);
	db_arg_text(&args, in->username);
	db_arg_text(&args, in->email);
	e = db_exec(db, cx, &update, &args, &rows);
	if (e == ERR_CONFLICT) {
		enum err why = refuse_taken(db, cx, in, id);

		return why ? why : e;
	}
	if (e)
		return e;
	if (rows.n == 0)
		return ERR_NOT_FOUND;
	*ret_user = read_user(&rows, 0);
	return ERR_OK;
}

enum err
user_delete(struct db *db, struct ctx *cx, int64_t id)
{
	struct db_args args;
	struct db_rows rows;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_int(&args, id);
	e = db_exec(db, cx, &delete, &args, &rows);
	if (e)
		return e;
	return rows.affected == 0 ? ERR_NOT_FOUND : ERR_OK;
}
