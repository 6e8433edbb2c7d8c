#include "lib/base/metric_family.h"

#include <string.h>

#include "lib/base/log.h"

static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
	"other" };
static const char *const statuses[] = { "200", "201", "204", "301", "302", "303", "304", "307",
	"308", "400", "401", "403", "404", "405", "406", "409", "410", "412", "413", "415", "422",
	"429", "499", "500", "503", "other" };
static const char *const layers[] = { "none", "l1", "redis", "db" };
static const char *const redirects[] = { "found", "unknown", "inactive", "failed" };
static const char *const outcomes[] = { "ok", "miss", "error", "skipped" };
static const char *const workers[] = { "starting", "idle", "busy", "unable", "draining" };
static const char *const reasons[] = { "none", "crashed", "hung", "busy", "idle", "recycled",
	"rolled", "aborted", "stopped" };
static const char *const directions[] = { "up", "down" };
static const char *const levels[] = { "debug", "info", "warn", "error" };
static const char *const bounds[] = { "min", "max" };
static const char *const programs[] = { "worker", "pool", "ingest", "monitor" };
static const char *const fates[] = { "exported", "dropped", "refused" };
static const char *const dependencies[] = { "postgresql", "pgbouncer", "redis" };
static const char *const sessions[] = { "active", "waiting", "idle" };
static const char *const efforts[] = { "query", "wait" };

_Static_assert(N(layers) == LAYER__COUNT, "one name per layer");
_Static_assert(N(redirects) == REDIRECT__COUNT, "one name per redirect");
_Static_assert(N(outcomes) == OUTCOME__COUNT, "one name per outcome");
_Static_assert(N(workers) == WORKER__COUNT, "one name per worker's state");
_Static_assert(N(reasons) == REASON__COUNT, "one name per reason");
_Static_assert(N(directions) == DIRECTION__COUNT, "one name per direction");
_Static_assert(N(levels) == LOG__COUNT, "one name per level");
_Static_assert(N(bounds) == BOUND__COUNT, "one name per bound");
_Static_assert(N(programs) == PROGRAM__COUNT, "one name per program");
_Static_assert(N(fates) == FATE__COUNT, "one name per fate of a span");
_Static_assert(N(dependencies) == DEPENDENCY__COUNT, "one name per dependency");
_Static_assert(N(sessions) == SESSION__COUNT, "one name per session's state");
_Static_assert(N(efforts) == EFFORT__COUNT, "one name per effort");

const struct metric_dim metric_dims[] = {
	[DIM_NONE] = { NULL, NULL, 1 },
	[DIM_ROUTE] = { "route", NULL, METRIC_ROUTES },
	[DIM_METHOD] = { "method", methods, N(methods) },
	[DIM_STATUS] = { "status", statuses, N(statuses) },
	[DIM_LAYER] = { "layer", layers, N(layers) },
	[DIM_REDIRECT] = { "outcome", redirects, N(redirects) },
	[DIM_OUTCOME] = { "outcome", outcomes, N(outcomes) },
	[DIM_POOL] = { "pool", NULL, METRIC_POOLS },
	[DIM_WORKER] = { "state", workers, N(workers) },
	[DIM_REASON] = { "reason", reasons, N(reasons) },
	[DIM_DIRECTION] = { "direction", directions, N(directions) },
	[DIM_LEVEL] = { "level", levels, N(levels) },
	[DIM_BOUND] = { "bound", bounds, N(bounds) },
	[DIM_PROGRAM] = { "program", programs, N(programs) },
	[DIM_FATE] = { "fate", fates, N(fates) },
	[DIM_DEPENDENCY] = { "dependency", dependencies, N(dependencies) },
	[DIM_SESSION] = { "state", sessions, N(sessions) },
	[DIM_EFFORT] = { "effort", efforts, N(efforts) },
};

_Static_assert(N(metric_dims) == DIM__COUNT, "one row per dimension");

