"""Builds, runs test suites and counts what passed. Run: tools/test.sh SUITE...

SUITE is one of
    lint          reads the code (tools/lint.sh)
    unit          C tests beside their sources, and the tests of set-up's tools
    conformance   store, queue and bus behind their interfaces
    http          the HTTP server alone
    golden        vision against the Python reference
    integration   the real program, from outside, on SQLite
    postgres      the same on a PostgreSQL server started here, and the store's conformance on both
    asan          all but lint again, built with AddressSanitizer (with leaks) and UndefinedBehaviorSanitizer
    tsan          unit, conformance, http and a small integration run, built with ThreadSanitizer
    all           all of these, in this order
    long          minutes of work against one server; not in all
One line a suite, and the output of what failed; everything is kept in build/test-logs/ (BUILD names another folder). `all` ends in one line,
N passed, N failed. Exits 1 when a test failed or a suite had nothing to run.
"""
import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree
from pathlib import Path

from postgres import Postgres

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / os.environ.get("BUILD", "build")  # an absolute path replaces ROOT
LOGS = BUILD / "test-logs"
PYTHON = ROOT / ".deps/venv/bin/python"
SHOWN_LINES = 120
# Sanitizers look for faults in code, not for accuracy: one size of picture and no groups will do.
SHORT = {"golden": ("-k", "not 320 and not group and not test_eval")}
SUITES = ("lint", "unit", "conformance", "http", "golden", "integration", "postgres", "asan", "tsan")
ALONE = ("long",)  # by name only

