"""What marks become beyond being seen: absences at the end, and what comes late."""
from datetime import datetime, timedelta

from program import photos, run


def by_name(api, session):
    return {m["student"]["name"]: m for m in api.marks(session)["items"]}


def words(api, session):
    return {name: (m["status"], m["source"]) for name, m in by_name(api, session).items()}


def stop(api, session):
    return api.post(f"/v1/sessions/{session}/stop", status=200)


def whole(server):
    checked = server.api.get("/v1/register/verification")
    assert checked["intact"], checked["sentences"]
    return checked


def test_who_has_no_mark_at_the_end_is_absent(api, shared, people, session):
    name = session["id"]
    api.seen(name, photos("val", "ben_afflek")[0])
    with api.feed(name) as feed:
        stop(api, name)
        told = feed.until(lambda m: m["type"] == "mark_changed" and m["student"]["name"] == "Mindy Kaling")
    assert {m["status"] for m in told if m["type"] == "mark_changed"} >= {"absent"}
    assert told[-1]["first_seen"] is None and told[-1]["source"] == "rule" and told[-1]["frame"] is None
    assert words(api, name) == {"Ben Afflek": ("present", "face"), "Elton John": ("absent", "rule"),
                                "Jerry Seinfeld": ("absent", "rule"), "Mindy Kaling": ("absent", "rule")}
    marks = api.marks(name)
    assert marks["missing"] == []
    absent = next(m for m in marks["items"] if m["status"] == "absent")
    assert absent["first_seen"] is None and absent["last_seen"] is None and absent["receipt"] is None
    before = whole(shared)["events"]
    stop(api, name)
    assert api.marks(name) == marks and whole(shared)["events"] == before


def test_a_frame_from_offline_turns_an_absence_into_a_mark(api, shared, people, course):
    session = api.session(course["id"])["id"]
    stop(api, session)
    ended = api.get(f"/v1/sessions/{session}")
    assert words(api, session)["Ben Afflek"] == ("absent", "rule")
    path = photos("val", "ben_afflek")[0]
    late = api.frame(session, path, 200, wait=1, offline=1).json()
    assert late["type"] == "frame_dropped" and late["reason"] == "session_closed"  # captured after the end
    seen = api.seen(session, path, offline=1, captured_at=ended["started_at"])
    assert "present" in [f["status"] for f in seen["faces"]]
    mark = by_name(api, session)["Ben Afflek"]
    assert (mark["status"], mark["source"], mark["first_seen"]) == ("present", "face", ended["started_at"])
    assert mark["receipt"]["similarity"] > mark["receipt"]["threshold"]
    again = api.seen(session, path, offline=1, captured_at=ended["started_at"])
    assert "already_present" in [f["status"] for f in again["faces"]]
    whole(shared)


def test_evidence_from_offline_is_gathered_beside_a_written_absence(api, people, course):
    session = api.session(course["id"], confirmations=2)["id"]
    stop(api, session)
    started = datetime.fromisoformat(api.get(f"/v1/sessions/{session}")["started_at"])
    first, second = photos("val", "elton_john")[:2]
    for photo, seconds, status, word in ((first, 2, "confirming", "absent"), (second, 0, "present", "present")):
        at = (started - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        seen = api.seen(session, photo, offline=1, captured_at=at)
        assert [f["status"] for f in seen["faces"]] == [status] and words(api, session)["Elton John"][0] == word


def test_the_absences_survive_kill_9(serve):
    server = serve()
    api = server.api
    students = [api.student(f"K-{i}")["id"] for i in range(30)]
    session = api.session(api.course("K", students)["id"])["id"]
    stop(api, session)
    server.kill()
    done = run("verify-register", "--data-dir", server.data)
    assert done.returncode == 0 and "30 marks: the register is whole" in done.stdout, done.stdout
    server.restart()
    assert len(server.api.marks(session)["items"]) == 30
