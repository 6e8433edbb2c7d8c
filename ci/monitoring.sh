# What watches the service: which services there are by TERSE_MONITORING, their ports, their
# files. Sourced by stack.sh; needs STATE, RUN, ETC, HERE, SETTING, MARK, and ci/alerting.sh.
# shellcheck shell=bash

CORE_SERVICES=(monitor prometheus alertmanager)
FULL_SERVICES=(node-exporter process-exporter blackbox-exporter redis-exporter postgres-exporter
	mtail loki syslog-ng jaeger otelcol)
# In the order of their numbers, from TERSE_FULL_PORT on.
FULL_PORTS=(NODE PROCESS BLACKBOX REDIS POSTGRES MTAIL LOKI LOKI_GRPC JAEGER JAEGER_GRPC
	JAEGER_OTLP JAEGER_OTLP_GRPC JAEGER_ADMIN OTLP OTELCOL JAEGER_COLLECTOR JAEGER_COLLECTOR_GRPC)

monitoring_services() {
	case ${SETTING[TERSE_MONITORING]} in
	core) printf '%s\n' "${CORE_SERVICES[@]}" ;;
	full) printf '%s\n' "${CORE_SERVICES[@]}" "${FULL_SERVICES[@]}" ;;
	esac
}

# The service that listens on a port.
full_port_user() {
	case $1 in
	NODE | PROCESS | BLACKBOX | REDIS | POSTGRES) printf '%s-exporter' "${1,,}" ;;
	OTLP) printf otelcol ;;
	*) printf %s "${1,,}" | sed 's/_.*//' ;;
	esac
}

monitoring_ports() {
	local i
	[[ ${SETTING[TERSE_MONITORING]} != off ]] || return 0
	printf '%s %s %s\n' prometheus TERSE_PROMETHEUS_PORT "${SETTING[TERSE_PROMETHEUS_PORT]}" \
		alertmanager TERSE_ALERTMANAGER_PORT "${SETTING[TERSE_ALERTMANAGER_PORT]}"
	[[ ${SETTING[TERSE_MONITORING]} == full ]] || return 0
	for i in "${!FULL_PORTS[@]}"; do
		printf '%s TERSE_FULL_PORT %s\n' "$(full_port_user "${FULL_PORTS[i]}")" "$((SETTING[TERSE_FULL_PORT] + i))"
	done
}

# nginx writes a line per request only where somebody reads it.
marks_access_log() {
	MARK[ACCESS_LOG]=
	[[ ${SETTING[TERSE_MONITORING]} != full ]] ||
		MARK[ACCESS_LOG]="access_log $STATE/log/nginx/access.log access buffer=64k flush=1s;"
	MARK[REDIRECT_LOG]=${MARK[ACCESS_LOG]:-access_log off;}
}

marks_monitoring() {
	local i
	for i in "${!FULL_PORTS[@]}"; do
		MARK[PORT_${FULL_PORTS[i]}]=$((SETTING[TERSE_FULL_PORT] + i))
	done
	MARK[HOST_NAME]=${SETTING[TERSE_HOST]:-$(uname -n)}
	printf -v 'MARK[BASE_URL_WORD]' %q "${SETTING[TERSE_BASE_URL]}"
	MARK[JOBS_FULL]=
	[[ ${SETTING[TERSE_MONITORING]} != full ]] ||
		MARK[JOBS_FULL]=$(template_print "$HERE/monitoring/prometheus/jobs_full.in")
	marks_access_log
}

prometheus_fill() {
	mkdir -p "$ETC/prometheus"
	rules_fill
	template_print "$HERE/monitoring/prometheus/prometheus.yml.in" >"$ETC/prometheus/raw"
	durations_scale <"$ETC/prometheus/raw" | file_put "$ETC/prometheus/prometheus.yml"
	rm "$ETC/prometheus/raw"
}

full_fill() {
	local file to
	mkdir -p "$ETC/exporters"
	cp "$HERE"/monitoring/exporters/* "$ETC/exporters/"
	for file in "$HERE"/monitoring/{loki,otel}/*.in; do
		[[ -e $file ]] || continue
		to=$ETC/${file#"$HERE/monitoring/"}
		mkdir -p "$(dirname "$to")"
		template_fill "$file" "${to%.in}"
	done
}

monitoring_fill() {
	[[ ${SETTING[TERSE_MONITORING]} != off ]] || return 0
	mkdir -p "$STATE"/{prometheus,alertmanager}
	template_fill "$HERE/conf/monitoring.conf.in" "$ETC/monitoring.conf"
	prometheus_fill
	alertmanager_fill
	[[ ${SETTING[TERSE_MONITORING]} == full ]] || return 0
	mkdir -p "$STATE"/{loki,syslog-ng}
	full_fill
	access_log_make
}

# The log's name is a link, so that a new file takes the place of an old one without a line
# lost: see ci/service-monitoring.
access_log_make() {
	local log=$STATE/log/nginx/access.log
	[[ -e $log ]] || {
		mkdir -p "${log%/*}"
		touch "$log.1"
		ln -sfn access.log.1 "$log"
	}
}

# A restart is what it takes when one of these changes.
monitoring_inputs() {
	printf '%s\n' "$HERE/service-monitoring" "$ETC/monitoring.conf"
	case $1 in
	monitor) printf '%s\n' "$STATE/terse.env" "$STATE/bin/terse-monitor" ;;
	process-exporter) printf '%s\n' "$ETC/exporters/process.yml" ;;
	blackbox-exporter) printf '%s\n' "$ETC/exporters/blackbox.yml" ;;
	postgres-exporter) printf '%s\n' "$ETC/exporters/postgres.yml" ;;
	mtail) printf '%s\n' "$ETC/exporters/nginx.mtail" ;;
	loki) printf '%s\n' "$ETC/loki/loki.yaml" "$HERE/tools" ;;
	syslog-ng) printf '%s\n' "$ETC/loki/syslog-ng.conf" ;;
	jaeger) printf '%s\n' "$HERE/tools" ;;
	otelcol) printf '%s\n' "$ETC/otel/otelcol.yaml" "$HERE/tools" ;;
	esac
}

# What a HUP makes it read again.
monitoring_fresh_inputs() {
	case $1 in
	prometheus) printf '%s\n' "$ETC"/prometheus/*.yml "$ETC"/prometheus/rules/*.yml ;;
	alertmanager) printf '%s\n' "$ETC"/alertmanager/* ;;
	esac
}

# amtool has looked at Alertmanager's already.
monitoring_refresh() {
	[[ $1 != prometheus ]] || promtool check config "$ETC/prometheus/prometheus.yml" >/dev/null ||
		die "Prometheus refuses its configuration"
	sv hup "$STATE/sv/$1" >/dev/null
}

# The exporter's role, which may read all statistics and nothing else.
stats_role_make() {
	[[ ${SETTING[TERSE_MONITORING]} == full ]] || return 0
	PGPASSWORD=$(secret db_super) PGOPTIONS='-c client_min_messages=warning' \
		"${MARK[PG_BIN]}/psql" -qX -h "$RUN" -U postgres -d terse -v ON_ERROR_STOP=1 <<-END
		SELECT 'CREATE ROLE terse_stats LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'terse_stats') \\gexec
		ALTER ROLE terse_stats PASSWORD '${MARK[DB_STATS_PASSWORD]}' CONNECTION LIMIT 4;
		ALTER ROLE terse_stats SET statement_timeout = '3s';
		GRANT pg_monitor TO terse_stats;
		GRANT CONNECT ON DATABASE terse TO terse_stats;
	END
}
