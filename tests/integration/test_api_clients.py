"""API clients: keys of programs, what they may, and the cameras of a session."""
import datetime
import time

import pytest

from program import wait_for

NOBODY = "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60"
JPEG = {"Content-Type": "image/jpeg"}


def make(api, name, kind="service", **more):
    """A client with its key: (client, Api with the key)."""
    if kind == "service":
        more.setdefault("scopes", ["student.read"])
    if kind == "camera":
        more.setdefault("camera", api.post("/v1/cameras", {"name": name})["id"])
    made = api.post("/v1/api-clients", {"name": name, "kind": kind, **more})
    return made["client"], api.with_token(made["key"])


def frame(api, session, status, blank, **query):
    return api.ask("POST", f"/v1/sessions/{session['id']}/frames", status, content=blank, headers=JPEG, params=query)


def test_a_key_is_told_once_and_is_good_for_its_scopes_only(api, name):
    answer = api.ask("POST", "/v1/api-clients", 201, json={"name": name, "kind": "service", "scopes": ["student.read"]})
    made, key = answer.json()["client"], answer.json()["key"]
    assert key.startswith("rck_") and made["prefix"] == key[:8] and made["scopes"] == ["self", "student.read"]
    assert answer.headers["location"] == f"/v1/api-clients/{made['id']}"
    shown = api.get(f"/v1/api-clients/{made['id']}")
    assert shown == made and key[8:] not in str(shown)
    program = api.with_token(key)
    program.get("/v1/students")
    assert program.get("/v1/me")["id"] == made["id"]
    problem = program.problem("POST", "/v1/students", 403, "FORBIDDEN", json={"external_id": name, "name": "N"})
    assert "student.write" in problem["detail"]
    program.problem("GET", "/v1/api-clients", 403)
    assert wait_for(lambda: api.get(f"/v1/api-clients/{made['id']}")["last_seen"], 5, "last_seen")
    row = api.get("/v1/audit", actor=made["id"])["items"][0]
    assert (row["actor_kind"], row["action"], row["status"]) == ("client", "createStudent", 403)
    program.close()


