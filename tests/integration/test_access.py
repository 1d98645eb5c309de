"""Who may: sign-in, tokens, roles, and that no route was forgotten."""
import time

import httpx
import pytest

from program import run

PUBLIC = {("GET", "/"), ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/openapi.json"), ("POST", "/v1/login")}
SOME_ID = "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60"
PASSWORD = "correct horse battery"


def routes(api):
    for path, methods in api.get("/openapi.json")["paths"].items():
        for method in methods:
            if method in ("get", "post", "put", "patch", "delete"):
                yield method.upper(), path


def concrete(path):
    return path.replace("{id}", SOME_ID).replace("{student}", SOME_ID).replace("{challenge}", SOME_ID).replace("{camera}", SOME_ID).replace("{name}", "http_port")


@pytest.fixture(scope="module")
def members(shared):
    """One user of each role, signed in: role -> Api."""
    signed_in = {}
    for role in ("admin", "registrar", "instructor", "auditor", "student", "camera"):
        shared.api.post("/v1/users", {"login": f"m-{role}", "name": role, "role": role, "password": PASSWORD})
        token = shared.api.post("/v1/login", {"login": f"m-{role}", "password": PASSWORD}, 200)["token"]
        signed_in[role] = shared.api.with_token(token)
    yield signed_in
    for api in signed_in.values():
        api.close()


@pytest.mark.smoke
def test_every_route_but_the_public_ones_wants_credentials(api):
    nobody = api.with_token(None)
    found = list(routes(api))
    assert PUBLIC < set(found) and len(found) > 30
    for method, path in found:
        answer = nobody.ask(method, concrete(path))
        if (method, path) in PUBLIC:
            assert answer.status_code != 401 or path == "/v1/login", (method, path)
        else:
            assert answer.status_code == 401, (method, path, answer.status_code)
            assert answer.headers["www-authenticate"].startswith("Bearer"), (method, path)
            assert answer.json()["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer", "Bearer x y", "Basic YWRtaW46YWRtaW4=", "token x", ""])
def test_a_wrong_authorization_header_is_401(api, header):
    answer = httpx.get(f"{api.url}/v1/students", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json()["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("role, method, path, status", [
    ("admin", "GET", "/v1/users", 200),
    ("registrar", "GET", "/v1/students", 200),
    ("registrar", "GET", "/v1/users", 403),
    ("registrar", "GET", f"/v1/sessions/{SOME_ID}/marks/{SOME_ID}", 404),
    ("auditor", "PUT", f"/v1/sessions/{SOME_ID}/marks/{SOME_ID}", 403),
    ("instructor", "PUT", f"/v1/sessions/{SOME_ID}/marks/{SOME_ID}", 404),
    ("registrar", "POST", f"/v1/sessions/{SOME_ID}/frames", 403),
    ("auditor", "GET", "/v1/students", 200),
    ("auditor", "GET", f"/v1/sessions/{SOME_ID}/marks", 404),
    ("auditor", "DELETE", f"/v1/students/{SOME_ID}", 403),
    ("auditor", "GET", "/metrics", 200),
    ("camera", "POST", f"/v1/sessions/{SOME_ID}/frames", 404),
    ("camera", "GET", "/v1/students", 403),
    ("camera", "GET", f"/v1/sessions/{SOME_ID}/marks", 403),
    ("camera", "GET", "/metrics", 403),
    ("instructor", "GET", "/v1/me", 200),
    ("student", "GET", "/v1/me", 200),
])
def test_a_role_may_what_it_needs_and_no_more(members, role, method, path, status):
    members[role].ask(method, path, status)


def test_me_tells_who_the_token_belongs_to(members):
    assert members["auditor"].get("/v1/me")["login"] == "m-auditor"
    assert members["auditor"].get("/v1/me")["role"] == "auditor"


@pytest.mark.parametrize("body", [
    {"login": "m-admin", "password": "wrong password"},
    {"login": "m-admin", "password": ""},
    {"login": "nobody at all", "password": PASSWORD},
    {"code": "0000-0000-0000-0000"},
    {"code": ""},
])
def test_wrong_credentials_give_no_token(api, members, body):
    assert api.with_token(None).ask("POST", "/v1/login", json=body).status_code in (400, 401)


@pytest.mark.parametrize("body", [{}, {"login": "m-admin"}, {"password": PASSWORD}])
def test_a_sign_in_without_the_needed_members_is_400(api, members, body):
    api.with_token(None).problem("POST", "/v1/login", 400, "INVALID", json=body)


def test_the_wrong_login_and_the_wrong_password_look_the_same(api, members):
    nobody = api.with_token(None)
    one = nobody.problem("POST", "/v1/login", 401, json={"login": "m-admin", "password": "x" * 20})
    other = nobody.problem("POST", "/v1/login", 401, json={"login": "m-nobody", "password": "x" * 20})
    assert one["detail"] == other["detail"]


def test_signing_out_revokes_the_token_at_once(api, members):
    token = api.post("/v1/login", {"login": "m-admin", "password": PASSWORD}, 200)["token"]
    mine = api.with_token(token)
    mine.get("/v1/me")
    mine.ask("DELETE", "/v1/login", 204)
    mine.problem("GET", "/v1/me", 401)


def test_a_changed_password_replaces_the_old_one(api, name):
    user = api.post("/v1/users", {"login": name, "name": "N", "role": "auditor", "password": PASSWORD})
    api.ask("PUT", f"/v1/users/{user['id']}/password", 204, json={"password": "another long password"})
    api.problem("POST", "/v1/login", 401, json={"login": name, "password": PASSWORD})
    api.post("/v1/login", {"login": name, "password": "another long password"}, 200)


def test_the_first_start_gives_one_code_for_one_use_and_no_default_password(serve):
    server = serve()
    code = server.first_code()
    signed_in = server.api.post("/v1/login", {"code": code}, 200)
    assert signed_in["user"]["login"] == "admin" and signed_in["user"]["role"] == "admin"
    server.api.with_token(signed_in["token"]).get("/v1/users")
    server.api.problem("POST", "/v1/login", 401, json={"code": code})
    for password in ("admin", "password", "rollcall"):
        assert server.api.ask("POST", "/v1/login", json={"login": "admin", "password": password}).status_code == 401


def test_an_expired_code_and_an_expired_token_are_401_and_local_tokens_die_with_the_server(serve):
    server = serve()
    old_local = server.api.token
    token = server.api.post("/v1/login", {"code": server.first_code()}, 200)["token"]
    assert server.stop() == 0
    code = run("user", "code", "admin", "--data-dir", server.data).stdout.split()[-1].strip(".")
    server.sql("UPDATE login SET expires_at = ?", int(time.time() * 1e6) - 1)
    server.restart()
    server.api.with_token(token).problem("GET", "/v1/me", 401)
    server.api.with_token(old_local).problem("GET", "/v1/me", 401)
    server.api.problem("POST", "/v1/login", 401, json={"code": code})
