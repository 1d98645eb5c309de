"""Timetables: weekly sittings in the time of a site, and the sessions made from them."""
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

NOBODY = "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60"
FIRST = date.today() + timedelta(days=3)


@pytest.fixture
def room(api, name):
    site = api.post("/v1/sites", {"name": f"Site {name}", "tz": "America/New_York"})
    return api.post("/v1/rooms", {"name": "H1", "site": site["id"]})


@pytest.fixture
def weekly(api, name):
    return api.course(f"W-{name}")


def entry(room, **more):
    return {"weekday": FIRST.isoweekday(), "local_start": "09:15", "minutes": 90, "room": room["id"],
            "first_day": str(FIRST), "last_day": str(FIRST + timedelta(days=14)), **more}


def sessions(api, course):
    return sorted(api.get("/v1/sessions", course=course["id"])["items"], key=lambda s: s["planned_start"])


def local(session, which="planned_start"):
    return datetime.fromisoformat(session[which].replace("Z", "+00:00")).astimezone(ZoneInfo("America/New_York"))


def test_a_timetable_makes_sessions_in_the_time_of_its_site(api, weekly, room):
    answer = api.ask("POST", f"/v1/courses/{weekly['id']}/timetable", 201, json=entry(room, title="Lab"))
    made = answer.json()
    assert api.get(answer.headers["location"]) == made
    assert made["tz"] == "America/New_York" and made["local_start"] == "09:15" and made["site"] == room["site"]
    got = sessions(api, weekly)
    assert [local(s).date() for s in got] == [FIRST + timedelta(days=d) for d in (0, 7, 14)]
    assert {local(s).strftime("%H:%M") + local(s, "planned_end").strftime("-%H:%M") for s in got} == {"09:15-10:45"}
    assert {(s["room"], s["timetable"], s["title"], s["status"]) for s in got} == {
        (room["id"], made["id"], "Lab", "scheduled")}
    assert api.get("/v1/timetable", room=room["id"])["items"] == [made]
    assert api.get("/v1/timetable", course=weekly["id"], weekday=FIRST.isoweekday())["items"] == [made]
    assert api.get("/v1/timetable", room=room["id"], weekday=FIRST.isoweekday() % 7 + 1)["items"] == []
    assert api.get(f"/v1/courses/{weekly['id']}/timetable")["items"] == [made]


def test_a_change_moves_only_what_nobody_touched(api, weekly, room):
    made = api.post(f"/v1/courses/{weekly['id']}/timetable", entry(room))
    path = f"/v1/courses/{weekly['id']}/timetable/{made['id']}"
    first, second, third = sessions(api, weekly)
    api.ask("DELETE", f"/v1/sessions/{first['id']}", 204)
    api.post(f"/v1/sessions/{second['id']}/start", status=200)
    tag = api.ask("GET", path, 200).headers["etag"]
    changed = api.ask("PATCH", path, 200, json={"local_start": "13:00"}, headers={"If-Match": tag}).json()
    assert changed["version"] == 2 and changed["minutes"] == 90
    api.problem("PATCH", path, 412, "PRECONDITION", json={"minutes": 60}, headers={"If-Match": tag})
    got = sessions(api, weekly)
    assert [s["id"] for s in got] == [second["id"], third["id"]]
    assert [local(s).strftime("%H:%M") for s in got] == ["09:15", "13:00"]
    assert api.post("/v1/timetable/generate", status=200)["made"] == 0
    api.ask("DELETE", path, 204)
    assert [s["id"] for s in sessions(api, weekly)] == [second["id"]]
    api.problem("GET", path, 404, "NOT_FOUND")
    api.post(f"/v1/sessions/{second['id']}/stop", status=200)


def test_a_holiday_takes_the_day_away_at_the_next_run(api, weekly, room):
    api.post(f"/v1/courses/{weekly['id']}/timetable", entry(room))
    off = api.post("/v1/holidays", {"name": "Off", "site": room["site"], "first_day": str(FIRST)})
    assert api.post("/v1/timetable/generate", status=200)["removed"] >= 1
    assert len(sessions(api, weekly)) == 2
    api.ask("DELETE", f"/v1/holidays/{off['id']}", 204)
    assert api.post("/v1/timetable/generate", status=200)["made"] >= 1
    assert len(sessions(api, weekly)) == 3


