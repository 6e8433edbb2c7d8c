/*
 * What a sampled statement says of itself in a comment, which the server's log, its view of
 * activity and its statistics show; there statements are told apart by their parse, and so
 * grouped all the same.
 */
#ifndef LIB_DATA_DB_TRACE_H
#define LIB_DATA_DB_TRACE_H

struct arena;
struct trace_ref;

/* The statement with its traceparent before it, as sqlcommenter writes it, in the arena; as it
 * was when that is full. */
const char *db_trace_sign(struct arena *a, const struct trace_ref *ref, const char *sql);

#endif
