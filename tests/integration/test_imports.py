"""Imports: a dry run says of each line what would happen; all is written, or nothing."""
from unicodedata import normalize

import pytest

HEADER = "external_id,name,email,status\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server whose students and courses are those of this file alone."""
    from program import Server
    server = Server(tmp_path_factory.mktemp("imports") / "data").start()
    yield server
    assert server.stop() == 0


@pytest.fixture
def api(server):
    return server.api


@pytest.fixture
def sis(api):
    """sis(what, text, status, **query): the answer of an import."""
    def send(what, text, status=200, kind="text/csv", **query):
        body = text if isinstance(text, bytes) else text.encode()
        answer = api.ask("POST", f"/v1/imports/{what}", status, content=body, params=query,
                         headers={"content-type": kind})
        return answer.json()
    return send


def counts(report):
    return {action: n for action, n in report["counts"].items() if n}


def line(report, number):
    return next(item for item in report["lines"] if item["line"] == number)


def student(api, external_id):
    found = [s for s in api.get("/v1/students", search=external_id)["items"] if s["external_id"] == external_id]
    return found[0] if found else None


def test_a_dry_run_says_what_would_happen_and_writes_nothing(api, sis):
    report = sis("students", HEADER + "d1,Ann Lee,ann@x.org,\nd2,Bob,,inactive\n", dry_run=1)
    assert counts(report) == {"create": 2} and report["dry_run"] and not report["applied"]
    assert [(item["line"], item["action"], item["key"]) for item in report["lines"]] == \
        [(2, "create", "d1"), (3, "create", "d2")]
    assert student(api, "d1") is None


def test_courses_name_their_instructors(api, sis):
    for login in ("teach-1", "teach-2"):
        api.post("/v1/users", {"login": login, "role": "instructor"})
    text = "code,title,instructors\nT-1,Logic,teach-1; teach-2;nobody\nT-2,Sets,teach-1;teach-1\nT-3,Maps,\n"
    report = sis("courses", text)
    assert counts(report) == {"create": 6, "ignore": 2}
    assert [item["message"] for item in report["lines"] if item["action"] == "ignore" and item["line"] == 2] == \
        ["there is no user with the login nobody, so nobody teaches by this line"]
    ids = {c["code"]: c["id"] for c in api.get("/v1/courses", search="T-")["items"]}
    logins = {code: {i["login"] for i in api.get(f"/v1/courses/{ids[code]}/instructors")["items"]} for code in ("T-1", "T-2", "T-3")}
    assert logins == {"T-1": {"teach-1", "teach-2"}, "T-2": {"teach-1"}, "T-3": set()}
    assert counts(sis("courses", text)) == {"unchanged": 6, "ignore": 2}


def test_students_are_made_changed_and_left_alone(api, sis):
    report = sis("students", HEADER + "s1,Ann Lee,ann@x.org,\ns2,Bob,,inactive\n")
    assert counts(report) == {"create": 2} and report["applied"]
    assert student(api, "s1")["email"] == "ann@x.org" and student(api, "s2")["status"] == "inactive"
    again = sis("students", HEADER + "s1,Ann Lee,ann@x.org,\ns2,Bob,,inactive\n")
    assert counts(again) == {"unchanged": 2} and again["applied"]
    version = student(api, "s1")["version"]
    report = sis("students", "External ID;Full Name\r\ns1;Ann Li\r\ns2;Bob\r\n")
    assert counts(report) == {"update": 1, "unchanged": 1}
    assert line(report, 2)["changes"] == [{"field": "name", "from": "Ann Lee", "to": "Ann Li"}]
    now = student(api, "s1")
    assert (now["name"], now["email"], now["version"]) == ("Ann Li", "ann@x.org", version + 1)


def test_one_wrong_line_and_nothing_is_written(api, sis):
    text = HEADER + "w1,Good,,\nw2,,,\nw1,Twice,,\nw3,\"Line\nend\",,\n1.2E+05,Sheet,,\nw4,A,no address,\n" \
        "w5,A,,gone\n" + "w" * 65 + ",Long,,\nw6,A,,,,\n"
    dry = sis("students", text, dry_run=1)
    assert dry["counts"]["error"] == 8 and dry["counts"]["create"] == 1
    problem = sis("students", text, 422)
    assert problem["code"] == "UNPROCESSABLE" and problem["report"]["lines"] == dry["lines"]
    assert problem["errors"][0] == {"field": "line 3", "message": "name is empty"}
    said = {item["line"]: item["message"] for item in dry["lines"] if item["action"] == "error"}
    assert said[4] == "line 2 has the same external_id"
    assert "control character" in said[5] and "spreadsheet" in said[7] and "address" in said[8]
    assert "'gone'" in said[9] and "65 characters" in said[10] and "6 fields under 4 columns" in said[11]
    assert student(api, "w1") is None


