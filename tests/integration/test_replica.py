"""A streaming replica for reports and lists: used, never too old, and never missed when it is away."""
import re
import sys
import time

import psycopg
import pytest

import database
from program import ROOT, refused, wait_for

sys.path.insert(0, str(ROOT / "tools"))
from postgres import Postgres  # noqa: E402

pytestmark = pytest.mark.skipif(not database.POSTGRES, reason="SQLite is being tested")
LAG_MS = 600


def with_replica(monkeypatch, url):
    """Servers started from now on have this replica. The address may hold a password: not on the command line."""
    before = database.environment
    monkeypatch.setattr(database, "environment", lambda folder: {**before(folder), "ROLLCALL_DATABASE_REPLICA": url})


@pytest.fixture(scope="module")
def servers():
    with Postgres() as primary:
        replica = primary.replica()
        yield primary, replica
        replica.close()


@pytest.fixture
def school(servers, serve, monkeypatch):
    """(start: a server with both, ask: runs a statement on the replica)"""
    primary, replica = servers
    monkeypatch.setattr(database, "POSTGRES", primary.url)

    def on_replica(statement):
        with psycopg.connect(replica.url, autocommit=True) as db:
            return db.execute(statement).fetchone()

    def start(data):
        url = database.url(data).replace(str(primary.folder), str(replica.folder))  # the same schema in it
        with_replica(monkeypatch, url)
        return serve("--database-replica-max-lag-ms", LAG_MS)

    return start, on_replica


def metric(api, name):
    return float(re.search(rf"^rollcall_{name} (\S+)$", api.ask("GET", "/metrics", 200).text, re.M)[1])


def reader_of(api):
    password = "correct horse battery"
    api.post("/v1/users", {"login": "reader", "role": "auditor", "password": password})
    return api.with_token(api.post("/v1/login", {"login": "reader", "password": password}, 200)["token"])


def codes(api):
    return {c["code"] for c in api.get("/v1/courses")["items"]}


def test_lists_come_from_the_replica_and_writers_find_what_they_wrote(school, servers, tmp_path):
    start, on_replica = school
    api = start(tmp_path / "data").api
    reader = reader_of(api)
    api.course("first")
    wait_for(lambda: codes(reader) == {"first"} and metric(api, "replica_reads_total") > 0, what="a read of the replica")
    assert metric(api, "replica_lag_ms") < LAG_MS

    on_replica("SELECT pg_wal_replay_pause()")
    wait_for(lambda: on_replica("SELECT pg_get_wal_replay_pause_state()")[0] == "paused", what="the pause")
    try:
        time.sleep(LAG_MS / 1000)  # nobody is a recent writer, and everything is replayed: an idle primary is no lag
        begun = time.monotonic()
        reads = metric(api, "replica_reads_total")
        old = api.with_token(api.token)  # the same user, without the cookie
        api.course("second")
        assert "rollcall_wrote" in api.http.cookies
        for _ in range(20):
            assert codes(old) == codes(api) == {"first", "second"}  # who wrote finds it
        # others may see the state before for as long as the bound, and no longer
        while time.monotonic() - begun < LAG_MS / 1000 * 2:
            seen = codes(reader)
            assert {"first"} <= seen
            if time.monotonic() - begun > LAG_MS / 1000 * 1.5:
                assert seen == {"first", "second"}
            time.sleep(0.02)
        assert metric(api, "replica_fallbacks_total") > 0 and metric(api, "replica_lag_ms") > LAG_MS
        assert metric(api, "replica_reads_total") > reads  # before the bound was over
    finally:
        on_replica("SELECT pg_wal_replay_resume()")
    reads = metric(api, "replica_reads_total")
    wait_for(lambda: codes(reader) == {"first", "second"} and metric(api, "replica_reads_total") > reads,
             what="the replica again")
    old.close()
    reader.close()


def test_a_replica_that_goes_away_is_not_missed_and_is_used_again(school, servers, tmp_path):
    start, _ = school
    api = start(tmp_path / "data").api
    reader = reader_of(api)
    api.course("only")
    term = "/v1/reports/term/courses?term="
    wait_for(lambda: reader.ask("GET", term, 200) and metric(api, "replica_reads_total") > 0, what="a read of the replica")
    servers[1].kill()
    for _ in range(10):
        assert codes(reader) == {"only"} and len(reader.ask("GET", term, 200).json()["items"]) == 1
    assert metric(api, "replica_fallbacks_total") > 0
    servers[1].start()
    reads = metric(api, "replica_reads_total")
    wait_for(lambda: codes(reader) == {"only"} and metric(api, "replica_reads_total") > reads, 40, "the replica again")
    reader.close()


def test_a_server_starts_while_its_replica_is_away(serve, monkeypatch):
    with_replica(monkeypatch, "postgresql://rollcall@127.0.0.1:1/nothing")
    api = serve().api
    api.course("C")
    assert codes(api) == {"C"} and metric(api, "replica_reads_total") == 0


def test_a_replica_of_an_sqlite_file_is_refused(tmp_path):
    said = refused("--data-dir", tmp_path / "d", "--database", "sqlite:", cwd=tmp_path,
                   env={"ROLLCALL_DATABASE_REPLICA": "postgresql://x/y"}).stderr
    assert "database_replica" in said
