"""Liveness challenges against the real program: photos of one person straight and turned are the frames of a person
who does as told. The other side is the mirrored photo, so left and right are equally good; times are real."""
import io
import json
import math
import re
import time

import pytest
from PIL import Image, ImageOps

from program import photos, run

SOME_ID = "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60"
PERSON, OTHER = "jerry_seinfeld", "ben_afflek"
PERIOD_S = 0.15  # between two frames


def yaw_of(face):
    """face_pose_of of src/vision/quality.c: degrees, > 0 when the nose points to the right of the picture."""
    p = [complex(*point) for point in face["landmarks"]]
    eyes = p[1] - p[0]
    turn = eyes.conjugate() / abs(eyes)
    middle = (p[0] + p[1]) / 2
    nose, mouth = (p[2] - middle) * turn, ((p[3] + p[4]) / 2 - middle) * turn
    return math.degrees(math.atan2(nose.real - mouth.real / 2, 0.55 * abs(eyes)))


def mirrored(image):
    out = io.BytesIO()
    with Image.open(io.BytesIO(image)) as im:
        ImageOps.mirror(im.convert("RGB")).save(out, "JPEG", quality=95)
    return out.getvalue()


def poses_of(api, session, person):
    """{"straight": [bytes], "left": ..., "right": ...} of the photos in which the person is recognised alone."""
    found = {"straight": [], "left": [], "right": []}
    for path in photos("train", person):
        for image in (path.read_bytes(), mirrored(path.read_bytes())):
            result = api.seen(session, image)
            if len(result["faces"]) != 1 or not result["faces"][0]["student"]:
                continue
            face = result["faces"][0]
            yaw = yaw_of(face)
            if abs(yaw) < 10 and face["similarity"] > face["threshold"] + 0.05:
                found["straight"].append(image)
            if abs(yaw) > 28:
                found["left" if yaw > 0 else "right"].append(image)
    return found


@pytest.fixture(scope="module")
def cast(shared, people):
    """Frames of two people, and a course whose marks need three sightings."""
    api = shared.api
    course = api.course("CHALLENGE", [people[PERSON]["id"], people[OTHER]["id"]], confirmations=3)
    trial = api.session(course["id"])["id"]
    return {"course": course["id"], PERSON: poses_of(api, trial, PERSON), OTHER: poses_of(api, trial, OTHER)}


@pytest.fixture
def kiosk(api, cast):
    return Kiosk(api, api.session(cast["course"])["id"])


class Kiosk:
    """A session with a challenge running."""

    def __init__(self, api, session):
        self.api, self.session, self.results = api, session, []
        self.state = self.first = api.post(f"/v1/sessions/{session}/challenges")
        self.path = f"/v1/sessions/{session}/challenges/{self.state['challenge']}/frames"

    def show(self, image):
        """One frame; the state after it."""
        result = self.api.ask("POST", self.path, 200, content=image, headers={"Content-Type": "image/jpeg"}).json()
        assert result["type"] == "frame_result" and result["challenge"]["challenge"] == self.state["challenge"]
        self.results.append(result)
        self.state = result["challenge"]
        time.sleep(PERIOD_S)
        return self.state

    def until_asked(self, straight):
        """Looks straight until a movement is asked for, and is still straight a moment later; gives the movement."""
        deadline = time.monotonic() + 30
        while self.state["state"] == "running" and self.state["step"] == "look_straight":
            assert time.monotonic() < deadline
            self.show(straight)
        self.show(straight)
        time.sleep(0.3)
        return self.state["step"]

    def obey(self, poses):
        """A person who does as told, to the end."""
        while self.state["done"] < self.state["steps"] and self.state["state"] == "running":
            step = self.until_asked(poses["straight"][0])
            self.show(poses[step.removeprefix("turn_")][0])
        return self.show(poses["straight"][0])

    def marks(self):
        return {m["student"]["name"]: m for m in self.api.marks(self.session)["items"]}


def counter(api, name):
    text = api.ask("GET", "/metrics", 200).text
    return int(text.split(f"\nrollcall_{name} ")[1].split("\n")[0])


@pytest.mark.smoke
def test_a_person_who_does_as_told_is_marked_at_once_and_the_receipt_says_so(kiosk, cast):
    first, before = kiosk.first, counter(kiosk.api, "challenges_passed_total")
    assert (first["state"], first["step"], first["done"], first["steps"]) == ("running", "look_straight", 0, 3)
    assert first["deadline"] == first["expires_at"] and first["reason"] is None and first["prompt"]
    end = kiosk.obey(cast[PERSON])
    assert (end["state"], end["step"], end["reason"]) == ("passed", None, None), end
    face = kiosk.results[-1]["faces"][0]
    assert face["status"] == "present" and face["student"]["name"] == "Jerry Seinfeld" and face["mark"]
    assert not any(f["mark"] for r in kiosk.results[:-1] for f in r["faces"]), "a mark before the end"
    mark = kiosk.marks()["Jerry Seinfeld"]
    receipt = mark["receipt"] if isinstance(mark["receipt"], dict) else json.loads(mark["receipt"])
    assert receipt["challenge"] == "passed" and receipt["sightings"] == 1
    assert counter(kiosk.api, "challenges_passed_total") == before + 1
    # it worked once
    kiosk.api.problem("POST", kiosk.path, 409, "CONFLICT", content=cast[PERSON]["straight"][0])


