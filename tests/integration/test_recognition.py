"""The main job: a frame comes in, faces are named, marks are made, each once."""
import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from program import OUTSIDER, PEOPLE, SAMPLES, photos

ENROLLED = [person for person in PEOPLE if person != OUTSIDER]


def statuses(result):
    return [face["status"] for face in result["faces"]]


def named(result):
    return {face["student"]["name"] for face in result["faces"] if face["student"]}


@pytest.mark.smoke
@pytest.mark.parametrize("person", ENROLLED)
def test_an_enrolled_student_is_present_and_then_already_present(api, people, session, person):
    first, again = photos("val", person, 2)
    seen = api.seen(session["id"], first)
    face = next(f for f in seen["faces"] if f["student"])
    assert face["status"] == "present" and face["student"]["id"] == people[person]["id"]
    assert face["similarity"] >= face["threshold"] > 0 and face["mark"]["status"] == "present"
    later = next(f for f in api.seen(session["id"], again)["faces"] if f["student"])
    assert later["status"] == "already_present" and later["student"]["id"] == people[person]["id"]
    assert later["mark"]["first_seen"] == face["mark"]["first_seen"]
    (mark,) = api.marks(session["id"])["items"]
    assert mark["student"]["id"] == people[person]["id"] and mark["frame"] == seen["frame"]
    assert (mark["status"], mark["source"]) == ("present", "face")
    assert mark["receipt"]["similarity"] == pytest.approx(face["similarity"], abs=1e-3)
    missing = {row["id"] for row in api.marks(session["id"])["missing"]}
    assert missing == {people[p]["id"] for p in ENROLLED if p != person}


def test_every_photo_of_the_sample_set_gives_the_right_name_or_none(api, people, session):
    right = 0
    for person in PEOPLE:
        for path in photos("val", person):
            faces = api.seen(session["id"], path)["faces"]
            names = {f["student"]["id"] for f in faces if f["student"]}
            assert names <= {people[person]["id"]}, (person, path.name, faces)
            right += bool(names)
            allowed = {"not_enrolled", "unknown"} if person == OUTSIDER else {"present", "already_present", "unknown"}
            assert set(f["status"] for f in faces) <= allowed | {"low_quality"}, (person, path.name)
    assert right >= 22, f"only {right} of 25 photos were recognised"
    marks = api.marks(session["id"])
    assert {m["student"]["id"] for m in marks["items"]} == {people[p]["id"] for p in ENROLLED}
    assert marks["missing"] == [] and marks["session"] == session["id"]


def test_a_student_of_another_course_is_not_enrolled_and_not_marked(api, people, session):
    statuses_seen = set()
    for path in photos("val", OUTSIDER):
        statuses_seen |= set(statuses(api.seen(session["id"], path)))
    assert "not_enrolled" in statuses_seen and not statuses_seen & {"present", "already_present", "confirming"}
    assert api.marks(session["id"])["items"] == []


def test_strangers_are_unknown(api, people, session):
    seen = api.seen(session["id"], SAMPLES / "group/t1.jpg")
    assert len(seen["faces"]) >= 5 and set(statuses(seen)) <= {"unknown", "low_quality"}
    assert named(seen) == set() and api.marks(session["id"])["items"] == []
    assert (seen["width"], seen["height"]) == (1280, 886)
    for face in seen["faces"]:
        x, y, w, h = face["box"]
        assert 0 <= x + w / 2 <= 1280 and 0 <= y + h / 2 <= 886 and len(face["landmarks"]) == 5


def test_a_picture_without_a_face_has_no_faces(api, people, session, blank):
    assert api.seen(session["id"], blank)["faces"] == []


def test_the_same_photo_again_and_again_makes_one_mark(api, people, session):
    path = photos("val", "jerry_seinfeld")[0]
    with ThreadPoolExecutor(5) as pool:
        results = list(pool.map(lambda _: api.seen(session["id"], path), range(5)))
    assert sorted(s for r in results for s in statuses(r)) == ["already_present"] * 4 + ["present"]
    assert len({r["frame"] for r in results}) == 5
    assert len(api.marks(session["id"])["items"]) == 1


def test_the_same_frame_of_a_camera_is_one_frame(api, people, session, name):
    camera = api.post("/v1/cameras", {"name": name})["id"]
    path = photos("val", "mindy_kaling")[0]
    same = [api.frame(session["id"], path, camera=camera, boot="b1", seq=7).json()["frame"] for _ in range(4)]
    assert len(set(same)) == 1
    others = [api.frame(session["id"], path, camera=camera, boot=boot, seq=seq).json()["frame"]
              for boot, seq in (("b1", 8), ("x:1", "2"), ("x", "1:2"), ("b2", 7))]
    assert len({*same, *others}) == 5
    with api.feed(session["id"], after=0) as feed:
        got = feed.until(lambda m: m["type"] == "frame_result" and m["frame"] == others[-1])
    results = [m for m in got if m["type"] == "frame_result" and m["frame"] == same[0]]
    assert len(results) == 1 and results[0]["camera"] == camera
    assert len(api.marks(session["id"])["items"]) == 1


def test_a_frame_number_counts_within_its_session_only(api, people, course):
    path = photos("val", "mindy_kaling")[0]
    one, two = api.session(course["id"]), api.session(course["id"])
    frames = [api.frame(s["id"], path, boot="b", seq=1).json()["frame"] for s in (one, two)]
    assert frames[0] != frames[1]


