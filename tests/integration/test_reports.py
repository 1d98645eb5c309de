"""Reports: JSON and CSV of a session, a course, a student and a term, with filters, pages and row rules."""
import csv
import io
import uuid

import pytest

from program import Server, wait_for
from test_schedule import run_now

TERM = "2026W"
STATUS = ("present", "late", "left-early", "absent", "excused")
FORMULA = '=HYPERLINK("http://x","y")'


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """A server with a course of seven students and three sessions, all marks set by hand, and one session of another."""
    server = Server(tmp_path_factory.mktemp("reports") / "data").start()
    api = server.api
    names = [FORMULA, "Żółć مرحبا 🙂"] + [f"Student {i}" for i in range(5)]
    people = [api.post("/v1/students", {"external_id": f"R-{i}", "name": name})["id"] for i, name in enumerate(names)]
    course = api.course("R-1", people, term=TERM)["id"]
    other = api.course("R-2", people[:1], term=TERM)["id"]
    sessions = [api.session(course, planned_start=f"2026-11-{day}T09:00:00Z", title=title)["id"]
                for day, title in (("02", "one"), ("09", ""), ("11", "three"))]
    foreign = api.session(other, planned_start="2026-12-01T09:00:00Z")["id"]
    for i, session in enumerate(sessions):
        for j, student in enumerate(people[:6]):
            api.ask("PUT", f"/v1/sessions/{session}/marks/{student}", 200,
                    json={"status": STATUS[(i + j) % 5], "reason": "test"})
    api.ask("PUT", f"/v1/sessions/{foreign}/marks/{people[0]}", 200, json={"status": "absent", "reason": "test"})
    yield server, course, sessions, people
    assert server.stop() == 0


def rows_of(api, path, **query):
    """The CSV as dictionaries; every cell of it is text."""
    answer = api.ask("GET", path, 200, params=query, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="')
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))


def test_a_session_report_has_everybody_on_the_roster(school):
    server, _, sessions, people = school
    r = server.api.get("/v1/reports/session", session=sessions[0])
    assert r["title"] == "R-1 Course R-1: one" and r["generated_at"] and r["course"]["code"] == "R-1"
    assert [i["student"]["external_id"] for i in r["items"]] == [f"R-{i}" for i in range(7)]
    assert [i["status"] for i in r["items"]] == [*STATUS, "present", None]
    assert r["counts"] == r["totals"] == {"present": 2, "late": 1, "left_early": 1, "absent": 1, "excused": 1,
                                          "percent": 80.0}
    assert "source" not in str(r) and r["next"] is None
    late = server.api.get("/v1/reports/session", session=sessions[0], status="late")
    assert [i["student"]["id"] for i in late["items"]] == [people[1]] and late["counts"] == r["counts"]
    assert server.api.get("/v1/reports/session", session=sessions[0], late_over=5)["items"] == []


def test_csv_is_the_same_table_and_never_runs(school):
    server, _, sessions, _ = school
    shown = server.api.get("/v1/reports/session", session=sessions[0])["items"]
    rows = rows_of(server.api, "/v1/reports/session", session=sessions[0])
    assert list(rows[0]) == ["student_id", "student_external_id", "student_name", "status", "first_seen", "last_seen",
                             "minutes", "late_minutes"]
    assert [r["status"] or None for r in rows] == [i["status"] for i in shown]
    assert rows[0]["student_name"] == "'" + FORMULA and rows[1]["student_name"] == "Żółć مرحبا 🙂"
    with_mark = server.api.ask("GET", "/v1/reports/session", 200,
                               params={"session": sessions[0], "format": "csv", "bom": "1"}).content
    assert with_mark.startswith(b"\xef\xbb\xbfstudent_id,") and with_mark.endswith(b"\r\n")


