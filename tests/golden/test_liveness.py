"""Holds the liveness score (golden_dump, PICTURE form) to reference.py on the same pixels and boxes.

Environment and skips as in test_golden.py. Pictures go over as PNG, so both sides see the same pixels.
"""
import math

import numpy as np
import pytest
from PIL import Image

import reference as ref
import test_golden as golden

SCORE = 1e-3
PIXELS_MAX = 1_900_000  # above 2.1 million pixels the program may decode smaller
NETS = [golden.MODELS / f"{name}.onnx" for name, _ in ref.Liveness.nets]


def stills():
    found = sorted((golden.DATA / "liveness").glob("*.jpg"))
    return found + golden.photos()[::4]


@pytest.fixture(scope="module")
def liveness():
    golden.need(*NETS)
    return ref.Liveness(golden.MODELS)


def judged(rgb, folder):
    """The faces the program gives a score, with boxes as the floats they are."""
    Image.fromarray(rgb).save(folder / "picture.png", compress_level=1)
    faces = [f for f in golden.analyse(folder / "picture.png")["faces"] if "liveness" in f]
    return np.array([f["box"] for f in faces], np.float32), [f["liveness"][0] for f in faces]


def small(photo):
    image = Image.fromarray(ref.decode(photo))
    k = math.sqrt(PIXELS_MAX / (image.width * image.height))
    return np.asarray(image if k >= 1 else image.resize((int(image.width * k), int(image.height * k))))


@pytest.mark.parametrize("photo", stills(), ids=lambda p: f"{p.parent.name}-{p.stem[-24:]}")
def test_scores_equal_the_reference(liveness, tmp_path, photo):
    golden.need(photo, golden.MODELS / "retinaface.onnx", golden.MODELS / "facenet128.onnx")
    rgb = small(photo)
    boxes, scores = judged(rgb, tmp_path)
    if not scores:
        pytest.skip(f"no usable face in {photo.name}")
    assert np.abs(liveness.score(rgb, boxes) - scores).max() < SCORE


def test_a_face_at_the_border_is_judged_on_what_is_there(liveness, tmp_path):
    photo = golden.photos()[0]
    golden.need(photo, golden.MODELS / "retinaface.onnx", golden.MODELS / "facenet128.onnx")
    rgb = small(photo)
    (x, y, w, h), *_ = judged(rgb, tmp_path)[0].astype(int)
    seen = 0
    for crop in (rgb[max(y - 8, 0) :, max(x - 8, 0) :], rgb[: y + h + 8, : x + w + 8],
                 rgb[max(y - 8, 0) : y + h + 8, max(x - 8, 0) : x + w + 8]):
        boxes, scores = judged(crop, tmp_path)
        if scores:
            assert np.abs(liveness.score(crop, boxes) - scores).max() < SCORE
            seen += 1
    assert seen > 0