def test_two_confirmations_mean_two_sightings_apart(api, people, course):
    session = api.session(course["id"], confirmations=2)
    first, second, third = photos("val", "elton_john", 3)
    assert "confirming" in statuses(api.seen(session["id"], first, captured_at="2026-11-22T08:00:00.000Z"))
    assert "confirming" in statuses(api.seen(session["id"], second, captured_at="2026-11-22T08:00:00.100Z"))
    assert api.marks(session["id"])["items"] == []
    assert "present" in statuses(api.seen(session["id"], third, captured_at="2026-11-22T08:00:00.500Z"))
    (mark,) = api.marks(session["id"])["items"]
    assert mark["receipt"]["sightings"] == 2


def test_sightings_too_long_ago_do_not_confirm(api, people, course):
    session = api.session(course["id"], confirmations=2)
    first, second = photos("val", "elton_john", 2)
    api.seen(session["id"], first, captured_at="2026-11-22T08:00:00Z")
    assert "confirming" in statuses(api.seen(session["id"], second, captured_at="2026-11-22T08:30:00Z"))


@pytest.mark.parametrize("late_after_min, wanted", [(10, "late"), (90, "present"), (0, "present")])
def test_who_comes_later_than_the_course_allows_is_late(serve, late_after_min, wanted):
    server = serve()
    student = server.api.enrol("S", photos("train", "elton_john", 2))
    course = server.api.course("C", [student["id"]], confirmations=1, late_after_min=late_after_min)
    session = server.api.session(course["id"])
    assert server.stop() == 0
    server.sql("UPDATE session SET started_at = started_at - 3600000000")  # an hour passes
    server.restart()
    assert server.api.seen(session["id"], photos("val", "elton_john")[0])["faces"][0]["mark"]["status"] == wanted
    assert server.api.marks(session["id"])["items"][0]["status"] == wanted


def test_one_student_is_counted_once_in_a_frame_with_two_pictures_of_them(api, people, session):
    one, two = (Image.open(p).convert("RGB").resize((300, 300)) for p in photos("val", "mindy_kaling", 2))
    both = Image.new("RGB", (600, 300))
    both.paste(one, (0, 0))
    both.paste(two, (300, 0))
    out = io.BytesIO()
    both.save(out, "JPEG", quality=92)
    seen = api.seen(session["id"], out.getvalue())
    names = [f["student"]["id"] for f in seen["faces"] if f["student"]]
    assert len(names) <= 1 and len(seen["faces"]) == 2


def test_a_student_put_on_the_roster_during_the_session_is_marked(api, people, course, session):
    path = photos("val", OUTSIDER)[0]
    assert "not_enrolled" in statuses(api.seen(session["id"], path))
    api.ask("PUT", f"/v1/courses/{course['id']}/roster/{people[OUTSIDER]['id']}", 204)
    assert "present" in statuses(api.seen(session["id"], path))


def test_a_student_taken_off_the_roster_is_not_marked_any_more(api, people, course, session):
    path = photos("val", "elton_john")[0]
    api.ask("DELETE", f"/v1/courses/{course['id']}/roster/{people['elton_john']['id']}", 204)
    assert "present" not in statuses(api.seen(session["id"], path))
    assert api.marks(session["id"])["items"] == []


def test_a_forgotten_face_is_unknown_at_once(api, name, people, session):
    """A sixth student with the outsider's face would be a look-alike: use a course of its own server state."""
    student = api.enrol(name, photos("train", "jerry_seinfeld", 21)[18:20])
    api.ask("DELETE", f"/v1/students/{student['id']}/photos", 204)
    assert api.get(f"/v1/students/{student['id']}")["photos"] == 0
    seen = api.seen(session["id"], photos("val", "jerry_seinfeld")[0])
    assert all(f["student"] is None or f["student"]["id"] != student["id"] for f in seen["faces"])
    api.ask("DELETE", f"/v1/students/{student['id']}", 200)


@pytest.mark.parametrize("query, status", [
    ({"camera": "x"}, 400), ({"captured_at": "soon"}, 400), ({"captured_at": "2099-01-01T00:00:00Z"}, 400),
    ({"wait": "yes"}, 400), ({"offline": "2"}, 400), ({"boot": "b" * 41, "seq": "1"}, 400),
    ({"boot": "b", "seq": "1" * 21}, 400),
])
def test_a_wrong_query_is_400(api, people, session, blank, query, status):
    assert api.frame(session["id"], blank, **query).status_code == status


def test_frames_are_taken_while_the_session_runs_and_offline_ones_after(api, people, course, blank):
    session = api.session(course["id"], start=False)
    path = photos("val", "ben_afflek")[0]
    assert api.frame(session["id"], blank).json()["code"] == "CONFLICT"
    api.frame(session["id"], blank, 409, offline=1)
    api.post(f"/v1/sessions/{session['id']}/start", status=200)
    taken = api.get(f"/v1/sessions/{session['id']}")["started_at"]
    api.frame(session["id"], blank, 202)
    api.post(f"/v1/sessions/{session['id']}/stop", status=200)
    api.frame(session["id"], blank, 409)
    assert {m["status"] for m in api.marks(session["id"])["items"]} == {"absent"}
    assert "present" in statuses(api.seen(session["id"], path, offline=1, captured_at=taken))
    (mark,) = (m for m in api.marks(session["id"])["items"] if m["status"] != "absent")
    assert mark["first_seen"] == taken


def test_a_session_that_is_not_there_takes_no_frame(api, blank):
    assert api.frame("0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60", blank, 404).json()["code"] == "NOT_FOUND"
    assert api.frame("nonsense", blank, 404).json()["code"] == "NOT_FOUND"


def test_a_session_with_marks_stays(api, people, session):
    api.seen(session["id"], photos("val", "ben_afflek")[0])
    api.problem("DELETE", f"/v1/sessions/{session['id']}", 409, "CONFLICT")
