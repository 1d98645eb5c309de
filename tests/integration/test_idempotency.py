"""Idempotency-Key: a POST sent again is answered again and not carried out again."""
import threading
import time

import pytest

PASSWORD = "correct horse battery"


def post(api, path, key, body, status=None):
    return api.ask("POST", path, status, json=body, headers={"Idempotency-Key": key})


def refused(api, path, key, body, status, code):
    return api.problem("POST", path, status, code, json=body, headers={"Idempotency-Key": key})


def test_the_same_request_gets_the_same_answer_and_is_carried_out_once(api, name):
    body = {"external_id": name, "name": "Ada"}
    first = post(api, "/v1/students", name, body, 201)
    again = post(api, "/v1/students", f'"{name}"', body, 201)  # with the quotes of the draft
    assert again.json() == first.json() and "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    for header in ("location", "etag", "content-type"):
        assert again.headers[header] == first.headers[header]
    assert len(api.get("/v1/students", search=name)["items"]) == 1
    rows = api.get("/v1/audit", subject=first.json()["id"])["items"]
    assert [r["detail"] and r["detail"].get("replayed") for r in rows] == [True, None]


def test_a_refusal_is_repeated_and_another_request_under_the_same_key_is_422(api, name):
    api.post("/v1/cameras", {"name": name})
    first = refused(api, "/v1/cameras", name, {"name": name}, 409, "CONFLICT")
    assert refused(api, "/v1/cameras", name, {"name": name}, 409, "CONFLICT") == first
    refused(api, "/v1/cameras", name, {"name": f"{name}-b"}, 422, "UNPROCESSABLE")
    refused(api, "/v1/courses", name, {"code": name, "title": "T"}, 422, "UNPROCESSABLE")


def test_what_was_no_valid_request_takes_no_key(api, name):
    refused(api, "/v1/cameras", name, {"nam": name}, 400, "INVALID")
    post(api, "/v1/cameras", name, {"name": name}, 201)


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, '""', "tab\tinside", "\xe4".encode("latin-1")])
def test_a_key_that_is_none_is_400(api, name, key):
    answer = api.ask("POST", "/v1/cameras", json={"name": name}, headers={"Idempotency-Key": key})
    assert answer.status_code == 400, answer.text
    post(api, "/v1/cameras", "y" * 250 + name, {"name": name}, 201)


def test_keys_of_two_users_are_apart_and_a_forbidden_one_is_not_kept(api, name):
    user = api.post("/v1/users", {"login": name, "role": "auditor", "password": PASSWORD})
    auditor = api.with_token(api.post("/v1/login", {"login": name, "password": PASSWORD}, 200)["token"])
    refused(auditor, "/v1/cameras", name, {"name": name}, 403, "FORBIDDEN")
    post(api, "/v1/cameras", name, {"name": name}, 201)
    refused(auditor, "/v1/cameras", name, {"name": name}, 403, "FORBIDDEN")
    auditor.close()
    assert user["id"]


def test_a_secret_is_told_once(api, name):
    user = api.post("/v1/users", {"login": name, "role": "auditor"})
    path = f"/v1/users/{user['id']}/code"
    code = api.ask("POST", path, 200, headers={"Idempotency-Key": name}).json()["code"]
    problem = api.problem("POST", path, 409, "CONFLICT", headers={"Idempotency-Key": name})
    assert code not in str(problem) and "200" in problem["detail"]


def test_requests_at_once_are_carried_out_once(api, name):
    body, answers = {"external_id": name, "name": "Ada"}, []

    def send():
        mine = api.with_token(api.token)
        answers.append(post(mine, "/v1/students", name, body))
        mine.close()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {a.status_code for a in answers} <= {201, 409}
    assert len({a.json()["id"] for a in answers if a.status_code == 201}) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert answer.headers["retry-after"] and "still at work" in answer.json()["detail"]
    post(api, "/v1/students", name, body, 201)


def test_a_key_whose_worker_died_is_free_after_a_while_and_no_answer_lies_open(serve, name):
    server = serve()
    body = {"external_id": name, "name": "Zebedee Quux"}
    made = post(server.api, "/v1/students", "k", body, 201).json()
    row = server.sql("SELECT status, answer, request FROM idempotency")[0]
    assert row["status"] == 201 and b"Zebedee" not in bytes(row["answer"]) and made["id"].encode() not in bytes(row["answer"])
    now = int(time.time() * 1e6)
    server.sql("UPDATE idempotency SET status = 0, claimed_at = ?", now)
    refused(server.api, "/v1/students", "k", body, 409, "CONFLICT")
    server.sql("UPDATE idempotency SET claimed_at = ?", now - 121_000_000)
    problem = refused(server.api, "/v1/students", "k", body, 409, "CONFLICT")  # carried out again: the number is taken
    assert "external_id" in problem["detail"]
    server.sql("UPDATE idempotency SET claimed_at = ?", now - 86_401_000_000)
    post(server.api, "/v1/students", "k", {"external_id": f"{name}-b", "name": "B"}, 201)


def test_a_server_error_keeps_nothing(serve, name):
    server = serve()
    server.sql("ALTER TABLE camera RENAME TO camera_away")
    assert post(server.api, "/v1/cameras", "k", {"name": name}).status_code >= 500
    server.sql("ALTER TABLE camera_away RENAME TO camera")
    post(server.api, "/v1/cameras", "k", {"name": name}, 201)
