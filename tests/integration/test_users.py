"""Users as a resource, and what keeps somebody from signing in."""
import time

import pytest

from program import run

PASSWORD = "correct horse battery"
SOME_ID = "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60"


def make(api, login, role="auditor", **more):
    return api.post("/v1/users", {"login": login, "role": role, "password": PASSWORD, **more})


def sign_in(api, name, password=PASSWORD):
    return api.with_token(api.post("/v1/login", {"login": name, "password": password}, 200)["token"])


def test_a_user_is_made_read_changed_and_deleted(api, name):
    user = make(api, name, name="Jane")
    assert user["version"] == 1 and user["disabled"] is False and user["student"] is None
    assert api.ask("GET", f"/v1/users/{user['id']}", 200).headers["etag"] == '"1"'
    changed = api.ask("PATCH", f"/v1/users/{user['id']}", 200, json={"name": "Joan", "role": "registrar"},
                      headers={"If-Match": '"1"'}).json()
    assert (changed["name"], changed["role"], changed["version"]) == ("Joan", "registrar", 2)
    api.problem("PATCH", f"/v1/users/{user['id']}", 412, "PRECONDITION", json={"name": "x"}, headers={"If-Match": '"1"'})
    assert api.get(f"/v1/users/{user['id']}")["name"] == "Joan"
    api.ask("DELETE", f"/v1/users/{user['id']}", 204)
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        api.problem(method, f"/v1/users/{user['id']}", 404, "NOT_FOUND", json=body)


def test_users_are_listed_by_page_and_filter(api, name):
    made = [make(api, f"{name}-{i}", role)["id"] for i, role in enumerate(("auditor", "instructor", "instructor"))]
    found = api.get("/v1/users", search=f"{name.upper()}-", limit=2)
    assert [u["id"] for u in found["items"]] == made[:2] and found["next"] == made[1]
    assert [u["id"] for u in api.get("/v1/users", search=f"{name}-", after=found["next"])["items"]] == made[2:]
    assert [u["id"] for u in api.get("/v1/users", search=f"{name}-", role="instructor")["items"]] == made[1:]
    assert [u["id"] for u in api.get("/v1/users", login=f"{name}-1")["items"]] == made[1:2]
    api.ask("PATCH", f"/v1/users/{made[0]}", 200, json={"disabled": True})
    assert [u["id"] for u in api.get("/v1/users", search=f"{name}-", disabled=1)["items"]] == made[:1]
    api.problem("GET", "/v1/users", 400, "INVALID", params={"role": "king"})


def test_tokens_of_a_disabled_deleted_or_changed_user_die_at_once(api, name):
    for how in (("PATCH", "", 200, {"disabled": True}), ("DELETE", "", 204, None),
                ("PUT", "/password", 204, {"password": "another long password"})):
        user = make(api, f"{name}-{how[0]}")
        mine = sign_in(api, user["login"])
        mine.get("/v1/me")
        api.ask(how[0], f"/v1/users/{user['id']}{how[1]}", how[2], json=how[3])
        mine.problem("GET", "/v1/me", 401)
        mine.close()
    api.problem("POST", "/v1/login", 401, json={"login": f"{name}-PATCH", "password": PASSWORD})


def test_a_new_role_holds_from_the_next_request_on(api, name):
    user = make(api, name, "auditor")
    mine = sign_in(api, name)
    mine.get("/v1/students")
    api.ask("PATCH", f"/v1/users/{user['id']}", 200, json={"role": "camera"})
    mine.problem("GET", "/v1/students", 403)
    mine.close()


def test_nobody_removes_oneself_or_the_last_admin(serve):
    server = serve()
    admin = server.api.post("/v1/login", {"code": server.first_code()}, 200)
    mine, own = server.api.with_token(admin["token"]), f"/v1/users/{admin['user']['id']}"
    for method, body in (("DELETE", None), ("PATCH", {"disabled": True}), ("PATCH", {"role": "auditor"})):
        assert "your own" in mine.problem(method, own, 409, "CONFLICT", json=body)["detail"]
        assert "last admin" in server.api.problem(method, own, 409, "CONFLICT", json=body)["detail"]
    mine.ask("PATCH", own, 200, json={"name": "The admin"})
    other = make(server.api, "second", "admin")
    sign_in(server.api, "second").ask("DELETE", own, 204)
    server.api.problem("DELETE", f"/v1/users/{other['id']}", 409, "CONFLICT")
    mine.close()


