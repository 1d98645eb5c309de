"""Consents and erasure, from outside."""
import time

import pytest

from program import PEOPLE, photos

NOBODY = "00000000-0000-7000-8000-000000000000"


def consents(api, student):
    return api.get(f"/v1/students/{student}/consents")["items"]


def withdraw(api, student, consent, status=200):
    return api.ask("POST", f"/v1/students/{student}/consents/{consent}/withdraw", status).json()


def test_photos_without_a_consent_are_refused_with_what_to_do(api, name):
    student = api.student(name, consent=None)["id"]
    files = [("photo", ("a.jpg", b"x"))]
    said = api.problem("POST", f"/v1/students/{student}/photos", 409, "CONFLICT", files=files)
    assert "/consents" in said["detail"] and "--consent" in said["detail"]
    api.consent(student, "photos")
    api.problem("POST", f"/v1/students/{student}/photos", 409, "CONFLICT", files=files)
    api.consent(student)
    api.ask("POST", f"/v1/students/{student}/photos", 202, files=files)


def test_a_consent_is_recorded_listed_and_replaced(api, name):
    student = api.student(name, consent=None)["id"]
    first = api.consent(student, given_at="2026-09-01T08:00:00Z", expires_at="2099-01-01T00:00:00Z")
    assert first["live"] and first["given_at"] == "2026-09-01T08:00:00.000000Z" and first["withdrawn_at"] is None
    second = api.consent(student, text_version="2")
    found = consents(api, student)
    assert [(c["text_version"], c["live"], c["replaced_by"]) for c in found] == [
        ("test", False, second["id"]), ("2", True, None)]
    assert found[1]["recorded_by"] == "local"
    page = api.get(f"/v1/students/{student}/consents", limit=1)
    assert len(page["items"]) == 1 and page["next"] == first["id"]


@pytest.mark.parametrize("change", [{"purpose": "fun"}, {"text_version": ""}, {"text_version": "x" * 65},
                                    {"given_at": "2999-01-01T00:00:00Z"}, {"expires_at": "2001-01-01T00:00:00Z"}])
def test_a_bad_consent_is_refused(api, name, change):
    student = api.student(name, consent=None)["id"]
    body = {"purpose": "recognition", "text_version": "1", **change}
    api.problem("POST", f"/v1/students/{student}/consents", 400, json=body)
    assert consents(api, student) == []


def test_consents_of_nobody_are_not_found(api, name):
    student = api.student(name)["id"]
    api.problem("GET", f"/v1/students/{NOBODY}/consents", 404)
    api.problem("POST", f"/v1/students/{NOBODY}/consents", 404, json={"purpose": "photos", "text_version": "1"})
    api.problem("POST", f"/v1/students/{student}/consents/{NOBODY}/withdraw", 404)


def test_withdrawing_erases_the_face_in_two_seconds(serve, name):
    api, person = serve().api, PEOPLE[3]
    student = api.enrol(name, photos("train", person, 3))["id"]
    mine = api.course(name, [student], confirmations=1)
    session = api.session(mine["id"])["id"]
    before = api.seen(session, photos("val", person)[0])
    assert [f["student"] and f["student"]["id"] for f in before["faces"]] == [student]
    (live,) = [c for c in consents(api, student) if c["live"]]
    ended = withdraw(api, student, live["id"])
    assert ended["live"] is False and ended["withdrawn_at"]
    until = time.monotonic() + 2
    while api.seen(session, photos("val", person)[1])["faces"][0]["student"]:
        assert time.monotonic() < until, "still recognised 2 s after the consent ended"
    assert api.get(f"/v1/students/{student}")["photos"] == 0
    api.problem("POST", f"/v1/students/{student}/photos", 409, files=[("photo", ("a.jpg", b"x"))])
    api.problem("POST", f"/v1/students/{student}/consents/{live['id']}/withdraw", 409)


def test_photos_that_wait_go_with_the_consent(api, name):
    student = api.student(name)["id"]
    job = api.upload(student, photos("train", PEOPLE[2], 12))["id"]
    (live,) = consents(api, student)
    withdraw(api, student, live["id"])
    ended = api.finished(job)
    assert ended["state"] == "failed" and "erased" in ended["error"], ended
    assert api.get(f"/v1/students/{student}")["photos"] == 0


def test_without_its_key_a_face_is_gone_and_the_server_runs(serve, name):
    server, person = serve(), PEOPLE[3]
    student = server.api.enrol(name, photos("train", person, 2))["id"]
    session = server.api.session(server.api.course(name, [student], confirmations=1)["id"])["id"]
    assert server.api.seen(session, photos("val", person)[0])["faces"][0]["student"]
    assert server.stop() == 0
    (server.data / "keys.db").unlink()
    api = serve().api
    assert not api.seen(session, photos("val", person)[1])["faces"][0]["student"]
    (live,) = [c for c in consents(api, student) if c["live"]]
    withdraw(api, student, live["id"])
    assert api.get(f"/v1/students/{student}")["photos"] == 0
    api.consent(student)
    assert api.finished(api.upload(student, photos("train", person, 1))["id"])["state"] == "done"
