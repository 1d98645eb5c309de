#!/usr/bin/env python3
"""The register at the size of a university: 10,000 students, 500 courses, 10,000 sessions, 2,000,000 marks.

usage: bench/register.py [sqlite] [postgres]      SCALE=0.01 for a hundredth; KEEP=DIR keeps the SQLite folder there, and takes it as it is the next time
BUILD=DIR where the program was built (default build); packages of tools/requirements-test.txt; PostgreSQL as the tests.

What it does: `rollcall migrate up`; fills the tables by SQL; makes marks through the real transaction, several at once;
starts `rollcall serve` and asks for lists and reports over HTTP, each warm, one after the other, p50 and p95 of 30.
What is synthetic: names, times and receipts; the 2,000,000 marks and their register events are loaded in bulk with
random hashes, so their chains do not verify. The marks that are timed have real ones.
"""
import contextlib
import http.client
import json
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
from postgres import Postgres  # noqa: E402

BUILD = ROOT / os.environ.get("BUILD", "build")
SCALE = float(os.environ.get("SCALE", "1"))
STUDENTS, COURSES = round(10_000 * SCALE), max(2, round(500 * SCALE))
SESSIONS_EACH, ROSTER, TERM = 20, min(200, STUDENTS), "2026W"
ASKS, THREADS, SECONDS = 30, 8, 10
START = 1_772_000_000_000_000  # a Wednesday in February 2026
DAY = 86_400_000_000
RECEIPT = ('{"at":"2026-02-25T09:02:11.123456Z","camera":"door","encoder":"facenet128","similarity":0.7312,"threshold":0.55,'
           '"margin":0.3110,"second":0.4202,"liveness":0.98,"frames":2,"model":"facenet128@1","preprocessing":"crop-1"}')


