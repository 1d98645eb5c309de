"""Whose row: every route, every role, rows of their own and of others.

TABLE has one line for each operation of the API: the row rule it names, and who may. A route that is not in it fails
the first test. Letters: A admin, R registrar, U auditor, I instructor, S student, C camera; a small i or s may on own
rows only, and what is not theirs must look like what does not exist.
"""
from types import SimpleNamespace

import pytest
import websockets.exceptions

from program import photos

SOME_ID = "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60"
PASSWORD = "correct horse battery"
NOT_THEIRS = "there is nothing with this id, or it is not yours"
TABLE = {
    "landing": ("none", "ARUISC"), "health": ("none", "ARUISC"), "ready": ("none", "ARUISC"),
    "openapi": ("none", "ARUISC"), "signIn": ("none", "ARUISC"), "signOut": ("self", "ARUISC"),
    "getMe": ("self", "ARUISC"), "listMyMarks": ("self", "ARUIS"), "listMarksOf": ("student", "ARUis"),
    "metrics": ("all", "ARU"), "verifyRegister": ("all", "ARU"), "getSignedRegister": ("all", "ARU"), "listAudit": ("all", "AU"), "getSystem": ("all", "ARU"),
    "getSchedule": ("all", "ARU"), "runScheduledJob": ("all", "A"),
    "getEngine": ("all", "A"), "listEngineMissing": ("all", "A"), "listEngineDifferences": ("all", "A"),
    "startEngineSwitch": ("all", "A"), "commitEngineSwitch": ("all", "A"), "revertEngineSwitch": ("all", "A"),
    "finishEngineSwitch": ("all", "A"), "calibrate": ("all", "A"),
    "listUsers": ("all", "A"), "createUser": ("all", "A"), "getUser": ("all", "A"),
    "updateUser": ("all", "A"), "deleteUser": ("all", "A"), "setPassword": ("all", "A"), "createSignInCode": ("all", "A"),
    "listStudents": ("list", "ARUIS"), "createStudent": ("all", "AR"), "getStudent": ("student", "ARUis"),
    "updateStudent": ("student", "AR"), "deleteStudent": ("student", "AR"), "enrolPhotos": ("student", "AR"),
    "exportStudent": ("student", "ARs"), "forgetPhotos": ("student", "AR"), "listTemplates": ("student", "ARUs"), "deleteTemplate": ("student", "AR"),
    "listKeptPhotos": ("student", "AR"), "getKeptPhoto": ("student", "AR"),
    "inviteStudent": ("student", "AR"), "listLookAlikesOf": ("all", "ARU"), "listLookAlikes": ("all", "ARU"), "listJobs": ("all", "ARU"),
    "getJob": ("all", "ARU"),
    "listCourses": ("list", "ARUIS"), "createCourse": ("all", "AR"), "getCourse": ("course", "ARUis"), "getCourseCalendar": ("course", "ARUis"),
    "updateCourse": ("course", "AR"), "deleteCourse": ("course", "AR"), "getRoster": ("course", "ARUi"),
    "enrolStudent": ("course", "AR"), "unenrolStudent": ("course", "AR"), "listInstructors": ("course", "ARUi"),
    "addInstructor": ("course", "AR"), "removeInstructor": ("course", "AR"),
    "listSessions": ("list", "ARUIS"), "createSession": ("course in the body", "ARI"),
    "getSession": ("session", "ARUis"), "deleteSession": ("session", "ARi"), "startSession": ("session", "ARi"),
    "stopSession": ("session", "ARi"), "postFrame": ("session", "AiC"), "postClassPhotos": ("session", "AiC"),
    "createChallenge": ("session", "AiC"), "postChallengeFrame": ("session", "AiC"),
    "getCode": ("session", "ARi"), "postCodeMark": ("session", "ARis"),
    "listMarks": ("session", "ARUi"), "getMark": ("mark", "ARUis"), "correctMark": ("mark", "ARi"),
    "disputeMark": ("mark", "ARis"), "listDisputes": ("list", "ARUI"),
    "createEventsTicket": ("session", "ARUi"), "events": ("session", "ARUi"),
    "listConsents": ("student", "ARUs"), "recordConsent": ("student", "AR"), "withdrawConsent": ("student", "ARs"),
    "importStudents": ("all", "AR"), "getInstitution": ("none", "ARUI"), "updateInstitution": ("all", "AR"),
    "listSites": ("none", "ARUI"), "getSite": ("none", "ARUI"), "createSite": ("all", "AR"),
    "updateSite": ("all", "AR"), "deleteSite": ("all", "AR"),
    "listRooms": ("none", "ARUI"), "getRoom": ("none", "ARUI"), "createRoom": ("all", "AR"),
    "updateRoom": ("all", "AR"), "deleteRoom": ("all", "AR"),
    "listTerms": ("none", "ARUI"), "getTerm": ("none", "ARUI"), "createTerm": ("all", "AR"),
    "updateTerm": ("all", "AR"), "deleteTerm": ("all", "AR"),
    "listHolidays": ("none", "ARUI"), "getHoliday": ("none", "ARUI"), "createHoliday": ("all", "AR"),
    "updateHoliday": ("all", "AR"), "deleteHoliday": ("all", "AR"),
    "reportSession": ("list", "ARUIS"), "reportCourse": ("list", "ARUIS"), "reportStudent": ("list", "ARUIS"),
    "reportTerm": ("list", "ARUIS"), "reportTermCourses": ("list", "ARUIS"),
    "listApiClients": ("all", "A"), "createApiClient": ("all", "A"), "getApiClient": ("all", "A"),
    "updateApiClient": ("all", "A"), "revokeApiClient": ("all", "A"), "rotateApiKey": ("all", "A"),
    "listSessionCameras": ("session", "ARUis"), "assignCamera": ("session", "ARi"),
    "unassignCamera": ("session", "ARi"),
    "listSettings": ("all", "ARU"), "getSetting": ("all", "ARU"), "updateSetting": ("all", "A"),
    "updateSession": ("session", "ARi"), "cancelSession": ("session", "ARi"), "importCourses": ("all", "AR"),
    "importRosters": ("all", "AR"), "importOneRoster": ("all", "AR"), "listErasures": ("all", "ARU"), "updateCamera": ("all", "A"),
    "getErasure": ("all", "ARU"),
    "importRosters": ("all", "AR"),
    "importCalendar": ("all", "AR"),
    "getCourseTimetable": ("course", "ARUis"), "getTimetable": ("course", "ARUis"),
    "createTimetable": ("course", "AR"), "updateTimetable": ("course", "AR"), "deleteTimetable": ("course", "AR"),
    "listTimetables": ("none", "ARUI"), "generateSessions": ("all", "AR"),
    "listCameras": ("all", "ARU"), "createCamera": ("all", "A"), "getCamera": ("all", "ARU"), "deleteCamera": ("all", "A"),
}
ROLES = {"A": "admin", "R": "registrar", "U": "auditor", "I": "instructor", "S": "student", "C": "camera"}


