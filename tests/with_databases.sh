#!/usr/bin/env bash
# Run a command beside throw-away database servers: tests/with_databases.sh make test
#
# Starts PostgreSQL, and MariaDB, where their programs are: on free ports of the loopback, with random passwords, in a
# temporary folder. Tells their addresses by CAUSALREC_TEST_POSTGRES and CAUSALREC_TEST_MYSQL; stops and removes them
# when the command ends, however it ends. A server that is not there or does not start is a note, and its tests skip.
# Debian and Ubuntu: apt install postgresql mariadb-server
set -euo pipefail

folder=$(mktemp -d "${TMPDIR:-/tmp}/causalrec-databases.XXXXXX")
chmod 711 "$folder"
servers=()

stop() {
  trap - EXIT INT TERM HUP
  for signal in INT TERM KILL; do  # PostgreSQL ends at once on INT, MariaDB on TERM
    for server in "${servers[@]}"; do kill -"$signal" "$server" 2>/dev/null || true; done
    for server in "${servers[@]}"; do
      for _ in $(seq 50); do kill -0 "$server" 2>/dev/null || break; sleep 0.1; done
    done
  done
  rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Servers refuse to run as root: there nobody runs them, and they end with this script even where it is killed.
as=()
[ "$(id -u)" != 0 ] || as=(setpriv --reuid=nobody --regid=nogroup --clear-groups --pdeathsig)
own() { local signal=$1; shift; if [ "${#as[@]}" != 0 ]; then exec "${as[@]}" "$signal" "$@"; else exec "$@"; fi; }
given() { [ "${#as[@]}" = 0 ] || chown nobody:nogroup "$1"; }
home() { mkdir -p "$1"; chmod 700 "$1"; given "$1"; cd "$1"; }

private() { local file=$1; shift; (umask 077; printf '%s\n' "$@" >"$file"); given "$file"; }

note() { echo "note: $*" >&2; }
secret() { head -c 18 /dev/urandom | base64 | tr '+/' 'xy'; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Wait until the command after the server's number succeeds; give up when the server has ended, or after a minute.
until_it_answers() {
  local server=$1; shift
  for _ in $(seq 300); do
    "$@" >/dev/null 2>&1 && return 0
    kill -0 "$server" 2>/dev/null || return 1
    sleep 0.2
  done
  return 1
}

start_postgres() {
  local programs place="$folder/postgres" port password
  programs=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
  [ -n "$programs" ] || programs=$(dirname "$(command -v initdb || echo none)")
  [ -x "$programs/initdb" ] || { note "no PostgreSQL here (apt install postgresql); its tests skip"; return 0; }
  port=$(free_port); password=$(secret)
  (home "$place"; private password "$password")
  (home "$place"; own KILL "$programs/initdb" --no-sync -D data -U causalrec -E UTF8 --locale=C -A scram-sha-256 \
    --pwfile=password >log 2>&1) \
    || { note "PostgreSQL's initdb failed: $(tail -1 "$place/log"); its tests skip"; return 0; }
  rm "$place/password"
  (home "$place"; own INT "$programs/postgres" -D data -p "$port" -k "$place" -c listen_addresses=127.0.0.1 \
    -c fsync=off -c full_page_writes=off -c synchronous_commit=off >>log 2>&1) &
  servers+=($!)
  until_it_answers $! "$programs/pg_isready" -q -h 127.0.0.1 -p "$port" \
    || { note "PostgreSQL did not start: $(tail -1 "$place/log"); its tests skip"; return 0; }
  export CAUSALREC_TEST_POSTGRES="postgres://causalrec:$password@127.0.0.1:$port/postgres"
}

start_mariadb() {
  local place="$folder/mariadb" port password server
  server=$(command -v mariadbd || ls /usr/sbin/mariadbd /usr/libexec/mariadbd 2>/dev/null | head -1)
  [ -n "$server" ] || { note "no MariaDB here (apt install mariadb-server); its tests skip"; return 0; }
  port=$(free_port); password=$(secret)
  (home "$place"; own KILL mariadb-install-db --no-defaults --datadir="$place/data" --skip-test-db \
    --auth-root-authentication-method=normal >log 2>&1) \
    || { note "mariadb-install-db failed: $(tail -1 "$place/log"); its tests skip"; return 0; }
  (home "$place"; private first.sql "CREATE DATABASE shop;" "ALTER USER root@localhost ACCOUNT LOCK;" \
    "CREATE USER causalrec@'127.0.0.1' IDENTIFIED BY '$password';" \
    "GRANT ALL ON *.* TO causalrec@'127.0.0.1' WITH GRANT OPTION;")
  (home "$place"; own TERM "$server" --no-defaults --datadir="$place/data" --socket="$place/socket" --port="$port" \
    --bind-address=127.0.0.1 --pid-file="$place/pid" --init-file="$place/first.sql" --skip-name-resolve \
    --character-set-server=utf8mb4 --innodb-flush-log-at-trx-commit=0 --innodb-buffer-pool-size=64M >>log 2>&1) &
  servers+=($!)
  MYSQL_PWD=$password until_it_answers $! mariadb-admin --no-defaults -h 127.0.0.1 -P "$port" -u causalrec ping \
    || { note "MariaDB did not start: $(tail -1 "$place/log"); its tests skip"; return 0; }
  export CAUSALREC_TEST_MYSQL="mysql://causalrec:$password@127.0.0.1:$port/shop"
}

start_postgres
start_mariadb
status=0
"$@" || status=$?
exit "$status"
