#!/usr/bin/env bash
# Coverage, file by file; asserts are no branches. Of attendance/: lines and branches, by its own unit tests alone.
# Of the register chain: lines, by those and the store's own tests. Fails below 100 %.
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
find "$build/$folder" "$build/src/store" -name '*.gcda' -delete
for test in "${tests[@]}"; do
    "$build/$test" > "$build/test.log" 2>&1 || { cat "$build/test.log"; exit 1; }
done
report=(gcovr --root . --object-directory "$build" --exclude '.*_test\.c' --exclude-branches-by-pattern '^\s*assert\(.*')
failed=0
echo "lines of $folder"
"${report[@]}" --filter "$folder/" --fail-under-line 100 || failed=1
echo "branches of $folder"
"${report[@]}" --filter "$folder/" --branches --fail-under-branch 100 || failed=1

store=(store_marks store_attendance store_rules store_concurrency store_register)
ninja -C "$build" --quiet "${store[@]/#/tests/conformance/}" src/store/store_heads_test
for test in "${store[@]/#/tests/conformance/}" src/store/store_heads_test; do
    "$build/$test" > "$build/test.log" 2>&1 || { cat "$build/test.log"; exit 1; }
done
echo "lines of the register chain"
"${report[@]}" --filter 'src/store/register' --filter 'src/store/heads\.c' --filter "$folder/chain\.c" --fail-under-line 100 || failed=1
exit $failed
