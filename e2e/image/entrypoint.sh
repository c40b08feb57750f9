#!/usr/bin/env bash
# The entrypoint of the image that build.sh makes. It does for Letta what the entrypoint of the official Postgres
# image does (docker-library/postgres), in the part that Letta uses: any command runs as it is; with "postgres" as
# the first word an empty data folder becomes a cluster, /docker-entrypoint-initdb.d/*.sql runs once, and the
# server takes this process's place, as the user postgres.
set -euo pipefail

[[ ${1-} == postgres ]] || exec "$@"

: "${PGDATA:=/var/lib/postgresql/data}" "${POSTGRES_USER:=postgres}" "${POSTGRES_PASSWORD:?must be set}"
: "${POSTGRES_DB:=$POSTGRES_USER}"

# Root is needed for the volume alone, which the engine creates as root's.
if [[ $EUID -eq 0 ]]; then
	mkdir -p "$PGDATA" /var/run/postgresql
	find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres {} +
	chmod 0700 "$PGDATA"
	exec gosu postgres "${BASH_SOURCE[0]}" "$@"
fi

if [[ ! -s $PGDATA/PG_VERSION ]]; then
	initdb --username="$POSTGRES_USER" --pwfile=<(echo "$POSTGRES_PASSWORD") --auth-local=trust --auth-host=trust
	# Reachable from other containers, by password; local connections need none.
	echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
	echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"

	# The first server listens on its socket only: nobody can connect before the scripts have run.
	pg_ctl --wait --options="-c listen_addresses=''" start
	run=(psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password --username "$POSTGRES_USER")
	if [[ $POSTGRES_DB != postgres ]]; then
		"${run[@]}" --dbname postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
	fi
	for script in /docker-entrypoint-initdb.d/*.sql; do
		[[ -e $script ]] || continue
		echo "running $script"
		"${run[@]}" --dbname "$POSTGRES_DB" --file "$script"
	done
	pg_ctl --mode=fast --wait stop
	printf '\n%s\n\n' 'PostgreSQL init process complete; ready for start up.'
fi

exec "$@"
