#include "app/worker/app.h"
#include "app/worker/handlers.h"
#include "app/worker/list.h"
#include "app/worker/present.h"
#include "lib/data/user_store.h"
#include "lib/http/check.h"
#include "lib/http/field.h"
#include "lib/http/req.h"
#include "lib/http/resp.h"

#define USERNAME(flags)                                                                            \
	{                                                                                          \
		"username", FIELD_TEXT, 1, 64, flags, check_name,                                  \
		    offsetof(struct user_edit, username)                                           \
	}
#define EMAIL(flags)                                                                               \
	{                                                                                          \
		"email", FIELD_TEXT, 1, 254, flags, check_email, offsetof(struct user_edit, email) \
	}

static const struct field user_new_fields[] = { USERNAME(FIELD_REQUIRED), EMAIL(FIELD_REQUIRED) };
static const struct field user_edit_fields[] = {
	[USER_EDIT_USERNAME] = USERNAME(0),
	[USER_EDIT_EMAIL] = EMAIL(0),
};

struct user_query {
	unsigned given;
	struct list_query list;
};

static const struct field user_query_fields[] = { LIST_FIELDS(struct user_query) };

enum err
user_list(struct app *app, struct req *rq, struct resp *rs)
{
	struct user_query in = { 0 };
	struct user_list found;
	struct page page;
	enum err e;
	int n;

	e = list_read(rq, user_query_fields, N(user_query_fields), &in, &in.list, &page);
	if (e)
		return e;
	e = user_find(app->db, rq->cx, &page, &found);
	if (e)
		return e;
	n = list_shown(&page, found.n);
	e = list_link(rq, rs, &page, found.n, n > 0 ? found.users[n - 1].id : 0);
	if (e)
		return e;
	return present_users(rs, found.users, n);
}

enum err
user_create(struct app *app, struct req *rq, struct resp *rs)
{
	struct user_edit in = { 0 };
	struct user u;
	enum err e;

	e = req_json_fields(rq, user_new_fields, N(user_new_fields), &in);
	if (e)
		return e;
	e = user_insert(app->db, rq->cx, &in, &u);
	if (e)
		return e;
	return present_user(rs, 201, &u);
}

enum err
user_show(struct app *app, struct req *rq, struct resp *rs)
{
	struct user u;
	int64_t id;
	enum err e;

	e = req_id(rq, 0, &id);
	if (e)
		return e;
	e = user_get(app->db, rq->cx, id, &u);
	if (e)
		return e;
	return present_user(rs, 200, &u);
}

enum err
user_edit(struct app *app, struct req *rq, struct resp *rs)
{
	struct user_edit in = { 0 };
	struct user u;
	int64_t id;
	enum err e;

	e = req_id(rq, 0, &id);
	if (e)
		return e;
	e = req_json_fields(rq, user_edit_fields, N(user_edit_fields), &in);
	if (e)
		return e;
	e = user_update(app->db, rq->cx, id, &in, &u);
	if (e)
		return e;
	return present_user(rs, 200, &u);
}

enum err
user_remove(struct app *app, struct req *rq, struct resp *rs)
{
	int64_t id;
	enum err e;

	e = req_id(rq, 0, &id);
	if (e)
		return e;
	e = user_delete(app->db, rq->cx, id);
	if (e)
		return e;
	return resp_empty(rs, 204);
}