const struct metric_family metric_families[] = {
	[M_HTTP_REQUESTS] = { "terse_http_requests_total", COUNTER,
	    { DIM_ROUTE, DIM_METHOD, DIM_STATUS }, "Requests answered." },
	[M_HTTP_DURATION] = { "terse_http_request_duration_seconds", HISTOGRAM, { DIM_ROUTE },
	    "Time from a request's arrival at the worker to its answer." },
	[M_HTTP_IN_FLIGHT] = { "terse_http_requests_in_flight", GAUGE_SUM, { DIM_NONE },
	    "Requests being worked on." },
	[M_REDIRECTS] = { "terse_redirects_total", COUNTER, { DIM_LAYER, DIM_REDIRECT },
	    "Codes looked up to be followed, by the layer that knew." },
	[M_CACHE_CALLS] = { "terse_cache_calls_total", COUNTER, { DIM_OUTCOME },
	    "Calls of Redis." },
	[M_CACHE_DURATION] = { "terse_cache_call_duration_seconds", HISTOGRAM, { DIM_NONE },
	    "Time that a call of Redis took." },
	[M_CACHE_OPEN] = { "terse_cache_breaker_open", GAUGE_MAX, { DIM_NONE },
	    "1 while Redis is skipped because it failed." },
	[M_DB_QUERIES] = { "terse_db_queries_total", COUNTER, { DIM_OUTCOME },
	    "Statements sent to PostgreSQL." },
	[M_DB_DURATION] = { "terse_db_query_duration_seconds", HISTOGRAM, { DIM_NONE },
	    "Time that a statement took." },
	[M_DB_CONNECTS] = { "terse_db_connects_total", COUNTER, { DIM_OUTCOME },
	    "Connections made to PostgreSQL." },
	[M_JOURNAL_LINES] = { "terse_journal_lines_total", COUNTER, { DIM_OUTCOME },
	    "Clicks appended to the journal." },
	[M_JOURNAL_BYTES] = { "terse_journal_bytes_total", COUNTER, { DIM_NONE },
	    "Bytes appended to the journal." },
	[M_INGEST_CLICKS] = { "terse_ingest_clicks_total", COUNTER, { DIM_NONE },
	    "Clicks moved from the journal into PostgreSQL." },
	[M_INGEST_REPEATS] = { "terse_ingest_repeats_total", COUNTER, { DIM_NONE },
	    "Journal lines refused because their request is stored." },
	[M_INGEST_DEAD] = { "terse_ingest_dead_letters_total", COUNTER, { DIM_NONE },
	    "Journal lines moved to the dead-letter file." },
	[M_INGEST_TORN] = { "terse_ingest_torn_tails_total", COUNTER, { DIM_NONE },
	    "Torn ends of journal segments dropped." },
	[M_INGEST_BATCHES] = { "terse_ingest_batches_total", COUNTER, { DIM_OUTCOME },
	    "Transactions that moved clicks." },
	[M_INGEST_CAUGHT_UP] = { "terse_ingest_caught_up_timestamp_seconds", GAUGE_EVER,
	    { DIM_NONE }, "When the journal was last found empty." },
	[M_OUTBOX_APPLIED] = { "terse_outbox_applied_total", COUNTER, { DIM_NONE },
	    "Outbox rows applied on this host." },
	[M_OUTBOX_LAG] = { "terse_outbox_lag_seconds", GAUGE_MAX, { DIM_NONE },
	    "Age of the oldest outbox row that is not applied on this host." },
	[M_POOL_WORKERS] = { "terse_pool_workers", GAUGE_SUM, { DIM_POOL, DIM_WORKER },
	    "Workers of a pool." },
	[M_POOL_BUSY] = { "terse_pool_busy_ratio", GAUGE_MAX, { DIM_POOL },
	    "Part of their time that a pool's workers were busy, over the last window." },
	[M_POOL_ROTATION] = { "terse_pool_in_rotation", GAUGE_MAX, { DIM_POOL },
	    "1 while the web server reaches the pool." },
	[M_POOL_RESTARTS] = { "terse_pool_restarts_total", COUNTER, { DIM_POOL, DIM_REASON },
	    "Workers that ended and were replaced." },
	[M_POOL_SCALED] = { "terse_pool_scale_events_total", COUNTER,
	    { DIM_POOL, DIM_DIRECTION, DIM_REASON }, "Changes of the number of workers." },
	[M_POOL_ROLLS] = { "terse_pool_rolls_total", COUNTER, { DIM_POOL, DIM_OUTCOME },
	    "Replacements of all workers of a pool." },
	[M_LOG_LINES] = { "terse_log_lines_total", COUNTER, { DIM_LEVEL }, "Log lines written." },
	[M_LOG_DROPPED] = { "terse_log_lines_dropped_total", COUNTER, { DIM_NONE },
	    "Log lines dropped because they could not be written." },
	[M_REDIRECT_DURATION] = { "terse_redirect_duration_seconds", HISTOGRAM, { DIM_LAYER },
	    "Time that following a link took, by the layer that knew its code." },
	[M_JOURNAL_PENDING] = { "terse_journal_pending_bytes", GAUGE_SUM, { DIM_NONE },
	    "Bytes in the journal that are not in PostgreSQL." },
	[M_INGEST_LOST] = { "terse_ingest_lost_total", COUNTER, { DIM_NONE },
	    "Clicks that were in the journal and are gone." },
	[M_POOL_LIMIT] = { "terse_pool_workers_limit", GAUGE_MAX, { DIM_POOL, DIM_BOUND },
	    "Least and greatest number of a pool's workers." },
	[M_PROCESSES] = { "terse_processes", GAUGE_SUM, { DIM_PROGRAM },
	    "Processes of this host." },
	[M_PROCESS_CPU] = { "terse_process_cpu_seconds_total", COUNTER_US, { DIM_PROGRAM },
	    "CPU time used by a program's processes." },
	[M_PROCESS_MEMORY] = { "terse_process_resident_memory_bytes", GAUGE_SUM, { DIM_PROGRAM },
	    "Resident memory of a program's processes." },
	[M_PROCESS_FILES] = { "terse_process_open_fds", GAUGE_SUM, { DIM_PROGRAM },
	    "Descriptors that a program's processes have open." },
	[M_SPANS] = { "terse_trace_spans_total", COUNTER, { DIM_FATE },
	    "Spans sent to the collector, dropped for want of room, or refused by it." },
	[M_DEPENDENCY_UP] = { "terse_dependency_up", GAUGE_MAX, { DIM_DEPENDENCY },
	    "1 while a dependency answers." },
	[M_DEPENDENCY_TIME] = { "terse_dependency_check_duration_seconds", GAUGE_MAX,
	    { DIM_DEPENDENCY }, "Time that the last check of a dependency took." },
	[M_BOUNCER_CLIENTS] = { "terse_pgbouncer_clients", GAUGE_MAX, { DIM_SESSION },
	    "Clients of PgBouncer." },
	[M_BOUNCER_SERVERS] = { "terse_pgbouncer_servers", GAUGE_MAX, { DIM_SESSION },
	    "PgBouncer's connections to PostgreSQL." },
	[M_BOUNCER_SIZE] = { "terse_pgbouncer_pool_size", GAUGE_MAX, { DIM_NONE },
	    "Connections to PostgreSQL that PgBouncer may have." },
	[M_BOUNCER_WAIT] = { "terse_pgbouncer_max_wait_seconds", GAUGE_MAX, { DIM_NONE },
	    "How long the first client in PgBouncer's queue has waited." },
	[M_BOUNCER_QUERIES] = { "terse_pgbouncer_queries_total", COUNTER, { DIM_NONE },
	    "Statements that PgBouncer passed on." },
	[M_BOUNCER_TIME] = { "terse_pgbouncer_seconds_total", COUNTER_US, { DIM_EFFORT },
	    "Time that PostgreSQL worked for PgBouncer's clients, and that they waited for it." },
	[M_DISK_FREE] = { "terse_journal_disk_free_bytes", GAUGE_MAX, { DIM_NONE },
	    "Room left on the journal's disk." },
	[M_DISK_SIZE] = { "terse_journal_disk_size_bytes", GAUGE_MAX, { DIM_NONE },
	    "Size of the journal's disk." },
	[M_HOST_CPU] = { "terse_host_cpu_used_ratio", GAUGE_MAX, { DIM_NONE },
	    "Part of the host's CPU time that was used since the last look." },
	[M_HOST_MEMORY] = { "terse_host_memory_used_ratio", GAUGE_MAX, { DIM_NONE },
	    "Part of the host's memory that is used." },
	[M_CERTIFICATE_END] = { "terse_certificate_expiry_timestamp_seconds", GAUGE_MAX,
	    { DIM_NONE }, "When the certificate that nginx shows expires." },
};

