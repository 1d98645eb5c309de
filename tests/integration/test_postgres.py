"""What only PostgreSQL can do to a server: go away, come back, be read-only."""
import sys

import pytest

import database
from program import ROOT, photos, refused, wait_for

sys.path.insert(0, str(ROOT / "tools"))
from postgres import Postgres  # noqa: E402

pytestmark = pytest.mark.skipif(not database.POSTGRES, reason="SQLite is being tested")


@pytest.fixture
def cluster(monkeypatch):
    """A PostgreSQL of this test alone; servers started from now on use it."""
    with Postgres() as own:
        monkeypatch.setattr(database, "POSTGRES", own.url)
        yield own


def test_while_postgres_is_away_answers_are_503_and_nothing_acknowledged_is_lost(serve, cluster):
    server = serve()
    student = server.api.enrol("S", photos("train", "elton_john", 3))
    session = server.api.session(server.api.course("C", [student["id"]], confirmations=1)["id"])["id"]
    cluster.kill()
    said = server.api.problem("GET", "/v1/students", 503)
    assert "PostgreSQL" in said["detail"]
    server.api.problem("POST", "/v1/students", 503, json={"external_id": "lost", "name": "Lost"})
    assert server.api.ask("GET", "/healthz").status_code == 200
    cluster.start()
    wait_for(lambda: server.api.ask("GET", "/readyz").status_code == 200, what="the way back")
    assert [s["external_id"] for s in server.api.get("/v1/students")["items"]] == ["S"]
    assert server.api.seen(session, photos("val", "elton_john")[0])["faces"][0]["status"] == "present"
    assert len(server.api.marks(session)["items"]) == 1


def test_a_mark_being_made_when_postgres_dies_is_made_once_it_is_back(serve, cluster):
    server = serve("--job-max-tries", "100")
    student = server.api.enrol("S", photos("train", "elton_john", 3))
    session = server.api.session(server.api.course("C", [student["id"]], confirmations=1)["id"])["id"]
    server.api.seen(session, photos("val", "madonna")[0])  # what it needs of the session is cached now
    cluster.kill()
    server.api.frame(session, photos("val", "elton_john")[0], 202)
    cluster.start()
    wait_for(lambda: server.api.ask("GET", "/readyz").status_code == 200, what="the way back")
    wait_for(lambda: server.api.marks(session)["items"], what="the mark")
    assert len(server.sql("SELECT * FROM register_event WHERE chain = ?", session)) == 1


def test_a_start_without_postgres_says_so(tmp_path, cluster):
    cluster.kill()
    env = {"ROLLCALL_DATA_DIR": str(tmp_path / "d"), "ROLLCALL_DATABASE": cluster.url}
    assert "cannot reach PostgreSQL" in refused(cwd=tmp_path, env=env).stderr


def test_the_password_is_never_told(tmp_path):
    env = {"ROLLCALL_DATA_DIR": str(tmp_path / "d"),
           "ROLLCALL_DATABASE": "postgresql://nobody:s3cret@127.0.0.1:1/rollcall"}
    said = refused(cwd=tmp_path, env=env)
    assert "cannot reach PostgreSQL" in said.stderr and "s3cret" not in said.stderr + said.stdout
