"""Sessions from iCalendar files: recurrence, zones, what a second import changes, and what is refused."""
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

BERLIN = ZoneInfo("Europe/Berlin")
FIRST = (datetime.now(BERLIN) + timedelta(days=4)).replace(hour=9, minute=15, second=0, microsecond=0)


def stamp(moment):
    return moment.strftime("%Y%m%dT%H%M%S")


def week(n, **more):
    return (FIRST + timedelta(days=7 * n)).replace(**more)


def event(uid, *lines, start=FIRST, minutes=90, summary=None, zone="Europe/Berlin"):
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", *([f"SUMMARY:{summary}"] if summary else []),
                        f"DTSTART;TZID={zone}:{stamp(start)}", f"DURATION:PT{minutes}M", *lines, "END:VEVENT", ""])


def calendar(*events):
    return ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + "".join(events) + "END:VCALENDAR\r\n").encode()


def send(api, body, status=200, **query):
    return api.ask("POST", "/v1/imports/icalendar", status, content=body, params=query,
                   headers={"Content-Type": "text/calendar"}).json()


def sessions(api, course):
    found = sorted(api.get("/v1/sessions", course=course["id"])["items"], key=lambda s: s["planned_start"])
    return found, [datetime.fromisoformat(s["planned_start"].replace("Z", "+00:00")).astimezone(BERLIN) for s in found]


@pytest.fixture
def taught(api, name):
    return api.course(f"K-{name}")


def weekly(taught, *lines):
    return event(f"{taught['code']}@x", "RRULE:FREQ=WEEKLY;COUNT=5",
                 f"EXDATE;TZID=Europe/Berlin:{stamp(week(1))}", *lines, summary=f"{taught['code']}: Databases")


def moved(taught):
    return event(f"{taught['code']}@x", f"RECURRENCE-ID;TZID=Europe/Berlin:{stamp(week(2))}",
                 start=week(2, hour=14), minutes=60, summary="Moved")


def test_a_repeating_event_becomes_sessions_in_its_zone(api, taught):
    body = calendar(moved(taught), weekly(taught, f"RDATE;TZID=Europe/Berlin:{stamp(week(0, hour=16))}"))
    told = send(api, body, dry_run=1)
    assert told["counts"]["create"] == 5 and not told["applied"] and sessions(api, taught)[0] == []
    assert send(api, body)["applied"]
    made, starts = sessions(api, taught)
    assert starts == [week(0), week(0, hour=16), week(2, hour=14), week(3), week(4)]
    assert [s["title"] for s in made][2] == "Moved" and made[0]["title"] == f"{taught['code']}: Databases"
    again = send(api, body)
    assert again["counts"]["unchanged"] == 5 and again["counts"]["create"] == 0
    assert sessions(api, taught)[0] == made


def test_a_course_is_exported_and_its_own_file_makes_no_doubles(api, taught):
    send(api, calendar(weekly(taught)))
    made, _ = sessions(api, taught)
    api.post(f"/v1/sessions/{made[3]['id']}/cancel", {"reason": "ill"}, status=200)
    answer = api.ask("GET", f"/v1/courses/{taught['id']}/calendar.ics", 200)
    assert answer.headers["content-type"].startswith("text/calendar")
    lines = answer.text.replace("\r\n ", "").split("\r\n")
    assert [line for line in lines if line.startswith("UID:")] == [f"UID:{s['id']}@rollcall" for s in reversed(made)]
    first = made[0]["planned_start"][:19].replace("-", "").replace(":", "") + "Z"
    assert f"DTSTART:{first}" in lines and lines.count("STATUS:CANCELLED") == 1
    assert f"SUMMARY:{taught['code']}: Databases" in lines
    again = send(api, answer.content)
    assert again["counts"]["ignore"] == 4 and again["counts"]["create"] == again["counts"]["error"] == 0
    assert len(sessions(api, taught)[0]) == 4
    other = send(api, answer.content.replace(b"@rollcall", b"@elsewhere"), course=taught["id"], dry_run=1)
    assert other["counts"]["create"] == 3  # what is cancelled is not made
    api.problem("GET", "/v1/courses/0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60/calendar.ics", 404)


def test_a_second_import_changes_only_what_nobody_touched(api, taught):
    send(api, calendar(weekly(taught)))
    made, _ = sessions(api, taught)
    api.post(f"/v1/sessions/{made[0]['id']}/start", status=200)
    api.ask("DELETE", f"/v1/sessions/{made[1]['id']}", 204)
    told = send(api, calendar(weekly(taught).replace("COUNT=5", "COUNT=4").replace("PT90M", "PT60M")))
    assert (told["counts"]["update"], told["counts"]["remove"], told["counts"]["create"]) == (1, 1, 0)
    after, _ = sessions(api, taught)
    assert [s["id"] for s in after] == [made[0]["id"], made[2]["id"]]
    assert after[0]["planned_end"] == made[0]["planned_end"] and after[1]["planned_end"] != made[2]["planned_end"]
    api.post(f"/v1/sessions/{made[0]['id']}/stop", status=200)


def test_one_wrong_event_and_nothing_is_imported(api, taught):
    body = calendar(weekly(taught), event("other@x", summary="No such course"),
                    event("zone@x", summary=taught["code"], zone="Mars/Olympus"))
    problem = send(api, body, 422)
    assert problem["report"]["counts"]["error"] == 2 and sessions(api, taught)[0] == []
    messages = " ".join(line["message"] or "" for line in problem["report"]["lines"])
    assert "send course=CODE" in messages and "Mars/Olympus" in messages


def test_the_course_may_be_named_for_all_events(api, taught):
    told = send(api, calendar(event(f"{taught['code']}-a", summary="Anything", zone="/example.org/x/Europe/Berlin")),
                course=taught["code"])
    assert told["applied"] and sessions(api, taught)[1] == [FIRST]
    send(api, calendar(event(f"{taught['code']}-a", "STATUS:CANCELLED", summary="Anything")), course=taught["id"])
    assert sessions(api, taught)[0] == []


@pytest.mark.parametrize("body", [b"", b"BEGIN:VCARD\r\nEND:VCARD\r\n", b"\xff\xfe", b"hello"])
def test_what_is_no_calendar_is_400(api, body):
    api.problem("POST", "/v1/imports/icalendar", 400, "INVALID", content=body,
                headers={"Content-Type": "text/calendar"})


def test_events_that_are_no_sittings_are_ignored(api, taught):
    old = event(f"{taught['code']}-old", start=FIRST - timedelta(days=30), summary=taught["code"])
    day = event(f"{taught['code']}-day", summary=taught["code"]).replace(
        f"DTSTART;TZID=Europe/Berlin:{stamp(FIRST)}", f"DTSTART;VALUE=DATE:{FIRST:%Y%m%d}")
    counts = send(api, calendar(old, day))["counts"]
    assert counts["ignore"] == 2 and counts["create"] == 0