def test_wrong_passwords_make_a_login_wait_and_the_words_stay_the_same(shared, api, name):
    user = make(api, name)

    def try_in(login, password):
        return api.problem("POST", "/v1/login", 401, json={"login": login, "password": password})["detail"]

    def lock(until):
        shared.sql('UPDATE "user" SET locked_until = ? WHERE id = ?', until, user["id"])
        return api.get(f"/v1/users/{user['id']}")["locked_until"]

    wrong = {try_in(name, f"wrong {i}") for i in range(5)}
    assert api.get(f"/v1/users/{user['id']}")["locked_until"]
    locked = lock(int((time.time() + 600) * 1e6))
    assert wrong == {try_in(name, PASSWORD)} == {try_in(f"{name}-x", PASSWORD)} == {try_in(name, "wrong again")}
    assert api.get(f"/v1/users/{user['id']}")["locked_until"] == locked, "what is not looked at does not count"
    code = api.post(f"/v1/users/{user['id']}/code", status=200)["code"]
    api.post("/v1/login", {"code": code}, 200)
    lock(int(time.time() * 1e6))
    assert api.post("/v1/login", {"login": name, "password": PASSWORD}, 200)["user"]["locked_until"] is None
    assert api.get(f"/v1/users/{user['id']}")["locked_until"] is None


def test_a_student_is_tied_and_untied(api, name):
    student = api.student(f"T-{name}")["id"]
    user = make(api, name, "student")
    at = f"/v1/users/{user['id']}"
    api.problem("PATCH", at, 400, "INVALID", json={"student": SOME_ID})
    assert api.ask("PATCH", at, 200, json={"student": student}).json()["student"] == student
    mine = sign_in(api, name)
    assert mine.get("/v1/me")["student"] == student
    assert [s["id"] for s in mine.get("/v1/students")["items"]] == [student]
    api.problem("PATCH", at, 400, "INVALID", json={"role": "auditor"})
    api.ask("PATCH", at, 200, json={"student": None, "role": "auditor"})
    assert mine.get("/v1/me")["student"] is None
    mine.close()


def test_a_registrar_invites_a_student_and_again(api, name):
    make(api, name, "registrar")
    desk, student = sign_in(api, name), api.student(f"I-{name}", "Ines")["id"]
    first = desk.post(f"/v1/students/{student}/invite", {}, 200)
    assert (first["user"]["login"], first["user"]["role"], first["user"]["student"]) == (f"I-{name}", "student", student)
    mine = api.with_token(api.post("/v1/login", {"code": first["code"]}, 200)["token"])
    assert mine.get("/v1/me")["student"] == student
    again = desk.post(f"/v1/students/{student}/invite", {"login": "ignored"}, 200)
    assert again["user"]["id"] == first["user"]["id"] and again["code"] != first["code"]
    api.ask("PATCH", f"/v1/users/{first['user']['id']}", 200, json={"disabled": True})
    desk.problem("POST", f"/v1/students/{student}/invite", 409, "CONFLICT", json={})
    desk.problem("POST", f"/v1/students/{SOME_ID}/invite", 404, "NOT_FOUND", json={})
    other = api.student(f"J-{name}")["id"]
    desk.problem("POST", f"/v1/students/{other}/invite", 409, "CONFLICT", json={"login": name})
    api.ask("PATCH", f"/v1/users/{first['user']['id']}", 200, json={"disabled": False})
    mine.problem("GET", "/v1/me", 401)
    back = desk.post(f"/v1/students/{student}/invite", {}, 200)["code"]
    token = api.with_token(api.post("/v1/login", {"code": back}, 200)["token"])
    token.get("/v1/me")
    session = api.session(api.course(f"I-{name}", [student])["id"])["id"]
    api.ask("PUT", f"/v1/sessions/{session}/marks/{student}", 200, json={"status": "late", "reason": "the door"})
    api.ask("DELETE", f"/v1/students/{student}", 200)
    token.problem("GET", "/v1/me", 401)
    api.problem("GET", f"/v1/users/{first['user']['id']}", 404)
    desk.problem("POST", f"/v1/students/{student}/invite", 409, "CONFLICT", json={})
    api.problem("POST", "/v1/users", 400, "INVALID", json={"login": f"{name}-e", "role": "student", "student": student})
    token.close()
    mine.close()
    desk.close()


@pytest.mark.parametrize("running", [True, False])
def test_the_command_changes_users(serve, running):
    server = serve()
    if not running:
        server.stop()
    def user(*words, status=0, text=""):
        done = run("user", *words, "--data-dir", server.data, stdin=text)
        assert done.returncode == status, (words, done.stdout, done.stderr)
        return done.stdout + done.stderr
    user("add", "jane", "--name", "Jane", "--role", "auditor", text=PASSWORD + "\n")
    assert "changed" in user("set", "jane", "--role", "instructor", "--name", "Joan")
    assert "Joan" in user("list") and "instructor" in user("list")
    user("disable", "jane")
    user("enable", "jane")
    assert "last admin" in user("disable", "admin", status=1)
    assert "last admin" in user("remove", "admin", status=1)
    assert "removed" in user("remove", "jane")
    assert "no user" in user("remove", "jane", status=1)
    assert "jane" not in user("list")
