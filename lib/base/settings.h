/*
 * All settings: TERSE_* from the environment, or from a file of NAME=value lines with
 * the same names (the environment wins). settings.c has the one table with type, unit,
 * range, default and help; README's table is checked against it.
 */
#ifndef LIB_BASE_SETTINGS_H
#define LIB_BASE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

/* How many there may be. */
enum { SETTINGS_MAX = 96 };

/* Texts are never NULL. They live until settings_release. */
struct settings {
	/* nginx and the pools; used by the templates that ci/up fills */
	const char *state_dir;
	const char *listen; /* addresses, by blanks */
	int64_t http_port, https_port, probe_port;
	int64_t api_workers, redirect_workers; /* per socket; there are two of each */
	int64_t api_workers_max, redirect_workers_max;
	int64_t nginx_workers, nginx_keepalive;
	int64_t rate_api, rate_redirect; /* requests/s per client */
	int64_t rate_connections;
	bool rate_exempt_loopback;
	const char *trusted_proxies;
	const char *redis_maxmemory;
	/* Prometheus, Alertmanager and what else watches; used by the templates */
	const char *monitoring; /* off, core, full */
	int64_t prometheus_port, alertmanager_port, full_port;
	int64_t alert_scale_percent;
	const char *alert_thresholds;
	const char *smtp_host, *smtp_from, *smtp_user, *smtp_ca_file;
	const char *smtp_password; /* secret */
	const char *alert_mail_to;
	const char *discord_webhook; /* secret */
	/* every program */
	const char *run_dir; /* sockets and shared memory */
	const char *log_file;
	int64_t log_max_bytes, log_keep;
	const char *log_level;     /* debug, info, warn, error */
	const char *log_client_ip; /* network, full, none */
	int64_t trace_sample_ppm, trace_slow_ms;
	bool trace_from_clients;
	const char *pool; /* names a pool of workers in the log */
	const char *host; /* names this machine in the journal's offsets */
	/* terse-pool */
	int64_t pool_high_percent, pool_low_percent; /* busy */
	int64_t pool_window_ms, pool_up_cooldown_ms, pool_down_cooldown_ms;
	int64_t worker_requests;
	/* the service */
	const char *base_url;
	const char *own_hosts; /* comma-separated host[:port] */
	int64_t code_length;
	const char *cors_origins; /* comma-separated */
	const char *admin_key;    /* secret; "": nobody is an operator */
	const char *visitor_key;  /* secret; keys the hash of visitors */
	int64_t request_timeout_ms, import_timeout_ms;
	int64_t body_max_bytes, import_max_bytes;
	/* PostgreSQL */
	const char *db;          /* conninfo, to PgBouncer */
	const char *db_direct;   /* conninfo, to PostgreSQL itself */
	const char *db_password; /* secret */
	int64_t db_timeout_ms;
	/* Redis */
	const char *redis_socket; /* "": no cache */
	int64_t redis_timeout_ms;
	/* the table of links in shared memory */
	int64_t l1_bytes; /* 0: none */
	/* journal and ingest */
	const char *journal_dir;
	int64_t journal_segment_bytes, journal_segment_age_ms;
	int64_t ingest_interval_ms, ingest_batch_lines;
	int64_t barrier_timeout_ms, barrier_waiters;
	/* terse-monitor */
	const char *otlp_url; /* "": nowhere */
	int64_t monitor_interval_ms;
	/* owned */
	char *texts[SETTINGS_MAX + 2];
	size_t n_texts;
};

/* Fills s from the environment and, when TERSE_SETTINGS names one, a file. A secret
 * NAME may also come from the file that NAME_FILE names (one trailing newline is cut).
 * ERR_INVALID: why (why_size bytes) says which variable is wrong and how; unknown
 * TERSE_* names in the file are refused. Needs settings_release either way. */
MUST_CHECK enum err settings_load(struct settings *s, char *why, size_t why_size);
void settings_release(struct settings *s);

/* The table as README has it: a Markdown row per setting. */
void settings_print_markdown(FILE *out);

/* NAME=default for every setting that is no secret, a line each. */
void settings_print_defaults(FILE *out);

#endif