_Static_assert(N(metric_families) == M__COUNT, "one row per metric");

const int64_t metric_bounds_us[] = { 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000,
	500000, 1000000, 2500000, 5000000, 10000000 };
const char *const metric_bounds[] = { "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05",
	"0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf" };

_Static_assert(N(metric_bounds) == METRIC_BUCKETS, "one text per bucket");
_Static_assert(N(metric_bounds_us) == METRIC_BUCKETS - 1, "all bounds but +Inf");

size_t
metric_series_cells(enum metric m)
{
	return metric_families[m].type == HISTOGRAM ? METRIC_HISTOGRAM_CELLS : 1;
}

size_t
metric_series(enum metric m)
{
	size_t n = 1, i;

	for (i = 0; i < METRIC_LABELS; i++)
		n *= metric_dims[metric_families[m].dims[i]].n;
	return n;
}

unsigned
metric_status(int status)
{
	const char text[] = { (char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
		(char)('0' + status % 10) };
	unsigned i;

	if (status < 100 || status > 999)
		return N(statuses) - 1;
	for (i = 0; i < N(statuses) - 1; i++)
		if (memcmp(text, statuses[i], sizeof(text)) == 0)
			break;
	return i;
}

static uint64_t
hash_byte(uint64_t hash, unsigned char byte)
{
	return (hash ^ byte) * UINT64_C(0x100000001b3);
}

uint64_t
metric_hash(uint64_t hash, const char *s)
{
	for (; *s != '\0'; s++)
		hash = hash_byte(hash, (unsigned char)*s);
	return hash_byte(hash, 0);
}

static uint64_t
hash_dim(uint64_t hash, const struct metric_dim *dim)
{
	size_t i;

	for (i = 0; dim->values && i < dim->n; i++)
		hash = metric_hash(hash, dim->values[i]);
	return hash_byte(hash, (unsigned char)dim->n);
}

uint64_t
metric_layout(void)
{
	uint64_t hash = METRIC_HASH_START;
	size_t m, i;

	for (m = 0; m < M__COUNT; m++) {
		hash = metric_hash(hash, metric_families[m].name);
		hash = hash_byte(hash, (unsigned char)metric_families[m].type);
		for (i = 0; i < METRIC_LABELS; i++)
			hash = hash_dim(hash, &metric_dims[metric_families[m].dims[i]]);
	}
	for (i = 0; i < METRIC_BUCKETS; i++)
		hash = metric_hash(hash, metric_bounds[i]);
	return hash;
}
