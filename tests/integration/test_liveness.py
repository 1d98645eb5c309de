"""Liveness from outside: the policies, and what they do to faces that do not look alive.

The photos of set-up are pictures from the web: with a threshold of .9999 few look alive, with 0 all do, so no attack is
needed. `eval --liveness` runs on shared/data/liveness where that is.
"""
import json
import os
from pathlib import Path

import pytest

from program import MODELS, ROOT, SAMPLES, photos, run

NETS = ("minifasnet_v2", "minifasnet_v1se")
DATA = Path(os.environ.get("GOLDEN_DATA", ROOT.parent / "shared/data")) / "liveness"
HIGH = ("--liveness-threshold", "0.9999")


def need_nets():
    for net in NETS:
        if not (MODELS / f"{net}.onnx").exists():
            pytest.skip(f"{net} is not installed")


@pytest.fixture
def without_nets(tmp_path):
    """A models folder that lacks the second net."""
    folder = tmp_path / "models"
    folder.mkdir()
    for model in MODELS.resolve().iterdir():
        if model.name != f"{NETS[1]}.onnx":
            (folder / model.name).symlink_to(model)
    return folder


def lifeless(api, session, person="jerry_seinfeld"):
    """What the server says about the first val photo of that person whose score is below HIGH."""
    for path in photos("val", person):
        for face in api.seen(session["id"], path)["faces"]:
            if face["liveness"] is not None and face["liveness"] < 0.9999 and face["similarity"] > 0.7:
                return face
    pytest.skip("every photo looks alive beyond doubt")


def school(server, person="jerry_seinfeld"):
    student = server.api.enrol("S-1", photos("train", person, 3))
    return server.api.session(server.api.course("C-1", [student["id"]], confirmations=1)["id"])


def spoofs(server):
    lines = server.api.http.get("/metrics").text.splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("rollcall_faces_spoof_total "))


def test_enforced_what_does_not_look_alive_is_a_spoof_and_never_a_mark(serve):
    need_nets()
    server = serve("--liveness", "enforce", *HIGH)
    system = server.api.get("/v1/system")
    assert (system["liveness"], system["liveness_threshold"]) == ("enforce", 0.9999)
    assert not any("liveness" in warning for warning in system["warnings"])
    session = school(server)
    face = lifeless(server.api, session)
    assert face["status"] == "spoof" and face["student"] is None and face["mark"] is None
    assert server.api.marks(session["id"])["items"] == [] and spoofs(server) >= 1


def test_reported_it_is_shown_and_counted_and_the_mark_is_made(serve):
    need_nets()
    server = serve(*HIGH)  # auto: the models are here
    system = server.api.get("/v1/system")
    assert system["liveness"] == "report" and any("liveness is shown" in w for w in system["warnings"])
    session = school(server)
    face = lifeless(server.api, session)
    assert face["status"] in ("present", "already_present") and spoofs(server) >= 1
    (mark,) = server.api.marks(session["id"])["items"]
    liveness = mark["receipt"]["liveness"]
    assert liveness["policy"] == "report" and liveness["sightings"] >= 1 and 0 <= liveness["score"] <= 1


def test_without_the_models_auto_is_off_and_says_so_and_asking_for_it_is_an_error(serve, without_nets, tmp_path):
    server = serve("--models-dir", without_nets)
    system = server.api.get("/v1/system")
    assert system["liveness"] == "off" and any("liveness is not checked" in w for w in system["warnings"])
    session = school(server)
    (face,) = server.api.seen(session["id"], photos("val", "jerry_seinfeld")[0])["faces"]
    assert face["liveness"] is None and face["status"] == "present"
    refused = run("serve", "--http-port", "0", "--data-dir", tmp_path / "other", "--models-dir", without_nets,
                  "--liveness", "enforce")
    assert refused.returncode == 1 and f"rollcall models pull {NETS[1]}" in refused.stderr
    doctor = run("doctor", "--data-dir", tmp_path / "other", "--models-dir", without_nets, "--liveness", "report")
    assert doctor.returncode == 1 and f"rollcall models pull {NETS[1]}" in doctor.stdout


def test_eval_takes_no_photos_of_people_for_attacks():
    done = run("eval", "--liveness", SAMPLES / "val", "--models-dir", MODELS)
    assert done.returncode == 1 and "no folder real" in done.stderr and "APCER" not in done.stdout


def test_eval_tells_the_error_rates_of_each_kind_of_attack(tmp_path):
    need_nets()
    kinds = {"real": ("vm_true_*.jpg", "image_T1.jpg", "wolf_b.mp4"), "still": ("vm_fake_*.jpg", "image_F*.jpg"),
             "replay": ("wolf_a.mp4",)}
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is not there")
    for kind, names in kinds.items():
        (tmp_path / "captures" / kind).mkdir(parents=True)
        for file in (f for name in names for f in DATA.glob(name)):
            (tmp_path / "captures" / kind / file.name).symlink_to(file.resolve())
    done = run("eval", "--liveness", tmp_path / "captures", "--models-dir", MODELS, "--json", tmp_path / "out.json")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    folders = {f["folder"]: f for f in result["folders"]}
    assert result["threshold"] == 0.7 and {n: f["judged"] for n, f in folders.items()} == {
        "real": 4, "still": 4, "replay": 1}
    assert all(f["rate"]["mean"] == 0 for f in folders.values()), done.stdout
    assert folders["still"]["measures"] == "APCER" and folders["real"]["measures"] == "BPCER"
    assert folders["still"]["rate"]["high"] == pytest.approx(0.4899, abs=1e-3)  # Wilson: 0 of 4
    clip = next(p for p in folders["replay"]["presentations"])
    assert clip["frames"] > 10 and clip["score"] < 0.2
    lax = next(s for s in folders["still"]["sweep"] if s["threshold"] == pytest.approx(0.6))
    assert lax["rate"]["mean"] == 0.25
    assert "BPCER" in done.stdout and "threshold" in done.stdout
