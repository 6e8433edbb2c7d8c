/*
 * Pieces of the statements that change urls, shared by url_store and import_store: each
 * change is one statement that also notes its event and posts its outbox row.
 */
#ifndef LIB_DATA_URL_SQL_H
#define LIB_DATA_URL_SQL_H

/* The owner of a row, if that user is still there. */
#define URL_SQL_OWNER(row) "(SELECT users.id FROM users WHERE users.id = " row ".user_id)"

/* Posts the rows of urls in `made` to the outbox. */
/* clang-format off */
#define URL_SQL_POST_MADE                                                                          \
	"INSERT INTO outbox (short_code, version, url_id, user_id, original_url, is_active)"       \
	" SELECT short_code, version, id, " URL_SQL_OWNER("made") ", original_url, is_active"      \
	" FROM made"

/* Brings the locked rows `old` to `want` (id, title, original_url, is_active) where that
 * differs. Time and version go forward. */
#define URL_SQL_CHANGE                                                                             \
	"UPDATE urls SET title = want.title, original_url = want.original_url,"                    \
	" is_active = want.is_active, version = nextval('url_version_seq'),"                       \
	" updated_at = greatest(clock_timestamp(), old.updated_at + interval '1 us')"              \
	" FROM old JOIN want ON want.id = old.id WHERE urls.id = old.id"                           \
	" AND (old.title, old.original_url, old.is_active)"                                        \
	" IS DISTINCT FROM (want.title, want.original_url, want.is_active) RETURNING urls.*"

/* Notes what made rows `made` of rows `old`. */
#define URL_SQL_NOTE_CHANGE                                                                        \
	"INSERT INTO events (url_id, user_id, event_type, details)"                                \
	" SELECT made.id, " URL_SQL_OWNER("made") ", 'updated', change_details("                   \
	"old.title, made.title, old.original_url, made.original_url,"                              \
	" old.is_active, made.is_active) FROM made JOIN old ON old.id = made.id"
/* clang-format on */

#endif