def test_names_of_all_scripts_survive_in_one_normal_form(api, sis):
    names = ["Zoë", "Мария", "محمد علي", "王小明", "👩‍🎓 Ada", "שָׁלוֹם", "O'Brien \"the\" <b>", "=1+1"]
    quoted = [name.replace('"', '""') for name in names]
    sis("students", "\ufeffid,name\n" + "".join(f'u{i},"{name}"\n' for i, name in enumerate(quoted)))
    assert [student(api, f"u{i}")["name"] for i in range(len(names))] == [normalize("NFC", name) for name in names]
    sis("students", "id,name\nu0,Zoe\u0308\n")
    assert student(api, "u0")["name"] == "Zo\u00eb"
    assert api.student("u-json", "Zoe\u0308")["name"] == "Zo\u00eb"
    bad = sis("students", "id,name\nu1,Ok\nu2,M\u00fcller\n".encode("latin-1"), dry_run=1)
    assert "UTF-8" in line(bad, 3)["message"] and counts(bad)["error"] == 1


@pytest.mark.parametrize("text, words", [
    (b"", "empty"), (b"name,email\nA,b\n", "external_id"), ("id,name\n1,A\n".encode("utf-16"), "UTF-16"),
    (b'id,name\n1,"A\n', "line 2"), (b'id,name\n1,A"b\n', "line 2"), (b"id,Student ID,name\n1,1,A\n", "two columns"),
])
def test_a_file_that_cannot_be_read_is_refused_whole(sis, text, words):
    assert words in sis("students", text, 400)["detail"]


def test_only_csv_in_utf_8_is_taken(sis):
    assert sis("students", "id\n1\n", 415, kind="application/json")["code"] == "UNSUPPORTED"
    assert sis("students", "id\n1\n", 415, kind="text/csv; charset=iso-8859-1")["code"] == "UNSUPPORTED"
    assert counts(sis("students", "id,name\n1,A\n", kind="Text/CSV; charset=UTF-8", dry_run=1)) == {"create": 1}


def test_unknown_columns_are_named(sis):
    report = sis("students", "id,name,Shoe size\nz1,A,43\n", dry_run=1)
    assert ["Shoe size" in warning for warning in report["warnings"]] == [True]


def test_students_that_the_file_leaves_out_become_inactive_when_asked(serve):
    api = serve().api

    def send(text, status=200, **query):
        return api.ask("POST", "/v1/imports/students", status, content=text.encode(), params=query,
                       headers={"content-type": "text/csv"}).json()
    everybody = "id,given name,family name\n" + "".join(f"m{i},Given,Family {i}\n" for i in range(40))
    send(everybody)
    assert student(api, "m7")["name"] == "Given Family 7"
    half = "".join(everybody.splitlines(keepends=True)[:21])
    assert counts(send(half)) == {"unchanged": 20}
    assert "force=1" in send(half, 409, missing="deactivate")["detail"]
    most = "".join(everybody.splitlines(keepends=True)[:37])
    report = send(most, missing="deactivate")
    assert counts(report) == {"unchanged": 36, "remove": 4}
    assert {item["key"] for item in report["lines"] if item["line"] == 0} == {"m36", "m37", "m38", "m39"}
    assert student(api, "m39")["status"] == "inactive"
    assert counts(send(half, missing="deactivate", force=1))["remove"] == 16
    assert len(send(everybody, dry_run=1, all=1)["lines"]) == 40


def test_long_reports_show_the_first_of_each_kind(sis):
    text = "id,name\n" + "".join(f"l{i},Name {i}\n" for i in range(200)) + "l1,Again\n"
    report = sis("students", text, dry_run=1)
    assert report["counts"]["create"] == 200 and len(report["lines"]) == 51 and report["left_out"] == 150
    assert len(sis("students", text, dry_run=1, all=1)["lines"]) == 201


def course(api, code, term=""):
    return next((c for c in everything(api, "/v1/courses") if (c["code"], c["term"]) == (code, term)), None)


def everything(api, path, **query):
    page = {"next": ""}
    while page["next"] is not None:
        page = api.get(path, limit=200, **query, **({"after": page["next"]} if page["next"] else {}))
        yield from page["items"]


