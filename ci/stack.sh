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

# What a service is made of: when this changes, it is restarted.
service_inputs() {
	[[ $1 == nginx ]] || printf '%s\n' "$HERE/service"
	case $1 in
	nginx) ;;
	postgres) printf '%s\n' "$ETC/postgresql.conf" "$ETC/pg_hba.conf" ;;
	pgbouncer) printf '%s\n' "$ETC/pgbouncer.ini" "$ETC/userlist.txt" ;;
	redis) printf '%s\n' "$ETC/redis.conf" ;;
	ingest) printf '%s\n' "$STATE/terse.env" "$STATE/bin/terse-ingest" ;;
	redirect-? | api-?) printf '%s\n' "$STATE/bin/terse-pool" "$ETC/services.conf" ;;
	*) monitoring_inputs "$1" ;;
	esac
}

# What it can take over without a restart, and so without losing a request.
service_fresh_inputs() {
	case $1 in
	nginx) printf '%s\n' "$ETC"/nginx/* "$STATE/tls/cert.pem" ;;
	redirect-b | api-b) printf '%s\n' "$STATE/terse.env" "$STATE/canary/terse-worker" ;;
	redirect-* | api-*) printf '%s\n' "$STATE/terse.env" "$STATE/bin/terse-worker" ;;
	*) monitoring_fresh_inputs "$1" ;;
	esac
}

# The sum of the files that standard input names.
files_digest() {
	xargs -r -d '\n' cat | cksum
}

# Writes an executable, whole or not at all: the supervisor may be looking.
script_write() {
	printf '#!/bin/sh\n%s\n' "$2" >"$1.new"
	chmod 0755 "$1.new"
	mv "$1.new" "$1"
}

# A signal other than TERM that stops a service well.
service_stop_signal() {
	case $1 in
	postgres) printf INT ;;
	nginx) printf QUIT ;;
	esac
}

service_define() {
	local name=$1 dir=$STATE/sv/$1 new=$STATE/sv/.$1 signal
	[[ ! -d $dir ]] || new=$dir
	mkdir -p "$RUN/$name" "$STATE/log/$name"
	mkdir -p "$new/log" "$new/control"
	script_write "$new/log/run" "TERSE_SETTINGS='$STATE/terse.env' exec '$STATE/bin/terse' log $name"
	signal=$(service_stop_signal "$name")
	[[ ! $signal ]] || script_write "$new/control/t" "read -r pid <supervise/pid && kill -s $signal \"\$pid\""
	# runsv sends CONT after TERM, which undoes the STOP of LeakSanitizer's attach: the leak
	# check at exit would wait for ever. So there is nobody left when CONT comes: a zombie,
	# which waits for runsv, has no program.
	# shellcheck disable=SC2016 # for the script
	[[ $signal || ! ${LSAN_OPTIONS-} ]] || script_write "$new/control/t" 'read -r pid <supervise/pid || exit 0
kill -s TERM "$pid"
i=0
while [ -e "/proc/$pid/exe" ] && [ $((i += 1)) -lt 150 ]; do sleep 0.1; done'
	script_write "$new/run" "exec '$HERE/service' '$STATE' $name 2>&1"
	[[ $new == "$dir" ]] || mv "$new" "$dir"
}

# Pids of those who work in one of the folders, or (`below` comes first) anywhere under it:
# a process of ours is known by that alone.
pids_in() {
	local below="" entry dir folder
	[[ $1 != below ]] || { below=1 && shift; }
	while read -r entry dir; do
		for folder in "$@"; do
			[[ $dir == "$folder" || ($below && $dir == "$folder"/*) ]] || continue
			entry=${entry#/proc/}
			printf '%s\n' "${entry%/cwd}"
		done
	done < <(find /proc/[0-9]*/cwd -maxdepth 0 -printf '%p %l\n' 2>/dev/null)
}

pids_of_services() {
	pids_in below "$RUN" "$STATE/sv" "$STATE/pg"
}

# It looks into sv/ now and then, and is at home in run/supervisor.
supervisor_pid() {
	pids_in "$RUN/supervisor" "$STATE/sv"
}

# A clean environment: settings come from the file alone. What sanitizers and coverage
# are told passes through.
supervisor_start() {
	local pass=() name
	for name in ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS LLVM_PROFILE_FILE GCOV_PREFIX; do
		[[ ! ${!name-} ]] || pass+=("$name=${!name}")
	done
	(
		cd "$RUN/supervisor"
		exec setsid env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			HOME="$STATE" LANG=C.UTF-8 "${pass[@]}" runsvdir -P "$STATE/sv"
	) </dev/null >>"$STATE/log/supervisor.log" 2>&1 &
}

# Waits until a command succeeds: wait_for SECONDS COMMAND...
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || return 1
		sleep 0.05
	done
}

# Processes of nginx that accept connections: not its master, not those that are leaving.
nginx_workers() {
	local pid
	for pid in $(pids_in "$RUN/nginx"); do
		[[ $(tr -d '\0' <"/proc/$pid/cmdline" 2>/dev/null) != 'nginx: worker process' ]] || printf '%s ' "$pid"
	done
}