@pytest.mark.parametrize("body, word", [
    ({"kind": "service"}, "scopes"),
    ({"kind": "service", "scopes": ["user.admin"]}, "user.admin"),
    ({"kind": "service", "scopes": ["everything"]}, "everything"),
    ({"kind": "service", "scopes": ["self"], "camera": NOBODY}, "camera"),
    ({"kind": "camera"}, "camera"),
    ({"kind": "camera", "camera": NOBODY}, "camera"),
    ({"kind": "camera", "scopes": ["student.read"], "camera": NOBODY}, "student.read"),
    ({"kind": "robot"}, "kind"),
    ({"kind": "kiosk", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ({"kind": "kiosk", "scopes": ["x"] * 33}, "scopes"),
])
def test_what_a_kind_cannot_have_is_400_and_says_what(api, name, body, word):
    assert word in api.problem("POST", "/v1/api-clients", 400, "INVALID", json={"name": name, **body})["detail"]


def test_a_change_counts_at_once_and_wants_the_current_version(api, name):
    client, program = make(api, name)
    path = f"/v1/api-clients/{client['id']}"
    program.get("/v1/students")
    tag = api.ask("GET", path, 200).headers["etag"]
    changed = api.ask("PATCH", path, 200, json={"scopes": ["course.read"], "name": f"{name}-b"}, headers={"If-Match": tag})
    assert changed.json()["scopes"] == ["self", "course.read"] and changed.headers["etag"] != tag
    api.problem("PATCH", path, 412, "PRECONDITION", json={"name": "x"}, headers={"If-Match": tag})
    program.problem("GET", "/v1/students", 403)
    program.get("/v1/courses")
    api.problem("POST", "/v1/api-clients", 409, json={"name": f"{name}-b", "kind": "kiosk"})
    program.close()


def test_rotating_and_revoking_end_the_old_key_at_once(api, name):
    client, program = make(api, name)
    path = f"/v1/api-clients/{client['id']}"
    program.get("/v1/students")
    key = api.post(f"{path}/key", status=200)["key"]
    program.problem("GET", "/v1/students", 401)
    fresh = api.with_token(key)
    fresh.get("/v1/students")
    api.ask("DELETE", path, 204)
    fresh.problem("GET", "/v1/students", 401, "UNAUTHENTICATED")
    api.ask("DELETE", path, 204)
    assert api.get(path)["revoked_at"]
    api.problem("PATCH", path, 404, json={"name": "x"})
    api.problem("POST", f"{path}/key", 404)
    listed = [c["id"] for c in api.get("/v1/api-clients", kind="service", limit=200)["items"]]
    revoked = [c["id"] for c in api.get("/v1/api-clients", revoked="1", limit=200)["items"]]
    assert client["id"] not in listed and client["id"] in revoked
    make(api, name)[1].close()  # the name is free again
    program.close()
    fresh.close()


def test_an_expired_key_is_401(api, name):
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=0.5)
    _, program = make(api, name, expires_at=soon.isoformat())
    wait_for(lambda: program.ask("GET", "/v1/students").status_code == 401, 10, "the end of the key")
    program.close()


def test_a_cameras_key_posts_as_that_camera_alone(api, session, blank, name):
    client, camera = make(api, name, "camera")
    other = api.post("/v1/cameras", {"name": f"{name}-b"})["id"]
    frame(camera, session, 202, blank)
    frame(camera, session, 202, blank, camera=client["camera"])
    frame(camera, session, 403, blank, camera=other)
    assert frame(camera, session, 200, blank, wait="1").json()["camera"] == client["camera"]
    camera.problem("GET", f"/v1/sessions/{session['id']}", 403)
    camera.close()


def test_a_session_with_cameras_takes_no_others(api, session, blank, name):
    client, camera = make(api, name, "camera")
    path = f"/v1/sessions/{session['id']}/cameras"
    other = api.post("/v1/cameras", {"name": f"{name}-b"})["id"]
    frame(camera, session, 202, blank)
    api.ask("PUT", f"{path}/{other}", 204)
    frame(camera, session, 403, blank)
    api.ask("PUT", f"{path}/{client['camera']}", 204)
    api.ask("PUT", f"{path}/{client['camera']}", 204)
    assert {c["id"] for c in api.get(path)["items"]} == {client["camera"], other}
    frame(camera, session, 202, blank)
    api.ask("DELETE", f"{path}/{client['camera']}", 204)
    frame(camera, session, 403, blank)
    api.problem("DELETE", f"{path}/{client['camera']}", 404)
    api.ask("DELETE", f"{path}/{other}", 204)
    frame(camera, session, 202, blank)
    api.problem("PUT", f"{path}/{NOBODY}", 404)
    api.problem("PUT", f"/v1/sessions/{NOBODY}/cameras/{other}", 404)
    camera.close()


def test_only_the_hash_of_a_key_is_stored_and_last_seen_is_written_once_a_minute(serve):
    server = serve()
    _, program = make(server.api, "p")
    program.get("/v1/students")
    row = server.sql("SELECT * FROM api_client")[0]
    assert program.token.encode() not in b"|".join(str(v).encode() if not isinstance(v, bytes) else v for v in row.values())
    seen = server.sql("SELECT last_seen FROM api_client")[0]["last_seen"]
    assert abs(seen - time.time() * 1e6) < 60e6
    server.stop()
    server.restart()
    program = server.api.with_token(program.token)
    program.get("/v1/students")
    assert server.sql("SELECT last_seen FROM api_client")[0]["last_seen"] == seen
    server.sql("UPDATE api_client SET last_seen = last_seen - 61000000")
    server.stop()
    server.restart()
    program = server.api.with_token(program.token)
    program.get("/v1/students")
    assert server.sql("SELECT last_seen FROM api_client")[0]["last_seen"] > seen - 61000000
    program.close()