def test_a_course_report_is_a_matrix(school):
    server, course, sessions, _ = school
    r = server.api.get("/v1/reports/course", course=course)
    assert [s["id"] for s in r["sessions"]] == sessions and r["term"] == TERM
    assert r["items"][0]["marks"] == ["present", "late", "left-early"]
    assert r["items"][3]["marks"] == ["absent", "excused", "present"]
    assert r["items"][3]["counts"] == {"present": 1, "late": 0, "left_early": 0, "absent": 1, "excused": 1,
                                       "percent": 50.0}
    assert r["items"][6]["marks"] == ["", "", ""] and r["items"][6]["counts"]["percent"] is None
    rows = rows_of(server.api, "/v1/reports/course", course=course)
    assert list(rows[0])[-3:] == ["2026-11-02T09:00 one", "2026-11-09T09:00", "2026-11-11T09:00 three"]
    assert rows[3]["2026-11-02T09:00 one"] == "absent" and rows[3]["counts_percent"] == "50.0"


@pytest.mark.parametrize("query, sessions", [
    ({"from": "2026-11-09"}, [1, 2]), ({"to": "2026-11-09"}, [0, 1]), ({"to": "2026-11-09T09:00:00Z"}, [0]),
    ({"weekday": 1}, [0, 1]), ({"weekday": 3}, [2]), ({"weekday": 7}, []),
    ({"from": "2026-11-09", "to": "2026-11-10", "tz": "Europe/Berlin"}, [1]),
])
def test_period_and_weekday_choose_the_sessions(school, query, sessions):
    server, course, ids, people = school
    wanted = [ids[i] for i in sessions]
    assert [s["id"] for s in server.api.get("/v1/reports/course", course=course, **query)["sessions"]] == wanted
    sittings = server.api.get("/v1/reports/student", student=people[1], **query)
    assert [i["session"] for i in sittings["items"]] == wanted
    term = server.api.get("/v1/reports/term", term=TERM, course=course, **query)
    assert sum(term["totals"][k] for k in ("present", "late", "left_early", "absent", "excused")) == 6 * len(wanted)


def test_a_student_report_has_every_course_and_session(school):
    server, course, sessions, people = school
    r = server.api.get("/v1/reports/student", student=people[0])
    assert [(i["course_code"], i["status"]) for i in r["items"]] == [
        ("R-1", "present"), ("R-1", "late"), ("R-1", "left-early"), ("R-2", "absent")]
    assert [(c["code"], c["counts"]["percent"]) for c in r["courses"]] == [("R-1", 100.0), ("R-2", 0.0)]
    assert r["counts"]["percent"] == 75.0
    assert len(server.api.get("/v1/reports/student", student=people[0], course=course)["items"]) == 3
    assert len(rows_of(server.api, "/v1/reports/student", student=people[0])) == 4


def test_a_term_report_counts_students_and_courses(school):
    server, *_ = school
    r = server.api.get("/v1/reports/term", term=TERM)
    assert (r["n_courses"], r["n_sessions"], len(r["items"])) == (2, 4, 6)
    assert r["items"][0]["counts"]["percent"] == 75.0
    below = server.api.get("/v1/reports/term", term=TERM, below=60)["items"]
    assert below == [i for i in r["items"] if i["counts"]["percent"] is not None and i["counts"]["percent"] < 60]
    assert 0 < len(below) < 6
    courses = server.api.get("/v1/reports/term/courses", term=TERM)
    assert [c["course"]["code"] for c in courses["items"]] == ["R-1", "R-2"]
    assert courses["totals"] == r["totals"]
    assert server.api.get("/v1/reports/term", term="no such")["items"] == []


@pytest.mark.parametrize("path, query", [("session", {}), ("course", {}), ("student", {}), ("term", {"term": TERM}),
                                         ("term/courses", {"term": TERM})])
def test_pages_follow_each_other(school, path, query):
    server, course, sessions, people = school
    query = query or {path: {"session": sessions[0], "course": course, "student": people[0]}[path]}
    whole = server.api.get(f"/v1/reports/{path}", **query)["items"]
    got, after = [], {}
    while True:
        page = server.api.get(f"/v1/reports/{path}", limit=1, **query, **after)
        got += page["items"]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert got == whole and len(whole) > 1


