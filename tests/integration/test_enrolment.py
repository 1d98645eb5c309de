"""Photos of a student: each gets a verdict, once, whatever happens meanwhile."""
import io

import pytest
from PIL import Image, ImageDraw, ImageFilter

from program import MODELS, SAMPLES, Server, photos, run


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A server of this file: its students look like each other and would confuse the recognition of others."""
    server = Server(tmp_path_factory.mktemp("enrolment") / "data", "--duplicate-score", "1").start()
    yield server
    assert server.stop() == 0


@pytest.fixture
def api(shared):
    return shared.api


def jpeg(picture, **how):
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=92, **how)
    return out.getvalue()


def good(person="jerry_seinfeld", index=2):
    return photos("train", person)[index].read_bytes()


def judged(api, student, *files):
    job = api.finished(api.upload(student["id"], list(files))["id"])
    assert job["state"] == "done" and [p["position"] for p in job["photos"]] == list(range(len(files))), job
    return job["photos"]


@pytest.mark.smoke
def test_good_photos_are_accepted_and_counted(api, name):
    student = api.student(name)
    answer = api.upload(student["id"], photos("train", "mindy_kaling", 3))
    assert answer["kind"] == "enrol" and answer["student"] == student["id"]
    assert answer["state"] in ("queued", "running", "done") and len(answer["photos"]) == 3
    done = api.finished(answer["id"])
    assert [p["verdict"] for p in done["photos"]] == ["accepted"] * 3
    assert [p["name"] for p in done["photos"]] == [p.name for p in photos("train", "mindy_kaling", 3)]
    assert all(0 < p["quality"] <= 1 for p in done["photos"])
    assert api.get(f"/v1/students/{student['id']}")["photos"] == 3
    assert done["id"] in [j["id"] for j in api.get("/v1/jobs", state="done")["items"]]


MOUTH = (.17, .46), (.72, .76)  # of the picture used, from nose to chin


def masked(picture, colour):
    """A mask over mouth and nose; the face of this picture is in the middle, upright."""
    picture = picture.copy()
    draw = ImageDraw.Draw(picture)
    (left, top), (right, bottom) = MOUTH
    width, height = picture.size
    draw.rectangle((left * width, top * height, right * width, bottom * height), fill=colour)
    return picture


def cases():
    small = Image.open(io.BytesIO(good())).convert("RGB")
    small.thumbnail((36, 36))
    far = Image.new("RGB", (400, 400), (128, 128, 128))
    far.paste(small, (180, 180))
    face = Image.open(io.BytesIO(good())).convert("RGB").resize((400, 400))
    pair = Image.new("RGB", (800, 400))
    pair.paste(face, (0, 0))
    pair.paste(Image.open(photos("train", "mindy_kaling")[0]).convert("RGB").resize((400, 400)), (400, 0))
    washed = Image.open(photos("train", "ben_afflek")[0]).convert("RGB")
    return {
        "too_bright": jpeg(washed.point(lambda v: 255 - (255 - v) // 7)),
        "pose": jpeg(Image.open(photos("train", "elton_john")[1]).convert("RGB").rotate(80, expand=True,
                                                                                        fillcolor=(128, 128, 128))),
        "occluded": jpeg(masked(washed, (120, 170, 205))),
        "occluded ": jpeg(masked(washed, (28, 28, 30))),
        "no_face": jpeg(Image.linear_gradient("L").resize((640, 480))),
        "many_faces": jpeg(pair),
        "many_faces ": (SAMPLES / "group/t1.jpg").read_bytes(),
        "too_small": jpeg(far),
        "blurred": jpeg(face.filter(ImageFilter.GaussianBlur(9))),
        "too_dark": jpeg(face.point(lambda v: v // 12)),
        "unreadable": b"this is no picture",
        "unreadable ": good()[:300],
        "unreadable  ": b"",
    }


CASES = cases()


@pytest.mark.parametrize("wanted", CASES)
def test_a_photo_that_will_not_do_says_why(api, name, wanted):
    (photo,) = judged(api, api.student(name), ("photo.jpg", CASES[wanted]))
    allowed = {"blurred": {"blurred", "no_face"}, "too_dark": {"too_dark", "no_face"},
               "too_small": {"too_small", "no_face"}}.get(wanted, {wanted.strip()})
    assert photo["verdict"] in allowed and photo["detail"]


@pytest.mark.skipif(not (MODELS / "minifasnet_v2.onnx").exists(), reason="minifasnet_v2 is not installed")
def test_liveness_is_asked_of_photos_only_where_it_is_configured(serve):
    server = serve("--enrol-liveness", "--liveness", "report", "--liveness-threshold", "1")
    (photo,) = judged(server.api, server.api.student("S"), ("a.jpg", good()))
    assert photo["verdict"] == "spoof" and photo["detail"]


def test_augmented_pictures_are_part_of_the_one_template(serve):
    server = serve("--augment", "rotate,brightness,contrast,blur,flip")
    student = server.api.enrol("S", photos("train", "elton_john", 2))
    assert len(server.api.get(f"/v1/students/{student['id']}/templates")["items"]) == 2
    session = server.api.session(server.api.course("C", [student["id"]], confirmations=1)["id"])
    assert server.api.seen(session["id"], photos("val", "elton_john")[0])["faces"][0]["status"] == "present"


def test_an_unknown_kind_of_augmentation_is_refused_at_the_start(tmp_path):
    done = run("serve", "--http-port", "0", "--data-dir", tmp_path / "data", "--models-dir", MODELS, "--augment", "tilt")
    assert done.returncode and "tilt" in done.stderr


def test_the_same_photo_twice_is_a_duplicate(api, name):
    student = api.student(name)
    assert [p["verdict"] for p in judged(api, student, ("a.jpg", good()))] == ["accepted"]
    assert [p["verdict"] for p in judged(api, student, ("b.jpg", good()))] == ["duplicate_photo"]
    assert api.get(f"/v1/students/{student['id']}")["photos"] == 1


def test_the_same_photo_twice_in_one_upload_counts_once(api, name):
    student = api.student(name)
    verdicts = [p["verdict"] for p in judged(api, student, ("a.jpg", good()), ("b.jpg", good()))]
    assert verdicts == ["accepted", "duplicate_photo"]
    assert api.get(f"/v1/students/{student['id']}")["photos"] == 1


def test_a_photo_of_somebody_else_is_noticed(api, name):
    student = api.student(name)
    judged(api, student, *photos("train", "elton_john", 4))
    (photo,) = judged(api, student, photos("train", "mindy_kaling")[0])
    assert photo["verdict"] == "not_same_person"


def test_one_bad_photo_does_not_spoil_the_others(api, name):
    student = api.student(name)
    verdicts = [p["verdict"] for p in judged(api, student, ("a.jpg", good()), ("b.txt", b"no"),
                                             ("c.jpg", good("jerry_seinfeld", 3)))]
    assert verdicts == ["accepted", "unreadable", "accepted"]


def test_one_raw_picture_is_an_upload_too(api, name):
    student = api.student(name)
    job = api.ask("POST", f"/v1/students/{student['id']}/photos", 202, content=good(),
                  headers={"Content-Type": "image/jpeg"})
    assert job.headers["location"] == f"/v1/jobs/{job.json()['id']}"
    assert [p["verdict"] for p in api.finished(job.json()["id"])["photos"]] == ["accepted"]


BOUNDARY = "multipart/form-data; boundary=b"


@pytest.mark.parametrize("content_type, body, status", [
    ("text/plain", b"x", 415), ("application/json", b"{}", 415), (None, b"x", 415),
    ("multipart/form-data", b"x", 400), (BOUNDARY, b"", 400), (BOUNDARY, b"--b--\r\n", 400),
    (BOUNDARY, b"--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nonly a field\r\n--b--\r\n", 400),
    (BOUNDARY, b"--b\r\nContent-Disposition: form-data; name=\"p\"; filename=\"a\"\r\n\r\ncut off", 400),
    (BOUNDARY, b"--b\r\nno headers end", 400),
    ("multipart/form-data; boundary=" + "x" * 100, b"--x", 400),
])
def test_a_form_that_is_none_is_refused(api, name, content_type, body, status):
    student = api.student(name)
    headers = {"Content-Type": content_type} if content_type else {}
    api.problem("POST", f"/v1/students/{student['id']}/photos", status, content=body, headers=headers)
    assert api.get(f"/v1/students/{student['id']}")["photos"] == 0


def test_too_many_photos_in_one_request_are_413(api, name):
    student = api.student(name)
    api.upload(student["id"], [(f"{i}.jpg", b"x") for i in range(51)], status=413)


def test_photos_for_a_student_who_is_not_there_are_404(api):
    api.upload("0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60", [("a.jpg", good())], status=404)


def test_no_file_name_is_trusted(api, name):
    student = api.student(name)
    nasty = ["../../etc/passwd", "a\".jpg", "<script>.jpg", "名前.jpg", "x" * 150 + ".jpg"]
    photos_seen = judged(api, student, *[(n, b"no picture") for n in nasty])
    assert [p["verdict"] for p in photos_seen] == ["unreadable"] * len(nasty)


def test_templates_are_sealed_in_the_database(serve):
    server = serve()
    server.api.enrol("S", photos("train", "elton_john", 2))
    assert server.stop() == 0
    rows = [bytes(r["sealed"]) for r in server.sql("SELECT sealed FROM template")]
    left = server.sql("SELECT COUNT(*) AS n FROM job_photo WHERE length(sealed) > 0")[0]["n"]
    assert left == 0, "photos stay in the database after they were judged"
    assert len(rows) == 2 and all(len(set(r)) > 100 for r in rows) and rows[0][:24] != rows[1][:24]
    key = (server.data / "installation.key").stat()
    assert key.st_mode & 0o777 == 0o600


def test_a_student_is_known_again_after_a_restart(serve):
    server = serve()
    student = server.api.enrol("S", photos("train", "elton_john", 3))
    session = server.api.session(server.api.course("C", [student["id"]], confirmations=1)["id"])
    assert server.stop() == 0
    server.restart()
    assert server.api.seen(session["id"], photos("val", "elton_john")[0])["faces"][0]["status"] == "present"
    assert server.api.get("/v1/system")["gallery"]["students"] == 1
