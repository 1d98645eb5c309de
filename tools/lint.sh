#!/usr/bin/env bash
# All checks that read the code without running it. Each prints one line; a failed one shows what is wrong.
#
# usage: tools/lint.sh [BUILD_DIR]      default build; it is built first, for generated headers and `rollcall openapi`
# The last line counts: N passed, N failed. Exits 1 when one failed.
set -uo pipefail
cd "$(dirname "$0")/.."
readonly BUILD=${1:-build}
passed=0 failed=0

# check NAME COMMAND...
check()
{
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
        printf '%-34s ok\n' "$name"
    else
        failed=$((failed + 1))
        printf '%-34s FAILED\n' "$name"
        head -n 60 <<< "$output" | sed 's/^/    /'
    fi
}

c_sources()
{
    git ls-files -co --exclude-standard -- '*.c' '*.h' '*.cc' | sort -u | while read -r f; do [ -f "$f" ] && echo "$f"; done
}

built()
{
    { [ -f "$BUILD/build.ninja" ] || meson setup "$BUILD"; } && ninja -C "$BUILD" --quiet
}

formatted()
{
    local program
    program=$(command -v clang-format-14 || command -v clang-format) || { echo "clang-format is not installed"; return 1; }
    c_sources | xargs -r "$program" --dry-run -Werror 2>&1 | grep 'error:' | sort -t: -k1,1 -u |
        sed 's/: error: code should be .*/: first place; run: clang-format -i FILE/'
    [ "${PIPESTATUS[1]}" = 0 ]
}

# fresh FILE COMMAND...: the committed file is what the command prints now.
fresh()
{
    local file=$1
    shift
    [ -f "$file" ] || { echo "$file is missing; make it: $* > $file"; return 1; }
    "$@" | diff -u --label "$file" "$file" --label "$*" - || { echo "stale; make it anew: $* > $file"; return 1; }
}

shell_parses()
{
    local file status=0
    for file in $(git ls-files -co --exclude-standard -- '*.sh' .ci/run | sort -u); do
        [ ! -f "$file" ] || bash -n "$file" || status=1
    done
    return $status
}

python_parses()
{
    git ls-files -co --exclude-standard -- '*.py' | sort -u | PYTHONDONTWRITEBYTECODE=1 python3 -c '
import ast, pathlib, sys
for name in map(pathlib.Path, sys.stdin.read().split()):
    if name.exists():
        ast.parse(name.read_text(encoding="utf-8"), str(name))'
}

check "builds without a warning" built
check "folders include what they may" python3 tools/check_layers.py
check "sizes of files and functions" python3 tools/check_sizes.py
check "formatted by clang-format" formatted
check "headers compile alone" python3 tools/check_headers.py "$BUILD"
check "no unfinished work" python3 tools/check_text.py unfinished
check "block comments only" python3 tools/check_text.py comments
check "no machine paths, no registries" python3 tools/check_text.py places
check "white space" python3 tools/check_text.py whitespace
check "shell scripts parse" shell_parses
check "Python files parse" python_parses
check "api/openapi.json is fresh" fresh api/openapi.json "$BUILD/rollcall" openapi
check "docs/config.md is fresh" fresh docs/config.md "$BUILD/rollcall" config doc
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
