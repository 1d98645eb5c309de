"""A full disk, a database that is locked, read-only or away: 503 with a clear message, nothing half-written, and the
server goes on by itself when the fault is over."""
import contextlib
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

import database
from program import ROOT, refused, run, wait_for
from test_kills import QUICK

sys.path.insert(0, str(ROOT / "tools"))
from postgres import Postgres  # noqa: E402

STUDENTS = 5
sqlite_only = pytest.mark.skipif(bool(database.POSTGRES), reason="about the SQLite file")
postgres_only = pytest.mark.skipif(not database.POSTGRES, reason="about PostgreSQL")


class School:
    """A server with an active session whose marks are made by hand."""

    def __init__(self, server):
        self.server, self.api = server, server.api
        self.students = [self.api.student(f"F{i}")["id"] for i in range(STUDENTS)]
        self.session = self.api.session(self.api.course("FAULT", self.students)["id"])["id"]
        self.acknowledged, self.asked = [], 0

    def correct(self):
        """One correction; gives the answer. Every reason is said once."""
        self.asked += 1
        student, reason = self.students[self.asked % STUDENTS], f"n{self.asked}"
        answer = self.api.ask("PUT", f"/v1/sessions/{self.session}/marks/{student}",
                              json={"status": ("present", "late")[self.asked % 2], "reason": reason})
        if answer.status_code == 200:
            self.acknowledged.append((student, reason))
        return answer

    def until_refused(self, tries=3000):
        """Corrects marks until the database refuses; the problem must be a 503 that says what is wrong."""
        for _ in range(tries):
            answer = self.correct()
            if answer.status_code != 200:
                problem = answer.json()
                assert answer.status_code == 503 and problem["code"] == "UNAVAILABLE", answer.text
                assert answer.headers["content-type"] == "application/problem+json"
                return problem["detail"]
        raise AssertionError("nothing was refused")

    def mended(self, seconds=20):
        wait_for(lambda: self.correct().status_code == 200, seconds, "the way back")

    def check(self):
        """What was acknowledged is there once, what was refused is not; the register is whole, the server stops well."""
        marks = {m["student"]["id"]: m for m in self.api.marks(self.session)["items"]}
        for student in self.students:
            said = [reason for who, reason in self.acknowledged if who == student]
            events = self.api.get(f"/v1/sessions/{self.session}/marks/{student}")["events"] if student in marks else []
            assert [e["event"]["reason"] for e in events] == said
            assert not events or events[-1]["event"]["status"] == marks[student]["status"]
        assert self.api.get("/v1/register/verification")["intact"]
        wait_for(lambda: not [w for w in self.api.get("/v1/system")["warnings"] if "periodic job" in w], 30, "the jobs")
        assert self.server.stop() == 0
        done = run("verify-register", "--data-dir", self.server.data)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MiB; skips where none can be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@sqlite_only
def test_a_full_disk_refuses_and_is_mended_by_space(small_disk, serve):
    school = School(serve(*QUICK, data="small/data"))
    school.mended()
    filler = small_disk / "filler"
    with open(filler, "wb", buffering=0) as out, contextlib.suppress(OSError):
        while True:
            out.write(bytes(65536))
    assert "no space left on the disk" in school.until_refused()
    assert school.api.problem("POST", "/v1/students", 503, json={"external_id": "lost", "name": "Lost"})["detail"]
    assert school.api.get("/v1/students")["items"] and school.api.ask("GET", "/healthz").status_code == 200
    filler.unlink()
    school.mended()
    assert not school.api.get("/v1/students", search="lost")["items"]
    school.check()


@sqlite_only
def test_a_file_that_may_not_grow_refuses_and_is_mended_by_the_limit(serve):
    school = School(serve(*QUICK))
    school.mended()
    pid, largest = school.server.process.pid, (school.server.data / "rollcall.db-wal").stat().st_size
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest + 65536, limits[1]))
    assert "cannot read or write" in school.until_refused()
    resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
    school.mended()
    school.check()


@sqlite_only
def test_a_locked_database_refuses_and_is_mended_by_the_lock_going(serve):
    school = School(serve(*QUICK))
    school.mended()
    other = sqlite3.connect(school.server.data / "rollcall.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert "is locked by another program" in school.until_refused()
    other.execute("ROLLBACK")
    other.close()
    school.mended()
    school.check()


@sqlite_only
def test_a_start_on_a_read_only_file_system_says_so(tmp_path, serve):
    server = serve(*QUICK)
    assert server.stop() == 0
    mounted = [subprocess.run(["mount", *words, server.data], capture_output=True, check=False).returncode
               for words in (["--bind", server.data], ["-o", "remount,ro,bind"])]
    if mounted[0]:
        pytest.skip("no file system can be mounted here")
    try:
        assert mounted[1] == 0
        said = refused("--data-dir", server.data, cwd=tmp_path).stderr
        assert "ead-only" in said, said
    finally:
        subprocess.run(["umount", server.data], check=True)


@pytest.fixture
def cluster(monkeypatch):
    """A PostgreSQL of this test alone; servers started from now on use it."""
    with Postgres() as own:
        monkeypatch.setattr(database, "POSTGRES", own.url)
        yield own


@postgres_only
def test_a_postgres_that_comes_back_as_a_replica_refuses_until_it_is_promoted(serve, cluster):
    import psycopg
    school = School(serve(*QUICK))
    school.mended()
    cluster.stop()
    signal_file = cluster.folder / "data/standby.signal"
    signal_file.touch()
    if cluster.become:
        shutil.chown(signal_file, "postgres", "postgres")
    cluster.start()
    assert "read-only" in school.until_refused()
    with psycopg.connect(cluster.url, autocommit=True) as db:
        db.execute("SELECT pg_promote()")
    school.mended()
    school.check()


@postgres_only
def test_a_postgres_that_dies_in_the_middle_of_the_work_loses_nothing_acknowledged(serve, cluster):
    """What was asked for when it died may have been written: PostgreSQL commits before it answers."""
    school = School(serve(*QUICK))
    school.mended()
    killer = threading.Timer(0.3, cluster.kill)
    killer.start()
    assert "PostgreSQL" in school.until_refused(100000)
    killer.join()
    unknown = school.asked
    time.sleep(0.3)
    cluster.start()
    school.mended()
    events = [e["event"]["reason"] for student in school.students
              for e in school.api.get(f"/v1/sessions/{school.session}/marks/{student}")["events"]]
    if f"n{unknown}" in events:
        school.acknowledged.append((school.students[unknown % STUDENTS], f"n{unknown}"))
        school.acknowledged.sort(key=lambda said: int(said[1][1:]))
    school.check()
