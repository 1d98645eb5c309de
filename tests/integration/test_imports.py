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
    assert "'gone'" in said[9] and "65 bytes" in said[10] and "6 fields under 4 columns" in said[11]
    assert student(api, "w1") is None


def test_names_of_all_scripts_survive_in_one_normal_form(api, sis):
    names = ["Zoë", "Мария", "محمد علي", "王小明", "👩‍🎓 Ada", "שָׁלוֹם", "O'Brien \"the\" <b>", "=1+1"]
    quoted = [name.replace('"', '""') for name in names]
    sis("students", "\ufeffid,name\n" + "".join(f'u{i},"{name}"\n' for i, name in enumerate(quoted)))
    assert [student(api, f"u{i}")["name"] for i in range(len(names))] == [normalize("NFC", name) for name in names]
    sis("students", "id,name\nu0,Zoe\u0308\n")
    assert student(api, "u0")["name"] == "Zo\u00eb"
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
