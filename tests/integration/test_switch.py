"""Switching the engine while the server runs: both galleries alive, compared, committed, taken back, and all of it
through kill -9. The detectors of tier 1 are always here; encoders and precisions are tried where they are installed."""
import threading
import time

import httpx
import pytest

from program import MODELS, PEOPLE, photos, run, wait_for

OLD, NEW = "retinaface", "mtcnn"
NAMES = ("ben_afflek", "elton_john")


def engine(server):
    return server.api.get("/v1/system/engine")


def start(server, status=200, **wish):
    return server.api.ask("POST", "/v1/system/engine/start", status, json=wish).json()


def step(server, name, status=200, body=None):
    return server.api.ask("POST", f"/v1/system/engine/{name}", status, json=body).json()


@pytest.fixture
def old(serve):
    """A server that decides with OLD: two enrolled students on a roster, a running session."""
    server = serve("--detector", OLD, "--shadow-share", "1")
    server.people = [server.api.enrol(f"S-{n}", photos("train", n, 2), n) for n in NAMES]
    course = server.api.course("C-1", [s["id"] for s in server.people], confirmations=1)
    server.session = server.api.session(course["id"])["id"]
    return server


def names(server, person):
    """Whom the server names in a photo it was not enrolled with."""
    result = server.api.seen(server.session, photos("val", person)[0])
    return [f["student"]["external_id"] for f in result["faces"] if f["student"]]


def frames(server, count=2):
    before = engine(server)["frames"]
    for _ in range(count):
        for person in NAMES:
            names(server, person)
    return wait_for(lambda: (s := engine(server))["frames"] >= before + count * len(NAMES) and s, what="the comparison")


def test_a_switch_goes_from_trial_to_commit_and_back_while_a_session_runs(old):
    state = start(old, detector=NEW)
    assert state["phase"] == "trial" and state["active"]["detector"] == OLD and state["shadow"]["detector"] == NEW
    assert (state["active_students"], state["shadow_students"], state["missing"]) == (2, 0, 2)
    assert state["memory_bytes"] > 0 and 0 < state["shadow_threshold"] < 1

    # Nobody has a template in the new engine: it would recognise nobody.
    state = frames(old, 1)
    assert state["lost"] == state["faces"] == 2 and state["agreed"] == 0
    lost = old.api.get("/v1/system/engine/differences")["items"]
    assert {d["id"] for d in lost} == {s["id"] for s in old.people} and all(d["lost"] == 1 for d in lost)
    page = old.api.get("/v1/system/engine/missing", limit=1)
    rest = old.api.get("/v1/system/engine/missing", limit=1, after=page["next"])
    assert [m["id"] for m in page["items"] + rest["items"]] == sorted(s["id"] for s in old.people)
    assert rest["next"] is None

    # Photos that the old engine knows make templates of the new one alone.
    for student, name in zip(old.people, NAMES):
        assert old.api.get(f"/v1/students/{student['id']}")["photos_other"] == 0
        job = old.api.finished(old.api.upload(student["id"], photos("train", name, 2))["id"])
        assert {p["verdict"] for p in job["photos"]} == {"accepted"}, job
        shown = old.api.get(f"/v1/students/{student['id']}")
        assert (shown["photos"], shown["photos_other"]) == (2, 2)
        again = old.api.finished(old.api.upload(student["id"], photos("train", name, 2))["id"])
        assert {p["verdict"] for p in again["photos"]} == {"duplicate_photo"}, again
    assert engine(old)["missing"] == 0

    state = frames(old, 1)
    assert state["agreed"] == 2 and state["active_spare"] > 0 and state["shadow_spare"] > 0
    assert 0 < state["shadow_similarity"] <= 1

    state = step(old, "commit")
    assert state["phase"] == "committed" and state["active"]["detector"] == NEW and state["frames"] == 0
    assert old.api.get("/v1/system")["detector"] == NEW
    assert [names(old, n) for n in NAMES] == [[f"S-{n}"] for n in NAMES]
    assert step(old, "back")["active"]["detector"] == OLD
    assert [names(old, n) for n in NAMES] == [[f"S-{n}"] for n in NAMES]
    step(old, "commit")

    # A new photo makes a template in both; the receipt names what decided.
    third = old.api.enrol("S-third", photos("train", "mindy_kaling", 2))
    assert old.api.get(f"/v1/students/{third['id']}")["photos_other"] == 2
    course = old.api.course("C-2", [third["id"]], confirmations=1)
    session = old.api.session(course["id"])["id"]
    old.api.seen(session, photos("val", "mindy_kaling")[0])
    mark, = old.api.marks(session)["items"]
    assert mark["receipt"]["detector"] == NEW and mark["receipt"]["preprocessing"].endswith(NEW)

    # Deleting the old templates wants their number.
    state = engine(old)
    step(old, "finish", 409, {"delete_templates": state["shadow_templates"] + 1})
    state = step(old, "finish", body={"delete_templates": state["shadow_templates"]})
    assert state["phase"] == "none" and state["shadow"] is None
    assert [names(old, n) for n in NAMES] == [[f"S-{n}"] for n in NAMES]
    step(old, "back", 409)
    step(old, "commit", 409)


def test_what_cannot_be_switched_to_is_told_and_changes_nothing(old):
    assert "decides already" in start(old, 400, detector=OLD)["detail"]
    missing = start(old, 404 if not (MODELS / "facenet512.onnx").exists() else 400, encoder="facenet512")
    assert "facenet512" in missing["detail"]
    assert engine(old)["phase"] == "none"
    step(old, "finish", 409, {"delete_templates": -1})
    start(old, detector=NEW)
    assert "under way" in start(old, 409, detector=NEW)["detail"]
    assert old.api.problem("GET", "/v1/system/engine", 401, headers={"Authorization": ""})


