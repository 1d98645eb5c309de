"""kill -9 at any moment: what was acknowledged stands after the restart, and nothing stands twice."""
import json
import random
import threading

import httpx
import pytest
import websockets

import database
import register
from program import OUTSIDER, PEOPLE, photos, wait_for

ENROLLED = [person for person in PEOPLE if person != OUTSIDER]


class Witness(threading.Thread):
    """Reads a feed until it breaks; keeps every mark that a client was told of, and the last id."""

    def __init__(self, feed):
        super().__init__(daemon=True)
        self.feed, self.marked, self.last, self.count = feed, set(), 0, 0
        self.start()

    def run(self):
        try:
            while True:
                message = json.loads(self.feed.socket.recv())
                self.count += 1
                self.last = message.get("id", self.last)
                if message["type"] == "mark_changed":
                    self.marked.add((message["session"], message["student"]["id"]))
                for face in message.get("faces", []):
                    if face["status"] in ("present", "already_present"):
                        self.marked.add((message["session"], face["student"]["id"]))
        except (websockets.exceptions.ConnectionClosed, OSError):
            pass


class Replay(threading.Thread):
    """Posts the pictures over and over until the server is gone."""

    def __init__(self, api, session, pictures):
        super().__init__(daemon=True)
        self.api, self.session, self.pictures, self.accepted = api, session, pictures, 0
        self.start()

    def run(self):
        try:
            while True:
                for picture in self.pictures:
                    answer = self.api.frame(self.session, picture)
                    assert answer.status_code in (202, 503), answer.text
                    self.accepted += answer.status_code == 202
        except (httpx.TransportError, RuntimeError):  # RuntimeError: the client was closed meanwhile
            pass


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """A server with the enrolled people on one course; killed and restarted by the tests of this file."""
    from program import Server
    server = Server(tmp_path_factory.mktemp("crash") / "data").start()
    students = {p: server.api.enrol(p, photos("train", p, 2))["id"] for p in ENROLLED}
    course = server.api.course("C", list(students.values()), confirmations=1)
    yield server, course["id"], students
    if server.process.poll() is None:
        assert server.stop() == 0


@pytest.mark.parametrize("round_", range(10))
def test_a_kill_during_a_replay_loses_no_acknowledged_mark(school, round_):
    server, course, students = school
    session = server.api.session(course)["id"]
    pictures = [photos("val", person)[round_ % 5].read_bytes() for person in ENROLLED]
    random.Random(round_).shuffle(pictures)
    witness = Witness(server.api.feed(session))
    replay = Replay(server.api, session, pictures)
    wait_for(lambda: witness.count >= 1 + round_ * 3, what="a few events")
    server.kill()
    replay.join(20)
    witness.join(20)
    assert not witness.is_alive() and not replay.is_alive() and replay.accepted
    standing = register.verify(server)
    assert witness.marked <= standing, "an acknowledged mark is gone"

    server.restart()
    listed = {(session, mark["student"]["id"]) for mark in server.api.marks(session)["items"]}
    assert witness.marked <= listed == {mark for mark in standing if mark[0] == session}
    with server.api.feed(session, after=witness.last) as feed:
        told = feed.until(lambda m: m["type"] == "lag")
        assert told[-1]["reason"] == "restart"
        for picture in pictures:  # the session goes on: everybody ends up marked once
            server.api.frame(session, picture, 202)
        wait_for(lambda: len(server.api.marks(session)["items"]) >= len(listed), what="marks")
        for picture in pictures:
            server.api.seen(session, picture)
    marks = [mark["student"]["id"] for mark in server.api.marks(session)["items"]]
    assert len(marks) == len(set(marks)) and {(session, m) for m in marks} >= listed
    assert set(marks) <= set(students.values())


def test_the_register_holds_after_all_of_it(school):
    server, _, students = school
    assert server.stop() == 0
    marks = register.verify(server)
    assert len(marks) >= 10 and {student for _, student in marks} <= set(students.values())
    server.restart()


def test_a_mark_that_was_committed_reaches_a_subscriber_even_when_the_server_died_before_telling(school):
    """The outbox row that a crash left behind is published by the next start."""
    import uuid
    server, course, students = school
    session = server.api.session(course)["id"]
    server.api.seen(session, photos("val", "elton_john")[0])
    wait_for(lambda: server.api.marks(session)["items"], what="the mark")
    server.kill()
    body = {"type": "mark_changed", "session": session,
            "student": {"id": students["elton_john"], "external_id": "elton_john", "name": "E"},
            "status": "present", "source": "face", "first_seen": "2026-11-22T09:00:00.000000Z", "frame": None}
    envelope = "M" + students["elton_john"] + json.dumps(body)
    server.sql("INSERT INTO outbox (id, topic, payload, created_at) VALUES (?, ?, ?, 1)",
               str(uuid.uuid4()), f"session:{session}", envelope)
    server.restart()
    with server.api.feed(session, after=0) as feed:
        mark = feed.until(lambda m: m["type"] == "mark_changed")[-1]
        assert mark["student"]["id"] == students["elton_john"]
    wait_for(lambda: server.sql("SELECT COUNT(*) AS n FROM outbox")[0]["n"] == 0,
             what="the empty outbox")


@pytest.mark.parametrize("moment", ["at once", "in the middle"])
def test_an_enrolment_job_survives_a_kill_and_judges_each_photo_once(serve, moment):
    lease = ["--job-lease-ms", "3000"] if database.POSTGRES else []
    server = serve("--workers", "1", "--templates-max", "50", *lease)
    student = server.api.student("S")
    files = photos("train", "jerry_seinfeld", 20)
    job = server.api.upload(student["id"], files)["id"]
    if moment == "in the middle":
        wait_for(lambda: sum(p["verdict"] is not None for p in server.api.get(f"/v1/jobs/{job}")["photos"]) >= 5,
                 what="five verdicts")
    server.kill()
    judged = server.sql("SELECT COUNT(*) AS n FROM job_photo WHERE verdict <> ''")[0]["n"]
    assert judged < len(files), "the job was over before the kill: upload more photos"
    server.restart()
    # less than the usual lease: a start gives back what was running; on PostgreSQL, where another process might be
    # running it, the lease runs out
    done = server.api.finished(job, 25)
    assert done["state"] == "done" and all(p["verdict"] for p in done["photos"])
    accepted = sum(p["verdict"] == "accepted" for p in done["photos"])
    assert accepted >= 10 and server.api.get(f"/v1/students/{student['id']}")["photos"] == accepted
    assert server.stop() == 0
    sources = [r["source"] for r in server.sql("SELECT source FROM template")]
    assert len(sources) == len(set(sources)) == accepted


def test_a_created_student_survives_a_kill_right_after_the_answer(serve):
    server = serve()
    made = []
    for round_ in range(3):
        for i in range(10):
            made.append(server.api.student(f"{round_}-{i}")["id"])
        server.kill()
        server.restart()
        assert [s["id"] for s in server.api.get("/v1/students", limit=200)["items"]] == sorted(made)
