"""Consents and erasure, from outside."""
import contextlib
import json
import re
import sqlite3
import threading
import time
from datetime import datetime, timedelta, timezone

import pytest

import database
from program import PEOPLE, photos, run, wait_for

NOBODY = "00000000-0000-7000-8000-000000000000"


def consents(api, student):
    return api.get(f"/v1/students/{student}/consents")["items"]


def withdraw(api, student, consent, status=200):
    return api.ask("POST", f"/v1/students/{student}/consents/{consent}/withdraw", status).json()


def keys(server, student):
    """The purposes of the student's keys, and whether each is destroyed."""
    with contextlib.closing(sqlite3.connect(server.data / "keys.db")) as db:
        return {purpose: at > 0 for purpose, at in db.execute(
            "SELECT purpose, destroyed_at FROM student_key WHERE student_id = ?", (student,))}


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
    assert ended["consent"]["live"] is False and ended["consent"]["withdrawn_at"]
    assert "templates removed: 3\n" in ended["erasure"]["statement"]
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


def test_a_receipt_is_kept_and_checked_by_anybody(api, name, tmp_path):
    student = api.student(name)["id"]
    (live,) = consents(api, student)
    receipt = withdraw(api, student, live["id"])["erasure"]
    assert api.get(f"/v1/erasures/{receipt['id']}") == receipt
    assert api.get("/v1/erasures", student=student)["items"] == [receipt]
    api.problem("GET", f"/v1/erasures/{NOBODY}", 404)
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(receipt), encoding="utf-8")
    done = run("verify-receipt", path)
    assert done.returncode == 0 and student in done.stdout and "valid" in done.stdout, done.stderr
    assert run("verify-receipt", "--key", receipt["public_key"], path).returncode == 0
    assert run("verify-receipt", "--key", "0" * 64, path).returncode == 1
    path.write_text(json.dumps({**receipt, "statement": receipt["statement"].replace("0", "9")}), encoding="utf-8")
    forged = run("verify-receipt", path)
    assert forged.returncode == 1 and "NOT VALID" in forged.stdout
    path.write_text("[]", encoding="utf-8")
    assert "no receipt" in run("verify-receipt", path).stderr


def test_a_student_with_marks_is_erased_and_the_register_stays_whole(serve, name):
    server = serve()
    api = server.api
    student = api.student(name, "Ada Lovelace")["id"]
    course = api.course(name, [student], confirmations=1)["id"]
    session = api.session(course)["id"]
    api.ask("PUT", f"/v1/sessions/{session}/marks/{student}", 200, json={"status": "excused", "reason": 'ill, "flu" ü'})
    mark = f"/v1/sessions/{session}/marks/{student}"
    (stored,) = database.execute(server.data, "SELECT payload FROM register_event WHERE student = ? AND chain = ?", student,
                                 session)
    assert "flu" not in stored["payload"] and "sealed_reason" in stored["payload"]
    assert api.get(mark)["events"][-1]["event"]["reason"] == 'ill, "flu" ü'
    assert "flu" in api.ask("GET", f"/v1/students/{student}/export", 200).text
    api.ask("PUT", mark, 200, json={"status": "excused", "reason": 'ill, "flu" ü'})
    assert len(api.get(mark)["events"]) == 1
    assert api.get("/v1/register/verification")["findings"] == 0
    receipt = api.ask("DELETE", f"/v1/students/{student}", 200).json()
    assert receipt["scope"] == "student" and "marks kept without a name: 1\n" in receipt["statement"]
    shown = api.get(f"/v1/students/{student}")
    assert shown["status"] == "erased" and shown["email"] is None and name not in shown["external_id"]
    assert "Ada" not in str(api.get("/v1/students")) + str(api.get(f"/v1/sessions/{session}/marks"))
    assert api.get(f"/v1/courses/{course}/roster")["items"] == []
    assert api.get("/v1/register/verification")["findings"] == 0
    assert api.get(mark)["events"][-1]["event"]["reason"] is None
    assert api.ask("DELETE", f"/v1/students/{student}", 200).json() == receipt
    for method, path in (("PUT", f"/v1/courses/{course}/roster/{student}"), ("PUT", mark), ("POST", mark + "/dispute")):
        body = {"json": {"status": "absent", "reason": "no"}} if method == "PUT" and path == mark else {}
        body = {"json": {"reason": "no"}} if method == "POST" else body
        assert "erased" in api.problem(method, path, 409, "CONFLICT", **body)["detail"]
    assert keys(server, student) == {"record": True}
    api.problem("POST", f"/v1/students/{student}/photos", 409, files=[("photo", ("a.jpg", b"x"))])
    api.problem("PATCH", f"/v1/students/{student}", 412, json={"name": "Ada"})
    api.problem("POST", f"/v1/students/{student}/consents", 409, json={"purpose": "recognition", "text_version": "1"})


