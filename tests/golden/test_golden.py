"""Holds the C pipeline (golden_dump) to reference.py on the same decoded pixels.

Environment: GOLDEN_DUMP the program, MODELS the folder of NAME.onnx files (default data/models).
Photos come from .deps/samples (fetched by set-up) and, where they exist, from ../shared/data; what is
not there is skipped by name.
"""
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import reference as ref

ROOT = Path(__file__).resolve().parents[2]
DUMP = os.environ.get("GOLDEN_DUMP", "")
MODELS = Path(os.environ.get("MODELS", ROOT / "data/models"))
SAMPLES = ROOT / ".deps/samples"
DATA = Path(os.environ.get("GOLDEN_DATA", ROOT.parent / "shared/data"))
PIXELS, SCORE, COSINE = 0.5, 1e-3, 0.99999  # tolerances: boxes and points, scores, embeddings
BORDER = 2e-3  # a face whose score is this near the limit may be found by one side only
RECALL = 0.99  # of the faces that the reference finds
FACES_MAX = 12  # embedded by both sides; the whole list is compared for boxes, points and scores
REFUSED = [("facenet512", "mtcnn"), ("facenet512", "retinaface")]  # the crop was not fitted to these
VECTOR = {  # facenet128 on one photo of LFW
    "photo": "lfw-dev/AJ_Cook/AJ_Cook_0001.jpg",
    "face": "82.0704,60.9342,94.3863,138.6216,98.4291,114.4041,148.9085,115.2374",
    "mean": 110.0996, "std": 51.8019, "middle": [197, 152, 123],
    "first": [-0.1535, -0.20863, 0.05625, 0.06263, -0.12034, -0.09503],
}


def photos():
    """Name and path of every photo: the demo's val set, group photos, one folder of training ones."""
    found = sorted((SAMPLES / "val").glob("*/*.jpg"))[::4] + sorted((SAMPLES / "group").glob("*.jpg"))
    found += sorted((DATA / "group").glob("*.jpg"))[:4]
    return found or [Path("no-photos")]


def files(name):
    """The model files of a detector or encoder."""
    names = ["mtcnn_pnet", "mtcnn_rnet", "mtcnn_onet"] if name == "mtcnn" else [name]
    return [MODELS / f"{n}.onnx" for n in names]


def need(*paths):
    for path in paths:
        if not path.exists():
            pytest.skip(f"{path} is not there")
    if not DUMP:
        pytest.skip("GOLDEN_DUMP names no program")


@pytest.fixture(scope="session")
def models():
    """Loads each model of the reference once."""
    kept = {}

    def load(name):
        if name not in kept:
            need(*files(name))
            kept[name] = {**ref.ENCODERS, **ref.DETECTORS}[name](MODELS)
        return kept[name]

    return load


