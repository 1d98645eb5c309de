"""The audit trail: what leaves a row, what is in it, who may read it."""
import json
import re

import pytest

from program import run

NOBODY = "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60"
PASSWORD = "correct horse battery"


def rows(api, **filters):
    return api.get("/v1/audit", **filters)["items"]


@pytest.fixture
def auditor(api, name):
    """A signed-in auditor, and its user."""
    user = api.post("/v1/users", {"login": name, "role": "auditor", "password": PASSWORD})
    signed_in = api.with_token(api.post("/v1/login", {"login": name, "password": PASSWORD}, 200)["token"])
    yield signed_in, user
    signed_in.close()


def test_a_life_of_a_student_leaves_a_row_for_each_change_and_no_name(api, name):
    student = api.post("/v1/students", {"external_id": name, "name": "Zebedee Quux"})
    path = f"/v1/students/{student['id']}"
    api.ask("PATCH", path, 200, json={"name": "Zebedee Quuux"})
    api.problem("PATCH", path, 412, json={"name": "Zeb"}, headers={"If-Match": '"1"'})
    answer = api.ask("DELETE", path, 200)
    found = rows(api, subject=student["id"])
    assert [(r["action"], r["status"]) for r in found] == [
        ("deleteStudent", 200), ("updateStudent", 412), ("updateStudent", 200), ("createStudent", 201)]
    assert found[0]["request"] == answer.headers["x-request-id"] and found[0]["address"] == "127.0.0.1"
    assert found[1]["detail"] == {"members": ["name"], "code": "PRECONDITION"}
    assert {(r["actor_kind"], r["subject_kind"]) for r in found} == {("local", "students")}
    assert "Zeb" not in str(found)


def test_a_read_leaves_no_row_but_one_of_a_receipt_does(api, name):
    student = api.post("/v1/students", {"external_id": name, "name": "N"})
    api.get(f"/v1/students/{student['id']}")
    api.get(f"/v1/students/{student['id']}/templates")
    assert [r["action"] for r in rows(api, subject=student["id"])] == ["listTemplates", "createStudent"]


def test_sign_ins_are_told_with_who_and_failed_ones_without_a_name(api, auditor, name):
    _, user = auditor
    signed_in = rows(api, actor=user["id"], action="signIn")
    assert [r["status"] for r in signed_in] == [200] and signed_in[0]["actor_kind"] == "user"
    api.problem("POST", "/v1/login", 401, json={"login": name, "password": "not this one"})
    failed = rows(api, action="signIn")[0]
    assert (failed["status"], failed["actor_kind"], failed["actor"]) == (401, "nobody", None)
    assert failed["detail"]["code"] == "UNAUTHENTICATED" and name not in str(failed)
    assert failed["subject"] == user["id"]
    api.problem("POST", "/v1/login", 401, json={"login": f"{name} mistyped", "password": "not this one"})
    failed = rows(api, action="signIn")[0]
    assert failed["subject"] is None and name not in str(failed)


# Each GET whose path says that it hands out evidence, keys or everything of a person.
SENSITIVE = re.compile("export|erasures|templates|signed|/code$|/marks/")


def test_every_read_of_what_is_sensitive_leaves_a_row(api):
    paths = json.loads(run("openapi").stdout)["paths"]
    reads = {path: how["get"]["operationId"] for path, how in paths.items() if "get" in how and SENSITIVE.search(path)}
    assert set(reads.values()) >= {"exportStudent", "listErasures", "getErasure", "listTemplates", "getSignedRegister", "getMark"}
    for path, operation in reads.items():
        before = len(rows(api, action=operation, limit=200))
        api.ask("GET", re.sub(r"\{[a-z]+\}", NOBODY, path))
        assert len(rows(api, action=operation, limit=200)) == before + 1, f"{path} is read without a trace"


def test_users_changed_without_a_server_are_told(serve, name):
    server = serve()
    server.stop()
    at = ("--data-dir", server.data)
    run("user", "add", "jane", "--role", "registrar", *at, stdin="a long password\n")
    for words in (["set", "jane", "--role", "auditor"], ["code", "jane"], ["remove", "jane"], ["remove", "nobody"]):
        run("user", *words, *at)
    server.restart()
    found = [r for r in rows(server.api) if r["actor_kind"] == "command"]
    assert [r["action"] for r in found] == ["deleteUser", "createSignInCode", "updateUser", "createUser"]
    assert {(r["actor"], r["subject"]) for r in found} == {(None, found[0]["subject"])} and "jane" not in str(found)


def test_what_was_refused_is_told_too_but_not_what_came_without_a_sign_in(api, auditor):
    mine, user = auditor
    mine.problem("DELETE", f"/v1/students/{NOBODY}", 403)
    assert [(r["action"], r["status"], r["subject"]) for r in rows(mine, actor=user["id"])][0] == (
        "deleteStudent", 403, NOBODY)
    newest = rows(api, limit=1)
    api.with_token(None).ask("DELETE", f"/v1/students/{NOBODY}", 401)
    assert rows(api, limit=1) == newest


def test_frames_leave_no_row(api, session, blank):
    newest = rows(api, limit=1)[0]["id"]
    api.ask("POST", f"/v1/sessions/{session['id']}/frames", 202, content=blank, headers={"Content-Type": "image/jpeg"})
    assert rows(api, limit=1)[0]["id"] == newest


def test_pages_are_newest_first_and_bounded_in_time(api, name):
    made = [api.post("/v1/cameras", {"name": f"{name}-{i}"}) for i in range(3)]
    listed, after = [], None
    while True:
        page = api.get("/v1/audit", action="createCamera", limit=2, **({"after": after} if after else {}))
        listed += page["items"]
        after = page["next"]
        if not after:
            break
    mine = [r for r in listed if r["subject"] in {camera["id"] for camera in made}]
    assert [r["subject"] for r in mine] == [camera["id"] for camera in reversed(made)]
    assert listed == sorted(listed, key=lambda r: r["id"], reverse=True)
    assert rows(api, **{"from": "2100-01-01T00:00:00Z"}) == []
    assert rows(api, to="2020-01-01T00:00:00Z") == []
    assert len(rows(api, subject=made[0]["id"], **{"from": "2020-01-01T00:00:00Z"}, to="2100-01-01T00:00:00Z")) == 1
    api.problem("GET", "/v1/audit?from=yesterday", 400, "INVALID")


def test_a_row_that_cannot_be_written_is_told_with_the_answer(serve, name):
    server = serve()
    server.sql("ALTER TABLE audit RENAME TO audit_away")
    answer = server.api.ask("POST", "/v1/students", 201, json={"external_id": name, "name": "N"})
    assert answer.headers["rollcall-audit"] == "lost"
    assert "audit_lost" in server.errors()
    assert "rollcall_audit_lost_total 1" in server.api.ask("GET", "/metrics", 200).text