@pytest.mark.parametrize("path", [
    "session", "session?session=7", "course?course=", "student", "term", "term?term=x&below=101", "term?term=x&below=nan",
    "term?term=x&weekday=8", "term?term=x&from=yesterday", "term?term=x&from=2026-11-09&to=2026-11-08",
    "term?term=x&tz=Mars", "term?term=x&limit=0", "term?term=x&format=xml", "term?term=x&after=" + "a" * 200,
    f"student?student={uuid.uuid4()}&after=x",
])
def test_bad_questions_are_told_what_is_wrong(school, path):
    assert school[0].api.ask("GET", f"/v1/reports/{path}").status_code in (400, 404)


def test_the_head_tells_when_the_register_was_verified(school):
    server, course, _, _ = school
    assert server.api.get("/v1/reports/course", course=course)["verified"]["state"] == "never"
    checked = server.api.get("/v1/register/verification")
    state = server.api.get("/v1/reports/course", course=course)["verified"]
    assert state["state"] == "whole" and state["events"] == checked["events"] and state["age_s"] < 60 and state["at"]
    server.sql("UPDATE register_verification SET findings = 2")
    assert server.api.get("/v1/reports/course", course=course)["verified"]["state"] == "damaged"


def test_a_long_report_streams_and_is_whole(school):
    """1,500 students: more than a page, more than a piece."""
    server, *_ = school
    api = server.api
    course = api.course("R-3", term="long")["id"]
    session = api.session(course)["id"]
    server.sql("INSERT INTO student (id, external_id, name, email, status, version, created_at, updated_at) "
               "WITH RECURSIVE n (i) AS (SELECT 10000 UNION ALL SELECT i + 1 FROM n WHERE i < 11499) "
               "SELECT '00000000-0000-7000-8000-0000000' || CAST(i AS text), 'L-' || CAST(i AS text), 'N', '', "
               "'active', 1, 1, 1 FROM n")
    server.sql("INSERT INTO mark (session_id, student_id, frame, status, source, first_seen, last_seen, receipt, "
               "created_at) SELECT ?, id, '', 'present', 'manual', 0, 0, '', 1 FROM student "
               "WHERE external_id LIKE ?", session, "L-%")
    term = api.get("/v1/reports/term", term="long")
    assert len(term["items"]) == 1500 and term["totals"]["present"] == 1500
    answer = api.ask("GET", "/v1/reports/session", 200, params={"session": session, "format": "csv"})
    assert answer.headers["transfer-encoding"] == "chunked" and answer.text.count("\r\n") == 1501
    page = api.get("/v1/reports/session", session=session, limit=700)
    assert len(page["items"]) == 700 and page["next"] == "L-10699"


def test_instructors_see_their_courses_and_students_themselves(school):
    server, course, sessions, people = school
    api, password = server.api, "correct horse battery"

    def sign_in(login, role, **more):
        made = api.post("/v1/users", {"login": login, "role": role, "password": password, **more})
        return made["id"], api.with_token(api.post("/v1/login", {"login": login, "password": password}, 200)["token"])

    teacher, teaching = sign_in("rep-teacher", "instructor")
    _, student = sign_in("rep-student", "student", student=people[0])
    other = api.get("/v1/reports/student", student=people[0])["courses"][1]["id"]
    api.ask("PUT", f"/v1/courses/{other}/instructors/{teacher}", 204)
    try:
        assert teaching.ask("GET", f"/v1/reports/course?course={course}").status_code == 404
        assert teaching.ask("GET", f"/v1/reports/session?session={sessions[0]}").status_code == 404
        assert len(teaching.get("/v1/reports/course", course=other)["items"]) == 1
        assert [i["course_code"] for i in teaching.get("/v1/reports/student", student=people[0])["items"]] == ["R-2"]
        term = teaching.get("/v1/reports/term", term=TERM)
        assert term["n_courses"] == 1 and term["totals"]["absent"] == 1 and len(term["items"]) == 1
        assert [i["course"]["code"] for i in teaching.get("/v1/reports/term/courses", term=TERM)["items"]] == ["R-2"]
        assert teaching.get("/v1/reports/term", term=TERM, weekday=1)["items"] == []
        assert len(student.get("/v1/reports/student", student=people[0])["items"]) == 4
        assert student.ask("GET", f"/v1/reports/student?student={people[1]}").status_code == 404
        for path in (f"course?course={course}", f"session?session={sessions[0]}", f"term?term={TERM}"):
            assert student.ask("GET", f"/v1/reports/{path}").status_code == 403
    finally:
        teaching.close()
        student.close()