def dump(rgb, detector, long_side, folder, *more, boxes_only=False):
    """What the C side says about these pixels."""
    raw = folder / "pixels.rgb"
    np.ascontiguousarray(rgb).tofile(raw)
    command = [DUMP, str(MODELS), detector, str(long_side), str(raw), str(rgb.shape[1]), str(rgb.shape[0])]
    env = {**os.environ, **({"GOLDEN_BOXES": "1"} if boxes_only else {})}
    done = subprocess.run([*command, *more], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def certain(faces, detector):
    return [f for f in faces if f["score"] > ref.DETECTORS[detector].score_min + BORDER]


def expected(models, rgb, detector, long_side):
    boxes, scores, points = models(detector).detect(rgb, long_side)
    return [
        {"box": b, "score": float(s), "points": p.ravel()} for b, s, p in zip(boxes, scores, points)
    ]


def pair_up(ours, theirs):
    """Each reference face with the nearest of ours (scores may change the order of near-equals)."""
    for t in theirs:
        yield min(ours, key=lambda o: np.abs(np.array(o["box"]) - t["box"]).max()), t


@pytest.mark.parametrize("long_side", [640, 320])
@pytest.mark.parametrize("detector", sorted(ref.DETECTORS))
@pytest.mark.parametrize("photo", photos(), ids=lambda p: f"{p.parent.name}-{p.stem[-24:]}")
def test_faces_and_embeddings_equal_the_reference(models, tmp_path, photo, detector, long_side):
    need(photo, *files(detector), MODELS / "facenet128.onnx")
    rgb = ref.decode(photo)
    result = dump(rgb, detector, long_side, tmp_path)
    theirs = expected(models, rgb, detector, long_side)
    ours, certain_theirs = result["faces"], certain(theirs, detector)
    assert len(certain(ours, detector)) <= len(theirs) and len(certain_theirs) <= len(ours)
    name, *factors = ref.CROPS[detector]
    assert result["preprocessing"] == name
    for o, t in pair_up(ours, certain_theirs):
        assert np.abs(np.array(o["box"]) - t["box"]).max() < PIXELS
        assert np.abs(np.array(o["points"]) - t["points"]).max() < PIXELS
        assert abs(o["score"] - t["score"]) < SCORE
    for o, t in list(pair_up(ours, certain_theirs))[:FACES_MAX]:
        crop = ref.align(rgb, t["box"], t["points"].reshape(5, 2), *factors)
        vector = models("facenet128").embed([crop])[0][0]
        assert abs(o["crop_mean"] - crop.mean()) < 0.05 and abs(o["crop_std"] - crop.std()) < 0.05
        assert float(np.dot(o["embedding"], vector)) >= COSINE


def overlap(a, b):
    """IoU of two boxes x y w h."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[:2] + a[2:], b[:2] + b[2:])
    both = np.maximum(high - low, 0).prod()
    return both / (a[2:].prod() + b[2:].prod() - both)


@pytest.mark.parametrize("detector", sorted(ref.DETECTORS))
def test_the_faces_of_the_reference_are_found_in_group_photos(models, tmp_path, detector):
    pictures = sorted((DATA / "group").glob("*.jpg"))[:: 4 if detector == "mtcnn" else 1]  # it is slow
    need(*(pictures or [DATA / "group"]), *files(detector), MODELS / "facenet128.onnx")
    wanted = found = 0
    for picture in pictures:
        rgb = ref.decode(picture)
        ours = [np.array(f["box"]) for f in dump(rgb, detector, 640, tmp_path, boxes_only=True)["faces"]]
        theirs = expected(models, rgb, detector, 640)
        wanted += len(theirs)
        found += sum(any(overlap(o, t["box"]) >= 0.9 for o in ours) for t in theirs)
    print(f"{detector}: {found} of {wanted} faces of the reference in {len(pictures)} photos")
    assert wanted >= 40 and found >= RECALL * wanted


PAIRS = [(e, d) for e in sorted(ref.ENCODERS) for d in sorted(ref.DETECTORS) if e != "facenet128"]


@pytest.mark.parametrize("encoder, detector", PAIRS)
@pytest.mark.parametrize("photo", photos()[::5], ids=lambda p: f"{p.parent.name}-{p.stem[-24:]}")
def test_each_encoder_equals_the_reference(models, tmp_path, photo, encoder, detector):
    if (encoder, detector) in REFUSED:
        pytest.skip("a pair that is refused")
    need(photo, *files(detector), *files(encoder))
    rgb, coder = ref.decode(photo), models(encoder)
    result = dump(rgb, f"{detector}+{encoder}", 640, tmp_path)
    assert result["preprocessing"] == coder.preprocessing(detector)
    theirs = certain(expected(models, rgb, detector, 640), detector)
    for o, t in list(pair_up(result["faces"], theirs))[:FACES_MAX]:
        crop = coder.crop(rgb, detector, t["box"], t["points"].reshape(5, 2))
        assert abs(o["crop_mean"] - crop.mean()) < 0.05 and abs(o["crop_std"] - crop.std()) < 0.05
        assert float(np.dot(o["embedding"], coder.embed([crop])[0][0])) >= COSINE


@pytest.mark.parametrize("encoder", sorted(ref.ENCODERS))
def test_a_big_tilted_face_is_shrunk_before_it_is_cropped(models, tmp_path, encoder):
    photo = SAMPLES / "group/t1.jpg"
    need(photo, *files("yunet"), *files(encoder))
    with Image.open(photo) as im:
        turned = im.convert("RGB").resize((im.width * 4, im.height * 4)).rotate(25)
    rgb, coder = np.asarray(turned), models(encoder)
    (best, *_) = expected(models, rgb, "yunet", 640)
    theirs = coder.crop(rgb, "yunet", best["box"], best["points"].reshape(5, 2))
    (ours, *_) = dump(rgb, f"yunet+{encoder}", 640, tmp_path)["faces"]
    assert float(np.dot(ours["embedding"], coder.embed([theirs])[0][0])) >= COSINE


@pytest.mark.parametrize("encoder, detector", REFUSED)
def test_a_pair_that_was_not_fitted_is_refused(encoder, detector):
    photo = SAMPLES / "group/t1.jpg"
    need(photo, *files(detector), *files(encoder))
    assert f"{encoder} is not fitted" in analyse(photo, f"{detector}+{encoder}")


def analyse(picture, detector="retinaface"):
    """An encoded picture through the whole pipeline."""
    done = subprocess.run([DUMP, str(MODELS), detector, "640", str(picture)], capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr


def test_a_big_picture_gives_boxes_in_its_own_pixels(tmp_path):
    photo = SAMPLES / "group/t1.jpg"
    need(photo, MODELS / "retinaface.onnx", MODELS / "facenet128.onnx")
    big = tmp_path / "big.jpg"
    with Image.open(photo) as im:
        im.resize((im.width * 3, im.height * 3), Image.Resampling.BICUBIC).save(big, quality=95)
    small, large = analyse(photo), analyse(big)
    assert large["width"] == 3 * small["width"] and len(large["faces"]) == len(small["faces"])
    areas = [f["box"][2] * f["box"][3] for f in large["faces"]]
    assert areas == sorted(areas, reverse=True)
    for s in small["faces"]:
        (l,) = [f for f in large["faces"] if np.abs(np.array(f["box"]) / 3 - s["box"]).max() < 4]
        assert s["flaw"] == l["flaw"] == "ok"
        assert float(np.dot(s["embedding"], l["embedding"])) > 0.9


def test_embedding_in_a_batch_equals_embedding_alone(tmp_path):
    photo = SAMPLES / "group/t1.jpg"
    need(photo, MODELS / "retinaface.onnx", MODELS / "facenet128.onnx")
    alone = dump(ref.decode(photo), "retinaface", 640, tmp_path)["faces"]
    together = analyse(photo)["faces"]
    assert len(alone) == len(together) > 1
    for o, t in pair_up(together, [{**f, "box": np.array(f["box"])} for f in alone]):
        assert float(np.dot(o["embedding"], t["embedding"])) >= 0.999  # decoders may differ a little


def test_a_turned_photo_gives_the_same_faces(tmp_path):
    photo = SAMPLES / "group/t1.jpg"
    need(photo, MODELS / "retinaface.onnx", MODELS / "facenet128.onnx")
    turned = tmp_path / "turned.jpg"
    with Image.open(photo) as im:
        exif = im.getexif()
        exif[0x0112] = 6
        im.transpose(Image.Transpose.ROTATE_90).save(turned, quality=97, exif=exif)
    straight, upright = analyse(photo), analyse(turned)
    assert (upright["width"], upright["height"]) == (straight["width"], straight["height"])
    assert len(upright["faces"]) == len(straight["faces"])
    for o, t in pair_up(upright["faces"], [{**f, "box": np.array(f["box"])} for f in straight["faces"]]):
        assert np.abs(np.array(o["box"]) - t["box"]).max() < 3


def test_a_broken_picture_is_an_error_in_words(tmp_path):
    need(MODELS / "retinaface.onnx", MODELS / "facenet128.onnx")
    broken = tmp_path / "broken.jpg"
    Image.new("RGB", (200, 200), (90, 90, 90)).save(broken)
    broken.write_bytes(broken.read_bytes()[:-200])
    assert "damaged JPEG" in analyse(broken)


@pytest.mark.parametrize("detector", sorted(ref.DETECTORS))
@pytest.mark.parametrize("size", [(1, 1), (31, 33), (640, 480), (64, 1000)], ids=str)
def test_a_picture_without_a_face_has_none(models, tmp_path, detector, size):
    need(*files(detector), MODELS / "facenet128.onnx")
    assert dump(np.full((*size, 3), 90, np.uint8), detector, 320, tmp_path)["faces"] == []


def test_the_documented_crop_gives_the_documented_vector(tmp_path):
    photo = DATA / VECTOR["photo"]
    need(photo, MODELS / "yunet.onnx", MODELS / "facenet128.onnx")
    (face,) = dump(ref.decode(photo), "yunet", 640, tmp_path, VECTOR["face"])["faces"]
    assert face["crop_mean"] == pytest.approx(VECTOR["mean"], abs=0.01)
    assert face["crop_std"] == pytest.approx(VECTOR["std"], abs=0.01)
    assert np.abs(np.array(face["middle"]) - VECTOR["middle"]).max() <= 1
    assert face["embedding"][:6] == pytest.approx(VECTOR["first"], abs=2e-4)
