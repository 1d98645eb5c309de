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


def correct(api, session, student, status, reason):
    return api.ask("PUT", f"/v1/sessions/{session}/marks/{student}", 200, json={"status": status, "reason": reason}).json()


def test_a_mark_is_corrected_disputed_and_decided_by_events_alone(api, shared, people, session):
    name, ben = session["id"], people["ben_afflek"]["id"]
    path = f"/v1/sessions/{name}/marks/{ben}"
    api.seen(name, photos("val", "ben_afflek")[0])
    mark = by_name(api, name)["Ben Afflek"]
    late = correct(api, name, ben, "late", "came at 9:20 – “signed” 🙂")
    assert (late["status"], late["source"], late["disputed_at"]) == ("late", "manual", None)
    assert (late["frame"], late["receipt"], late["first_seen"]) == (mark["frame"], mark["receipt"], mark["first_seen"])
    assert correct(api, name, ben, "late", "came at 9:20 – “signed” 🙂") == late  # sent twice, told once
    flagged = api.post(f"{path}/dispute", {"reason": "I was there at 9"}, 200)
    assert flagged["status"] == "late" and flagged["disputed_at"]
    listed = api.get("/v1/disputes", session=name)["items"]
    assert [d["mark"] for d in listed] == [flagged] and listed[0]["session"] == name
    assert abs(listed[0]["margin"] - (mark["receipt"]["similarity"] - mark["receipt"]["threshold"])) < 1e-9
    decided = correct(api, name, ben, "present", "right, the clock was wrong")
    assert decided["disputed_at"] is None and api.get("/v1/disputes", session=name)["items"] == []
    told = api.get(path)
    assert told["mark"] == decided and told["session"] == name
    assert [e["event"]["event"] for e in told["events"]] == ["mark", "correction", "dispute", "correction"]
    assert [e["event"].get("reason") for e in told["events"]] == [
        None, "came at 9:20 – “signed” 🙂", "I was there at 9", "right, the clock was wrong"]
    assert [e["seq"] for e in told["events"]] == [1, 2, 3, 4]
    assert [e["actor"] for e in told["events"]] == ["worker", "local", "local", "local"]
    assert told["events"][0]["event"]["receipt"] == mark["receipt"]
    whole(shared)


def test_an_excuse_stands_whatever_comes_later(api, shared, people, course):
    session = api.session(course["id"])["id"]
    elton = people["elton_john"]["id"]
    with api.feed(session) as feed:
        correct(api, session, elton, "excused", "funeral")
        said = feed.until(lambda m: m["type"] == "mark_changed")[-1]
    assert (said["status"], said["source"], said["disputed"], said["first_seen"]) == ("excused", "manual", False, None)
    seen = api.seen(session, photos("val", "elton_john")[0])
    assert seen["faces"][0]["status"] == "already_present" and seen["faces"][0]["mark"]["status"] == "excused"
    stop(api, session)
    assert words(api, session)["Elton John"] == ("excused", "manual")
    whole(shared)


def test_what_cannot_be_corrected_is_refused(api, people, session):
    ben, outsider = people["ben_afflek"]["id"], people["madonna"]["id"]
    path = f"/v1/sessions/{session['id']}/marks"
    good = {"status": "present", "reason": "x"}
    api.problem("PUT", f"{path}/{outsider}", 404, "NOT_FOUND", json=good)
    api.problem("GET", f"{path}/{ben}", 404, "NOT_FOUND")
    api.problem("POST", f"{path}/{ben}/dispute", 404, "NOT_FOUND", json={"reason": "x"})
    for body in ({"status": "gone", "reason": "x"}, {"status": "present"}, {"status": "present", "reason": ""},
                 {"status": "present", "reason": "x" * 501}, {}):
        api.problem("PUT", f"{path}/{ben}", 400, "INVALID", json=body)
    assert api.marks(session["id"])["items"] == []
    api.problem("GET", "/v1/disputes?course=nonsense", 400, "INVALID")


def test_a_flag_taken_off_by_sql_is_found(serve):
    server = serve()
    api = server.api
    student = api.student("D-1")["id"]
    session = api.session(api.course("D", [student])["id"])["id"]
    stop(api, session)
    api.post(f"/v1/sessions/{session}/marks/{student}/dispute", {"reason": "I was there"}, 200)
    whole(server)
    assert server.stop() == 0
    server.sql("UPDATE mark SET disputed_at = 0")
    done = run("verify-register", "--data-dir", server.data)
    assert done.returncode == 1 and "differs from the register" in done.stdout