def uuid7(at_ms, random_bits):
    value = (at_ms & (2**48 - 1)) << 80 | 7 << 76 | (random_bits >> 62 & 0xFFF) << 64 | 2 << 62 | random_bits & (2**62 - 1)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Rows:
    """The rows of every table, in an order in which they can be loaded; the same for both databases."""

    def __init__(self):
        self.random = random.Random(1)
        self.students = [self.id(i) for i in range(STUDENTS)]
        self.courses = [self.id(i) for i in range(COURSES)]
        self.rosters = [self.random.sample(range(STUDENTS), ROSTER) for _ in range(COURSES)]
        self.sessions = [(self.id(i), i % COURSES) for i in range(COURSES * SESSIONS_EACH)]
        self.spare = [(self.id(i), i % COURSES) for i in range(THREADS * 4)]  # for the timed marks

    def id(self, i):
        return uuid7(START // 1000 - 10**9 + i, self.random.getrandbits(74))

    def start_of(self, i):
        return START + i // COURSES * 7 * DAY + i % 5 * DAY + i % 8 * 3_600_000_000

    def student(self):
        for i, key in enumerate(self.students):
            yield key, f"{2_000_000 + i}", f"Student {i * 7919 % STUDENTS:05} Example", "", "active", 1, START, START

    def course(self):
        for i, key in enumerate(self.courses):
            yield key, f"C-{i:04}", f"Course number {i}", TERM, 2, 10, 1, 1, START, START

    def roster_entry(self):
        for course, roster in zip(self.courses, self.rosters):
            for student in roster:
                yield self.id(0), course, self.students[student], START - DAY, None

    def session(self):
        for i, (key, course) in enumerate(self.sessions + self.spare):
            at, spare = self.start_of(i), i >= len(self.sessions)
            yield (key, self.courses[course], "", at, at + 5_400_000_000, at, 0 if spare else at + 5_400_000_000,
                   "active" if spare else "closed", 2, 300, 30, 10, 1, at, at)

    def mark(self):
        """A status in proportion 70 present, 8 late, 4 left early, 14 absent, 4 excused."""
        choice = self.random.random
        for i, (key, course) in enumerate(self.sessions):
            at = self.start_of(i)
            for student in self.rosters[course]:
                p = choice()
                status = ("present" if p < .70 else "late" if p < .78 else "left-early" if p < .82 else
                          "absent" if p < .96 else "excused")
                seen = at + int(p * 600_000_000) if p < .82 else 0
                yield (key, self.students[student], "", status, "face" if seen else "rule", seen,
                       seen and at + 5_000_000_000, RECEIPT if seen else "", at, int(p * 20_000) % 200 == 7 and at)

    def register_event(self):
        for i, (key, course) in enumerate(self.sessions):
            at = self.start_of(i)
            for seq, student in enumerate(self.rosters[course], 1):
                yield (key, seq, os.urandom(32), os.urandom(32), "worker", at, self.students[student],
                       '{"event":"seen","status":"present","source":"face","frame":"","receipt":' + RECEIPT + '}')


COLUMNS = {
    "student": "id, external_id, name, email, status, version, created_at, updated_at",
    "course": "id, code, title, term, confirmations, late_after_min, roster_version, version, created_at, updated_at",
    "roster_entry": "id, course_id, student_id, valid_from, valid_to",
    "session": "id, course_id, title, planned_start, planned_end, started_at, ended_at, status, confirmations, "
               "confirm_gap_ms, confirm_window_s, late_after_min, version, created_at, updated_at",
    "mark": "session_id, student_id, frame, status, source, first_seen, last_seen, receipt, created_at, disputed_at",
    "register_event": "chain, seq, prev_hash, hash, actor, at, student, payload",
}


def fill_sqlite(path, rows):
    db = sqlite3.connect(path)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -400000")
    for table, columns in COLUMNS.items():
        with db:
            marks = ", ".join("?" * (columns.count(",") + 1))
            db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", getattr(rows, table)())
    db.execute("ANALYZE")
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def fill_postgres(url, rows):
    import psycopg
    with psycopg.connect(url) as db:
        for table, columns in COLUMNS.items():
            with db.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in getattr(rows, table)():
                    copy.write_row([int(v) if v is False else v for v in row])
            db.commit()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("VACUUM ANALYZE")


class Client:
    def __init__(self, url, token):
        self.http = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=120)
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path):
        """(milliseconds to the whole answer, the answer)"""
        begun = time.perf_counter()
        self.http.request("GET", path, headers=self.headers)
        answer = self.http.getresponse()
        body = answer.read()
        took = (time.perf_counter() - begun) * 1000
        assert answer.status == 200, f"{path}: {answer.status} {body[:300]}"
        return took, body

    def timed(self, name, *paths):
        for path in paths:
            self.get(path)
        times = sorted(self.get(paths[i % len(paths)])[0] for i in range(ASKS))
        p95 = times[len(times) * 95 // 100]
        print(f"  {name:58} {statistics.median(times):7.1f} {p95:7.1f}{'   OVER 100' if p95 > 100 else ''}", flush=True)


@contextlib.contextmanager
def server(folder, environment):
    process = subprocess.Popen([BUILD / "src/rollcall", "serve", "--http-port", "0", "--data-dir", folder, "--models-dir",
                                ROOT / "data/models"], stdout=subprocess.PIPE, stderr=open(folder / "log", "w"), text=True,
                               env=environment)
    try:
        for line in process.stdout:
            if line.startswith("ready "):
                yield Client(line.split()[1], json.loads((folder / "server.json").read_text())["token"])
                return
        raise SystemExit((folder / "log").read_text()[-2000:])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def deep(client, path):
    """A page far down: the cursor of the 40th page of 200, or of the last but one."""
    after = ""
    for _ in range(40):
        answer = json.loads(client.get(f"{path}{'&' if '?' in path else '?'}limit=200{after}")[1])
        if not answer.get("next"):
            break
        after = f"&after={urllib.parse.quote(answer['next'])}"
    return f"{path}{'&' if '?' in path else '?'}limit=200{after}"


def ask(client, rows):
    pick, course = rows.random.choice, rows.courses[COURSES // 2]
    print(f"  {'ms, one client':58} {'p50':>7} {'p95':>7}")
    sessions = [pick(rows.sessions)[0] for _ in range(10)]
    students = [pick(rows.students) for _ in range(10)]
    for name, *paths in [
        ("students, 200", "/v1/students?limit=200"), ("students, deep page", deep(client, "/v1/students")),
        ("students, search", "/v1/students?search=00042"), ("one student", *(f"/v1/students/{s}" for s in students)),
        ("courses, 200", "/v1/courses?limit=200"), ("courses, deep page", deep(client, "/v1/courses")),
        ("roster of a course", f"/v1/courses/{course}/roster"),
        ("sessions, 200", "/v1/sessions?limit=200"), ("sessions, deep page", deep(client, "/v1/sessions")),
        ("sessions of a course", f"/v1/sessions?course={course}"),
        ("sessions, active", "/v1/sessions?status=active"), ("sessions, closed", "/v1/sessions?status=closed&limit=200"),
        ("marks of a session", *(f"/v1/sessions/{s}/marks" for s in sessions)),
        ("disputes, 50 of 10,000", "/v1/disputes"), ("disputes of a course", f"/v1/disputes?course={course}"),
        ("audit", "/v1/audit"),
        ("report: session", *(f"/v1/reports/session?session={s}" for s in sessions)),
        ("report: course, 200 x 20", f"/v1/reports/course?course={course}"),
        ("report: student, 200 sessions", *(f"/v1/reports/student?student={s}" for s in students)),
        ("report: term, first 200 students", f"/v1/reports/term?term={TERM}&limit=200"),
        ("report: term, all courses", f"/v1/reports/term/courses?term={TERM}"),
        ("report: term, below 75 %, first 50", f"/v1/reports/term?term={TERM}&below=75&limit=50"),
        ("report: term, a weekday, first 50", f"/v1/reports/term?term={TERM}&weekday=3&limit=50"),
        ("report: term, a month, first 50", f"/v1/reports/term?term={TERM}&from=2026-03-01&to=2026-03-31&limit=50"),
    ]:
        client.timed(name, *paths)
    for name, path in [("all students of the term, JSON", f"/v1/reports/term?term={TERM}"),
                       ("all students of the term, CSV", f"/v1/reports/term?term={TERM}&format=csv"),
                       ("all students, below 75 %, CSV", f"/v1/reports/term?term={TERM}&format=csv&below=75"),
                       ("all students, a weekday, CSV", f"/v1/reports/term?term={TERM}&format=csv&weekday=3"),
                       ("all courses, a weekday, CSV", f"/v1/reports/term/courses?term={TERM}&format=csv&weekday=3")]:
        took, body = min(client.get(path) for _ in range(3))
        n = body.count(b'"counts":') if "csv" not in path else body.count(b"\r\n") - 1
        print(f"  whole report: {name:44} {took:7.0f} ms, {n:,} rows, {n / took * 1000:,.0f} rows/s", flush=True)


def measure(name, folder, database, fill):
    there = not database and (folder / "rollcall.db").exists()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ROLLCALL")}
    if database:
        environment["ROLLCALL_DATABASE"] = database
    subprocess.run([BUILD / "src/rollcall", "migrate", "up", "--data-dir", folder], check=True, env=environment,
                   stdout=subprocess.DEVNULL)
    rows, begun = Rows(), time.monotonic()
    where = database or str(folder / "rollcall.db")
    if not there:
        fill(where, rows)
    count = len(rows.sessions) * ROSTER
    took = time.monotonic() - begun
    print(f"{name}: {STUDENTS:,} students, {COURSES} courses, {len(rows.sessions):,} sessions, {count:,} marks "
          + ("there" if there else f"loaded in {took:.0f} s ({count / took:,.0f}/s in bulk)"), flush=True)
    ids = "\n".join(s for s, _ in rows.spare) + "\n\n" + "\n".join(rows.students) + "\n"
    for threads in (1, THREADS):
        done = subprocess.run([BUILD / "bench/bench-marks", where, str(threads), str(SECONDS)], input=ids, text=True,
                              capture_output=True, check=True)
        print(f"  marks through the real transaction, {threads} at once: {done.stdout.strip()}", flush=True)
        ids = "\n".join(s for s, _ in rows.spare) + "\n\n" + "\n".join(reversed(rows.students)) + "\n"
    with server(folder, environment) as client:
        ask(client, rows)


def main():
    which = sys.argv[1:] or ["sqlite", "postgres"]
    if "sqlite" in which:
        kept = os.environ.get("KEEP")
        with contextlib.nullcontext(kept) if kept else tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder:
            Path(folder).mkdir(exist_ok=True)
            measure("SQLite", Path(folder), None, fill_sqlite)
    if "postgres" in which:
        with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder, Postgres() as pg:
            measure("PostgreSQL", Path(folder), pg.url, fill_postgres)


if __name__ == "__main__":
    main()
