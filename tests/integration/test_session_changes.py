"""Plans that change: a session's title and times, sessions that do not take place, lists by time, past rosters."""
from datetime import datetime, timedelta, timezone

from program import photos

T = "2026-03-29T00:30:00.000000Z"


def iso(at):
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_a_plan_changes_by_whoever_knows_its_version(api, name):
    session = api.session(api.course(name)["id"], start=False)
    path = f"/v1/sessions/{session['id']}"
    got = api.ask("PATCH", path, 200, json={"title": "Lecture 3 – «ü»", "planned_start": T}, headers={"If-Match": '"1"'})
    assert (got.json()["title"], got.json()["planned_start"], got.headers["etag"]) == ("Lecture 3 – «ü»", T, '"2"')
    api.problem("PATCH", path, 412, "PRECONDITION", json={"title": "x"}, headers={"If-Match": '"1"'})
    api.problem("PATCH", path, 400, "INVALID", json={"planned_end": T})  # not after the start
    api.problem("PATCH", path, 400, "INVALID", json={"title": "x" * 201})
    assert api.ask("PATCH", path, 200, json={"planned_start": None}).json()["planned_start"] is None
    api.post(f"{path}/start", status=200)
    problem = api.problem("PATCH", path, 409, "CONFLICT", json={"planned_start": T})
    assert "active" in problem["detail"]
    assert api.ask("PATCH", path, 200, json={"planned_end": T, "title": ""}).json()["planned_end"] == T
    api.post(f"{path}/stop", status=200)
    api.problem("PATCH", path, 409, "CONFLICT", json={"planned_end": None})
    assert api.ask("PATCH", path, 200, json={"title": "was good"}).json()["title"] == "was good"
    api.problem("PATCH", "/v1/sessions/01990000-0000-7000-8000-000000000001", 404, "NOT_FOUND", json={"title": "x"})


def test_a_cancelled_session_takes_no_frames_and_makes_no_absences(api, people, course):
    session = api.session(course["id"])["id"]
    path = f"/v1/sessions/{session}"
    for body in ({}, {"reason": ""}, {"reason": "x" * 501}):
        api.problem("POST", f"{path}/cancel", 400, "INVALID", json=body)
    with api.feed(session) as feed:
        done = api.post(f"{path}/cancel", {"reason": "the lecturer is ill"}, 200)
        told = feed.until(lambda m: m["type"] == "session_changed" and m["status"] != "active")[-1]
    assert told["status"] == done["status"] == "cancelled" and done["cancel_reason"] == "the lecturer is ill"
    assert api.post(f"{path}/cancel", {"reason": "another"}, 200) == done
    image = photos("val", "ben_afflek")[0]
    for offline in (0, 1):
        assert "cancelled" in api.problem("POST", f"{path}/frames?offline={offline}", 409, "CONFLICT",
                                          content=image.read_bytes())["detail"]
    for action in ("start", "stop"):
        api.problem("POST", f"{path}/{action}", 409, "CONFLICT")
    assert api.marks(session)["items"] == []
    assert session in [s["id"] for s in api.get("/v1/sessions", course=course["id"], status="cancelled")["items"]]


def test_a_session_with_marks_took_place(api, people, session):
    api.seen(session["id"], photos("val", "ben_afflek")[0])
    path = f"/v1/sessions/{session['id']}"
    api.problem("POST", f"{path}/cancel", 409, "CONFLICT", json={"reason": "x"})
    api.post(f"{path}/stop", status=200)
    api.problem("POST", f"{path}/cancel", 409, "CONFLICT", json={"reason": "x"})


def test_sessions_are_listed_by_time(api, name):
    course = api.course(name)["id"]
    days = [datetime(2031, 3, day, 9, tzinfo=timezone.utc) for day in (1, 2, 3)]
    made = [api.post("/v1/sessions", {"course": course, "planned_start": iso(d)})["id"] for d in days]

    def listed(**query):
        return [s["id"] for s in api.get("/v1/sessions", course=course, **query)["items"]][::-1]

    assert listed() == made
    assert listed(**{"from": iso(days[1])}) == made[1:]
    assert listed(to=iso(days[1])) == made[:1]
    assert listed(**{"from": iso(days[1]), "to": iso(days[2])}) == made[1:2]
    api.problem("GET", "/v1/sessions?from=yesterday", 400, "INVALID")


def test_a_roster_is_asked_for_by_day(shared, api, name):
    students = [api.student(f"{name}-{i}")["id"] for i in range(2)]
    course = api.course(name, students)["id"]
    start = datetime(2026, 3, 29, 10, tzinfo=timezone.utc)

    def us(at):
        return int(at.timestamp()) * 1_000_000

    shared.sql("UPDATE roster_entry SET valid_from = ?, valid_to = ? WHERE student_id = ?",
               us(start), us(start + timedelta(hours=13)), students[0])  # until 23:00 UTC, 01:00 in Vienna
    shared.sql("UPDATE roster_entry SET valid_from = ? WHERE student_id = ?", us(start + timedelta(days=1)), students[1])

    def on(**query):
        return {r["student"]["id"] for r in api.get(f"/v1/courses/{course}/roster", **query)["items"]}

    assert on(on="2026-03-28") == set()
    assert on(on="2026-03-29") == {students[0]}
    assert on(on="2026-03-30") == {students[1]}
    assert on(on="2026-03-30", tz="Europe/Vienna") == set(students)
    assert on(on=iso(start)) == on(at=iso(start)) == {students[0]}
    assert on() == {students[1]}
    for query in ("on=2026-02-30", "on=2026-03-30&tz=Mars/Base", "on=2026-03-30&at=" + iso(start)):
        api.problem("GET", f"/v1/courses/{course}/roster?{query}", 400, "INVALID")
