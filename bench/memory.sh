#!/usr/bin/env bash
# What a server with its workers holds in memory, in several precisions, after it has seen frames.
#
# usage: bench/memory.sh [FRAMES]    default 200; BUILD=DIR where the program was built, default build
# One worker (WORKERS=N for more), liveness on where its models are installed, an empty database in a temporary folder.
# What a row's device or precision needs and this machine has not is told in its place.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly ROLLCALL=${BUILD:-build}/src/rollcall FRAMES=${1:-200} WORKERS=${WORKERS:-1} READY_S=60
scratch=$(mktemp -d)
server_pid=''

stop()
{
    if [ -n "$server_pid" ]; then
        kill -TERM "$server_pid" 2> /dev/null || true
        wait "$server_pid" 2> /dev/null || true
    fi
    server_pid=''
}
trap 'stop; rm -rf "$scratch"' EXIT

field()
{
    python3 -c 'import json,sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

# status NAME: a figure of the kernel about the server, in MiB
status()
{
    awk -v name="$1:" '$1 == name {printf "%d", $2 / 1024}' "/proc/$server_pid/status"
}

# ask METHOD PATH [CURL ARGUMENT...]
ask()
{
    curl -sS --fail-with-body -X "$1" -H "Authorization: Bearer $token" "$url$2" "${@:3}"
}

row()
{
    local data=$scratch/$1-$2 waited=0 course session picture idle i
    "$ROLLCALL" serve --data-dir "$data" --models-dir "${ROLLCALL_MODELS_DIR:-$PWD/data/models}" --http-port 0 \
        --workers "$WORKERS" --device "$1" --precision "$2" --queue-camera-share 1000 > "$scratch/log" 2>&1 &
    server_pid=$!
    until [ -e "$data/server.json" ]; do
        sleep 0.1
        waited=$((waited + 1))
        if [ "$waited" -gt $((READY_S * 10)) ] || ! kill -0 "$server_pid" 2> /dev/null; then
            printf '  %-20s %s\n' "$1/$2" "$(grep -m1 -o 'rollcall.*' "$scratch/log" || echo 'did not start')"
            stop
            return
        fi
    done
    url=$(field url < "$data/server.json") token=$(field token < "$data/server.json")
    idle=$(status VmRSS)
    course=$(ask POST /v1/courses -H 'Content-Type: application/json' -d '{"code": "M", "title": "M"}' | field id)
    session=$(ask POST /v1/sessions -H 'Content-Type: application/json' -d "{\"course\": \"$course\"}" | field id)
    ask POST "/v1/sessions/$session/start" > /dev/null
    picture=.deps/samples/group/t1.jpg
    for ((i = 0; i < FRAMES; i += 4)); do
        seq 4 | xargs -P 4 -I{} curl -sS -o /dev/null -H "Authorization: Bearer $token" -H 'Content-Type: image/jpeg' \
            --data-binary "@$picture" "$url/v1/sessions/$session/frames?wait=1"
    done
    printf '  %-20s %8d %8d %8d   %s of it the program and its data, the rest mapped files\n' "$1/$2" "$idle" \
        "$(status VmRSS)" "$(status VmHWM)" "$(status RssAnon)"
    stop
}

printf '%d frames of 1280x886 with 6 faces, %d worker(s), MiB resident\n  %-20s %8s %8s %8s\n' "$FRAMES" "$WORKERS" '' start after most
for place in ${MEMORY_ROWS:-cpu/fp32 cpu/int8 openvino/bf16 openvino/int8}; do
    row "${place%/*}" "${place#*/}"
done
