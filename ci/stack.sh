#!/usr/bin/env bash
# The stack under one state folder: its files, its services, starting and stopping them.
# Runs as the service's own user, from the copy that ci/stack puts into the state folder.
# usage: stack.sh start|stop|purge|status|guard|canary   (TERSE_STATE names the folder)
set -euo pipefail
umask 027

HERE=$(cd "$(dirname "$0")" && pwd)
STATE=${TERSE_STATE:?}
RUN=$STATE/run
ETC=$STATE/etc
# In the order in which they start; what watches them comes after them.
BASE_SERVICES=(postgres redis pgbouncer ingest redirect-a redirect-b api-a api-b nginx)
# First path segments that are never a short code.
RESERVED='users|urls|shorten|stats|events|alerts|health|metrics|prom_metrics|logs|chaos|api|qr'
RESERVED+='|keys|webhooks|incidents|oncall|tags|ops|docs|openapi\.yaml|console|assets|static'
RESERVED+='|favicon\.ico|robots\.txt|\.well-known|admin|login|logout'

# shellcheck source=ci/settings.sh
. "$HERE/settings.sh"
# shellcheck source=ci/cluster.sh
. "$HERE/cluster.sh"
# shellcheck source=ci/canary.sh
. "$HERE/canary.sh"
# shellcheck source=ci/services.sh
. "$HERE/services.sh"
# shellcheck source=ci/alerting.sh
. "$HERE/alerting.sh"
# shellcheck source=ci/monitoring.sh
. "$HERE/monitoring.sh"

# All that the settings ask for.
services_choose() {
	mapfile -t SERVICES < <(printf '%s\n' "${BASE_SERVICES[@]}" && monitoring_services)
}

folders_make() {
	mkdir -p "$STATE"/{bin,canary,etc/nginx,run/supervisor,journal,log,sv,tls,secrets}
	chmod 0700 "$STATE/secrets" "$STATE/tls"
}

# Makes a secret once and prints it.
secret() {
	local file=$STATE/secrets/$1
	[[ -s $file ]] || (umask 077 && openssl rand -hex 24 >"$file.new" && mv "$file.new" "$file")
	printf '%s' "$(<"$file")"
}

secrets_make() {
	MARK[DB_OWNER_PASSWORD]=$(secret db_owner)
	MARK[DB_APP_PASSWORD]=$(secret db_app)
	MARK[DB_STATS_PASSWORD]=$(secret db_stats)
	secret db_super >/dev/null
	secret admin_key >/dev/null
	secret visitor_key >/dev/null
	template_fill "$HERE/conf/pgpass.in" "$STATE/secrets/pgpass"
	chmod 0600 "$STATE/secrets/pgpass"
}

certificate_make() {
	[[ -s $STATE/tls/cert.pem && -s $STATE/tls/key.pem ]] && return
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 \
		-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1 \
		-addext extendedKeyUsage=serverAuth -addext basicConstraints=critical,CA:FALSE \
		-keyout "$STATE/tls/key.pem" -out "$STATE/tls/cert.pem" 2>"$STATE/log/openssl.log" ||
		die "openssl could not make a certificate: see $STATE/log/openssl.log"
}

has_ipv6() {
	[[ -r /proc/net/if_inet6 && $(</proc/net/if_inet6) ]]
}

# nginx's listen lines; IPv6 addresses only where the machine has IPv6.
marks_listen() {
	local address lines=
	for address in ${SETTING[TERSE_LISTEN]}; do
		if [[ $address == *:* ]]; then
			has_ipv6 || continue
			address="[$address]"
		fi
		lines+=$'\t\t'"listen $address:${SETTING[TERSE_HTTP_PORT]} default_server backlog=${MARK[BACKLOG]};"$'\n'
		lines+=$'\t\t'"listen $address:${SETTING[TERSE_HTTPS_PORT]} ssl http2 default_server backlog=${MARK[BACKLOG]};"$'\n'
	done
	[[ $lines ]] || die "TERSE_LISTEN: no address can be used"
	MARK[LISTEN]=${lines%$'\n'}
}

marks_proxies() {
	local address lines=
	for address in ${SETTING[TERSE_TRUSTED_PROXIES]}; do
		lines+="set_real_ip_from $address;"$'\n'
	done
	MARK[TRUSTED]=${lines%$'\n'}
	MARK[LIMIT_EXEMPT]=
	[[ ${SETTING[TERSE_RATE_EXEMPT_LOOPBACK]} != on ]] || MARK[LIMIT_EXEMPT]=$'\t1 "";'
}

