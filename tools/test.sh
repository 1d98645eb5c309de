#!/usr/bin/env bash
# Runs test suites and counts: tools/test.sh lint|unit|conformance|http|golden|integration|asan|tsan|all
exec python3 "$(dirname "$0")/run_tests.py" "$@"
