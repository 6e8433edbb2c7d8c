# The embedded PostgreSQL cluster. Sourced; needs STATE and MARK.
# shellcheck shell=bash

cluster_programs() {
	local dir
	for dir in /usr/lib/postgresql/15/bin /usr/lib/postgresql/*/bin; do
		[[ -x $dir/postgres ]] && printf '%s\n' "$dir" && return
	done
	die "PostgreSQL is not installed"
}

# SQL to a stopped cluster: one statement per line, any failure counts.
cluster_single() {
	local dir=$1 database=$2 out
	out=$("$(cluster_programs)/postgres" --single -D "$dir" -c log_min_messages=error \
		-c shared_preload_libraries= -c exit_on_error=on "$database" 2>&1 >/dev/null) ||
		die "PostgreSQL: $out"
}

cluster_roles() {
	cat <<-END
		CREATE ROLE terse_owner LOGIN PASSWORD '${MARK[DB_OWNER_PASSWORD]}'
		CREATE ROLE terse_app LOGIN PASSWORD '${MARK[DB_APP_PASSWORD]}'
		ALTER ROLE terse_app SET statement_timeout = '5s'
		ALTER ROLE terse_app SET idle_in_transaction_session_timeout = '10s'
		CREATE DATABASE terse OWNER terse_owner TEMPLATE template0
		REVOKE ALL ON DATABASE terse FROM PUBLIC
		GRANT CONNECT ON DATABASE terse TO terse_app
	END
}

# Migrations run as terse_owner; whatever they make, terse_app may use.
cluster_grants() {
	cat <<-END
		CREATE EXTENSION pg_stat_statements
		ALTER DEFAULT PRIVILEGES FOR ROLE terse_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO terse_app
		ALTER DEFAULT PRIVILEGES FOR ROLE terse_owner GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO terse_app
		ALTER DEFAULT PRIVILEGES FOR ROLE terse_owner GRANT EXECUTE ON FUNCTIONS TO terse_app
		ALTER DEFAULT PRIVILEGES FOR ROLE terse_owner GRANT USAGE ON SCHEMAS TO terse_app
	END
}

# Made beside its place and renamed, so that a cluster is whole or absent.
cluster_init() {
	local new=$STATE/pg.new
	[[ -e $STATE/pg/PG_VERSION ]] && return
	rm -rf "$new"
	"$(cluster_programs)/initdb" -D "$new" -U postgres -E UTF8 --lc-collate=C --lc-ctype=C.UTF-8 \
		--data-checksums --auth=scram-sha-256 --pwfile="$STATE/secrets/db_super" \
		--no-sync --no-instructions >"$STATE/log/initdb.log" || die "initdb failed"
	cluster_roles | cluster_single "$new" postgres
	cluster_grants | cluster_single "$new" terse
	mv "$new" "$STATE/pg"
}