@pytest.fixture(scope="module")
def abroad(tmp_path_factory):
    """A server with sites in Tokyo and Berlin, and a course of one student."""
    server = Server(tmp_path_factory.mktemp("abroad") / "data").start()
    api = server.api
    rooms = {}
    for tz in ("Asia/Tokyo", "Europe/Berlin"):
        site = api.post("/v1/sites", {"name": tz, "tz": tz})["id"]
        rooms[tz] = api.post("/v1/rooms", {"site": site, "name": "H1"})["id"]
    student = api.post("/v1/students", {"external_id": "A-1", "name": "Somebody"})["id"]
    yield server, rooms, student
    assert server.stop() == 0


def sitting(api, course, student, at, status="present"):
    session = api.session(course, start=False, planned_start=at)["id"]
    api.ask("PUT", f"/v1/sessions/{session}/marks/{student}", 200, json={"status": status, "reason": "test"})
    return session


def test_a_weekday_is_that_of_the_clock_on_the_wall_all_year(abroad):
    """23:30 UTC on a Sunday is Monday in Berlin in winter; in summer 22:30 is, which in winter is not."""
    server, _, student = abroad
    course = server.api.course("DST", [student], term="dst")["id"]
    times = ("2026-01-18T23:30:00Z", "2026-01-18T22:30:00Z", "2026-07-19T22:30:00Z", "2026-07-19T21:30:00Z")
    winter, _, summer, _ = [sitting(server.api, course, student, at) for at in times]
    asked = {"weekday": 1, "tz": "Europe/Berlin"}
    columns = server.api.get("/v1/reports/course", course=course, **asked)["sessions"]
    assert [s["id"] for s in columns] == [winter, summer]
    one = server.api.get("/v1/reports/student", student=student, course=course, **asked)
    assert [i["session"] for i in one["items"]] == [winter, summer] and one["counts"]["present"] == 2
    for path in ("term", "term/courses"):
        assert server.api.get(f"/v1/reports/{path}", term="dst", **asked)["totals"]["present"] == 2


def test_days_are_those_of_the_place(abroad):
    server, rooms, student = abroad
    course = server.api.course("PLACE", [student], term="place")["id"]
    session = sitting(server.api, course, student, "2026-01-18T23:30:00Z")  # 08:30 on Monday in Tokyo, 00:30 in Berlin
    r = server.api.get("/v1/reports/course", course=course, weekday=1)
    assert r["tz"] == "Asia/Tokyo" and len(r["sessions"]) == 1  # the first site
    assert server.api.get("/v1/reports/course", course=course, weekday=1, tz="UTC")["sessions"] == []
    server.sql("UPDATE session SET room_id = ? WHERE id = ?", rooms["Europe/Berlin"], session)
    assert server.api.get("/v1/reports/course", course=course)["tz"] == "Europe/Berlin"
    assert server.api.get("/v1/reports/session", session=session)["tz"] == "Europe/Berlin"
    assert server.api.get("/v1/reports/student", student=student)["tz"] == "Asia/Tokyo"
    assert list(rows_of(server.api, "/v1/reports/course", course=course)[0])[-1] == "2026-01-19T00:30"


