#!/usr/bin/env bash
# Starts Rollcall and, on an empty database, the demo. `make run` calls it after set-up and build.
#
# usage: tools/run.sh        DEMO=0        no demo
#                            DEMO_EXIT=1   stop after the demo, with its exit status (for CI)
#                            SAMPLES=DIR   the demo's photos, default .deps/samples
#                            BUILD=DIR     where the program was built, default build
# Ctrl-C stops the server cleanly; exit status 0.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly ROLLCALL=${BUILD:-build}/rollcall
readonly SAMPLES=${SAMPLES:-.deps/samples}
readonly READY_S=30 STOP_S=20
server_pid='' scratch=''

stop_server()
{
    local waited=0
    if [ -z "$server_pid" ]; then return; fi
    kill -TERM "$server_pid" 2> /dev/null || true
    while kill -0 "$server_pid" 2> /dev/null && [ $waited -lt $((STOP_S * 10)) ]; do
        sleep 0.1
        waited=$((waited + 1))
    done
    if kill -0 "$server_pid" 2> /dev/null; then
        echo "The server did not stop within $STOP_S s: ending it." >&2
        kill -KILL "$server_pid" 2> /dev/null || true
    fi
    wait "$server_pid" 2> /dev/null || true
    server_pid=''
}

clean_up()
{
    stop_server
    if [ -n "$scratch" ]; then rm -rf "$scratch"; fi
}

# The first Ctrl-C reaches the server, too (same process group); stop_server then waits for it.
interrupted()
{
    trap '' INT TERM
    echo
    echo 'Stopping.'
    clean_up
    exit 0
}

# Waits for serve to say that it answers; shows what it said last when it does not.
wait_for_ready()
{
    local waited=0
    while ! grep -q '^ready ' "$scratch/out"; do
        if ! kill -0 "$server_pid" 2> /dev/null || [ $waited -ge $((READY_S * 10)) ]; then
            echo 'The server did not start. Its last words:' >&2
            tail -n 20 "$scratch/out" "$scratch/err" | sed 's/^/    /' >&2
            echo "'$ROLLCALL doctor' may know more." >&2
            exit 1
        fi
        sleep 0.1
        waited=$((waited + 1))
    done
    url=$(sed -n 's/^ready //p' "$scratch/out" | head -n 1)
    sleep 0.2 # the sign-in code of a first start may follow the ready line
    sed '/^ready /d' "$scratch/out"
}

run_demo()
{
    local arguments=(demo "$SAMPLES")
    if [ -f "$SAMPLES/group/t1.jpg" ]; then arguments+=(--group "$SAMPLES/group/t1.jpg"); fi
    if [ ! -d "$SAMPLES/train" ]; then
        echo "There are no sample photos in $SAMPLES (tools/setup.sh run fetches them): no demo."
        return 0
    fi
    demo_status=0
    "$ROLLCALL" "${arguments[@]}" || demo_status=$?
}

trap clean_up EXIT
trap interrupted INT TERM
scratch=$(mktemp -d)
"$ROLLCALL" migrate up
: > "$scratch/out"
: > "$scratch/err"
"$ROLLCALL" serve >> "$scratch/out" 2>> "$scratch/err" &
server_pid=$!
wait_for_ready
demo_status=0
if [ "${DEMO:-1}" != 0 ]; then run_demo; fi
if [ "${DEMO_EXIT:-0}" = 1 ]; then
    clean_up
    exit "$demo_status"
fi
echo
echo "Rollcall answers at $url. Ctrl-C stops it."
tail -n +1 -f --pid="$server_pid" "$scratch/err" >&2 &
tail_pid=$!
server_status=0
wait "$server_pid" || server_status=$?
wait "$tail_pid" 2> /dev/null || true
server_pid=''
if [ "$server_status" != 0 ]; then echo "The server ended with status $server_status." >&2; fi
exit "$server_status"