def fails_for(kiosk, reason):
    assert (kiosk.state["state"], kiosk.state["reason"], kiosk.state["step"]) == ("failed", reason, None), kiosk.state
    assert kiosk.state["prompt"]
    assert [f["status"] for f in kiosk.results[-1]["faces"]][:1] == ["spoof"]
    assert kiosk.results[-1]["faces"][0]["student"] is None
    assert not kiosk.marks(), "a failed challenge marked somebody"
    kiosk.api.problem("POST", kiosk.path, 409, "CONFLICT", content=b"\xff\xd8\xff\xe0")


def test_the_other_way_is_a_spoof_and_never_a_mark(kiosk, cast):
    before = counter(kiosk.api, "challenges_failed_total")
    step = kiosk.until_asked(cast[PERSON]["straight"][0])
    kiosk.show(cast[PERSON]["right" if step == "turn_left" else "left"][0])
    fails_for(kiosk, "wrong_move")
    assert counter(kiosk.api, "challenges_failed_total") == before + 1


def test_a_recording_that_moves_before_it_is_asked_fails(kiosk, cast):
    kiosk.show(cast[PERSON]["straight"][0])
    if kiosk.state["step"] == "look_straight":
        kiosk.show(cast[PERSON]["left"][0])
    fails_for(kiosk, "too_early")


def test_a_photograph_is_too_slow(kiosk, cast):
    kiosk.until_asked(cast[PERSON]["straight"][0])
    deadline = time.monotonic() + 15
    while kiosk.state["state"] == "running" and time.monotonic() < deadline:
        kiosk.show(cast[PERSON]["straight"][0])
        time.sleep(0.5)
    fails_for(kiosk, "too_slow")


def test_another_person_in_the_middle_fails(kiosk, cast):
    kiosk.until_asked(cast[PERSON]["straight"][0])
    other = [image for name in ("straight", "left", "right") for image in cast[OTHER][name]]
    kiosk.show(other[0])
    fails_for(kiosk, "other_person")


def test_two_people_fail(kiosk, cast):
    with Image.open(io.BytesIO(cast[PERSON]["straight"][0])) as im:
        im = im.convert("RGB")
        both = Image.new("RGB", (2 * im.width, im.height))
        both.paste(im, (0, 0))
        both.paste(im, (im.width, 0))
    out = io.BytesIO()
    both.save(out, "JPEG", quality=95)
    kiosk.show(out.getvalue())
    fails_for(kiosk, "many_faces")


def test_what_is_no_challenge_is_refused(api, cast, kiosk):
    image = cast[PERSON]["straight"][0]
    api.problem("POST", f"/v1/sessions/{SOME_ID}/challenges", 404, "NOT_FOUND")
    api.problem("POST", "/v1/sessions/nonsense/challenges", 404, "NOT_FOUND")
    idle = api.session(cast["course"], start=False)["id"]
    api.problem("POST", f"/v1/sessions/{idle}/challenges", 409, "CONFLICT")
    frames = f"/v1/sessions/{kiosk.session}/challenges"
    for unknown in (SOME_ID, "nonsense", "%20"):
        api.problem("POST", f"{frames}/{unknown}/frames", 404, "NOT_FOUND", content=image)
    other = api.session(cast["course"])["id"]  # a challenge is of one session
    api.problem("POST", f"/v1/sessions/{other}/challenges/{kiosk.first['challenge']}/frames", 404, "NOT_FOUND",
                content=image)
    api.problem("POST", kiosk.path, 415, "UNSUPPORTED", content=b"no picture at all")
    api.problem("POST", kiosk.path, 422, "UNPROCESSABLE", content=b"")
    api.problem("POST", kiosk.path + "?camera=x", 400, "INVALID", content=image)
    broken = api.ask("POST", kiosk.path, 200, content=image[:len(image) // 2]).json()
    assert broken["type"] == "frame_dropped" and broken["reason"] == "unreadable"
    assert kiosk.show(image)["state"] == "running", "a refused frame must not end the challenge"


def test_an_ordinary_frame_has_no_challenge(api, cast, session):
    assert api.seen(session["id"], cast[PERSON]["straight"][0])["challenge"] is None


def test_the_camera_command_shows_the_steps_and_says_how_it_ended(shared, cast, tmp_path):
    session = shared.api.session(cast["course"])["id"]
    (tmp_path / "1.jpg").write_bytes(cast[PERSON]["straight"][0])
    at = ("--session", session, "--server", shared.url, "--token", shared.api.token)
    done = run("camera", "--challenge", "--loop", "--fps", "5", *at, tmp_path)
    lines = done.stdout.splitlines()
    assert done.returncode == 1 and lines[0] == "0/3  Look straight into the camera.", done
    assert re.match(r"0/3  Turn your head to your (left|right)\.$", lines[1]), lines
    assert lines[-1].startswith("failed too_slow ") and not shared.api.marks(session)["items"]
    done = run("camera", "--challenge", *at, tmp_path)  # the folder ends before the challenge
    assert done.returncode == 1 and done.stdout.splitlines()[-1] == "the challenge was not finished"
    done = run("camera", "--challenge", "--session", SOME_ID, *at[2:], tmp_path)
    assert done.returncode == 1 and not done.stdout and done.stderr


def test_a_token_cannot_begin_challenges_without_end(serve):
    server = serve()
    session = server.api.session(server.api.course("C", [], confirmations=1)["id"])["id"]
    answers = [server.api.ask("POST", f"/v1/sessions/{session}/challenges") for _ in range(61)]
    assert [a.status_code for a in answers] == [201] * 60 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1 and "wait" in answers[-1].json()["detail"]