def test_a_clash_is_named_and_may_be_meant(api, weekly, room, name):
    api.post(f"/v1/courses/{weekly['id']}/timetable", entry(room))
    other = api.course(f"X-{name}")
    path = f"/v1/courses/{other['id']}/timetable"
    detail = api.problem("POST", path, 409, "CONFLICT", json=entry(room, local_start="10:00"))["detail"]
    assert f"W-{name}" in detail and "09:15 to 10:45" in detail and "allow_clash=1" in detail
    assert api.post(path, entry(room, local_start="10:45"))["local_start"] == "10:45"
    assert api.post(f"{path}?allow_clash=1", entry(room, local_start="10:00"))["local_start"] == "10:00"


def test_the_days_of_the_course_s_term_are_the_default_and_the_bounds(api, weekly, room):
    term = api.post("/v1/terms", {"name": "T", "site": room["site"], "first_day": str(FIRST),
                                  "last_day": str(FIRST + timedelta(days=7))})
    days = {"first_day": None, "last_day": None}
    body = {k: v for k, v in entry(room).items() if k not in days}
    api.problem("POST", f"/v1/courses/{weekly['id']}/timetable", 400, "INVALID", json=body)
    changed = api.ask("PATCH", f"/v1/courses/{weekly['id']}", 200, json={"term_id": term["id"]}).json()
    assert changed["term_id"] == term["id"] and changed["term"] == weekly["term"]
    made = api.post(f"/v1/courses/{weekly['id']}/timetable", body)
    assert (made["first_day"], made["last_day"]) == (term["first_day"], term["last_day"])
    assert len(sessions(api, weekly)) == 2
    api.ask("PATCH", f"/v1/terms/{term['id']}", 200, json={"last_day": str(FIRST + timedelta(days=6))})
    api.post("/v1/timetable/generate", status=200)
    assert len(sessions(api, weekly)) == 1
    assert "courses" in api.problem("DELETE", f"/v1/terms/{term['id']}", 409, "CONFLICT")["detail"]
    api.problem("PATCH", f"/v1/courses/{weekly['id']}", 400, "INVALID", json={"term_id": NOBODY})
    api.ask("PATCH", f"/v1/courses/{weekly['id']}", 200, json={"term_id": None})
    api.ask("DELETE", f"/v1/terms/{term['id']}", 204)


@pytest.mark.parametrize("change, word", [
    ({"weekday": 8}, "weekday"),
    ({"local_start": "9:15"}, "local_start"),
    ({"local_start": "23:00"}, "midnight"),
    ({"minutes": 0}, "minutes"),
    ({"room": None}, "a room or a site"),
    ({"room": NOBODY}, "room"),
    ({"site": NOBODY}, "site"),
    ({"last_day": "2020-01-01"}, "last_day"),
])
def test_what_is_wrong_is_400_and_says_what(api, weekly, room, change, word):
    assert word in api.problem("POST", f"/v1/courses/{weekly['id']}/timetable", 400, "INVALID",
                               json={**entry(room), **change})["detail"]


def test_a_session_made_by_hand_may_name_its_room(api, weekly, room):
    made = api.post("/v1/sessions", {"course": weekly["id"], "room": room["id"]})
    assert made["room"] == room["id"] and made["timetable"] is None
    for where in ({"room": room["id"]}, {"site": room["site"]}):
        assert [s["id"] for s in api.get("/v1/sessions", **where)["items"]] == [made["id"]]
    assert api.get("/v1/sessions", room=NOBODY)["items"] == []
    api.problem("POST", "/v1/sessions", 400, "INVALID", json={"course": weekly["id"], "room": NOBODY})
    assert "sessions" in api.problem("DELETE", f"/v1/rooms/{room['id']}", 409, "CONFLICT")["detail"]
