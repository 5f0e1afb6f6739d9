#!/usr/bin/env bash
# Runs a command with a PostgreSQL of its own, and ends both.
#
#   examples/postgres.sh                   builds examples/postgres.rs and serves it on 127.0.0.1:8080
#   examples/postgres.sh COMMAND [WORD…]   runs the command instead; DATABASE_URL tells it where the database is
#
# The database is new, in a temporary directory, on a free port of 127.0.0.1, with the table of postgres.sql. SIGTERM and
# SIGINT are passed to the command as SIGTERM; when it ends the database is stopped and deleted. PostgreSQL refuses to run as
# root: there it runs as the user postgres, whom Debian's package brings. The package is installed if it is missing, as root,
# without the cluster that Debian else makes and starts.
set -euo pipefail
cd "$(dirname "$0")/.."

programs() { # where initdb and postgres are: Debian keeps them out of the search path, one directory a version
    local found
    found=$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort --version-sort | tail -n 1)
    [ -x "$found" ] || found=$(command -v postgres) || return 1
    dirname "$found"
}

install_postgres() {
    local line="apt-get install -y --no-install-recommends postgresql"
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "no PostgreSQL here; on Debian: sudo $line" >&2
        exit 1
    fi
    local no_cluster=/etc/postgresql-common/createcluster.d/corelay-example.conf
    mkdir -p "${no_cluster%/*}"
    echo "create_main_cluster = false" >"$no_cluster"
    # RUNLEVEL=1 tells invoke-rc.d(8) to start no service.
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 $line -qq; } >&2 || { rm "$no_cluster"; exit 1; }
    rm "$no_cluster"
}

bin=$(programs) || { install_postgres && bin=$(programs); }
as_user=()
if [ "$(id -u)" = 0 ]; then
    as_user=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi
directory=$(mktemp -d)
server=
command=

clean_up() {
    trap '' TERM INT
    [ -z "$command" ] || { kill -TERM "$command" 2>/dev/null && wait "$command"; } || true
    # SIGINT is PostgreSQL's fast shutdown: clients are cut off, nothing is lost.
    [ -z "$server" ] || { kill -INT "$server" 2>/dev/null && wait "$server"; } || true
    rm -rf "$directory"
}
trap clean_up EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
[ "$(id -u)" != 0 ] || chown postgres: "$directory"

# Trust: whoever can reach this port of this machine is let in, to an empty database that lives for minutes.
(cd "$directory" && "${as_user[@]}" "$bin/initdb" --pgdata=data --username=notes --auth=trust --encoding=UTF8 \
    --locale=C.UTF-8 --no-sync >"$directory/log" 2>&1) || { cat "$directory/log" >&2; exit 1; }

# Random ports until one is free: only binding it tells. Ready is what its own Unix socket says, which is made after that.
for _ in 1 2 3 4 5 6 7 8; do
    port=$((20000 + RANDOM % 10000))
    # --pdeathsig: even if this script is killed outright the database does not stay behind.
    (cd "$directory" && exec "${as_user[@]}" setpriv --pdeathsig INT "$bin/postgres" -D data -h 127.0.0.1 -p "$port" \
        -k "$directory") >>"$directory/log" 2>&1 &
    server=$!
    until "$bin/pg_isready" --quiet --host="$directory" --port="$port"; do
        kill -0 "$server" 2>/dev/null || { server=; break; }
        sleep 0.05
    done
    [ -z "$server" ] || break
done
[ -n "$server" ] || { cat "$directory/log" >&2; exit 1; }

export DATABASE_URL="postgres://notes@127.0.0.1:$port/postgres"
"$bin/psql" --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --file=examples/postgres.sql "$DATABASE_URL"

[ $# -gt 0 ] || set -- cargo run --release --package corelay --example postgres
# In the background, so that this shell hears signals meanwhile; with our standard input, which it would else not have.
"$@" <&0 &
command=$!
trap 'kill -TERM "$command" 2>/dev/null || true' TERM INT
# A signal ends `wait`, not the command: only when it is gone does `wait` tell what it exited with.
while kill -0 "$command" 2>/dev/null; do
    wait "$command" || true
done
status=0
wait "$command" || status=$?
command=
exit "$status"
