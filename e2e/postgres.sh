#!/bin/sh
# A throwaway PostgreSQL for tests.
#
#   e2e/postgres.sh start DIR     makes a cluster in DIR (a new directory), starts it and prints the
#                                 line TEST_POSTGRES=postgres://… on stdout
#   e2e/postgres.sh stop DIR      stops it and removes DIR
#   e2e/postgres.sh run COMMAND…  start, COMMAND with TEST_POSTGRES set, stop; exits as COMMAND did
#
# It listens on a Unix socket inside DIR only, keeps nothing safe (fsync is off) and refuses to run as
# root, so for root it runs as the user "postgres" or, failing that, "nobody".
set -eu

say() { echo "postgres.sh: $*" >&2; }

# Debian keeps the server's programs off PATH.
find_bin() {
    for d in $(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin 2>/dev/null | sort -rV); do
        if [ -x "$d/initdb" ]; then echo "$d"; return; fi
    done
    if command -v initdb >/dev/null; then dirname "$(command -v initdb)"; return; fi
    say "no PostgreSQL server found: install it (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql)"
    return 1
}

as_user() {
    if [ "$(id -u)" -ne 0 ]; then "$@"; return; fi
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    # cd: that user may not enter the directory of root.
    (cd / && setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@")
}

start() {
    dir=$1
    bin=$(find_bin)
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    if [ "${#dir}" -gt 80 ]; then say "the path $dir is too long for a socket"; return 1; fi
    if [ "$(id -u)" -eq 0 ]; then
        chmod 755 "$dir"
        mkdir "$dir/pg"
        user=postgres; id "$user" >/dev/null 2>&1 || user=nobody
        chown "$user" "$dir/pg"
    else
        mkdir "$dir/pg"
    fi
    # LC_ALL: other locales sort differently; trust: the socket's directory is the protection.
    as_user env LC_ALL=C "$bin/initdb" -D "$dir/pg/data" -U parley -A trust -E UTF8 --no-sync >"$dir/initdb.log" 2>&1 ||
        { cat "$dir/initdb.log" >&2; return 1; }
    as_user env LC_ALL=C "$bin/pg_ctl" -D "$dir/pg/data" -w -t 60 -l "$dir/pg/server.log" start -o \
        "-c listen_addresses='' -k $dir/pg -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=400 -c shared_buffers=64MB" >"$dir/start.log" 2>&1 ||
        { cat "$dir/start.log" "$dir/pg/server.log" >&2; return 1; }
    echo "TEST_POSTGRES=postgres://parley@/postgres?host=$dir/pg"
}

stop() {
    dir=$1
    bin=$(find_bin)
    dir=$(cd "$dir" && pwd)
    as_user "$bin/pg_ctl" -D "$dir/pg/data" -m immediate -w stop >&2 || true
    rm -rf "$dir"
}

case "${1:-}" in
start) [ $# -eq 2 ] || { say "start DIR"; exit 2; }; start "$2" ;;
stop) [ $# -eq 2 ] || { say "stop DIR"; exit 2; }; stop "$2" ;;
run)
    shift
    [ $# -gt 0 ] || { say "run COMMAND…"; exit 2; }
    tmp=$(mktemp -d "${TMPDIR:-/tmp}/parley-pg.XXXXXX")
    trap 'stop "$tmp"' EXIT
    trap 'exit 130' INT TERM
    line=$(start "$tmp")
    env "$line" "$@"
    ;;
*) say "start DIR | stop DIR | run COMMAND…"; exit 2 ;;
esac