def test_a_student_without_marks_goes_and_the_receipt_stays(api, name):
    student = api.student(name)["id"]
    receipt = api.ask("DELETE", f"/v1/students/{student}", 200).json()
    api.problem("GET", f"/v1/students/{student}", 404)
    api.problem("DELETE", f"/v1/students/{student}", 404)
    assert api.get(f"/v1/erasures/{receipt['id']}") == receipt
    assert re.search(r"^key record: ", receipt["statement"], re.M)


@contextlib.contextmanager
def rows_held(server):
    """Nobody writes to the database meanwhile; the keys are another one."""
    if database.POSTGRES:
        import psycopg
        with psycopg.connect(database.url(server.data)) as db:
            db.execute("LOCK TABLE job IN EXCLUSIVE MODE")
            yield
            db.rollback()
        return
    with contextlib.closing(sqlite3.connect(server.data / "rollcall.db", isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")


def test_an_erasure_cut_short_by_kill_9_is_finished_by_the_scheduler(serve, name):
    server, person = serve(), PEOPLE[3]
    student = server.api.enrol(name, photos("train", person, 2))["id"]
    (live,) = consents(server.api, student)

    def ask():
        with contextlib.suppress(Exception):
            withdraw(server.api, student, live["id"])

    asking = threading.Thread(target=ask)
    with rows_held(server):
        asking.start()
        wait_for(lambda: keys(server, student)["face"], what="the end of the key")
        server.kill()
    asking.join()
    with contextlib.closing(sqlite3.connect(server.data / "keys.db")) as db, db:
        assert db.execute("SELECT sealed FROM student_key WHERE student_id = ?", (student,)).fetchall() == [(b"",)]
        db.execute("UPDATE student_key SET destroyed_at = destroyed_at - 60000000 WHERE student_id = ?", (student,))
    server.restart()
    api = server.api
    assert consents(api, student)[0]["live"] and api.get(f"/v1/students/{student}")["photos"] == 2
    session = api.session(api.course(name, [student], confirmations=1)["id"])["id"]
    assert api.seen(session, photos("val", person)[0])["faces"][0]["student"] is None
    for _ in range(2):
        api.post("/v1/system/schedule/erasures/run", status=204)
        (receipt,) = wait_for(lambda: api.get("/v1/erasures", student=student)["items"], what="the erasure")
        assert "templates removed: 2\n" in receipt["statement"]
    assert api.get(f"/v1/students/{student}")["photos"] == 0 and not consents(api, student)[0]["live"]
    api.problem("POST", f"/v1/students/{student}/consents/{live['id']}/withdraw", 409)


def test_photos_are_kept_sealed_where_the_student_agreed(serve, name):
    server, person = serve("--enrolment-photos-keep-days", "30"), PEOPLE[3]
    api, files = server.api, photos("train", person, 2)
    student = api.enrol(name, files[:1])["id"]
    kept = f"/v1/students/{student}/kept-photos"
    assert api.get(kept)["items"] == []  # without a consent to photos
    agreed = api.consent(student, "photos")["id"]
    assert api.finished(api.upload(student, files[1:])["id"])["photos"][0]["verdict"] == "accepted"
    (photo,) = api.get(kept)["items"]
    picture = api.ask("GET", f"{kept}/{photo['id']}", 200)
    assert picture.content == files[1].read_bytes() and picture.headers["content-type"] == "image/jpeg"
    (row,) = server.sql("SELECT sealed FROM kept_photo")
    assert picture.content[:64] not in bytes(row["sealed"])
    assert api.get(f"/v1/students/{student}/export")["kept_photos"] == [photo]
    api.problem("GET", f"{kept}/{NOBODY}", 404)
    api.problem("GET", f"/v1/students/{NOBODY}/kept-photos", 404)
    withdraw(api, student, agreed)
    assert server.sql("SELECT id FROM kept_photo") == [] and api.get(f"/v1/students/{student}")["photos"] == 2


def test_an_expired_consent_is_withdrawn_by_the_scheduler(serve, name):
    api, person = serve("--schedule-cleanup-s", "1").api, PEOPLE[3]
    student = api.enrol(name, photos("train", person, 2))["id"]
    soon = datetime.now(timezone.utc) + timedelta(seconds=1)
    api.consent(student, text_version="2", expires_at=soon.isoformat().replace("+00:00", "Z"))
    (receipt,) = wait_for(lambda: api.get("/v1/erasures", student=student)["items"], what="the erasure")
    assert receipt["reason"] == "consent_expired" and "templates removed: 2\n" in receipt["statement"]
    assert not any(c["live"] for c in consents(api, student))
    assert api.get(f"/v1/students/{student}")["photos"] == 0