def operations(api):
    for path, methods in api.get("/openapi.json")["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


@pytest.fixture(scope="module")
def world(shared):
    """Two courses. The instructor teaches `own`, the student is on its roster, with a classmate."""
    api, w = shared.api, SimpleNamespace(users={}, apis={})

    def sign_in(login, role, **more):
        w.users[login] = api.post("/v1/users", {"login": f"rr-{login}", "role": role, "password": PASSWORD, **more})
        token = api.post("/v1/login", {"login": f"rr-{login}", "password": PASSWORD}, 200)["token"]
        w.apis[login] = api.with_token(token)

    w.me, w.mate, w.stranger = (api.student(f"RR-{n}")["id"] for n in ("me", "mate", "stranger"))
    for role in ROLES.values():
        sign_in(role, role, **({"student": w.me} if role == "student" else {}))
    sign_in("loner", "student")
    w.own, w.foreign = api.course("RR-own", [w.me, w.mate])["id"], api.course("RR-foreign", [w.stranger])["id"]
    api.ask("PUT", f"/v1/courses/{w.own}/instructors/{w.users['instructor']['id']}", 204)
    w.sitting, w.other_sitting = api.session(w.own)["id"], api.session(w.foreign)["id"]
    for session, student in ((w.sitting, w.me), (w.sitting, w.mate), (w.other_sitting, w.stranger)):
        api.ask("PUT", f"/v1/sessions/{session}/marks/{student}", 200, json={"status": "late", "reason": "the door"})
    yield w
    for one in w.apis.values():
        one.close()


def concrete(path, course, session, student):
    """The path with the ids of these rows; an id of anything else names nothing."""
    own = {"courses": course, "sessions": session, "students": student}.get(path.split("/")[2] if "{" in path else "")
    path = path.replace("{id}", own or SOME_ID).replace("{student}", student)
    return "/".join(SOME_ID if part.startswith("{") else part for part in path.split("/"))


def verdict(answer):
    if answer.status_code in (401, 403):
        return "refused"
    if answer.status_code == 404 and answer.json()["detail"] == NOT_THEIRS:
        return "not theirs"
    return "answered"


def rows_for(w, letter, rule):
    """(ids, is it theirs) to try."""
    yield (w.own, w.sitting, w.me), True
    yield (w.foreign, w.other_sitting, w.stranger), False
    yield (SOME_ID, SOME_ID, SOME_ID), False
    if letter == "S" and rule in ("student", "mark"):
        yield (w.own, w.sitting, w.mate), False


def test_every_route_names_its_row_rule_and_is_in_the_table(api):
    named = {operation["operationId"]: operation["x-rows"] for _, _, operation in operations(api)}
    assert named == {name: rule for name, (rule, _) in TABLE.items()}


@pytest.mark.parametrize("letter", ROLES)
def test_each_role_gets_its_rows_and_no_others(api, world, letter):
    who = world.apis[ROLES[letter]]
    for method, path, operation in operations(api):
        name = operation["operationId"]
        rule, may = TABLE[name]
        if name == "signOut" or (letter in "ARU" and letter in may and method != "GET"):
            continue  # they would do it
        for ids, theirs in rows_for(world, letter, rule):
            answer = who.ask(method, concrete(path, *ids), **({"json": {}} if "requestBody" in operation else {}))
            expected = "refused"
            if letter in may:
                expected = "answered"
            elif letter.lower() in may:
                expected = "answered" if theirs else "not theirs"
            if name == "signIn":
                expected = verdict(answer)
            assert verdict(answer) == expected, (name, letter, theirs, answer.status_code, answer.text[:300])


def test_lists_hold_what_is_theirs(world):
    w = world
    for login, courses, sessions, students in (("instructor", {w.own}, {w.sitting}, {w.me, w.mate}),
                                               ("student", {w.own}, {w.sitting}, {w.me}),
                                               ("loner", set(), set(), set())):
        who = w.apis[login]
        for path, expected in (("/v1/courses", courses), ("/v1/sessions", sessions), ("/v1/students", students)):
            assert {item["id"] for item in who.get(path)["items"]} == expected, (login, path)
        assert who.get("/v1/students", stale=1)["items"] == []
    assert w.apis["instructor"].get("/v1/sessions", course=w.foreign)["items"] == []


def test_an_instructor_is_shown_the_disputes_of_own_courses(api, world):
    w = world
    for session, student in ((w.sitting, w.mate), (w.other_sitting, w.stranger)):
        api.post(f"/v1/sessions/{session}/marks/{student}/dispute", {"reason": "I was early"}, 200)
    shown = {d["mark"]["student"]["id"] for d in w.apis["instructor"].get("/v1/disputes")["items"]}
    assert shown == {w.mate}
    everybody = {d["mark"]["student"]["id"] for d in w.apis["auditor"].get("/v1/disputes", limit=200)["items"]}
    assert {w.mate, w.stranger} <= everybody


def test_disputes_are_paged_in_the_order_of_doubt(api, course, people):
    """One with evidence and some without."""
    session = api.session(course["id"])["id"]
    seen = api.seen(session, photos("val", "elton_john")[0])["faces"][0]
    assert seen["status"] == "present", seen
    others = [people[n]["id"] for n in ("ben_afflek", "jerry_seinfeld", "mindy_kaling")]
    for student in others:
        api.ask("PUT", f"/v1/sessions/{session}/marks/{student}", 200, json={"status": "late", "reason": "-"})
    for student in (*others, people["elton_john"]["id"]):
        api.post(f"/v1/sessions/{session}/marks/{student}/dispute", {"reason": "no"}, 200)
    whole = api.get("/v1/disputes", session=session)
    assert whole["next"] is None and len(whole["items"]) == 4
    assert whole["items"][0]["mark"]["student"]["id"] == people["elton_john"]["id"] and whole["items"][0]["margin"] > 0
    assert [d["margin"] for d in whole["items"][1:]] == [None] * 3
    paged, after = [], None
    while after is not None or not paged:
        page = api.get("/v1/disputes", session=session, limit=1, **({"after": after} if after else {}))
        paged, after = paged + page["items"], page["next"]
    assert paged == whole["items"]
    api.problem("GET", "/v1/disputes", 400, "INVALID", params={"after": "nonsense"})


def test_a_student_reads_and_contests_the_own_receipt_and_the_instructor_decides(api, course, people, name):
    ben = people["ben_afflek"]["id"]
    made = api.post("/v1/users", {"login": name, "role": "student", "student": ben, "password": PASSWORD})
    mine = api.with_token(api.post("/v1/login", {"login": name, "password": PASSWORD}, 200)["token"])
    camera = api.post("/v1/cameras", {"name": f"cam-{name}"})["id"]
    session = api.session(course["id"], title="Lecture 3")["id"]
    frame = api.seen(session, photos("val", "ben_afflek")[0], camera=camera)["frame"]
    listed = mine.get("/v1/me/marks", course=course["id"])["items"]
    assert [(m["session"], m["title"], m["course"]["code"]) for m in listed] == [(session, "Lecture 3", course["code"])]
    receipt = mine.get(f"/v1/sessions/{session}/marks/{ben}")["mark"]["receipt"]
    assert receipt["camera"] == camera and receipt["frame"] == frame and receipt["captured_at"]
    for what in ("similarity", "margin", "liveness", "sightings", "confirmations", "threshold", "table", "encoder",
                 "model_sha256"):
        assert what in receipt, what
    contested = f"/v1/sessions/{session}/marks/{ben}"
    mine.post(f"{contested}/dispute", {"reason": "that was my brother"}, 200)
    assert [m["session"] for m in mine.get("/v1/me/marks", disputed=1, course=course["id"])["items"]] == [session]
    mine.problem("PUT", contested, 403, json={"status": "absent", "reason": "-"})
    teacher = api.post("/v1/users", {"login": f"{name}-t", "role": "instructor", "password": PASSWORD})
    api.ask("PUT", f"/v1/courses/{course['id']}/instructors/{teacher['id']}", 204)
    theirs = api.with_token(api.post("/v1/login", {"login": f"{name}-t", "password": PASSWORD}, 200)["token"])
    assert [d["session"] for d in theirs.get("/v1/disputes")["items"]] == [session]
    theirs.ask("PUT", contested, 200, json={"status": "absent", "reason": "it was the brother"})
    history = mine.get(contested)
    assert history["mark"]["status"] == "absent" and history["events"][-1]["event"]["reason"] == "it was the brother"
    assert mine.get("/v1/me/marks", disputed=1, course=course["id"])["items"] == []
    assert [m["mark"]["status"] for m in theirs.get(f"/v1/students/{ben}/marks")["items"]] == ["absent"]
    api.ask("DELETE", f"/v1/users/{made['id']}", 204)
    mine.close()
    theirs.close()


def test_only_a_student_has_own_marks(world):
    for login in ("admin", "instructor", "loner"):
        world.apis[login].problem("GET", "/v1/me/marks", 404, "NOT_FOUND")
    assert [m["session"] for m in world.apis["student"].get("/v1/me/marks")["items"]] == [world.sitting]


def test_a_session_is_planned_in_an_own_course_only(world):
    mine = world.apis["instructor"]
    mine.ask("DELETE", f"/v1/sessions/{mine.session(world.own, start=False)['id']}", 204)
    for course in (world.foreign, SOME_ID):
        problem = mine.problem("POST", "/v1/sessions", 400, "INVALID", json={"course": course})
        assert problem["detail"] == "course does not exist"


def test_events_of_a_session_go_to_those_whose_it_is(world):
    w = world
    mine = w.apis["instructor"]
    with mine.feed(w.sitting):
        pass
    with mine.feed(w.sitting, ticket=mine.post(f"/v1/sessions/{w.sitting}/events-ticket", status=200)["ticket"]):
        pass
    for who, session, code in ((mine, w.other_sitting, 4404), (mine, SOME_ID, 4404), (w.apis["student"], w.sitting, 4401)):
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed, who.feed(session) as feed:
            feed.next()
        assert closed.value.rcvd.code == code


def test_who_no_longer_teaches_a_course_loses_it(api, name):
    user = api.post("/v1/users", {"login": name, "role": "instructor", "password": PASSWORD})
    course = api.course(f"RR-{name}")["id"]
    mine = api.with_token(api.post("/v1/login", {"login": name, "password": PASSWORD}, 200)["token"])
    mine.problem("GET", f"/v1/courses/{course}", 404)
    api.ask("PUT", f"/v1/courses/{course}/instructors/{user['id']}", 204)
    api.ask("PUT", f"/v1/courses/{course}/instructors/{user['id']}", 204)
    assert [i["login"] for i in mine.get(f"/v1/courses/{course}/instructors")["items"]] == [name]
    api.ask("DELETE", f"/v1/courses/{course}/instructors/{user['id']}", 204)
    mine.problem("GET", f"/v1/courses/{course}", 404)
    api.problem("DELETE", f"/v1/courses/{course}/instructors/{user['id']}", 404)
    mine.close()


def test_only_who_may_hold_sessions_can_teach(api, world):
    problem = api.problem("PUT", f"/v1/courses/{world.own}/instructors/{world.users['student']['id']}", 409, "CONFLICT")
    assert "cannot teach" in problem["detail"]
    api.problem("PUT", f"/v1/courses/{world.own}/instructors/{SOME_ID}", 404)


@pytest.mark.parametrize("body, code", [
    ({"role": "auditor", "student": "me"}, 400), ({"role": "student", "student": SOME_ID}, 400),
    ({"role": "student", "student": "me"}, 409),
])
def test_a_user_is_tied_to_one_student(api, world, name, body, code):
    body = {**body, "student": world.me if body["student"] == "me" else body["student"]}
    api.problem("POST", "/v1/users", code, json={"login": name, **body})
