#!/usr/bin/env bash
# Installs what Rollcall needs, step by step, and verifies all of it.
#
# usage: tools/setup.sh run        what `make run` needs
#        tools/setup.sh test       the same, and what tests and lint need
#        tools/setup.sh openvino   the optional OpenVINO provider of ONNX Runtime (Intel CPUs)
#        tools/setup.sh encoders   the optional encoders facenet512 and dlib128 (190 MB)
#        tools/setup.sh int8       facenet128 in 8 bits, made and measured here (processors with VNNI)
#        tools/setup.sh upstream   asks the projects of the optional models again
#
# Run it as often as you like: a step that is done is verified and skipped, a step that was cut off starts anew,
# and once all are done no network is needed. Downloads are pinned by sha256 (models/models.lock, tools/deps.lock,
# tools/requirements-*.txt) or signed (Debian packages).
#   ROLLCALL_MODELS_FROM=DIR   take optional models from a folder; ../shared/models is used where it exists
#   ROLLCALL_UPSTREAM=0        do not ask the projects of the optional models
set -euo pipefail
cd "$(dirname "$0")/.."

readonly CACHED=10 MISSING=20 NEEDED_KIB=$((1536 * 1024))
readonly VENV=.deps/venv LOG=.deps/setup.log
readonly PACKAGES_RUN="gcc g++ make pkg-config|pkgconf meson ninja-build python3 python3-venv libwebsockets-dev
    libical-dev tzdata libsqlite3-dev libjansson-dev libsodium-dev libturbojpeg0-dev libspng-dev libwebp-dev libheif-dev libexif-dev
    libfaiss-dev libopenblas-dev libgomp1 libinih-dev libcurl4-openssl-dev libavformat-dev libavcodec-dev
    libavutil-dev libswscale-dev libavdevice-dev libcairo2-dev libpq-dev libcsv-dev libzip-dev libutf8proc-dev
    zlib1g-dev debian-archive-keyring"
readonly PACKAGES_TEST="libcmocka-dev postgresql curl clang-format-14|clang-format pmccabe gcovr git"
readonly OPTIONAL_MODELS="yunet minifasnet_v2 minifasnet_v1se omz0095"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1

step_index=0 step_count=0 started_s=$SECONDS

# step TITLE COMMAND...: one progress line. The command's words go to the log; it returns 0, CACHED, MISSING (its
# words are then shown) or an error, which ends set-up.
step()
{
    local title=$1 begun=$SECONDS status=0
    shift
    step_index=$((step_index + 1))
    printf '[%d/%d] %s ... ' "$step_index" "$step_count" "$title"
    "$@" > "$LOG" 2>&1 || status=$?
    case $status in
    0) printf 'ok (%d s)\n' $((SECONDS - begun)) ;;
    "$CACHED") printf 'ok (cached)\n' ;;
    "$MISSING") printf 'skipped\n'; sed 's/^/    /' "$LOG" ;;
    *)
        printf 'FAILED (%d s)\n' $((SECONDS - begun))
        tail -n 15 "$LOG" | sed 's/^/    /'
        printf '    The same command continues here: tools/setup.sh %s\n' "$mode"
        exit 1
        ;;
    esac
    grep -h '^note:' "$LOG" | sed 's/^note:/   /' || true
}

installed()
{
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2> /dev/null)" = installed ]
}

available()
{
    apt-cache policy "$1" 2> /dev/null | grep -q '^  Candidate: [^(]'
}

