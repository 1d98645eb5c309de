"""Class photos: small faces in big pictures, each found once, where it was put.

Environment as for test_golden.py.
"""
import json
import os
import subprocess

import numpy as np
import pytest
from PIL import Image

import reference as ref
from test_golden import DUMP, MODELS, SAMPLES, files, need

WIDTHS = [24, 26, 30, 36, 48, 64, 90, 130, 160, 195]  # of the faces, pixels
MARGIN = 0.6  # of the face's size, cut out around it


def still(picture, detector, long_side=640, **env):
    command = [DUMP, str(MODELS), detector, str(long_side), str(picture)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "GOLDEN_STILL": "1", **env})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def heads():
    """Portraits with one face: the picture around it, and its box in there."""
    need(MODELS / "yunet.onnx", SAMPLES / "val")
    net, found = ref.DETECTORS["yunet"](MODELS), []
    for photo in sorted((SAMPLES / "val").glob("*/*.jpg"))[::2]:
        rgb = ref.decode(photo)
        boxes, _, _ = net.detect(rgb)
        if len(boxes) == 1 and boxes[0][2] > 70:
            x, y, w, h = boxes[0]
            left, top = max(0, int(x - MARGIN * w)), max(0, int(y - MARGIN * h))
            part = rgb[top : int(y + (1 + MARGIN) * h), left : int(x + (1 + MARGIN) * w)]
            found.append((Image.fromarray(part), (x - left, y - top, w, h)))
    return found


def put(canvas, head, x, y, width):
    """Puts the head so that its face begins at x, y and is `width` wide; its box there."""
    picture, box = head
    scale = width / box[2]
    small = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
    left, top = round(x - box[0] * scale), round(y - box[1] * scale)
    canvas.paste(small, (left, top))
    return [left + box[0] * scale, top + box[1] * scale, width, box[3] * scale]


def mosaic(heads, width, height, n, folder):
    """A picture of n faces of all widths on an even grid, most of them across borders of tiles; their boxes."""
    noise = np.random.default_rng(2).normal(110, 6, (height // 8, width // 8, 3)).clip(0, 255).astype(np.uint8)
    canvas = Image.fromarray(noise).resize((width, height), Image.Resampling.BILINEAR)
    columns = round((n * width / height) ** 0.5)
    step, boxes = width // columns, []
    for i in range(n):
        size, x, y = WIDTHS[i % len(WIDTHS)], step * (i % columns), step * (i // columns)
        if y + step <= height and size * (1 + 2 * MARGIN) * 1.4 < step:
            boxes.append(put(canvas, heads[i % len(heads)], x + step // 2 - size // 2, y + step // 2 - size // 2, size))
    path = folder / "mosaic.jpg"
    canvas.save(path, quality=92)
    return path, boxes


def overlap(a, b):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def matches(result, boxes):
    """For each box how many of the faces found are there."""
    return [sum(overlap(face["box"], box) > 0.5 for face in result["faces"]) for box in boxes]


@pytest.mark.parametrize("detector, width, height, n", [
    ("yunet", 8000, 6000, 140), ("yunet", 4000, 3000, 30), ("retinaface", 4000, 3000, 30)], ids=str)
def test_every_face_of_a_class_photo_is_found_once(heads, tmp_path, detector, width, height, n):
    need(*files(detector), MODELS / "facenet128.onnx")
    path, boxes = mosaic(heads, width, height, n, tmp_path)
    result = still(path, detector)
    assert (result["width"], result["height"]) == (width, height)
    assert len(boxes) >= n * 0.8
    counts = matches(result, boxes)
    missed = [b[2] for b, m in zip(boxes, counts) if m == 0]
    assert max(counts) == 1 and len(result["faces"]) == sum(counts)  # none twice, nothing else
    assert all(width < 28 for width in missed) and len(missed) <= 1, missed
    for face in result["faces"]:
        assert (face["flaw"] == "too_small") == (face["box"][2] < 28)


def test_a_face_across_a_border_is_found_once_wherever_it_lies(heads, tmp_path):
    """One head, moved across the first border of tiles step by step; tiles of 640 begin every 480 pixels here."""
    need(MODELS / "yunet.onnx", MODELS / "facenet128.onnx")
    for i, x in enumerate(range(440, 680, 40)):
        canvas = Image.new("RGB", (1600, 1120), (112, 110, 108))
        boxes = [put(canvas, heads[0], x, 200, 60), put(canvas, heads[1], 1200, x, 110)]
        canvas.save(tmp_path / f"{i}.png")
        result = still(tmp_path / f"{i}.png", "yunet")
        assert matches(result, boxes) == [1, 1] and len(result["faces"]) == 2, x


def test_the_whole_picture_pass_finds_a_face_bigger_than_a_tile(heads, tmp_path):
    need(MODELS / "yunet.onnx", MODELS / "facenet128.onnx")
    canvas = Image.new("RGB", (4000, 3000), (112, 110, 108))
    boxes = [put(canvas, heads[0], 900, 500, 900), put(canvas, heads[1], 3400, 2600, 40)]
    canvas.save(tmp_path / "big.jpg", quality=92)
    result = still(tmp_path / "big.jpg", "yunet")
    assert matches(result, boxes) == [1, 1] and len(result["faces"]) == 2
    widths = [face["box"][2] for face in result["faces"]]
    assert widths == sorted(widths, reverse=True)


def test_a_small_picture_gives_what_a_frame_gives(tmp_path):
    photo = SAMPLES / "group/t1.jpg"
    need(photo, MODELS / "yunet.onnx", MODELS / "facenet128.onnx")
    small = tmp_path / "small.png"
    Image.fromarray(ref.resize(ref.decode(photo), 640)).save(small)
    command = [DUMP, str(MODELS), "yunet", "640", str(small)]
    frame = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert still(small, "yunet") == frame