def roster(api, code, term="", **query):
    entries = api.get(f"/v1/courses/{course(api, code, term)['id']}/roster", **query)["items"]
    return {entry["student"]["external_id"]: entry for entry in entries}


def test_courses_are_made_changed_and_left_alone(api, sis):
    text = "code,term,title,late_after_min\nC1,2026W,Logic,5\nC1,2026S,Logic again,\n"
    assert counts(sis("courses", text, dry_run=1)) == {"create": 2} and course(api, "C1", "2026W") is None
    assert counts(sis("courses", text)) == {"create": 2}
    assert course(api, "C1", "2026W")["late_after_min"] == 5 and course(api, "C1", "2026S")["late_after_min"] == 10
    assert counts(sis("courses", text)) == {"unchanged": 2}
    report = sis("courses", "Course Code;Semester;Title\nC1;2026W;Formal logic\n")
    assert line(report, 2)["changes"] == [{"field": "title", "from": "Logic", "to": "Formal logic"}]
    assert course(api, "C1", "2026W")["late_after_min"] == 5
    bad = sis("courses", "code,term,title,late\nC2,,X,601\nC3,,,\nC4,,A,\nC4,,B,\n", 422)["report"]
    assert [item["line"] for item in bad["lines"] if item["action"] == "error"] == [2, 3, 5]


@pytest.fixture
def world(api, sis, name):
    """A course and three students with names of their own; gives the names."""
    students = [f"{name}-{i}" for i in range(3)]
    sis("students", "id,name\n" + "".join(f"{s},Name {s}\n" for s in students))
    sis("courses", f"code,title\n{name},A course\n")
    return name, students


def test_rosters_are_filled_and_emptied(api, sis, world):
    code, (a, b, c) = world
    text = f"course,external_id\n{code},{a}\n{code},{b}\n"
    assert counts(sis("rosters", text, dry_run=1)) == {"create": 2} and roster(api, code) == {}
    assert counts(sis("rosters", text)) == {"create": 2}
    assert set(roster(api, code)) == {a, b}
    assert counts(sis("rosters", text)) == {"unchanged": 2}
    assert counts(sis("rosters", f"course,student,action\n{code},{a},remove\n{code},{c},add\n")) == {"create": 1, "remove": 1}
    assert set(roster(api, code)) == {b, c}
    report = sis("rosters", f"course,student\n{code},{c}\n", missing="remove")
    assert counts(report) == {"unchanged": 1, "remove": 1} and set(roster(api, code)) == {c}
    assert counts(sis("rosters", f"course,student\n{code},{b}\n")) == {"create": 1}  # comes back
    assert set(roster(api, code)) == {b, c}


def test_entries_have_a_begin_and_an_end(api, sis, world):
    code, (a, b, c) = world
    text = "course,student,valid_from,valid_to\n" \
        f"{code},{a},2020-03-01,2020-03-31\n{code},{b},2020-03-15,\n{code},{c},2020-03-15T12:00:00Z,2090-01-01\n"
    assert counts(sis("rosters", text, tz="Europe/Berlin")) == {"create": 3}
    assert counts(sis("rosters", text, tz="Europe/Berlin")) == {"unchanged": 3}
    assert set(roster(api, code)) == {b, c}
    on = {at: set(roster(api, code, at=at)) for at in ("2020-02-29T22:59:59Z", "2020-02-29T23:00:00Z", "2020-03-31T21:59:59Z",
                                                      "2020-03-31T22:00:00Z", "2090-01-02T00:00:00Z")}
    assert list(on.values()) == [set(), {a}, {a, b, c}, {b, c}, {b}]
    # what is over stays; an end that lies ahead moves
    report = sis("rosters", f"course,student,valid_to\n{code},{c},\n{code},{a},\n")
    assert counts(report) == {"update": 1, "create": 1}
    assert roster(api, code)[c]["valid_to"] is None
    assert a in roster(api, code) and a in roster(api, code, at="2020-03-20T00:00:00Z")


def test_wrong_roster_lines_are_named(api, sis, world):
    code, (a, b, _) = world
    sis("courses", f"code,term,title\n{code},2027,Again\n")
    text = "course,term,student,from,to,action\n" \
        f"{code},,{a},,,\nnone,,{a},,,\n{code},2027,nobody,,,\n{code},2027,{a},,,\n{code},2027,{a},,,\n" \
        f"{code},2027,{b},2026-13-01,,\n{code},2027,{b},2026-02-01,2026-01-01,\n{code},2027,{b},,,maybe\n{code},2027,{b},,2020-01-01,\n"
    said = {item["line"]: item["message"] for item in sis("rosters", text, 422)["report"]["lines"]
            if item["action"] == "error"}
    assert sorted(said) == [2, 3, 4, 6, 7, 8, 9, 10], said
    assert "2 terms" in said[2] and "no course 'none'" in said[3] and "no student 'nobody'" in said[4]
    assert "line 5" in said[6] and "valid_from" in said[7] and "before" in said[8]
    assert roster(api, code, "2027") == {}


