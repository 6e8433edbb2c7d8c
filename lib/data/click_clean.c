#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/ctx.h"
#include "lib/data/click_store.h"
#include "lib/data/db.h"

/* Rows per statement: some thousand in all. */
#define ROWS "2000"

/* clang-format off */

/* What a deleted record left behind, and the statements that clean it. Each is bounded, and
 * takes the record's id. */
struct chore {
	struct db_query pick;   /* the id of a record whose turn it is */
	struct db_query clean[3];
	struct db_query settle; /* nothing was left: forget it, or look again in an hour */
};

#define PICK(table)                                                                                \
	"SELECT id FROM " table " WHERE due_at <= clock_timestamp() ORDER BY due_at LIMIT 1"
/* Late clicks and changes that began before the deletion are over in an hour. */
#define SETTLE(table)                                                                              \
	"WITH again AS (UPDATE " table " SET due_at = deleted_at + interval '1 hour'"              \
	" WHERE id = $1 AND deleted_at > clock_timestamp() - interval '1 hour' RETURNING id)"      \
	" DELETE FROM " table " WHERE id = $1 AND NOT EXISTS (SELECT FROM again)"
#define DISOWN(table)                                                                              \
	"UPDATE " table " SET user_id = NULL WHERE user_id = $1 AND id = ANY (ARRAY("              \
	"SELECT id FROM " table " WHERE (user_id, id) > ($1, 0) AND user_id <= $1"                 \
	" ORDER BY user_id, id LIMIT " ROWS "))"

static const struct chore chores[] = {
	{
		.pick = { "clean_pick_user", PICK("deleted_users"), true },
		.clean = {
			{ "clean_urls", DISOWN("urls"), true },
			{ "clean_events", DISOWN("events"), true },
			{ "clean_clicks", DISOWN("clicks"), true },
		},
		.settle = { "clean_settle_user", SETTLE("deleted_users"), true },
	},
	{
		.pick = { "clean_pick_url", PICK("deleted_urls"), true },
		.clean = {
			{ "clean_visitors", "DELETE FROM url_visitors WHERE url_id = $1"
				" AND visitor = ANY (ARRAY(SELECT visitor FROM url_visitors"
				" WHERE url_id = $1 ORDER BY visitor LIMIT " ROWS "))", true },
			{ "clean_counters", "DELETE FROM url_counters WHERE url_id = $1", true },
		},
		.settle = { "clean_settle_url", SETTLE("deleted_urls"), true },
	},
};

/* clang-format on */

/* One round for one record; *ret_left: there is more of it, or it is not the last. */
static enum err
clean_for(struct db *db, struct ctx *cx, const struct chore *c, int64_t id, bool *ret_left)
{
	struct db_args args;
	struct db_rows rows;
	int64_t cleaned = 0;
	enum err e;

	db_args_init(&args, cx->arena);
	db_arg_int(&args, id);
	for (size_t i = 0; i < N(c->clean) && c->clean[i].text; i++) {
		e = db_exec(db, cx, &c->clean[i], &args, &rows);
		if (e)
			return e;
		cleaned += rows.affected;
	}
	*ret_left = true;
	return cleaned > 0 ? ERR_OK : db_exec(db, cx, &c->settle, &args, NULL);
}

enum err
click_clean(struct db *db, struct ctx *cx, bool *ret_left)
{
	bool left = false;

	for (size_t i = 0; i < N(chores); i++) {
		struct db_rows rows;
		enum err e = db_exec(db, cx, &chores[i].pick, NULL, &rows);

		if (!e && rows.n > 0)
			e = clean_for(db, cx, &chores[i], db_int(&rows, 0, 0), &left);
		if (e)
			return e;
	}
	*ret_left = left;
	return ERR_OK;
}
