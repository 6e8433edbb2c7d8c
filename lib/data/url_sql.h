/*
 * Pieces of the statements that change urls, shared by url_store and import_store: each
 * change is one statement that also notes its event and posts its outbox row.
 */
#ifndef LIB_DATA_URL_SQL_H
#define LIB_DATA_URL_SQL_H

/* The owner of a row, if that user is still there. */
#define URL_SQL_OWNER(row) "(SELECT users.id FROM users WHERE users.id = " row ".user_id)"

/* clang-format off */

/* Posts the rows of urls in `made` to the outbox. */
#define URL_SQL_POST_MADE                                                                          \
	"INSERT INTO outbox (short_code, version, url_id, user_id, original_url, is_active)"       \
	" SELECT short_code, version, id, " URL_SQL_OWNER("made") ", original_url, is_active"      \
	" FROM made"

/* Makes of the locked rows `old` what they are to be (columns new_title, new_url, new_active)
 * where that differs, and the condition holds. Time and version go forward. */
#define URL_SQL_CHANGE_OLD(condition)                                                              \
	"UPDATE urls SET title = new_title, original_url = new_url, is_active = new_active,"       \
	" version = nextval('url_version_seq'),"                                                   \
	" updated_at = greatest(clock_timestamp(), old.updated_at + interval '1 us')"              \
	" FROM old WHERE urls.id = old.id"                                                         \
	" AND (old.title, old.original_url, old.is_active)"                                        \
	" IS DISTINCT FROM (new_title, new_url, new_active)" condition                             \
	" RETURNING urls.*, old.title AS old_title, old.original_url AS old_url,"                  \
	" old.is_active AS old_active"

/* Notes the changes that gave `made`. */
#define URL_SQL_NOTE_MADE                                                                          \
	"INSERT INTO events (url_id, user_id, event_type, details)"                                \
	" SELECT id, " URL_SQL_OWNER("made") ", 'updated', change_details("                        \
	"old_title, title, old_url, original_url, old_active, is_active) FROM made"

/* clang-format on */

#endif