nginx_has_changed() {
	local old now
	now=$(nginx_workers)
	[[ $now ]] || return 1
	for old in $1; do
		[[ " $now" != *" $old "* ]] || return 1
	done
}

nginx_refresh() {
	local old
	old=$(nginx_workers)
	# Its log is standard output, which may be another user's here.
	nginx -q -t -e stderr -p "$RUN/nginx" -c "$ETC/nginx/nginx.conf" >/dev/null || die "nginx refuses its configuration"
	sv hup "$STATE/sv/nginx" >/dev/null
	wait_for 15 nginx_has_changed "$old" || die "nginx does not take its new configuration: see $STATE/log/nginx/terse.log"
}

# New workers take the place of the old ones, one by one. Fails when they do not come up: then
# the old ones are still there.
pool_refresh() {
	local result=$RUN/$1.rolled
	rm -f "$result"
	sv hup "$STATE/sv/$1" >/dev/null
	if ! wait_for 60 test -e "$result"; then
		printf '%s: its old workers still finish what they have\n' "$1" >&2
	elif [[ $(<"$result") != ok ]]; then
		printf '%s: %s. See %s\n' "$1" "$(<"$result")" "$STATE/log/$1/terse.log" >&2
		return 1
	fi
}

service_refresh() {
	case $1 in
	nginx) nginx_refresh ;;
	redirect-? | api-?) pool_refresh "$1" || die "The old version goes on." ;;
	*) monitoring_refresh "$1" ;;
	esac
}

log_inputs() {
	printf '%s\n' "$STATE/terse.env" "$STATE/bin/terse"
}

# The log process of a service is replaced by killing it: that costs no line.
log_refresh() {
	! differs "$RUN/$1.logged" "$(log_inputs | files_digest)" || sv hup "$STATE/sv/$1/log" >/dev/null
	log_inputs | files_digest >"$RUN/$1.logged"
}

# service_note NAME: what it runs with is what is there now.
service_note() {
	service_inputs "$1" | files_digest >"$RUN/$1.inputs"
	service_fresh_inputs "$1" | files_digest >"$RUN/$1.fresh"
}

# Whether a file holds another text than the one given; not if it is not there.
differs() {
	[[ -e $1 && $2 != "$(<"$1")" ]]
}

# Starts it, or makes it take over what has changed.
service_start() {
	local name=$1
	wait_for 10 sv status "$STATE/sv/$name" || die "$name: the supervisor does not start it"
	log_refresh "$name"
	if differs "$RUN/$name.inputs" "$(service_inputs "$name" | files_digest)"; then
		sv -w 30 restart "$STATE/sv/$name" >/dev/null
	elif differs "$RUN/$name.fresh" "$(service_fresh_inputs "$name" | files_digest)"; then
		sv up "$STATE/sv/$name" >/dev/null
		service_refresh "$name"
	else
		sv up "$STATE/sv/$name" >/dev/null
	fi
	service_note "$name"
}

# Services, beside those of the arguments, that are defined.
services_besides() {
	local dir
	for dir in "$STATE"/sv/*/; do
		dir=$(basename "$dir")
		[[ " $* " == *" $dir "* || $dir == '*' ]] || printf '%s\n' "$dir"
	done
}

# Ends what the settings ask for no more. Out of the supervisor's sight first: it would start
# it again.
services_drop() {
	local name
	for name in $(services_besides "${SERVICES[@]}"); do
		mv "$STATE/sv/$name" "$STATE/sv/.$name"
		sv -w 30 shutdown "$STATE/sv/.$name" >/dev/null 2>&1 || :
		rm -rf "$STATE/sv/.$name" "${RUN:?}/$name" "$RUN/$name".{starts,inputs,fresh}
	done
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

# Whether somebody listens on the port, at any address.
port_is_taken() {
	local hex
	printf -v hex ':%04X' "$1"
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
		awk -v port="$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }'
}

# What is listened on, as lines: by which service, of which setting, the port.
ports_print() {
	local name
	for name in TERSE_HTTP_PORT TERSE_HTTPS_PORT TERSE_PROBE_PORT; do
		printf '%s %s %s\n' nginx "$name" "${SETTING[$name]}"
	done
	monitoring_ports
}

ports_check() {
	local service name port
	while read -r service name port; do
		[[ $(pids_in "$RUN/$service") ]] || ! port_is_taken "$port" ||
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

services_stop() {
	sv -w 30 stop "${@/#/$STATE/sv/}" >/dev/null 2>&1 || :
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

# Starts of a service since the supervisor began, less the first.
service_status() {
	local name=$1 line
	line=$(sv status "$STATE/sv/$name" 2>&1) || :
	if [[ $line =~ ^run:.*/$name:\ \(pid\ ([0-9]+)\)\ ([0-9]+)s ]]; then
		printf '%-17s up    pid %-8s %6ss' "$name" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
		printf '  %s restarts\n' "$(($(stat -c %s "$RUN/$name.starts") - 1))"
	else
		printf '%-17s DOWN\n' "$name"
		return 1
	fi
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
