"""GET /v1/students/{id}/export: the copy of everything held on a student."""
import csv
import io
import json
import uuid
import zipfile

import pytest

from program import photos

SECTIONS = ("person", "account", "consents", "templates", "kept_photos", "rosters", "marks", "presence", "totals", "register",
            "references", "erasures", "look_alikes", "jobs", "differences", "audit")
FORMULA = "=HYPERLINK(\"http://x\")"


@pytest.fixture
def world(api, name):
    """A student with photos and two marks, one corrected; and another student in the same sessions."""
    mine = api.student(f"E-{name}", f"{FORMULA} Zoë 🎓 {name}")
    job = api.finished(api.upload(mine["id"], photos("train", "elton_john", 2))["id"])
    other = api.student(f"O-{name}", "Somebody Else")
    course = api.course(f"X-{name}", [mine["id"], other["id"]], confirmations=1)
    session = api.session(course["id"])["id"]
    for student in (mine["id"], other["id"]):
        api.ask("PUT", f"/v1/sessions/{session}/marks/{student}", 200, json={"status": "late", "reason": f"bus {student}"})
    api.post(f"/v1/sessions/{session}/stop", status=200)
    yield mine, other, course, session, job
    api.ask("DELETE", f"/v1/students/{mine['id']}/photos", 204)  # other tests enrol the same face


def test_the_copy_holds_everything_of_the_student_and_nothing_of_others(api, world):
    mine, other, course, session, job = world
    answer = api.ask("GET", f"/v1/students/{mine['id']}/export", 200)
    assert answer.headers["content-type"] == "application/json"
    copy = answer.json()
    assert copy["student"] == mine["id"] and copy["exported_at"] and set(SECTIONS) <= set(copy)
    assert [(p["external_id"], p["name"]) for p in copy["person"]] == [(mine["external_id"], mine["name"])]
    assert [c["purpose"] for c in copy["consents"]] == ["recognition"]
    assert len(copy["templates"]) == sum(p["verdict"] == "accepted" for p in job["photos"]) == 2
    assert [(r["code"], r["valid_to"]) for r in copy["rosters"]] == [(course["code"], None)]
    assert [(m["session_id"], m["status"], m["source"]) for m in copy["marks"]] == [(session, "late", "manual")]
    assert [t["late"] for t in copy["totals"]] == [1]
    events = [e for e in copy["register"] if e["chain"] == session]
    assert events[0]["payload"]["event"] == "correction" and len(events[0]["hash"]) == 64
    assert f"bus {mine['id']}" in json.dumps(events)
    assert [p["verdict"] for p in copy["jobs"]] == ["accepted", "accepted"]
    assert "createStudent" in [row["action"] for row in copy["audit"]]
    assert other["id"] not in answer.text and "Somebody Else" not in answer.text
    assert "exportStudent" in [row["action"] for row in api.ask("GET", f"/v1/students/{mine['id']}/export").json()["audit"]]


@pytest.mark.parametrize("how", ["format", "accept"])
def test_as_a_zip_with_tables_that_run_no_formula(api, world, how):
    mine = world[0]
    path = f"/v1/students/{mine['id']}/export"
    answer = api.ask("GET", path, 200, **({"params": {"format": "zip"}} if how == "format" else
                                          {"headers": {"Accept": "application/zip"}}))
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert packed.testzip() is None
        assert set(packed.namelist()) == {"README.txt", "export.json", *(f"{s}.csv" for s in SECTIONS)}
        copy = json.loads(packed.read("export.json"))
        for section in SECTIONS:
            rows = list(csv.DictReader(io.StringIO(packed.read(f"{section}.csv").decode("utf-8-sig"))))
            assert len(rows) == len(copy[section])
            assert section in packed.read("README.txt").decode()
            for row, said in zip(rows, copy[section]):
                assert set(row) == set(said)
        person = list(csv.DictReader(io.StringIO(packed.read("person.csv").decode("utf-8-sig"))))[0]
        assert person["name"] == "'" + mine["name"] and copy["person"][0]["name"] == mine["name"]


def test_who_may_not_and_what_is_not_there(api, world):
    api.problem("GET", f"/v1/students/{uuid.uuid4()}/export", 404, "NOT_FOUND")
    api.problem("GET", f"/v1/students/{world[0]['id']}/export", 400, "INVALID", params={"format": "pdf"})
    assert api.with_token(None).ask("GET", f"/v1/students/{world[0]['id']}/export").status_code == 401
