#!/usr/bin/env bash
# Line and branch coverage of attendance/ by its own unit tests, file by file; asserts are no branches.
# Usage: tools/coverage.sh [BUILD]     (default build-coverage, a build of its own)
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build-coverage}
folder=src/attendance

[ -f "$build/build.ninja" ] || meson setup -Db_coverage=true -Dbuildtype=debug "$build" > "$build.log" 2>&1 \
    || { tail -n 20 "$build.log"; exit 1; }
rm -f "$build.log"
tests=("$folder"/*_test.c)
tests=("${tests[@]%.c}")
ninja -C "$build" --quiet "${tests[@]}"
find "$build/$folder" -name '*.gcda' -delete
for test in "${tests[@]}"; do
    "$build/$test" > "$build/test.log" 2>&1 || { cat "$build/test.log"; exit 1; }
done
report=(gcovr --root . --object-directory "$build" --filter "$folder/" --exclude '.*_test\.c'
        --exclude-branches-by-pattern '^\s*assert\(.*')
echo "lines of $folder"
"${report[@]}"
echo "branches of $folder"
"${report[@]}" --branches
