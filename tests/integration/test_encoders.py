"""An encoder of one's own (onnx:FILE) and the option flip: shown with their licence, never mixed with other templates."""
import hashlib

import pytest

from program import MODELS, photos, run

SPEC = """name = ours
licence = MIT, a copy of facenet128
dim = 128
side = 160
colour = rgb
crop = box 1.15 1.05
detector = retinaface
standardise = yes
"""
DETECTOR = ("--detector", "retinaface")


@pytest.fixture
def own(tmp_path):
    (tmp_path / "ours.onnx").symlink_to((MODELS / "facenet128.onnx").resolve())
    (tmp_path / "ours.ini").write_text(SPEC, encoding="utf-8")
    return tmp_path / "ours.onnx"


def using(encoder, threshold="0.6"):
    return (*DETECTOR, "--encoder", f"onnx:{encoder}", "--threshold-override", threshold)


def refusal(tmp_path, *options):
    done = run("serve", "--http-port", "0", "--data-dir", tmp_path / "data", "--models-dir", MODELS, *options)
    assert done.returncode != 0
    return done.stderr


def test_it_starts_only_with_a_threshold_because_nobody_measured_it(tmp_path, own):
    assert "false-match rates were never measured for the encoder onnx:ours" in refusal(
        tmp_path, *DETECTOR, "--encoder", f"onnx:{own}")


def test_it_recognises_and_its_licence_is_shown(serve, own):
    server = serve(*using(own))
    system = server.api.get("/v1/system")
    assert (system["encoder"], system["encoder_licence"]) == ("onnx:ours", "MIT, a copy of facenet128")
    assert 'name=onnx:ours licence="MIT, a copy of facenet128"' in server.errors()
    student = server.api.enrol("S-1", photos("train", "elton_john", 3))
    session = server.api.session(server.api.course("C-1", [student["id"]], confirmations=1)["id"])
    seen = server.api.seen(session["id"], photos("val", "elton_john", 1)[0])
    assert [f["student"]["id"] for f in seen["faces"]] == [student["id"]]
    rows = server.sql("SELECT encoder, preprocessing, model_sha256 FROM template")
    assert {tuple(row.values()) for row in rows} == {("onnx:ours", system["preprocessing"], hashlib.sha256(own.read_bytes()).hexdigest())}


def test_templates_of_another_spec_are_never_compared(serve, own):
    server = serve(*using(own))
    server.api.enrol("S-1", photos("train", "elton_john", 1))
    first = server.api.get("/v1/system")
    assert server.stop() == 0
    own.with_suffix(".ini").write_text(SPEC.replace("1.15", "1.16"), encoding="utf-8")
    server.restart()
    other = server.api.get("/v1/system")
    assert other["preprocessing"] != first["preprocessing"] and other["gallery"]["students"] == 0
    assert server.stop() == 0
    own.with_suffix(".ini").write_text(SPEC, encoding="utf-8")
    server.restart()
    assert server.api.get("/v1/system")["gallery"]["students"] == 1


def test_models_list_shows_it_or_what_is_wrong(own):
    listed = run("models", "list", "--models-dir", MODELS, "--encoder", f"onnx:{own}")
    (line,) = [line for line in listed.stdout.splitlines() if line.startswith("onnx:ours")]
    assert listed.returncode == 0 and "MIT, a copy of facenet128" in line and "not measured" in line
    own.with_suffix(".ini").write_text(SPEC.replace("licence", "license"), encoding="utf-8")
    broken = run("models", "list", "--models-dir", MODELS, "--encoder", f"onnx:{own}")
    assert broken.returncode == 1 and "unknown key 'license'" in broken.stdout


def test_sface_is_listed_as_not_measured():
    (line,) = [line for line in run("models", "list", "--models-dir", MODELS).stdout.splitlines()
               if line.startswith("sface")]
    assert "Apache-2.0" in line and "not measured" in line


def test_flip_is_a_kind_of_template_of_its_own(serve, tmp_path):
    assert "+flip): choose another pair" in refusal(tmp_path, *DETECTOR, "--flip")
    server = serve(*DETECTOR)
    server.api.enrol("S-1", photos("train", "elton_john", 1))
    plain = server.api.get("/v1/system")
    assert server.stop() == 0 and plain["gallery"]["students"] == 1
    server.options = (*DETECTOR, "--flip", "--threshold-override", "0.6")
    server.restart()
    flipped = server.api.get("/v1/system")
    assert flipped["preprocessing"] == plain["preprocessing"] + "+flip"
    assert flipped["gallery"]["students"] == 0
    assert {"encoder": flipped["encoder"], "licence": flipped["encoder_licence"]} == {
        "encoder": "facenet128", "licence": "MIT"}