def test_a_roster_cut_short_is_refused(sis, api, name):
    students = [f"{name}-{i}" for i in range(30)]
    sis("students", "id,name\n" + "".join(f"{s},N\n" for s in students))
    sis("courses", f"code,title\n{name},T\n")
    whole = "course,student\n" + "".join(f"{name},{s}\n" for s in students)
    assert counts(sis("rosters", whole)) == {"create": 30}
    half = "".join(whole.splitlines(keepends=True)[:16])
    assert "15 of 30" in sis("rosters", half, 409, missing="remove")["detail"]
    assert counts(sis("rosters", half, missing="remove", force=1)) == {"unchanged": 15, "remove": 15}
    assert len(roster(api, name)) == 15


def test_who_comes_onto_a_running_sessions_roster_is_missing_there(api, sis, world):
    code, (a, b, _) = world
    sis("rosters", f"course,student\n{code},{a}\n")
    session = api.session(course(api, code)["id"])
    assert [s["external_id"] for s in api.marks(session["id"])["missing"]] == [a]
    sis("rosters", f"course,student\n{code},{b}\n", missing="remove", force=1)
    assert b in [s["external_id"] for s in api.marks(session["id"])["missing"]]


def test_the_command_shows_what_would_happen_and_writes_it_when_told(server, api, tmp_path, name):
    from program import run
    file = tmp_path / "students.csv"
    file.write_text(f"id,name\n{name}-1,Ann \u001b[31m\n")
    place = ["--data-dir", server.data]
    done = run("import", "students", file, *place)
    assert done.returncode == 1 and "control character" in done.stdout and "1 wrong" in done.stdout
    file.write_text(f"id,name\n{name}-1,Ann\n")
    done = run("import", "students", file, *place)
    assert done.returncode == 0 and f"create     student  {name}-1" in done.stdout and "--apply" in done.stdout
    assert student(api, f"{name}-1") is None
    done = run("import", "students", file, "--apply", *place)
    assert done.returncode == 0 and "1 new" in done.stdout and "Written" in done.stdout
    assert student(api, f"{name}-1")["name"] == "Ann"
    done = run("import", "students", tmp_path / "none.csv", *place)
    assert done.returncode == 1 and done.stderr.startswith("rollcall import: ")
    assert run("import", "teachers", file, *place).returncode == 2
    file.write_text("name\nAnn\n")
    done = run("import", "students", file, "--apply", *place)
    assert done.returncode == 1 and "no column 'external_id'" in done.stderr


def test_an_end_that_lies_ahead_is_enrolled_until_then(api, sis, world):
    code, (a, _, _) = world
    teacher = api.post("/v1/users", {"login": f"{code}-t", "name": "T", "role": "instructor", "password": "a long password"})
    token = api.post("/v1/login", {"login": f"{code}-t", "password": "a long password"}, 200)["token"]
    api.ask("PUT", f"/v1/courses/{course(api, code)['id']}/instructors/{teacher['id']}", 204)
    sis("rosters", f"course,student,valid_from,valid_to\n{code},{a},2020-01-01,2090-01-01\n")
    theirs = api.with_token(token)
    assert [s["external_id"] for s in theirs.get("/v1/students")["items"]] == [a]
    theirs.get(f"/v1/students/{student(api, a)['id']}")
    api.ask("DELETE", f"/v1/courses/{course(api, code)['id']}/roster/{student(api, a)['id']}", 204)
    assert roster(api, code) == {} and theirs.get("/v1/students")["items"] == []


def test_an_erased_student_is_not_found_again(api, sis, world):
    code, (a, _, _) = world
    sis("rosters", f"course,student\n{code},{a}\n")
    session = api.session(course(api, code)["id"])
    old = student(api, a)["id"]
    api.ask("POST", f"/v1/sessions/{session['id']}/stop", 200)  # an absence: the row stays
    api.ask("DELETE", f"/v1/students/{old}", 200)
    report = sis("students", f"id,name\n{a},Again\n")
    assert counts(report) == {"create": 1} and student(api, a)["id"] != old
