"""OneRoster 1.1 zip files, made here: bulk, delta, sourcedIds that stay when numbers change, and what must be refused."""
import io
import zipfile

import pytest

from test_imports import course, counts, line, roster, student  # noqa: F401

HEADS = {
    "academicSessions": "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear",
    "courses": "sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,subjectCodes",
    "users": "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,"
             "middleName,identifier,email,sms,phone,agentSourcedIds,grades,password",
    "classes": "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,"
               "schoolSourcedId,termSourcedIds,subjects,subjectCodes,periods",
    "enrollments": "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate",
}
UNUSED = ("orgs", "demographics", "lineItems", "results", "resources", "categories", "classResources", "courseResources")


def packed(mode="bulk", version="1.1", declare=(), leave_out=(), **tables):
    """A zip file; tables: file -> list of rows as dictionaries."""
    names = set(tables) | set(declare)
    manifest = f"propertyName,value\nmanifest.version,1.0\noneroster.version,{version}\nsource.systemCode,test-sis\n"
    manifest += "".join(f"file.{name},{mode if name in names else 'absent'}\n" for name in [*HEADS, *UNUSED])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        if "manifest" not in leave_out:
            file.writestr("manifest.csv", manifest)
        for name, rows in tables.items():
            head = HEADS[name].split(",")
            lines = [HEADS[name]] + [",".join(f'"{row[h]}"' if row.get(h) else "" for h in head) for row in rows]
            file.writestr(f"{name}.csv", "\r\n".join(lines) + "\r\n")
    return out.getvalue()


def user(n, role="student", **more):
    return {"sourcedId": f"user-{n}", "enabledUser": "true", "orgSourcedIds": "org", "role": role, "username": f"u{n}",
            "givenName": "Given", "familyName": f"Family {n}", "identifier": f"N{n}", **more}


def enrolled(n, code, role="student", **more):
    return {"sourcedId": f"e-{code}-{n}", "classSourcedId": f"class-{code}", "userSourcedId": f"user-{n}", "role": role, **more}


def a_class(code, **more):
    return {"sourcedId": f"class-{code}", "title": f"Class {code}", "courseSourcedId": "course-1", "classCode": code,
            "termSourcedIds": "term-1", **more}


TERMS = [{"sourcedId": "term-1", "title": "Fall 2026", "type": "term", "startDate": "2026-09-01", "endDate": "2026-12-20"}]
COURSES = [{"sourcedId": "course-1", "title": "Algebra", "courseCode": "ALG"}]
WORLD = dict(academicSessions=TERMS, courses=COURSES, users=[user(1), user(2), user(3), user(9, "teacher")],
             classes=[a_class("A1"), a_class("A2", title="")],
             enrollments=[enrolled(1, "A1"), enrolled(2, "A1"), enrolled(3, "A2", beginDate="2020-01-01", endDate="2090-01-01"),
                          enrolled(9, "A1", "teacher")])


@pytest.fixture
def sis(serve):
    api = serve().api

    def send(body, status=200, **query):
        return api.ask("POST", "/v1/imports/oneroster", status, content=body, params=query,
                       headers={"content-type": "application/zip"}).json()
    send.api = api
    return send


def test_a_bulk_file_makes_students_courses_and_rosters_once(sis):
    file = packed(**WORLD)
    report = sis(file, dry_run=1)
    assert counts(report) == {"create": 8, "ignore": 2} and student(sis.api, "N1") is None
    assert [(item["file"], item["line"]) for item in report["lines"] if item["action"] == "ignore"] == \
        [("users.csv", 5), ("enrollments.csv", 5)]
    assert counts(sis(file)) == {"create": 8, "ignore": 2}
    assert student(sis.api, "N1")["name"] == "Given Family 1"
    assert course(sis.api, "A1", "Fall 2026")["title"] == "Class A1"
    assert course(sis.api, "A2", "Fall 2026")["title"] == "Algebra"
    assert set(roster(sis.api, "A1", "Fall 2026")) == {"N1", "N2"}
    assert roster(sis.api, "A2", "Fall 2026")["N3"]["valid_from"].startswith("2020-01-01T00:00:00")
    assert counts(sis(file)) == {"unchanged": 8, "ignore": 2}


