"""contrast = clahe and auto: the C side against reference.py, and what they find in the dark.

Environment as for test_golden.py.
"""
import json
import os
import subprocess

import numpy as np
import pytest

import reference as ref
from test_golden import DUMP, MODELS, PIXELS, SAMPLES, SCORE, certain, files, need, pair_up, photos

LIGHT = {"yunet": 1 / 384, "retinaface": 1 / 384}  # how much of it is left where all faces of the photo are lost


def darkened(rgb, light):
    """The photo in `light` (a share, or one for each column) of its light: scaled in linear light, sRGB."""
    v = rgb / 255
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4) * light
    v = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
    return np.floor(np.clip(v, 0, 1) * 255 + 0.5).astype(np.uint8)


def dump(rgb, detector, folder, contrast):
    raw = folder / "pixels.rgb"
    np.ascontiguousarray(rgb).tofile(raw)
    command = [DUMP, str(MODELS), detector, "640", str(raw), str(rgb.shape[1]), str(rgb.shape[0])]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "GOLDEN_CONTRAST": contrast})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["faces"]


@pytest.mark.parametrize("size", [(1, 1), (3, 7), (8, 8), (101, 67), (480, 640), (481, 643)], ids=str)
def test_the_pixels_equal_the_reference(tmp_path, size):
    need()
    rgb = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8) // 3
    rgb[:, : size[1] // 2] //= 8
    raw = tmp_path / "pixels.rgb"
    rgb.tofile(raw)
    done = subprocess.run([DUMP, "clahe", str(raw), str(size[1]), str(size[0])], capture_output=True, check=True)
    assert np.array_equal(np.frombuffer(done.stdout, np.uint8).reshape(rgb.shape), ref.clahe(rgb))


@pytest.mark.parametrize("detector", sorted(ref.DETECTORS))
@pytest.mark.parametrize("light", [1, 1 / 64], ids=["light", "dark"])
@pytest.mark.parametrize("photo", photos()[::4], ids=lambda p: f"{p.parent.name}-{p.stem[-24:]}")
def test_faces_of_the_clahe_picture_equal_the_reference(tmp_path, photo, light, detector):
    need(photo, *files(detector), MODELS / "facenet128.onnx")
    rgb = darkened(ref.decode(photo), light)
    boxes, scores, points = ref.DETECTORS[detector](MODELS).detect(rgb, 640, contrast=True)
    theirs = [{"box": b, "score": float(s), "points": p.ravel()} for b, s, p in zip(boxes, scores, points)]
    ours = dump(rgb, detector, tmp_path, "clahe")
    assert len(certain(ours, detector)) <= len(theirs) and len(certain(theirs, detector)) <= len(ours)
    for o, t in pair_up(ours, certain(theirs, detector)):
        assert np.abs(np.array(o["box"]) - t["box"]).max() < PIXELS
        assert np.abs(np.array(o["points"]) - t["points"]).max() < PIXELS
        assert abs(o["score"] - t["score"]) < SCORE


@pytest.mark.parametrize("detector", sorted(LIGHT))
def test_auto_finds_in_the_dark_what_is_lost_without(tmp_path, detector):
    photo = SAMPLES / "group/t1.jpg"
    need(photo, *files(detector), MODELS / "facenet128.onnx")
    rgb = ref.resize(ref.decode(photo), 640)
    dark = darkened(rgb, LIGHT[detector])
    there = dump(rgb, detector, tmp_path, "off")
    off, auto = (dump(dark, detector, tmp_path, contrast) for contrast in ("off", "auto"))
    assert len(there) == 6 and len(off) == 0 and len(auto) == 6, (len(there), len(off), len(auto))


@pytest.mark.parametrize("detector", sorted(LIGHT))
def test_auto_changes_nothing_where_there_is_light(tmp_path, detector):
    photo = SAMPLES / "group/t1.jpg"
    need(photo, *files(detector), MODELS / "facenet128.onnx")
    rgb = ref.resize(ref.decode(photo), 640)
    assert dump(rgb, detector, tmp_path, "auto") == dump(rgb, detector, tmp_path, "off")


def test_the_encoder_gets_the_original_pixels(tmp_path):
    """The same box has the same crop, however it was found."""
    photo = SAMPLES / "group/t1.jpg"
    need(photo, MODELS / "yunet.onnx", MODELS / "facenet128.onnx")
    rgb = ref.resize(ref.decode(photo), 640)
    for face in dump(rgb, "yunet", tmp_path, "clahe"):
        crop = ref.align(rgb, face["box"], np.array(face["points"]).reshape(5, 2), *ref.CROPS["yunet"][1:])
        assert abs(face["crop_mean"] - crop.mean()) < 0.05 and abs(face["crop_std"] - crop.std()) < 0.05


def poor_light(folder, *options):
    """What `rollcall eval --detect` says of the group photo."""
    photo, program = SAMPLES / "group/t1.jpg", os.environ.get("ROLLCALL", "build/rollcall")
    need(photo, *files("yunet"), MODELS / "facenet128.onnx")
    (folder / "photos").mkdir()
    (folder / "photos/t1.jpg").write_bytes(photo.read_bytes())
    command = [program, "eval", "--detect", "--detector", "yunet", "--models-dir", str(MODELS), "--device", "cpu",
               "--precision", "fp32", *options, str(folder / "photos")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_long_side_and_confidence_are_those_asked_for(tmp_path):
    assert "yunet at 320 pixels: 1 pictures, 6 faces" in poor_light(tmp_path, "--detector-long-side", "320")
    (tmp_path / "sure").mkdir()
    sure = poor_light(tmp_path / "sure", "--detector-min-confidence", "0.92")
    faces = int(sure.split(" pictures, ")[1].split()[0])
    assert 1 <= faces < 6


def test_eval_counts_what_is_found_again_in_poor_light(tmp_path):
    """The same six faces, lost in the dark and found again."""
    printed = poor_light(tmp_path)
    assert "yunet at 640 pixels: 1 pictures, 6 faces" in printed
    rows = {line[2:16].strip(): line[16:].split() for line in printed.splitlines()[4:]}
    assert rows["as it is"][1::4] == ["6", "6", "6"]
    off, clahe, auto = (int(n) for n in rows["1/384"][1::4])
    assert off < 2 and clahe >= 5 and auto >= 5, rows
