"""Marks by the code on the wall, for students who decline to be recognised."""
import pytest

WRONG = "ZZZ-ZZZ"


@pytest.fixture
def class_(api, name):
    """A course with two students, and an active session of it."""
    students = [api.student(f"{name}-{i}", f"{name} {i}") for i in range(2)]
    course = api.course(name, [s["id"] for s in students], early_before_min=5, minutes_needed=10)
    return students, course, api.session(course["id"])["id"]


def code(api, session):
    return api.get(f"/v1/sessions/{session}/code")


def post(api, session, text, student, status=200):
    return api.ask("POST", f"/v1/sessions/{session}/code-marks", status,
                   json={"code": text, "external_id": student["external_id"]}).json()


def test_a_code_marks_like_a_face(shared, api, class_):
    students, _, session = class_
    shown = code(api, session)
    assert shown["payload"] == f"rollcall:code?session={session}&code={shown['code']}"
    with api.feed(session) as feed:
        made = post(api, session, shown["code"].lower().replace("-", " "), students[0])
        told = feed.until(lambda m: m["type"] == "mark_changed")[-1]
    assert (made["status"], made["student"]["id"]) == ("present", students[0]["id"])
    assert (told["status"], told["student"]["id"]) == ("present", students[0]["id"])
    assert post(api, session, shown["code"], students[0]) == made  # one use: it stands
    mark = api.get(f"/v1/sessions/{session}/marks/{students[0]['id']}")
    assert (mark["mark"]["source"], mark["mark"]["receipt"]["code"]) == ("code", True)
    assert [e["event"]["event"] for e in mark["events"]] == ["mark"]
    api.post(f"/v1/sessions/{session}/stop", status=200)
    after = api.marks(session)["items"]
    assert [m["status"] for m in after] == ["present", "absent"]  # minutes are asked of faces only
    assert api.get("/v1/register/verification")["intact"]


def test_only_whom_the_session_is_for(api, class_, name):
    students, course, session = class_
    stranger = api.student(f"{name}-x")
    text = code(api, session)["code"]
    assert post(api, session, text, stranger, 404)["code"] == "NOT_FOUND"
    assert post(api, session, text, {"external_id": f"{name}-nobody"}, 404)["code"] == "NOT_FOUND"
    problem = api.problem("POST", f"/v1/sessions/{session}/code-marks", 400, "INVALID", json={"code": text})
    assert "external_id" in problem["detail"]
    other = api.session(course["id"])["id"]
    assert post(api, other, text, students[0], 422)["code"] == "UNPROCESSABLE"  # bound to its session
    planned = api.session(course["id"], start=False)["id"]
    api.problem("GET", f"/v1/sessions/{planned}/code", 409, "CONFLICT")
    api.post(f"/v1/sessions/{session}/stop", status=200)
    api.problem("GET", f"/v1/sessions/{session}/code", 409, "CONFLICT")
    assert post(api, session, text, students[0], 409)["code"] == "CONFLICT"


def test_guessing_is_slow(api, class_):
    students, _, session = class_
    for _ in range(5):
        assert post(api, session, WRONG, students[0], 422)["code"] == "UNPROCESSABLE"
    text = code(api, session)["code"]
    answer = api.ask("POST", f"/v1/sessions/{session}/code-marks", 429,
                     json={"code": text, "external_id": students[0]["external_id"]})
    assert answer.headers["retry-after"] == "60" and answer.json()["code"] == "RATE"
    assert post(api, session, text, students[1])["status"] == "present"  # others are not held up


def test_a_late_code_is_late(shared, api, name):
    student = api.student(name)
    session = api.session(api.course(name, [student["id"]], late_after_min=10)["id"])["id"]
    shared.sql("UPDATE session SET started_at = started_at - ? WHERE id = ?", 11 * 60_000_000, session)
    assert post(api, session, code(api, session)["code"], student)["status"] == "late"


def test_any_process_checks_a_code(serve, name):
    server = serve()
    student = server.api.student(name)
    session = server.api.session(server.api.course(name, [student["id"]])["id"])["id"]
    shown = code(server.api, session)
    server.kill()
    server.restart()
    made = post(server.api, session, shown["code"], student)
    assert made["status"] == "present"




def signed_in(api, login, role, **more):
    api.post("/v1/users", {"login": login, "role": role, "password": "correct horse battery", **more})
    token = api.post("/v1/login", {"login": login, "password": "correct horse battery"}, 200)["token"]
    return api.with_token(token)


def test_a_student_types_it_for_nobody_else(api, class_, name):
    students, course, session = class_
    mine = signed_in(api, f"{name}-s", "student", student=students[0]["id"])
    loner = signed_in(api, f"{name}-l", "student")
    path = f"/v1/sessions/{session}/code-marks"
    text = code(api, session)["code"]
    mine.problem("GET", f"/v1/sessions/{session}/code", 403, "FORBIDDEN")
    mine.problem("POST", path, 403, "FORBIDDEN", json={"code": text, "external_id": students[1]["external_id"]})
    loner.problem("POST", path, 404, "NOT_FOUND", json={"code": text})
    assert mine.post(path, {"code": text}, 200)["student"]["id"] == students[0]["id"]
    assert [m["student"]["id"] for m in api.marks(session)["items"]] == [students[0]["id"]]
    mine.close()
    loner.close()


def test_lists_do_not_tell_a_code_from_a_face(shared, api, class_, name):
    students, course, session = class_
    teacher = signed_in(api, f"{name}-t", "instructor")
    api.ask("PUT", f"/v1/courses/{course['id']}/instructors/{teacher.get('/v1/me')['id']}", 204)
    for student in students:
        post(api, session, code(api, session)["code"], student)
    before = shared.sql("SELECT receipt FROM mark WHERE student_id = ?", students[1]["id"])[0]["receipt"]
    shared.sql("UPDATE mark SET source = 'face', frame = ?, receipt = '{\"similarity\":0.9}' WHERE student_id = ?",
               session, students[1]["id"])
    shown = teacher.marks(session)["items"]
    for mark in shown:
        assert mark["first_seen"] == mark["last_seen"]
        del mark["student"], mark["first_seen"], mark["last_seen"]
    assert shown[0] == shown[1] and shown[0]["source"] == "seen" and shown[0]["receipt"] is None
    assert {m["source"] for m in api.marks(session)["items"]} == {"code", "face"}
    shared.sql("UPDATE mark SET source = 'code', frame = '', receipt = ? WHERE student_id = ?",
               before, students[1]["id"])  # the register is right again
    teacher.close()
