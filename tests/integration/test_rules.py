"""Attendance rules: minutes and sweeps from sightings, and what a session's end makes of them."""
from datetime import datetime, timedelta

from program import photos


def stop(api, session):
    return api.post(f"/v1/sessions/{session}/stop", status=200)


def marks(api, session):
    return {m["student"]["name"]: m for m in api.marks(session)["items"]}


def whole(server):
    checked = server.api.get("/v1/register/verification")
    assert checked["intact"], checked["sentences"]


def backdate(server, session, minutes):
    """The session began so many minutes ago; who reads it from a cache hears it after a moment."""
    server.sql("UPDATE session SET started_at = started_at - ? WHERE id = ?", minutes * 60_000_000, session)


def test_rules_are_set_on_a_course_and_copied_to_its_sessions(api, name):
    rules = {"early_before_min": 5, "minutes_needed": 30, "sweeps": 6, "sweeps_needed": 4}
    course = api.course(name, **rules)
    assert {k: course[k] for k in rules} == rules
    session = api.session(course["id"], start=False)
    changed = api.ask("PATCH", f"/v1/courses/{course['id']}", 200, json={"sweeps_needed": 6}).json()
    assert changed["sweeps_needed"] == 6 and changed["sweeps"] == 6
    kept = api.get(f"/v1/sessions/{session['id']}")
    assert {k: kept[k] for k in rules} == rules
    assert api.session(course["id"], start=False)["sweeps_needed"] == 6


def test_rules_that_cannot_be_are_refused(api, name):
    course = api.course(name, sweeps=3)
    path = f"/v1/courses/{course['id']}"
    for body in ({"sweeps_needed": 4}, {"sweeps": 101}, {"minutes_needed": 1441}, {"early_before_min": -1}):
        api.problem("PATCH", path, 400, "INVALID", json=body)
        api.problem("POST", "/v1/courses", 400, "INVALID", json={"code": f"{name}-2", "title": "x", **body})
    assert api.get(path) == course


def test_the_minutes_of_a_session_decide_when_it_closes(shared, api, people, name):
    ben, elton = people["ben_afflek"], people["elton_john"]
    course = api.course(name, [ben["id"], elton["id"]], confirmations=1, minutes_needed=3, sweeps=2, sweeps_needed=2)
    session = api.session(course["id"])["id"]
    backdate(shared, session, 40)
    started = datetime.fromisoformat(api.get(f"/v1/sessions/{session}")["started_at"])

    def see(person, minute):
        at = (started + timedelta(minutes=minute, seconds=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return api.seen(session, photos("val", person)[0], captured_at=at, offline=1)

    for minute in (2, 2, 30, 31):
        see("ben_afflek", minute)
    see("elton_john", 5)
    see("elton_john", 6)
    now = marks(api, session)
    assert (now["Ben Afflek"]["minutes"], now["Ben Afflek"]["sweeps"], now["Elton John"]["minutes"]) == (3, 2, 2)
    assert [m["status"] for m in now.values()] == ["present", "present"]
    with api.feed(session) as feed:
        stop(api, session)
        told = feed.until(lambda m: m["type"] == "mark_changed")[-1]
    assert (told["student"]["name"], told["status"], told["source"]) == ("Elton John", "absent", "face")
    assert [m["status"] for m in marks(api, session).values()] == ["present", "absent"]
    events = api.get(f"/v1/sessions/{session}/marks/{elton['id']}")["events"]
    assert [e["event"]["event"] for e in events] == ["mark", "closing"]
    assert events[1]["event"]["reason"] == "seen in 2 minutes and in 1 of 2 sweeps"
    stop(api, session)
    assert len(api.get(f"/v1/sessions/{session}/marks/{elton['id']}")["events"]) == 2

    see("elton_john", 33)  # a camera that was offline sends what it kept
    again = marks(api, session)["Elton John"]
    assert (again["status"], again["minutes"], again["sweeps"]) == ("present", 3, 2)
    see("elton_john", 33)
    assert marks(api, session)["Elton John"] == again
    whole(shared)


def test_a_clock_that_jumps_changes_no_rule(shared, api, people, name):
    """Vienna, 29 March 2026: at 01:00 UTC the clock on the wall goes from 02:00 to 03:00."""
    ben, elton = people["ben_afflek"], people["elton_john"]
    course = api.course(name, [ben["id"], elton["id"]], confirmations=1, late_after_min=40, minutes_needed=2)
    session = api.session(course["id"], planned_start="2026-03-29T01:30:00+01:00",
                          planned_end="2026-03-29T03:30:00+02:00")
    assert (session["planned_start"], session["planned_end"]) == (
        "2026-03-29T00:30:00.000000Z", "2026-03-29T01:30:00.000000Z")
    start = datetime.fromisoformat(session["planned_start"])
    shared.sql("UPDATE session SET started_at = planned_start WHERE id = ?", session["id"])

    def see(person, minute):
        at = (start + timedelta(minutes=minute, seconds=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        api.seen(session["id"], photos("val", person)[0], captured_at=at, offline=1)

    see("ben_afflek", 29)  # 01:59 on the wall
    see("ben_afflek", 30)  # 03:00, a minute later
    see("elton_john", 39)  # 03:09: 99 minutes on the wall, 39 of the session
    see("elton_john", 41)
    stop(api, session["id"])
    assert [(m["status"], m["minutes"]) for m in marks(api, session["id"]).values()] == [("present", 2)] * 2


def test_a_session_of_10000_closes(serve, name):
    server = serve()
    api, n = server.api, 10_000
    course = api.course(name)["id"]
    count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
    of = "'01990000-0000-7000-%s-' || CAST(100000000000 + i AS TEXT)"
    server.sql("INSERT INTO student (id, external_id, name, email, status, version, created_at, updated_at) "
               f"{count}SELECT {of % '8000'}, CAST(i AS TEXT), 'A name of a student', '', 'active', 1, 1, 1 FROM n", n)
    server.sql("INSERT INTO roster_entry (id, course_id, student_id, valid_from) "
               f"{count}SELECT {of % '9000'}, ?, {of % '8000'}, 1 FROM n", n, course)
    session = api.session(course)["id"]
    stop(api, session)
    assert len(api.marks(session)["items"]) == n
    whole(server)
