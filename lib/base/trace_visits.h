/*
 * Visits whose requests are traced, in shared memory: the worker that journals a click notes
 * which span it belongs to, and terse-ingest, which finds only the visit's number in the
 * journal, looks that up. Its size is fixed: what is old is overwritten, and a click whose
 * note is gone, or was being written by two at once, is stored all the same, untraced.
 */
#ifndef LIB_BASE_TRACE_VISITS_H
#define LIB_BASE_TRACE_VISITS_H

#include <stdbool.h>
#include <stdint.h>

struct trace_ref;
struct trace_visits;

/* Maps run_dir's. NULL: errno says why. */
struct trace_visits *trace_visits_open(const char *run_dir);
void trace_visits_close(struct trace_visits *v);

/* v may be NULL. */
void trace_visits_note(struct trace_visits *v, uint64_t visit, const struct trace_ref *ref);
bool trace_visits_find(struct trace_visits *v, uint64_t visit, struct trace_ref *ret_ref);

#endif
