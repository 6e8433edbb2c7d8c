/*
 * Pieces of the statements that read events and clicks as one list, shared by event_store
 * and event_list.
 */
#ifndef LIB_DATA_EVENT_SQL_H
#define LIB_DATA_EVENT_SQL_H

#include "lib/data/event_store.h"

struct db_rows;

/* The day of a row, as its index has it. */
#define EVENT_SQL_DAY "((at AT TIME ZONE 'UTC')::date)"

/* Rows of either table, in the same columns. */
#define EVENT_SQL_EVENTS(where)                                                                    \
	"SELECT id, at, url_id, user_id, event_type, details, NULL::text AS short_code,"           \
	" NULL::text AS referrer, NULL::text AS user_agent, NULL::bool AS is_bot"                  \
	" FROM events WHERE " where
#define EVENT_SQL_CLICKS(where)                                                                    \
	"SELECT id, at, url_id, user_id, 'click', NULL::jsonb, short_code, referrer, user_agent,"  \
	" is_bot FROM clicks WHERE " where

/* What event_sql_read reads, of such rows p. A user that is gone reads as none. */
#define EVENT_SQL_COLUMNS                                                                          \
	"p.id, us(p.at), p.url_id,"                                                                \
	" (SELECT users.id FROM users WHERE users.id = p.user_id), p.event_type,"                  \
	" coalesce(p.details, jsonb_strip_nulls(jsonb_build_object('short_code', p.short_code,"    \
	" 'referrer', p.referrer, 'user_agent', p.user_agent, 'is_bot', p.is_bot)))"

struct event event_sql_read(const struct db_rows *rows, int row, int column);

#endif