# Descriptors, connections and backlogs are sized together.
marks_sizes() {
	local name least most workers=0 files
	for name in API REDIRECT; do
		least=${SETTING[TERSE_${name}_WORKERS]}
		most=${SETTING[TERSE_${name}_WORKERS_MAX]}
		MARK[${name}_WORKERS_MAX]=$((most > least ? most : least))
		# Each pool may have one more while it replaces a worker.
		workers=$((workers + 2 * (MARK[${name}_WORKERS_MAX] + 1)))
	done
	files=$(ulimit -n)
	MARK[NOFILE]=$files
	MARK[NGINX_WORKERS]=${SETTING[TERSE_NGINX_WORKERS]}
	[[ ${MARK[NGINX_WORKERS]} != 0 ]] || MARK[NGINX_WORKERS]=auto
	MARK[NGINX_CONNECTIONS]=$((files > 17000 ? 16384 : files - 100))
	MARK[BACKLOG]=$(($(</proc/sys/net/core/somaxconn) < 4096 ? $(</proc/sys/net/core/somaxconn) : 4096))
	MARK[POOL_SIZE]=$((workers + 2))
	MARK[POOL_CLIENTS]=$((2 * workers + 20))
	MARK[PG_CONNECTIONS]=$((workers + 20))
	MARK[PG_FSYNC]=${TERSE_FSYNC:-on}
	MARK[PG_BIN]=$(cluster_programs)
	# nginx waits a little longer than the worker, which knows what to answer.
	MARK[READ_MS]=$((SETTING[TERSE_REQUEST_TIMEOUT_MS] + 2000))
	MARK[IMPORT_READ_MS]=$((SETTING[TERSE_IMPORT_TIMEOUT_MS] + 2000))
}