def test_a_student_who_is_erased_leaves_no_trace_in_the_comparison(old):
    start(old, detector=NEW)
    frames(old, 1)
    assert len(old.api.get("/v1/system/engine/differences")["items"]) == 2
    old.api.ask("DELETE", f"/v1/students/{old.people[0]['id']}/photos", 204)
    assert [d["id"] for d in old.api.get("/v1/system/engine/differences")["items"]] == [old.people[1]["id"]]


def test_another_configuration_is_no_silent_switch(old):
    assert old.stop() == 0
    data = ("--data-dir", old.data, "--models-dir", MODELS, "--http-port", "0")
    refused = run("serve", *data, "--detector", NEW)
    assert refused.returncode != 0 and "rollcall models switch" in refused.stderr
    old.start()
    start(old, detector=NEW)
    step(old, "commit")
    assert old.stop() == 0
    old.start()  # the configuration is as it was: what was committed stands
    state = engine(old)
    assert state["phase"] == "committed" and state["active"]["detector"] == NEW
    assert old.stop() == 0
    old.options = ("--detector", NEW)  # and may follow
    old.start()
    step(old, "back")
    assert old.api.get("/v1/system")["detector"] == OLD


@pytest.mark.parametrize("name,body", [("start", {"detector": NEW}), ("commit", None), ("back", None)])
def test_kill_9_in_the_middle_of_a_step_leaves_one_of_its_two_states(old, name, body):
    if name != "start":
        start(old, detector=NEW)
    if name == "back":
        step(old, "commit")
    before = engine(old)
    after = {"start": ("trial", OLD), "commit": ("committed", NEW), "back": ("trial", OLD)}[name]
    for delay in (0, 0.004, 0.05, 0.4):
        def ask():
            try:
                step(old, name, body=body)
            except (httpx.HTTPError, AssertionError):
                pass  # killed
        asked = threading.Thread(target=ask)
        asked.start()
        time.sleep(delay)
        old.kill()
        asked.join()
        old.restart()
        now = engine(old)
        assert (now["phase"], now["active"]["detector"]) in ((before["phase"], before["active"]["detector"]), after)
        assert old.api.get("/v1/system")["detector"] == now["active"]["detector"]
        assert (now["shadow"] is not None) == (now["phase"] != "none")
        if (now["phase"], now["active"]["detector"]) == after:
            break
    if engine(old)["active"]["detector"] == NEW:
        step(old, "back")
    assert [names(old, n) for n in NAMES] == [[f"S-{n}"] for n in NAMES]


def test_the_command_does_it_all_with_and_without_a_server(serve, tmp_path):
    server = serve("--detector", OLD)
    folder = tmp_path / "people"
    for name in NAMES:
        (folder / name).mkdir(parents=True)
        for photo in photos("train", name, 2):
            (folder / name / photo.name).write_bytes(photo.read_bytes())
    data = ("--data-dir", server.data, "--models-dir", MODELS)

    def command(*words, status=0):
        done = run(*words, *data)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def switch(*words, status=0):
        return command("models", "switch", *words, status=status)

    command("enroll", "--consent", "test", folder)
    assert NEW in switch("start", "--detector", NEW)
    assert "missing   ben-afflek" in switch("status")
    command("enroll", "--consent", "test", folder)
    assert engine(server)["missing"] == 0
    assert "committed" in switch("commit")
    assert server.stop() == 0
    assert "trial" in switch("back") and "trial" in switch("status")
    assert "nothing to go back to" in switch("back", status=1)
    switch("commit")
    assert "4 templates" in switch("finish", "--delete-templates", "1", status=1)
    switch("finish", "--delete-templates", "4")
    assert OLD in switch("start", "--detector", OLD)
    server.start()
    assert engine(server)["phase"] == "trial" and server.api.get("/v1/system")["detector"] == NEW


@pytest.mark.parametrize("wish", [{"encoder": "omz0095", "detector": "yunet"}, {"precision": "int8"}],
                         ids=["omz0095", "int8"])
def test_encoders_and_precisions_that_are_installed(serve, wish):
    needed = {"omz0095": ("omz0095", "yunet"), None: ("facenet128_int8",)}[wish.get("encoder")]
    if missing := [m for m in needed if not (MODELS / f"{m}.onnx").exists()]:
        pytest.skip(f"{missing} not installed")
    old = serve("--detector", OLD, "--precision", "fp32", "--device", "cpu", "--shadow-share", "1")
    person = PEOPLE[0]
    student = old.api.enrol(f"S-{person}", photos("train", person, 2))
    old.session = old.api.session(old.api.course("C", [student["id"]], confirmations=1)["id"])["id"]
    answer = old.api.ask("POST", "/v1/system/engine/start", json=wish)
    if "precision" in wish and answer.status_code != 200:
        pytest.skip(answer.json()["detail"])  # no VNNI
    assert answer.status_code == 200, answer.text
    if "encoder" in wish:
        old.api.finished(old.api.upload(student["id"], photos("train", person, 2))["id"])
    assert engine(old)["missing"] == 0  # a precision shares the templates
    assert names(old, person) == [f"S-{person}"]
    wait_for(lambda: engine(old)["agreed"] >= 1, what="the comparison")
    step(old, "commit")
    assert names(old, person) == [f"S-{person}"]
    if "precision" in wish:
        assert old.api.get("/v1/system")["precision"] == "int8"
        assert "no" in step(old, "finish", 400, {"delete_templates": 2})["detail"]