def test_a_sourced_id_stays_the_same_student_and_course(sis):
    sis(packed(**WORLD))
    ids = student(sis.api, "N1")["id"], course(sis.api, "A1", "Fall 2026")["id"]
    changed = dict(WORLD, users=[user(1, identifier="NEW-1"), user(2), user(3)], classes=[a_class("A1", classCode="B1"), a_class("A2", title="")],
                   enrollments=[enrolled(1, "A1"), enrolled(3, "A2", beginDate="2020-01-01", endDate="2090-01-01")])
    report = sis(packed(**changed), missing="remove")
    assert counts(report) == {"update": 2, "unchanged": 5, "remove": 1}
    assert line(report, 2)["changes"] == [{"field": "external_id", "from": "N1", "to": "NEW-1"}]
    assert (student(sis.api, "NEW-1")["id"], course(sis.api, "B1", "Fall 2026")["id"]) == ids
    assert set(roster(sis.api, "B1", "Fall 2026")) == {"NEW-1"}


def test_students_left_out_of_a_bulk_file_become_inactive_when_asked(sis):
    sis(packed(users=[user(n) for n in range(1, 41)]))
    fewer = packed(users=[user(n) for n in range(1, 35)])
    assert counts(sis(fewer)) == {"unchanged": 34}
    report = sis(fewer, missing="deactivate")
    assert counts(report) == {"unchanged": 34, "remove": 6}
    assert student(sis.api, "N40")["status"] == "inactive" and student(sis.api, "N34")["status"] == "active"
    assert "34 active students" in sis(packed(users=[user(n) for n in range(1, 11)]), 409, missing="all")["detail"]
    assert counts(sis(packed(users=[user(n) for n in range(1, 11)]), missing="all", force=1)) == {"unchanged": 10, "remove": 24}
    delta = sis(packed("delta", users=[user(1)]), missing="deactivate")
    assert counts(delta) == {"unchanged": 1} and "no bulk file" in delta["warnings"][0]
    assert student(sis.api, "N2")["status"] == "active"


def teaching(api, code, term="Fall 2026"):
    return {item["login"] for item in api.get(f"/v1/courses/{course(api, code, term)['id']}/instructors")["items"]}


def test_teachers_become_instructors_of_their_courses(sis):
    api = sis.api
    for login, role in [("ada@x.org", "instructor"), ("u7", "instructor"), ("pupil@x.org", "student")]:
        api.post("/v1/users", {"login": login, "role": role})
    people = [user(1), user(6, "teacher", email="ada@x.org"), user(7, "teacher", email="other@x.org"),
              user(8, "teacher", email="new@x.org"), user(9, "teacher", email="pupil@x.org")]
    world = dict(academicSessions=TERMS, classes=[a_class("A1")], users=people,
                 enrollments=[enrolled(n, "A1", "teacher") for n in (6, 7, 8, 9, 5)])
    report = sis(packed(**world))
    assert counts(report) == {"create": 4, "unchanged": 2, "ignore": 5}
    said = [item["message"] for item in report["lines"] if item["action"] == "ignore"]
    assert sum("no user with the login new@x.org" in text for text in said) == 2
    assert sum("role student and cannot teach" in text for text in said) == 2 and "no teacher with this" in said[-1]
    assert teaching(api, "A1") == {"ada@x.org", "u7"}
    assert counts(sis(packed(**world))) == {"unchanged": 6, "ignore": 5}

    assert counts(sis(packed(**world), teachers="create", dry_run=1)) == {"create": 2, "unchanged": 6, "ignore": 3}
    assert counts(sis(packed(**world), teachers="create")) == {"create": 2, "unchanged": 6, "ignore": 3}
    made = api.get("/v1/users", login="new@x.org")["items"][0]
    assert (made["role"], made["name"]) == ("instructor", "Given Family 8")
    assert teaching(api, "A1") == {"ada@x.org", "u7", "new@x.org"}

    delta = packed("delta", users=people[1:2], enrollments=[enrolled(6, "A1", "teacher", status="tobedeleted")])
    assert counts(sis(delta)) == {"remove": 1, "unchanged": 1} and teaching(api, "A1") == {"u7", "new@x.org"}


