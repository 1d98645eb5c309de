"""Photos of the whole class: many faces in one big picture, marked by one sighting each."""
import io

import pytest
from PIL import Image, ImageOps

from program import MODELS, OUTSIDER, PEOPLE, SAMPLES, photos, run

WIDTH, HEIGHT, HEAD = 4000, 3000, 260  # a picture of 12 megapixels; pixels a portrait is high in it
ENROLLED = [person for person in PEOPLE if person != OUTSIDER]


def class_photo(people=PEOPLE, size=(WIDTH, HEIGHT), head=HEAD, row=1):
    """A picture with one val photo of each person, spread over it: bytes and where each portrait lies."""
    canvas, places = Image.new("RGB", size, (116, 112, 108)), {}
    for i, person in enumerate(people):
        with Image.open(photos("val", person)[row]) as im:
            im = ImageOps.exif_transpose(im).convert("RGB")
            small = im.resize((im.width * head // im.height, head), Image.Resampling.LANCZOS)
        x, y = size[0] // 10 + i * size[0] // 6, (size[1] // 4) * (1 + i % 3) - head // 2
        canvas.paste(small, (x, y))
        places[person] = (x, y, x + small.width, y + head)
    out = io.BytesIO()
    canvas.save(out, "JPEG", quality=92)
    return out.getvalue(), places


@pytest.fixture(scope="module")
def photo():
    return class_photo()


def post(api, session, image, status=None, content_type="image/jpeg", **query):
    return api.ask("POST", f"/v1/sessions/{session}/photos", status, content=image, params=query,
                   headers={"Content-Type": content_type}, timeout=120)


def test_a_class_photo_marks_everybody_on_it_at_once(api, people, course, photo):
    session = api.session(course["id"], confirmations=3)  # for frames; a still needs one sighting
    image, places = photo
    result = post(api, session["id"], image, 200, wait=1).json()
    assert result["type"] == "frame_result" and (result["width"], result["height"]) == (WIDTH, HEIGHT)
    assert len(result["faces"]) == len(PEOPLE) and result["faces_left_out"] == 0
    named = {f["student"]["id"]: f for f in result["faces"] if f["student"]}
    for person in ENROLLED:
        face = named[people[person]["id"]]
        x, y, w, h = face["box"]
        left, top, right, bottom = places[person]
        assert left - 5 <= x and top - 5 <= y and x + w <= right + 5 and y + h <= bottom + 5
        assert face["status"] == "present"
    marks = api.marks(session["id"])
    assert {m["student"]["id"] for m in marks["items"]} == {people[p]["id"] for p in ENROLLED}
    assert {m["receipt"]["risk_budget_per_10k"] for m in marks["items"]} == {10}
    assert {m["receipt"]["sightings"] for m in marks["items"]} == {1}


def test_a_class_photo_asks_for_a_higher_score_than_a_frame(api, people, session, photo):
    image, _ = photo
    still = post(api, session["id"], image, 200, wait=1).json()
    frame = api.seen(session["id"], photos("val", ENROLLED[0])[0])
    least = [min(f["threshold"] for f in r["faces"] if f["threshold"]) for r in (still, frame)]
    assert least[0] > least[1]


def test_several_photos_in_one_request_are_all_looked_at(api, people, course):
    session = api.session(course["id"])
    files = [("photo", (f"{p}.jpg", photos("val", p)[0].read_bytes())) for p in ENROLLED[:3]]
    answer = api.ask("POST", f"/v1/sessions/{session['id']}/photos", 202, files=files).json()
    frames = [p["frame"] for p in answer["photos"]]
    assert len(set(frames)) == 3
    with api.feed(session["id"], after=0) as feed:
        seen = set()
        feed.until(lambda m: seen.add(m.get("frame")) or seen >= set(frames))
    assert {m["student"]["id"] for m in api.marks(session["id"])["items"]} <= {people[p]["id"] for p in ENROLLED[:3]}


def test_a_photo_sent_again_is_the_same_photo(api, session, photo):
    image, _ = photo
    frames = {post(api, session["id"], image, 202, boot="b", seq=4).json()["photos"][0]["frame"] for _ in range(2)}
    other = post(api, session["id"], image, 202, boot="b", seq=5).json()["photos"][0]["frame"]
    as_frame = api.frame(session["id"], photos("val", "madonna")[0], 202, boot="b", seq=4).json()["frame"]
    assert len({*frames, other, as_frame}) == 3


def test_faces_too_small_to_compare_are_low_quality(api, people, session):
    image, _ = class_photo(head=62)
    faces = post(api, session["id"], image, 200, wait=1).json()["faces"]
    assert len(faces) >= 3 and all(f["status"] == "low_quality" for f in faces if f["box"][2] < 28)
    assert any(f["flaw"] == "too_small" for f in faces)


def test_what_is_wrong_with_a_photo_is_said_in_words(api, session, photo):
    image, _ = photo
    sid = session["id"]
    assert "no JPEG" in post(api, sid, b"x" * 100, 415).json()["detail"]
    assert "empty" in post(api, sid, b"", 422).json()["detail"]
    assert "multipart" in post(api, sid, image, 415, content_type="text/plain").json()["detail"]
    two = [("photo", (n, image)) for n in "ab"]
    detail = api.ask("POST", f"/v1/sessions/{sid}/photos", 400, files=two, params={"wait": 1}).json()["detail"]
    assert "wait=1 is for one photo" in detail
    dropped = post(api, sid, image[: len(image) // 2], 200, wait=1).json()
    assert (dropped["type"], dropped["reason"]) == ("frame_dropped", "unreadable")


def test_a_photo_too_large_is_refused_with_the_limit(serve, photo):
    server = serve("--photo-max-bytes", "100K", "--photo-max-pixels", "1000000", "--photos-max-per-request", "2")
    api = server.api
    session = api.session(api.course("C1")["id"])["id"]
    image, _ = photo
    assert "photo_max_bytes" in post(api, session, image, 413).json()["detail"]
    three = [("photo", (n, photos("val", "madonna")[0].read_bytes())) for n in "abc"]
    detail = api.ask("POST", f"/v1/sessions/{session}/photos", 413, files=three).json()["detail"]
    assert "3 photos in one request, the limit is 2" in detail
    big = io.BytesIO()
    Image.new("RGB", (1500, 1000)).save(big, "JPEG")
    dropped = post(api, session, big.getvalue(), 200, wait=1).json()
    assert dropped["reason"] == "unreadable" and "1500x1000 pixels, the limit is 1000000" in dropped["detail"]


def test_a_photo_for_a_session_that_does_not_run_is_a_conflict(api, course, photo):
    planned = api.session(course["id"], start=False)
    assert "scheduled" in post(api, planned["id"], photo[0], 409).json()["detail"]


def test_the_camera_command_sends_class_photos(shared, api, people, course, photo, tmp_path):
    session = api.session(course["id"])
    (tmp_path / "class.jpg").write_bytes(photo[0])
    done = run("camera", "--session", session["id"], "--photos", tmp_path / "class.jpg", "--server", api.url,
               "--token", api.token)
    assert done.returncode == 0, done.stderr
    assert "1 sent, 1 accepted, 1 processed" in done.stdout
    assert {m["student"]["id"] for m in api.marks(session["id"])["items"]} == {people[p]["id"] for p in ENROLLED}


def test_a_group_photo_of_strangers_marks_nobody(api, people, session):
    result = post(api, session["id"], (SAMPLES / "group/t1.jpg").read_bytes(), 200, wait=1).json()
    assert len(result["faces"]) >= 6 and {f["status"] for f in result["faces"]} <= {"unknown", "low_quality"}
    assert api.marks(session["id"])["items"] == []


def test_liveness_is_measured_on_a_class_photo_too(serve, photo):
    if not (MODELS / "minifasnet_v2.onnx").exists():
        pytest.skip(f"{MODELS}/minifasnet_v2.onnx is not there")
    api = serve("--liveness", "report").api
    session = api.session(api.course("C1")["id"])["id"]
    faces = post(api, session, photo[0], 200, wait=1).json()["faces"]
    assert len(faces) == len(PEOPLE) and all(0 <= f["liveness"] <= 1 for f in faces if not f["flaw"])
    assert sum(f["flaw"] is None for f in faces) >= 3
