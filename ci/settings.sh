# Settings and templates. Sourced; needs STATE. The settings file is the user's: it is
# made once, and only lines that the environment sets anew are changed in it.
# shellcheck shell=bash

declare -gA SETTING # every setting's value: the file's, else the program's default
declare -gA MARK    # what else a template may name

die() {
	printf '%s\n' "$*" >&2
	exit 1
}

settings_file() {
	printf '%s\n' "$STATE/terse.env"
}

# Reads NAME=value lines into SETTING, as they are: no quoting, nothing is evaluated.
settings_read() {
	local line
	while IFS= read -r line; do
		[[ $line =~ ^([A-Z][A-Z0-9_]*)=(.*)$ ]] || continue
		SETTING[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
	done
}

# The file of a new installation: what differs from the defaults, because of where it is.
settings_initial() {
	local run=$STATE/run
	cat <<-END
		# terse's settings: NAME=value, the same names as in the environment. README lists
		# all of them. ./ci/up applies a change.
		TERSE_HTTP_PORT=8080
		TERSE_HTTPS_PORT=8443
		TERSE_PROBE_PORT=8081
		TERSE_BASE_URL=http://127.0.0.1:${TERSE_HTTP_PORT:-8080}
		TERSE_OWN_HOSTS=127.0.0.1:${TERSE_HTTPS_PORT:-8443}
		TERSE_STATE_DIR=$STATE
		TERSE_RUN_DIR=$run
		TERSE_JOURNAL_DIR=$STATE/journal
		TERSE_REDIS_SOCKET=$run/redis.sock
		TERSE_DB=host=$run port=6432 dbname=terse user=terse_app passfile=$STATE/secrets/pgpass
		TERSE_DB_DIRECT=host=$run port=5432 dbname=terse user=terse_owner passfile=$STATE/secrets/pgpass
		TERSE_ADMIN_KEY_FILE=$STATE/secrets/admin_key
		TERSE_VISITOR_KEY_FILE=$STATE/secrets/visitor_key
	END
}

# Sets one line of a file.
settings_put() {
	local file=$1 name=$2 value=$3 line found=
	while IFS= read -r line; do
		if [[ $line == "$name="* ]]; then
			line=$name=$value
			found=1
		fi
		printf '%s\n' "$line"
	done <"$file" >"$file.put"
	[[ $found ]] || printf '%s\n' "$name=$value" >>"$file.put"
	mv "$file.put" "$file"
}

# Changes a setting and the file.
settings_change() {
	SETTING[$2]=$3
	settings_put "$1" "$2" "$3"
}

# What the environment sets goes into the file, so that it stays. A base URL that nobody
# chose follows the port.
settings_from_environment() {
	local file=$1 name old=http://127.0.0.1:${SETTING[TERSE_HTTP_PORT]}
	for name in "${!SETTING[@]}"; do
		if [[ ${!name+set} && ${SETTING[$name]} != "${!name}" ]]; then
			settings_change "$file" "$name" "${!name}"
		fi
	done
	if [[ ${SETTING[TERSE_BASE_URL]} == "$old" ]]; then
		settings_change "$file" TERSE_BASE_URL "http://127.0.0.1:${SETTING[TERSE_HTTP_PORT]}"
	fi
}

settings_load() {
	settings_read < <(env -i PATH="$PATH" "$STATE/bin/terse" settings --defaults)
	[[ ${SETTING[TERSE_HTTP_PORT]-} ]] || die "terse settings --defaults prints nothing"
	# Secrets have no defaults, but these may come from the environment.
	SETTING+=([TERSE_SMTP_PASSWORD]='' [TERSE_SMTP_PASSWORD_FILE]='' [TERSE_DISCORD_WEBHOOK]=''
		[TERSE_DISCORD_WEBHOOK_FILE]='')
	settings_read <"$(settings_file)"
}

# Takes over what the environment sets. The file changes only when all in it is right.
settings_update() {
	local file new
	file=$(settings_file)
	new=$file.new
	[[ -e $file ]] || settings_initial >"$file"
	settings_load
	cp "$file" "$new"
	settings_from_environment "$new"
	env -i PATH="$PATH" TERSE_SETTINGS="$new" "$STATE/bin/terse" settings --defaults >/dev/null || exit 1
	settings_check
	cmp -s "$new" "$file" || cp "$new" "$file"
	rm "$new"
}

# Templates put values where only a number or an address may stand.
settings_check() {
	local name
	for name in TERSE_{HTTP,HTTPS,PROBE}_PORT TERSE_{API,REDIRECT}_WORKERS{,_MAX} TERSE_RATE_{API,REDIRECT,CONNECTIONS} \
		TERSE_{BODY,IMPORT}_MAX_BYTES TERSE_{REQUEST,IMPORT}_TIMEOUT_MS; do
		[[ ${SETTING[$name]} =~ ^[1-9][0-9]{0,12}$ ]] || die "$name: must be a positive integer"
	done
	for name in TERSE_LISTEN TERSE_TRUSTED_PROXIES; do
		[[ ${SETTING[$name]} =~ ^[0-9A-Fa-f.:/\ ]*$ ]] || die "$name: must be addresses, by blanks"
	done
	[[ ${SETTING[TERSE_REDIS_MAXMEMORY]} =~ ^[0-9]+([kKmMgG][bB]?)?$ ]] ||
		die "TERSE_REDIS_MAXMEMORY: must be a size such as 256mb"
}

# Prints a template with every @NAME@ replaced.
template_print() {
	local rest name
	rest=$(<"$1")
	while [[ $rest =~ @([A-Z][A-Z0-9_]*)@ ]]; do
		name=${BASH_REMATCH[1]}
		printf '%s' "${rest%%"@$name@"*}"
		[[ ${MARK[$name]+set} || ${SETTING[$name]+set} ]] || die "$1: nothing fills @$name@"
		printf '%s' "${MARK[$name]-${SETTING[$name]-}}"
		rest=${rest#*"@$name@"}
	done
	printf '%s\n' "$rest"
}

# Fills a template; the file stays untouched when it would be the same.
template_fill() {
	local new=$2.new
	template_print "$1" >"$new"
	if cmp -s "$new" "$2"; then
		rm "$new"
	else
		mv "$new" "$2"
	fi
}
