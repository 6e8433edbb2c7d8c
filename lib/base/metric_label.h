/*
 * Values of the metrics' labels. A metric call names them by number, in the order of the
 * family's labels; those that it lacks are 0.
 */
#ifndef LIB_BASE_METRIC_LABEL_H
#define LIB_BASE_METRIC_LABEL_H

enum metric_layer { LAYER_NONE, LAYER_L1, LAYER_REDIS, LAYER_DB, LAYER__COUNT };
enum metric_redirect {
	REDIRECT_FOUND,
	REDIRECT_UNKNOWN,
	REDIRECT_INACTIVE,
	REDIRECT_FAILED,
	REDIRECT__COUNT
};
enum metric_worker {
	WORKER_STARTING,
	WORKER_IDLE,
	WORKER_BUSY,
	WORKER_UNABLE, /* stopped, silent or spinning */
	WORKER_DRAINING,
	WORKER__COUNT
};
enum metric_reason {
	REASON_NONE,
	REASON_CRASHED,
	REASON_HUNG,
	REASON_BUSY, /* the pool */
	REASON_IDLE, /* the pool */
	REASON_RECYCLED,
	REASON_ROLLED,
	REASON_ABORTED, /* a new worker that was to replace one */
	REASON_STOPPED, /* the pool */
	REASON__COUNT
};
enum metric_bound { BOUND_MIN, BOUND_MAX, BOUND__COUNT };
enum metric_program {
	PROGRAM_WORKER,
	PROGRAM_POOL,
	PROGRAM_INGEST,
	PROGRAM_MONITOR,
	PROGRAM__COUNT
};
enum metric_fate { FATE_EXPORTED, FATE_DROPPED, FATE_REFUSED, FATE__COUNT }; /* of a span */
enum metric_dependency {
	DEPENDENCY_POSTGRESQL,
	DEPENDENCY_PGBOUNCER,
	DEPENDENCY_REDIS,
	DEPENDENCY__COUNT
};
enum metric_session { SESSION_ACTIVE, SESSION_WAITING, SESSION_IDLE, SESSION__COUNT };
enum metric_effort { EFFORT_QUERY, EFFORT_WAIT, EFFORT__COUNT };
enum metric_direction { DIRECTION_UP, DIRECTION_DOWN, DIRECTION__COUNT };
enum metric_outcome { OUTCOME_OK, OUTCOME_MISS, OUTCOME_ERROR, OUTCOME_SKIPPED, OUTCOME__COUNT };

#endif