# The admin key for nginx to compare with, as a regular expression that matches nothing else.
admin_key_pattern() {
	local LC_ALL=C key i pattern=
	key=${SETTING[TERSE_ADMIN_KEY]-}
	[[ $key ]] || key=$(<"${SETTING[TERSE_ADMIN_KEY_FILE]:-/dev/null}")
	for ((i = 0; i < ${#key}; i++)); do
		printf -v pattern '%s\\x%02x' "$pattern" "'${key:i:1}"
	done
	printf '%s' "${pattern:-(?!)}" # without a key nobody is an operator
}

marks_make() {
	MARK[STATE]=$STATE
	MARK[RUN]=$RUN
	MARK[ETC]=$ETC
	MARK[RESERVED]=$RESERVED
	marks_sizes
	marks_listen
	marks_proxies
	marks_weights
	marks_monitoring
	MARK[ADMIN_KEY_PATTERN]=$(admin_key_pattern)
}

templates_fill() {
	local file
	for file in "$HERE"/nginx/*.in; do
		template_fill "$file" "$ETC/nginx/$(basename "$file" .in)"
	done
	chmod 0600 "$ETC/nginx/ops_maps.conf"
	cp /etc/nginx/mime.types "$ETC/nginx/mime.types"
	for file in postgresql.conf pg_hba.conf redis.conf services.conf; do
		template_fill "$HERE/conf/$file.in" "$ETC/$file"
	done
	template_fill "$HERE/pgbouncer/pgbouncer.ini.in" "$ETC/pgbouncer.ini"
	template_fill "$HERE/pgbouncer/userlist.txt.in" "$ETC/userlist.txt"
	chmod 0600 "$ETC/userlist.txt"
	monitoring_fill
}

services_start() {
	local name
	services_drop
	[[ $(supervisor_pid) ]] || supervisor_start
	for name in "${SERVICES[@]}"; do
		service_start "$name"
		[[ $name != postgres ]] || { migrate && stats_role_make; }
	done
}

migrate() {
	wait_for 60 "${MARK[PG_BIN]}/pg_isready" -q -h "$RUN" -p 5432 ||
		die "PostgreSQL does not start: see $STATE/log/postgres/terse.log"
	env -i PATH="$PATH" TERSE_SETTINGS="$STATE/terse.env" "$STATE/bin/terse" migrate
}

# nginx's first address, as a client on this machine calls it.
base_url() {
	local address=${SETTING[TERSE_LISTEN]%% *}
	case $address in
	0.0.0.0 | ::) address=127.0.0.1 ;;
	*:*) address="[$address]" ;;
	esac
	printf 'http://%s:%s' "$address" "${SETTING[TERSE_HTTP_PORT]}"
}

is_ready() {
	curl -gsf -m 5 -o /dev/null "$(base_url)/health/ready"
}

# Ports that somebody listens on, at any address, in hexadecimal digits.
ports_taken() {
	awk '$4 == "0A" { print substr($2, length($2) - 3) }' /proc/net/tcp /proc/net/tcp6 2>/dev/null || :
}

# What is listened on, as lines: by which service, of which setting, the port.
ports_print() {
	local name
	for name in TERSE_HTTP_PORT TERSE_HTTPS_PORT TERSE_PROBE_PORT; do
		printf '%s %s %s\n' nginx "$name" "${SETTING[$name]}"
	done
	monitoring_ports
}

# Those of services that run already are theirs.
ports_check() {
	local service name port taken homes hex
	taken=" $(ports_taken | tr '\n' ' ')"
	homes=" $(find /proc/[0-9]*/cwd -maxdepth 0 -printf '%l ' 2>/dev/null || :)"
	while read -r service name port; do
		printf -v hex %04X "$port"
		[[ $homes == *" $RUN/$service "* || $taken != *" $hex "* ]] ||
			die "Port $port is taken by another program. Give terse a free one, e.g.: $name=$((SETTING[$name] + 1000)) ./ci/up"
	done < <(ports_print)
}

stack_prepare() {
	local name
	folders_make
	secrets_make
	settings_update
	services_choose
	marks_make
	certificate_make
	templates_fill
	cluster_init
	canary_link
	for name in "${SERVICES[@]}"; do
		service_define "$name"
	done
}

stack_start() {
	stack_prepare
	ports_check
	services_start
	wait_for 60 is_ready || {
		stack_status >&2
		curl -gs -m 5 "$(base_url)/health/ready" >&2 || :
		die $'\n'"The service does not become ready. Its logs are in $STATE/log/*/terse.log"
	}
}

nobody_left() {
	[[ ! $(pids_of_services) ]]
}

leftovers_end() {
	local signal pids
	for signal in TERM KILL; do
		pids=$(pids_of_services)
		# shellcheck disable=SC2086 # a list of numbers
		[[ ! $pids ]] || kill -s "$signal" $pids 2>/dev/null || :
		! wait_for 5 nobody_left || return 0
	done
	die "These processes do not end: ${pids//$'\n'/ }"
}

# From the edge inwards; what stands on one line stops at the same time.
stack_stop() {
	local pid
	# shellcheck disable=SC2046 # names
	services_stop nginx $(services_besides "${BASE_SERVICES[@]}")
	services_stop redirect-a redirect-b api-a api-b
	services_stop ingest pgbouncer redis
	services_stop postgres
	pid=$(supervisor_pid)
	# shellcheck disable=SC2086 # one, or more after a mishap
	[[ ! $pid ]] || kill -s HUP $pid || :
	wait_for 5 nobody_left || leftovers_end
	rm -f "$RUN"/*.starts "$RUN"/*.inputs "$RUN"/*.fresh "$RUN"/*.logged
}

stack_status() {
	local name failed=0
	for name in "${SERVICES[@]}"; do
		service_status "$name" || failed=1
	done
	if is_ready; then
		printf 'ready: %s\n' "$(base_url)"
	else
		printf 'NOT READY: %s/health/ready\n' "$(base_url)"
		failed=1
	fi
	return "$failed"
}

# For tests: runs until standard input ends, so that a killed test leaves nothing behind.
stack_guard() {
	trap 'trap "" EXIT TERM INT HUP; stack_stop' EXIT
	trap 'exit 1' TERM INT HUP
	stack_start
	printf 'ready\n'
	cat >/dev/null
}

case ${1-} in
start) stack_start ;;
stop | purge) stack_stop ;;
status) settings_load && services_choose && stack_status ;;
guard) stack_guard ;;
canary) canary_run "${@:2}" ;;
*) die "usage: stack.sh start|stop|purge|status|guard|canary" ;;
esac
