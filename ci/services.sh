# One service at a time, under runit: what it is made of, its definition, its processes; starting,
# refreshing, stopping it. Sourced by stack.sh; needs STATE, RUN, ETC and HERE.
# shellcheck shell=bash

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
		cd "$RUN/supervisor" || exit
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
		rm -rf "$STATE/sv/.$name"
		mv "$STATE/sv/$name" "$STATE/sv/.$name"
		sv -w 30 shutdown "$STATE/sv/.$name" >/dev/null 2>&1 || :
		rm -rf "$STATE/sv/.$name" "${RUN:?}/$name" "$RUN/$name".{starts,inputs,fresh}
	done
}

services_stop() {
	sv -w 30 stop "${@/#/$STATE/sv/}" >/dev/null 2>&1 || :
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
