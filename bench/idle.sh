#!/usr/bin/env bash
# Start-up time and idle memory of `rollcall serve`, with models loaded.
#
# usage: bench/idle.sh [RUNS]    default 3; BUILD=DIR where the program was built, default build
# Uses an empty database in a temporary folder and the models of data/models (or ROLLCALL_MODELS_DIR).
set -euo pipefail
cd "$(dirname "$0")/.."

readonly ROLLCALL=${BUILD:-build}/rollcall RUNS=${1:-3} READY_S=30 SETTLE_S=2
scratch=$(mktemp -d)
server_pid=''

clean_up()
{
    if [ -n "$server_pid" ]; then
        kill -TERM "$server_pid" 2> /dev/null || true
        wait "$server_pid" 2> /dev/null || true
    fi
    rm -rf "$scratch"
}
trap clean_up EXIT

now_ms()
{
    echo $(($(date +%s%N) / 1000000))
}

export ROLLCALL_DATA_DIR=$scratch/data ROLLCALL_HTTP_PORT=0
export ROLLCALL_MODELS_DIR=${ROLLCALL_MODELS_DIR:-$PWD/data/models}
"$ROLLCALL" migrate up > "$scratch/out" 2>&1 || { cat "$scratch/out"; exit 1; }
printf '%-6s %14s %16s %10s\n' run 'ready after' 'resident' threads
for run in $(seq "$RUNS"); do
    : > "$scratch/out"
    begun=$(now_ms)
    "$ROLLCALL" serve > "$scratch/out" 2> "$scratch/err" &
    server_pid=$!
    until grep -q '^ready ' "$scratch/out"; do
        if ! kill -0 "$server_pid" 2> /dev/null || [ $(($(now_ms) - begun)) -gt $((READY_S * 1000)) ]; then
            tail -n 20 "$scratch/err"
            exit 1
        fi
        sleep 0.01
    done
    took=$(($(now_ms) - begun))
    sleep $SETTLE_S
    resident_kib=$(awk '/^VmRSS/ {print $2}' "/proc/$server_pid/status")
    threads=$(awk '/^Threads/ {print $2}' "/proc/$server_pid/status")
    printf '%-6s %11d ms %12d MiB %10d\n' "$run" "$took" $((resident_kib / 1024)) "$threads"
    kill -TERM "$server_pid"
    wait "$server_pid" || true
    server_pid=''
done