def test_minutes_are_those_with_a_sighting_and_tell_instructors_nothing(abroad):
    server, _, student = abroad
    api, password = server.api, "correct horse battery"
    course = api.course("MIN", [student], term="min")["id"]
    session = sitting(api, course, student, "2026-01-18T09:00:00Z")
    server.sql("UPDATE mark SET source = 'face', first_seen = 60000000, last_seen = 3660000000 WHERE session_id = ?", session)
    for minute in (1, 2, 61):
        server.sql("INSERT INTO presence (session_id, student_id, minute, sightings, best_score) VALUES (?, ?, ?, 1, 0.9)",
                   session, student, minute)
    asked = (("session", {"session": session}), ("student", {"student": student, "course": course}))
    for path, query in asked:
        row = api.get(f"/v1/reports/{path}", **query)["items"][0]
        assert row["minutes"] == 3 and row["last_seen"] == "1970-01-01T01:01:00.000000Z"
    teacher = api.post("/v1/users", {"login": "min-teacher", "role": "instructor", "password": password})["id"]
    api.ask("PUT", f"/v1/courses/{course}/instructors/{teacher}", 204)
    token = api.post("/v1/login", {"login": "min-teacher", "password": password}, 200)["token"]
    teaching = api.with_token(token)
    try:
        for path, query in asked:
            row = teaching.get(f"/v1/reports/{path}", **query)["items"][0]
            assert row["minutes"] == 0 and row["last_seen"] == row["first_seen"]
    finally:
        teaching.close()


def test_the_head_tells_when_the_register_was_signed(abroad):
    server, _, student = abroad
    signed = server.api.get("/v1/reports/student", student=student)["verified"]["signed_at"]
    run_now(server.api, "signature")
    wait_for(lambda: server.api.get("/v1/reports/student", student=student)["verified"]["signed_at"] not in (None, signed),
             what="a signature")


def test_who_was_erased_stays_without_a_name(abroad):
    server, _, _ = abroad
    student = server.api.post("/v1/students", {"external_id": "A-2", "name": "Gone Tomorrow"})["id"]
    course = server.api.course("ERA", [student], term="era")["id"]
    session = sitting(server.api, course, student, "2026-01-18T09:00:00Z")
    server.api.ask("DELETE", f"/v1/students/{student}", 200)
    for path, query in (("session", {"session": session}), ("course", {"course": course}), ("term", {"term": "era"})):
        answer = server.api.get(f"/v1/reports/{path}", **query)
        assert [i["student"]["name"] for i in answer["items"]] == ["Erased student"], path
        assert "Gone Tomorrow" not in str(answer) and answer["totals"]["present"] == 1


def test_what_was_cancelled_is_left_out_and_has_no_marks(abroad):
    server, _, student = abroad
    api = server.api
    course = api.course("CAN", [student], term="can")["id"]
    held, cancelled = (sitting(api, course, student, "2026-01-18T09:00:00Z"),
                       api.session(course, start=False, planned_start="2026-01-19T09:00:00Z")["id"])
    api.post(f"/v1/sessions/{cancelled}/cancel", {"reason": "ill"}, 200)
    assert api.ask("POST", f"/v1/sessions/{held}/cancel", json={"reason": "ill"}).status_code == 409
    assert api.ask("PUT", f"/v1/sessions/{cancelled}/marks/{student}", json={"status": "absent", "reason": "no"}
                   ).status_code == 409
    r = api.get("/v1/reports/course", course=course)
    assert [s["id"] for s in r["sessions"]] == [held] and r["items"][0]["marks"] == ["present"]
    term = api.get("/v1/reports/term", term="can")
    assert term["n_sessions"] == 1 and term["totals"]["present"] == 1 and term["totals"]["absent"] == 0
    assert [i["session"] for i in api.get("/v1/reports/student", student=student, course=course)["items"]] == [held]
