#!/bin/sh
# What the official image does at its first start as the user postgres: it makes the cluster, the role and the database.
set -e
mkdir -p "$PGDATA"
chmod 0700 "$PGDATA" || :
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	initdb --encoding=UTF8 --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-host=scram-sha-256 --auth-local=trust >/dev/null
	echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
	pg_ctl -w -o "-c listen_addresses=''" start >/dev/null
	psql -v ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres -c "CREATE DATABASE \"$POSTGRES_DB\"" >/dev/null
	pg_ctl -w -m fast stop >/dev/null
fi
exec "$@" -c listen_addresses='*'
