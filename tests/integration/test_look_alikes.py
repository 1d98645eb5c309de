"""One person is not enrolled twice, people who look alike are, and a template stays small and fresh."""
import pytest

from program import Server, photos, wait_for



def pictures(person, count, start=0, folder="train"):
    return photos(folder, person)[start:start + count]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("alike") / "data", "--templates-max", "4").start()
    yield server
    assert server.stop() == 0


def verdicts(api, student, files, **query):
    job = api.finished(api.upload(student["id"], files, **query)["id"])
    assert job["state"] == "done", job
    return job, [p["verdict"] for p in job["photos"]]


def told(server, student):
    """What the admin chain of the register says of the student."""
    return [row["payload"] for row in
            server.sql("SELECT payload FROM register_event WHERE chain = 'admin' AND student = ?", student["id"])]


@pytest.fixture(scope="module")
def jerry(shared):
    return shared.api.enrol("jerry", pictures("jerry_seinfeld", 3), "Jerry S.")


@pytest.fixture(scope="module")
def twin(shared, jerry):
    """The same face as a second student, as a twin's would be."""
    return shared.api.enrol("twin", pictures("jerry_seinfeld", 3, 4), "Twin S.", allow_look_alike=1)


@pytest.mark.smoke
def test_the_face_of_another_student_is_refused_by_name(api, jerry, name):
    student = api.student(name)
    job, words = verdicts(api, student, pictures("jerry_seinfeld", 1, 3))
    assert words == ["duplicate_of"]
    assert job["photos"][0]["other"]["external_id"] == "jerry" and "allow_look_alike" in job["photos"][0]["detail"]
    assert job["good_photos"] == 0 and "3 or more" in job["advice"]
    assert api.get(f"/v1/students/{student['id']}")["photos"] == 0


def test_another_face_is_nobodys_duplicate(api, jerry, name):
    job, words = verdicts(api, api.student(name), pictures("mindy_kaling", 3))
    assert words == ["accepted"] * 3 and job["good_photos"] == 3 and job["advice"] is None
    assert all(p["other"] is None for p in job["photos"])


def test_more_photos_of_oneself_are_no_duplicates(api, jerry):
    _, words = verdicts(api, jerry, pictures("jerry_seinfeld", 1, 8))
    assert words == ["accepted"]


def test_twins_are_a_pair_that_is_listed_and_told_to_the_register(shared, api, jerry, twin):
    (pair,) = api.get(f"/v1/students/{twin['id']}/look-alikes")["items"]
    assert {pair["a"]["external_id"], pair["b"]["external_id"]} == {"jerry", "twin"} and pair["score"] > .6
    assert pair in api.get("/v1/look-alikes")["items"]
    assert api.get(f"/v1/students/{jerry['id']}/look-alikes")["items"] == [pair]
    assert any("look_alike_allowed" in payload and jerry["id"] in payload for payload in told(shared, twin))


def test_twins_need_a_larger_margin(api, jerry, twin, serve):
    """Neither name: both templates are of one person, and what tells them apart is less than the margin."""
    session = api.session(api.course("twins", [jerry["id"], twin["id"]], confirmations=1)["id"])
    seen = [api.seen(session["id"], p)["faces"][0] for p in photos("val", "jerry_seinfeld")]
    named = [face for face in seen if face["student"]]
    assert len(named) < len(seen) / 2, [f["status"] for f in seen]


def test_a_pair_ends_with_the_template_of_either(api, name):
    ben = api.enrol(name + "a", pictures("ben_afflek", 2))
    other = api.enrol(name + "b", pictures("ben_afflek", 2, 4), allow_look_alike=1)
    path = f"/v1/students/{ben['id']}/look-alikes"
    assert len(api.get(path)["items"]) == 1
    api.ask("DELETE", f"/v1/students/{other['id']}", 200)
    assert api.get(path)["items"] == []
    third = api.enrol(name + "c", pictures("ben_afflek", 1, 4), allow_look_alike=1)
    assert len(api.get(path)["items"]) == 1
    (row,) = api.get(f"/v1/students/{third['id']}/templates")["items"]
    api.ask("DELETE", f"/v1/students/{third['id']}/templates/{row['id']}", 204)
    wait_for(lambda: not api.get(path)["items"], what="the pair to end")


def test_templates_are_listed_without_vectors_and_deleted_one_by_one(api, name):
    student = api.enrol(name, pictures("elton_john", 3))
    path = f"/v1/students/{student['id']}/templates"
    rows = api.get(path)["items"]
    assert len(rows) == 3 and all(r["active"] and r["encoder"] and r["source"].startswith("photo:") for r in rows)
    assert set(rows[0]) == {"id", "created_at", "quality", "source", "encoder", "preprocessing", "precision", "active"}
    assert [r["created_at"] for r in rows] == sorted((r["created_at"] for r in rows), reverse=True)
    api.ask("DELETE", f"{path}/{rows[0]['id']}", 204)
    api.problem("DELETE", f"{path}/{rows[0]['id']}", 404, "NOT_FOUND")
    assert [r["id"] for r in api.get(path)["items"]] == [r["id"] for r in rows[1:]]
    assert api.get(f"/v1/students/{student['id']}")["photos"] == 2


def test_a_photo_too_many_takes_the_place_of_the_worst_and_says_so(shared, api, name):
    student = api.enrol(name, pictures("madonna", 4))
    before = {r["id"]: r for r in api.get(f"/v1/students/{student['id']}/templates")["items"]}
    job, words = verdicts(api, student, pictures("madonna", 1, 6))
    gone = job["photos"][0]["replaced"]
    assert words == ["accepted"] and before[gone]["quality"] == min(r["quality"] for r in before.values())
    assert "takes the place" in job["photos"][0]["detail"]
    after = {r["id"] for r in api.get(f"/v1/students/{student['id']}/templates")["items"]}
    assert len(after) == 4 and gone not in after
    assert [gone in payload for payload in told(shared, student) if "template_replaced" in payload] == [True]


def test_students_with_old_photos_only_are_listed(serve):
    server = serve("--template-max-age-days", "30")
    old = server.api.enrol("old", pictures("elton_john", 2))
    fresh = server.api.enrol("fresh", pictures("mindy_kaling", 2))
    server.api.student("none")
    assert server.stop() == 0
    server.sql("UPDATE template SET created_at = created_at - 31 * 86400000000 WHERE student_id = ?", old["id"])
    server.restart()
    assert [s["id"] for s in server.api.get("/v1/students", stale=1)["items"]] == [old["id"]]
    found = {s["external_id"]: s for s in server.api.get("/v1/students")["items"]}
    assert found["old"]["stale"] and not found["fresh"]["stale"] and not found["none"]["stale"]
    assert found["none"]["newest_template"] is None and found["fresh"]["id"] == fresh["id"]