def test_only_who_may_make_users_has_teachers_made(sis, serve):
    sis.api.post("/v1/users", {"login": "reg", "role": "registrar", "password": "a long enough word"})
    token = sis.api.post("/v1/login", {"login": "reg", "password": "a long enough word"}, 200)["token"]
    body = packed(users=[user(8, "teacher", email="new@x.org")])
    head = {"content-type": "application/zip", "authorization": f"Bearer {token}"}
    path = "/v1/imports/oneroster"
    assert "user.admin" in sis.api.ask("POST", path, 403, content=body, params={"teachers": "create"}, headers=head).json()["detail"]
    assert counts(sis.api.ask("POST", path, 200, content=body, headers=head).json()) == {"ignore": 1}


def test_a_delta_names_what_an_earlier_file_had(sis):
    sis(packed(**WORLD))
    delta = packed("delta", users=[user(2, status="tobedeleted"), user(7, status="tobedeleted"), user(4, status="active")],
                   classes=[a_class("A2", status="active", title="New title"), a_class("A1", status="tobedeleted")],
                   enrollments=[enrolled(1, "A1", status="tobedeleted"), enrolled(1, "A2", status="active"), enrolled(4, "A2", status="active")])
    assert counts(sis(delta)) == {"create": 3, "update": 2, "remove": 1, "ignore": 2}
    assert student(sis.api, "N2")["status"] == "inactive" and student(sis.api, "N7") is None
    assert set(roster(sis.api, "A1", "Fall 2026")) == {"N2"}
    assert set(roster(sis.api, "A2", "Fall 2026")) == {"N1", "N3", "N4"}
    assert course(sis.api, "A2", "Fall 2026")["title"] == "New title"
    assert counts(sis(delta)) == {"unchanged": 6, "ignore": 2}


def test_one_wrong_line_and_nothing_is_written(sis):
    broken = dict(WORLD, users=[user(1), user(2), user(3, givenName=""), user(1, identifier="X")],
                  classes=[a_class("A1"), {**a_class("A1"), "sourcedId": "class-other"}],
                  enrollments=[enrolled(1, "A1"), enrolled(8, "A1"), enrolled(1, "none"), enrolled(3, "A1"),
                               enrolled(2, "A1", beginDate="soon")])
    problem = sis(packed(**broken), 422)
    wrong = {(item["file"], item["line"]) for item in problem["report"]["lines"] if item["action"] == "error"}
    assert wrong == {("users.csv", 4), ("users.csv", 5), ("classes.csv", 3), ("enrollments.csv", 3), ("enrollments.csv", 4),
                     ("enrollments.csv", 5), ("enrollments.csv", 6)}
    assert problem["errors"][0]["field"] == "users.csv line 4"
    assert student(sis.api, "N1") is None and course(sis.api, "A1", "Fall 2026") is None


def test_files_that_are_none_are_refused_whole(sis):
    def bomb():
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("manifest.csv", b"\0" * 50_000_000)
        return out.getvalue()

    def many():
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as file:
            for i in range(100):
                file.writestr(f"{i}.csv", "")
        return out.getvalue()

    def climbing():
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as file:
            file.writestr("../manifest.csv", "propertyName,value\n")
        return out.getvalue()

    for body, status, words in [
        (b"no zip", 400, "zip"), (packed(leave_out=["manifest"], users=[user(1)]), 400, "manifest.csv"),
        (packed(version="1.2", users=[user(1)]), 400, "1.2"), (packed(declare=["users"]), 400, "users.csv"),
        (packed("weekly", users=[user(1)]), 400, "weekly"), (packed(users=[user(1)])[:-30], 400, "zip"),
        (bomb(), 413, "200 times"), (many(), 413, "100 entries"), (climbing(), 400, "name"),
    ]:
        assert words in sis(body, status)["detail"]
