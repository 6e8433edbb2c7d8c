/*
 * Counters, gauges and histograms in one shared-memory file per host, a slot per
 * process. A slot outlives its process and is taken over by the next one, so counters
 * never go back; gauges end with their process. metric_family.c has the one table.
 * Any process can render all. Nothing here locks, waits or allocates but metric_open.
 */
#ifndef LIB_BASE_METRIC_H
#define LIB_BASE_METRIC_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/base/metric_label.h"

struct buf;

enum metric {
	M_HTTP_REQUESTS,     /* counter: route, method, status */
	M_HTTP_DURATION,     /* histogram (s): route */
	M_HTTP_IN_FLIGHT,    /* gauge */
	M_REDIRECTS,         /* counter: layer, outcome */
	M_CACHE_CALLS,       /* counter: outcome */
	M_CACHE_DURATION,    /* histogram (s) */
	M_CACHE_OPEN,        /* gauge: 1 while the breaker is open */
	M_DB_QUERIES,        /* counter: outcome */
	M_DB_DURATION,       /* histogram (s) */
	M_DB_CONNECTS,       /* counter: outcome */
	M_JOURNAL_LINES,     /* counter: outcome */
	M_JOURNAL_BYTES,     /* counter */
	M_INGEST_CLICKS,     /* counter: stored */
	M_INGEST_REPEATS,    /* counter: lines refused as repeats */
	M_INGEST_DEAD,       /* counter: lines moved to the dead-letter file */
	M_INGEST_TORN,       /* counter: torn tails dropped */
	M_INGEST_BATCHES,    /* counter: outcome */
	M_INGEST_CAUGHT_UP,  /* gauge (s since 1970): when the journal was last empty */
	M_OUTBOX_APPLIED,    /* counter */
	M_OUTBOX_LAG,        /* gauge (s): age of the oldest row not applied */
	M_POOL_WORKERS,      /* gauge: pool, state */
	M_POOL_BUSY,         /* gauge (ratio): pool */
	M_POOL_ROTATION,     /* gauge: pool; 1 while the web server reaches it */
	M_POOL_RESTARTS,     /* counter: pool, reason */
	M_POOL_SCALED,       /* counter: pool, direction, reason */
	M_POOL_ROLLS,        /* counter: pool, outcome */
	M_LOG_LINES,         /* counter: level */
	M_LOG_DROPPED,       /* counter: lines */
	M_REDIRECT_DURATION, /* histogram (s): layer */
	M_JOURNAL_PENDING,   /* gauge (bytes): in the journal, not in PostgreSQL */
	M_INGEST_LOST,       /* counter: clicks that were journaled and can't be stored */
	M_POOL_LIMIT,        /* gauge (workers): pool, bound */
	M_PROCESSES,         /* gauge: program */
	M_PROCESS_CPU,       /* counter (us, shown as s): program */
	M_PROCESS_MEMORY,    /* gauge (bytes): program */
	M_PROCESS_FILES,     /* gauge (open descriptors): program */
	M_SPANS,             /* counter: fate */
	M_DEPENDENCY_UP,     /* gauge: dependency */
	M_DEPENDENCY_TIME,   /* gauge (s): dependency */
	M_BOUNCER_CLIENTS,   /* gauge: state */
	M_BOUNCER_SERVERS,   /* gauge: state */
	M_BOUNCER_SIZE,      /* gauge: servers that the pool may have */
	M_BOUNCER_WAIT,      /* gauge (s): of the client that has waited longest */
	M_BOUNCER_QUERIES,   /* counter */
	M_BOUNCER_TIME,      /* counter (us, shown as s): what, of queries or waits */
	M_DISK_FREE,         /* gauge (bytes): the journal's disk */
	M_DISK_SIZE,         /* gauge (bytes) */
	M_HOST_CPU,          /* gauge (ratio): part of the host's CPU time that is used */
	M_HOST_MEMORY,       /* gauge (ratio): part of the host's memory that is used */
	M_CERTIFICATE_END,   /* gauge (s since 1970): when the certificate expires */
	M__COUNT
};

/* Maps run_dir's metrics and takes a slot (a dead process's, or a fresh one). routes are
 * the values of the label `route`: identifiers of at most 48 bytes, at most 64 of them,
 * copied. Other programs and builds may have others; from a host's 64th on all count as
 * "other". Without a call to this, the other calls count into private memory, as route
 * "other". ERR_UNAVAILABLE: no map (errno) or no slot free (ENOSPC). */
MUST_CHECK enum err metric_open(const char *run_dir, const char *const *routes, size_t n_routes);
void metric_close(void);

/* The number of a pool of workers as a label, until metric_close. The host's 16th pool and
 * all after it are "other". */
unsigned metric_pool(const char *name);

/* A counter, a gauge, a gauge with labels, a histogram. */
void metric_add(enum metric m, unsigned l0, unsigned l1, unsigned l2, uint64_t n);
void metric_set(enum metric m, double value);
void metric_set_at(enum metric m, unsigned l0, unsigned l1, double value);
void metric_observe(enum metric m, unsigned l0, int64_t duration_us);

/* The same; trace_id (32 lower-case hexadecimal digits, not all 0; NULL: none) can be found
 * with the bucket that the duration falls into, while it is the last one there. Only
 * M_HTTP_DURATION keeps them. */
void metric_observe_traced(enum metric m, unsigned l0, int64_t duration_us, const char *trace_id);

/* The number of an HTTP status as a label. Methods are numbered GET, HEAD, POST, PUT,
 * PATCH, DELETE, OPTIONS, any other. */
unsigned metric_status(int status);

/* The host's value of a gauge without labels, as metric_render has it. */
double metric_get(enum metric m);

/* All slots: Prometheus' text format 0.0.4, or OpenMetrics 1.0.0, which has the exemplars. */
enum metric_format { METRIC_TEXT, METRIC_OPENMETRICS };
void metric_render(struct buf *out, enum metric_format format);

#endif