# What each build is set up with, and what its programs run under.
BUILDS = {
    "release": (BUILD, [], {}),
    "asan": (BUILD / "asan", ["-Db_sanitize=address,undefined", "-Doptimization=1", "-Ddebug=true"], {
        "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        "LSAN_OPTIONS": f"suppressions={ROOT}/tests/lsan.supp:print_suppressions=0"}),
    "tsan": (BUILD / "tsan", ["-Db_sanitize=thread", "-Doptimization=1", "-Ddebug=true"], {
        "TSAN_OPTIONS": f"suppressions={ROOT}/tests/tsan.supp:second_deadlock_stack=1:halt_on_error=0"}),
}


class Count:
    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def __iadd__(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self

    def __str__(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def show(title, text):
    lines = text.rstrip().splitlines()
    print(f"---- {title}")
    if len(lines) > SHOWN_LINES:
        print(f"     ({len(lines) - SHOWN_LINES} lines before)")
    print("\n".join("     " + line for line in lines[-SHOWN_LINES:]), flush=True)


def run(log, command, env=None):
    """Runs it, output into build/test-logs/LOG; gives the exit status and the output."""
    LOGS.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([str(word) for word in command], cwd=ROOT, env={**os.environ, **(env or {})}, text=True,
                          errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    (LOGS / log).write_text(done.stdout, encoding="utf-8")
    return done.returncode, done.stdout


class Build:
    """One build folder. made() sets it up and compiles once; a failure is shown once and fails every suite on it."""

    def __init__(self, name):
        self.name = name
        self.folder, self.options, self.env = BUILDS[name]
        self.state = None

    def made(self):
        if self.state is None:
            begun = time.monotonic()
            self.state = self.make()
            if self.state:
                print(f"build {self.name} ({time.monotonic() - begun:.0f} s)", flush=True)
        return self.state

    def make(self):
        if not (self.folder / "build.ninja").exists():
            status, text = run(f"setup-{self.name}.log", ["meson", "setup", self.folder, *self.options])
            if status:
                show(f"meson setup {self.folder.name} failed", text)
                return False
        status, text = run(f"build-{self.name}.log", ["ninja", "-C", self.folder, "--quiet"])
        if status:
            show(f"build {self.name} failed", text)
        return status == 0

    def program(self, path):
        return str(self.folder / path)

    def without_aslr(self):
        """ThreadSanitizer of GCC 12 cannot place its memory on kernels that randomise 32 bits."""
        command = ["setarch", os.uname().machine, "-R"]
        usable = self.name == "tsan" and subprocess.run([*command, "true"], check=False).returncode == 0
        return command if usable else []


def count_program(test):
    """The tests inside one C test program, from cmocka's TAP output; a program that prints none counts as one."""
    text = test.get("stdout", "")
    rows = re.findall(r"^(ok|not ok) \d+(.*)$", text, re.M)
    skipped = sum("# SKIP" in rest for _, rest in rows)  # cmocka writes "not ok 3 # SKIP name"
    passed = sum(word == "ok" and "# SKIP" not in rest for word, rest in rows)
    failed = len(rows) - passed - skipped
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    if test["result"] == "SKIP":
        return Count(skipped=1)
    if good and not passed + failed + skipped:
        passed = 1
    if not good and not failed:
        failed = 1
    return Count(passed, failed, skipped)


def c_tests(build, suite, database=None):
    count = Count()
    result_file = build.folder / "meson-logs/testlog.json"
    result_file.unlink(missing_ok=True)
    command = [*build.without_aslr(), "meson", "test", "-C", build.folder, "--no-rebuild", "--suite", suite]
    if build.name != "release":
        command += ["--timeout-multiplier", "5"]
    status, text = run(f"{build.name}-{suite}.log", command, {**build.env, "CMOCKA_MESSAGE_OUTPUT": "TAP",
                                                                **({"ROLLCALL_TEST_POSTGRES": database} if database else {})})
    rows = result_file.read_text(encoding="utf-8").splitlines() if result_file.exists() else []
    for test in map(json.loads, rows):
        one = count_program(test)
        count += one
        if one.failed:
            show(f"{build.name} {test['name']}: {test['result']}",
                 "\n".join(line for line in (test.get("stdout", "") + "\n" + test.get("stderr", "")).splitlines()
                           if not re.match(r"ok \d+", line)))
    if status and not count.failed:
        show(f"meson test --suite {suite} failed", text)
        count.failed += 1
    return count


def python_tests(build, folder, extra=(), database=None):
    """A folder of pytest files. Programs are named by environment variables; database: a PostgreSQL's address."""
    name = f"{build.name}-{folder.replace('/', '-')}{'-postgres' if database else ''}"
    report = LOGS / f"{name}.xml"
    report.unlink(missing_ok=True)
    env = {**build.env, "ROLLCALL": build.program("rollcall"),
           "GOLDEN_DUMP": build.program("tests/golden/golden_dump"),
           "TZ_DUMP": build.program("tests/tools/tz_dump"),
           "HTTP_TEST_SERVER": build.program("tests/http/http-test-server"),
           "ROLLCALL_SLOW": "1" if build.name == "release" else "4",
           "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    if database:
        env["ROLLCALL_TEST_POSTGRES"] = database
    status, text = run(f"{name}.log", [
        *build.without_aslr(), PYTHON, "-m", "pytest", "-q", "--tb=short", "-rfE", "--durations=10",
        "-p", "no:cacheprovider", f"--junitxml={report}", *extra, folder], env)
    count = Count()
    if report.exists():
        for case in xml.etree.ElementTree.parse(report).iter("testcase"):
            kinds = {child.tag for child in case}
            count += Count(failed=1) if kinds & {"failure", "error"} else (
                Count(skipped=1) if "skipped" in kinds else Count(passed=1))
    if status not in (0, 5):
        count.failed = max(count.failed, 1)
        show(f"{build.name} {folder}", re.sub(r"(?s)^.*?(?==+ (?:FAILURES|ERRORS) =)", "", text, count=1))
    return count


def tests_of(build, suite, extra=()):
    """One suite on one build: C programs of that meson suite, then tests/SUITE; extra: what pytest is told."""
    count = c_tests(build, suite) if suite != "integration" else Count()
    folders = [f"tests/{suite}"]
    if suite == "unit" and build.name == "release":
        folders.append("tests/tools")
    for folder in folders:
        if list((ROOT / folder).glob("test_*.py")):
            count += python_tests(build, folder, extra)
    if not count.passed + count.failed + count.skipped:
        print(f"{build.name} {suite}: there is nothing to run")
        count.failed += 1
    return count


def postgres_tests(build):
    with Postgres() as server:
        count = c_tests(build, "store", server.url)
        count += python_tests(build, "tests/integration", (), server.url)
        return count


def lint(build):
    status, text = run("lint.log", ["tools/lint.sh", build.folder])
    found = re.search(r"^(\d+) passed, (\d+) failed$", text, re.M)
    count = Count(int(found[1]), int(found[2])) if found else Count()
    if status:
        count.failed = max(count.failed, 1)
        show("lint", "\n".join(line for line in text.splitlines() if not line.endswith(" ok")))
    return count


def run_suite(name, builds):
    if name == "lint":
        return lint(builds["release"])
    build = builds.get(name, builds["release"])
    if not build.made():
        return Count(failed=1)
    count = Count()
    if name == "asan":
        for suite in ("unit", "conformance", "http", "golden", "integration"):
            count += tests_of(build, suite, SHORT.get(suite, ()))
    elif name == "tsan":
        for suite in ("unit", "conformance", "http"):
            count += tests_of(build, suite)
        count += tests_of(build, "integration", ("-m", "smoke"))
    elif name == "postgres":
        count += postgres_tests(build)
    elif name == "long":
        count += tests_of(build, "integration", ("-m", "long", "-s"))
    else:
        count += tests_of(build, name)
    return count


def main():
    wanted = sys.argv[1:]
    if not wanted or set(wanted) - {*SUITES, *ALONE, "all"}:
        print(__doc__, file=sys.stderr)
        return 2
    names = SUITES if "all" in wanted else wanted
    builds = {name: Build(name) for name in BUILDS}
    total = Count()
    for name in names:
        begun = time.monotonic()
        count = run_suite(name, builds)
        total += count
        print(f"{name}: {count} ({time.monotonic() - begun:.0f} s)", flush=True)
    if "all" in wanted:
        print(total)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