# as_root COMMAND...: the caller has made sure that there is a way.
as_root()
{
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

root_reachable()
{
    [ "$(id -u)" = 0 ] || { command -v sudo > /dev/null && { [ -t 0 ] || sudo -n true 2> /dev/null; }; }
}

# debian_packages NAME|ALTERNATIVE...: installs those of which no alternative is installed.
debian_packages()
{
    local entry name missing=() chosen=()
    command -v dpkg-query > /dev/null || { echo "Set-up knows Debian 12 and 13 only (no dpkg here)"; return 1; }
    for entry in "$@"; do
        for name in ${entry//|/ }; do
            if installed "$name"; then continue 2; fi
        done
        missing+=("$entry")
    done
    if [ ${#missing[@]} = 0 ]; then return $CACHED; fi
    if ! root_reachable; then
        echo "These need administrator rights. Have this run once, then set-up again:"
        echo "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]%%|*}"
        return 1
    fi
    as_root apt-get update -q || { echo "apt-get update failed: see above; offline?"; return 1; }
    for entry in "${missing[@]}"; do
        for name in ${entry//|/ }; do
            if available "$name"; then break; fi
        done
        chosen+=("$name")
        if [ "$name" != "${entry%%|*}" ]; then echo "note:${entry%%|*} is not packaged here: took $name"; fi
    done
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${chosen[@]}"
}

# The requirements pin wheels for CPython 3.11 (Debian 12) and 3.13 (Debian 13).
find_python()
{
    local python
    for python in python3 /usr/bin/python3 python3.11 python3.13; do
        if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 13)))' \
            2> /dev/null; then
            echo "$python"
            return 0
        fi
    done
    echo "Python 3.11 or 3.13 with venv is needed (Debian 12 and 13: package python3-venv)" >&2
    return 1
}

# python_environment FILE...: makes the private virtual environment and installs the requirement files in it.
python_environment()
{
    local file stamp=$VENV/installed wanted python args=()
    wanted=$(cat "$@" | sha256sum)
    if "$VENV/bin/python" -c '' 2> /dev/null; then
        if grep -qxF "$wanted" "$stamp" 2> /dev/null; then return $CACHED; fi
    else
        python=$(find_python) || return 1
        rm -rf "$VENV"
        "$python" -m venv "$VENV" || return 1
    fi
    for file in "$@"; do args+=(-r "$file"); done
    if ! TMPDIR=$PWD/.deps "$VENV/bin/python" -m pip install -q --no-cache-dir --only-binary=:all: --require-hashes \
        "${args[@]}"; then
        echo "The Python package registry (pip) did not give what tools/requirements-*.txt pins: see above."
        echo "Check the network or proxy and the free disk space, then run the same command again."
        return 1
    fi
    echo "$wanted" >> "$stamp"
}

in_venv()
{
    "$VENV/bin/python" "$@"
}

# Tier 2: nice to have. Asks the projects once for each checkout, so that set-up stays quick without network.
optional_models()
{
    local status=0 args=() folder=${ROLLCALL_MODELS_FROM:-} asked=.deps/upstream.asked
    if [ -z "$folder" ] && [ -d ../shared/models ]; then folder=../shared/models; fi
    if [ -n "$folder" ]; then args+=(--from "$folder"); fi
    if [ "${ROLLCALL_UPSTREAM:-1}" != 0 ] && [ ! -e $asked ]; then
        args+=(--upstream)
        touch $asked
    fi
    # shellcheck disable=SC2086
    in_venv tools/install_models.py "${args[@]}" $OPTIONAL_MODELS || status=$?
    if [ $status = $MISSING ]; then
        echo "are optional and not installed: the detector is RetinaFace then, liveness is off."
        echo "To add them: ROLLCALL_MODELS_FROM=DIR tools/setup.sh run (models/README.md lists the files),"
        echo "or tools/setup.sh upstream to ask their projects again."
    fi
    return $status
}

enough_disk()
{
    local free_kib
    free_kib=$(df -Pk . | awk 'NR == 2 {print $4}')
    if [ ! -e .deps/complete ] && [ "$free_kib" -lt $NEEDED_KIB ]; then
        echo "Set-up needs 1.5 GiB of free disk space here; there are $((free_kib / 1024)) MiB." >&2
        exit 1
    fi
}

setup_run()
{
    # shellcheck disable=SC2086
    step "Debian packages" debian_packages $PACKAGES_RUN
    step "Python environment for converters" python_environment tools/requirements-setup.txt
    step "ONNX Runtime library" in_venv tools/install_deps.py library
    step "ONNX Runtime header" in_venv tools/install_deps.py header
    step "Model facenet128 (encoder)" in_venv tools/install_models.py facenet128
    step "Model retinaface (detector)" in_venv tools/install_models.py retinaface
    step "Model mtcnn (detector)" in_venv tools/install_models.py mtcnn_pnet mtcnn_rnet mtcnn_onet
    step "Optional models" optional_models
    step "Sample photos" in_venv tools/install_deps.py samples
    touch .deps/complete
}

setup_test()
{
    # shellcheck disable=SC2086
    step "Debian packages for tests" debian_packages $PACKAGES_TEST
    step "Python environment for tests" python_environment tools/requirements-setup.txt tools/requirements-test.txt
}

mode=${1:-}
case $mode in
run | test | openvino | encoders | int8 | upstream) ;;
*) sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2 ;;
esac
mkdir -p .deps/downloads data/models
chmod 700 data
exec 9> .deps/lock
flock -n 9 || { echo "Another set-up runs in this folder: waiting for it"; flock 9; }
rm -rf .deps/.part-* .deps/downloads/.part-* data/models/.part-*
enough_disk
case $mode in
run) step_count=9; setup_run ;;
test) step_count=11; setup_run; setup_test ;;
openvino) step_count=10; setup_run; step "OpenVINO provider" in_venv tools/install_deps.py openvino ;;
encoders)
    step_count=11
    setup_run
    step "Model facenet512 (encoder)" in_venv tools/install_models.py --upstream facenet512
    step "Model dlib128 (encoder)" in_venv tools/install_models.py --upstream dlib128
    ;;
int8)
    step_count=11
    setup_run
    step "Python environment for quantising" python_environment tools/requirements-setup.txt tools/requirements-test.txt
    step "Model facenet128 in int8" in_venv tools/quantise.py
    ;;
upstream) rm -f .deps/upstream.asked; step_count=9; setup_run ;;
esac
printf 'Set-up complete (%d s).\n' $((SECONDS - started_s))
