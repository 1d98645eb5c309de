#!/usr/bin/env python3
"""Recognition by a second, independent pipeline beside `rollcall eval`, on the same photos in the same run.

    python3 -m venv VENV && VENV/bin/pip install -r bench/requirements-reference.txt
    VENV/bin/python bench/reference_compare.py LFW --pairs PAIRS --same tools/lfw_same_people.txt
    VENV/bin/python bench/reference_compare.py --group PHOTOS --dump build/tests/golden/golden_dump

The second pipeline is OpenCV's (decoding, its own YuNet, resizing, warping) and ONNX Runtime's Python interface; nothing of
src/ runs in it. It shares the ONNX files, the crops below and the protocol of tools/face_metrics.py with the program:
who is in a gallery depends on a seed alone. It refuses no photo, `rollcall eval` refuses a few as too poor.
--group counts how many of OpenCV's faces the program finds too, in pictures of many people (`golden_dump` prints its boxes).
Prints a table; exits 1 when a rate differs by more than .01 or less than .99 of the faces are found.
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import cv2
import numpy as np
import onnxruntime as ort

import face_metrics

TOLERANCE, RECALL_MIN, IOU_MIN = 0.01, 0.99, 0.5
CONFIDENCE, NMS_IOU, FACES_MAX, LONG_SIDE = 0.6, 0.3, 5000, 640  # YuNet's, and the size of what it sees
LFW_SIDE, FAR_OFF_PX = 250, 90  # of the rule which face of a photo counts (src/cmd/eval_photos.h)
BATCH = 8
EYES, NOSE, MOUTH = [[0.31557, 0.46158], [0.68262, 0.46158]], [0.50026, 0.64051], [[0.34947, 0.82469], [0.65344, 0.82469]]
OMZ = 128 * np.array([*EYES, NOSE, *MOUTH])
DLIB = np.array([[47.73, 47.14], [100.28, 47.12], [74.01, 76.56], [50.41, 103.02], [97.61, 103.02]])


class YuNet:
    """OpenCV's FaceDetectorYN: boxes [n][4] x y w h, points [n][5][2] of a BGR picture of any size."""

    def __init__(self, models):
        self.net = cv2.FaceDetectorYN.create(str(models / "yunet.onnx"), "", (320, 320), CONFIDENCE, NMS_IOU, FACES_MAX)

    def __call__(self, bgr):
        h, w = bgr.shape[:2]
        k = min(1, LONG_SIDE / max(w, h))
        small = bgr
        if k < 1:
            small = cv2.resize(bgr, (round(w * k), round(h * k)), interpolation=cv2.INTER_AREA)
        self.net.setInputSize((small.shape[1], small.shape[0]))
        _, found = self.net.detect(small)
        if found is None:
            return np.zeros((0, 4)), np.zeros((0, 5, 2))
        back = np.array([w / small.shape[1], h / small.shape[0]])
        return found[:, :4] * np.tile(back, 2), found[:, 4:14].reshape(-1, 5, 2) * back


def main_face(boxes, shape):
    """Index of the face a photo was taken for: big and near the centre, in units of LFW's 250 pixels."""
    h, w = shape[:2]
    k = LFW_SIDE / max(w, h)
    off = k * np.abs(boxes[:, :2] + boxes[:, 2:] / 2 - [w / 2, h / 2]).sum(1)
    return int(np.argmax(k * k * boxes[:, 2] * boxes[:, 3] / 1000 - off / 5 - 1000 * (off > FAR_OFF_PX)))


def box_crop(bgr, box, points, factors, side):
    """The box grown by factors, eyes level, stretched to a square."""
    (x, y, w, h), (left, right) = box, points[:2]
    angle = math.atan2(right[1] - left[1], right[0] - left[0])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    step = turn * [w * factors[0] / side, h * factors[1] / side]
    start = np.array([x + w / 2, y + h / 2]) - step @ [side / 2, side / 2]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(bgr, np.c_[step, start], (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def points_crop(bgr, points, template, side):
    """The similarity transform that brings the points nearest to the template."""
    x, y = points.T
    one, none = np.ones(5), np.zeros(5)
    rows = np.r_[np.c_[x, -y, one, none], np.c_[y, x, none, one]]
    a, b, dx, dy = np.linalg.lstsq(rows, template.T.ravel(), rcond=None)[0]
    return cv2.warpAffine(bgr, np.array([[a, -b, dx], [b, a, dy]]), (side, side), flags=cv2.INTER_LINEAR,
                          borderMode=cv2.BORDER_REPLICATE)


def planes(bgr, rgb=True):
    return (bgr[..., ::-1] if rgb else bgr).astype(np.float32).transpose(2, 0, 1)


def standardised(x):
    return (x - x.mean()) / max(x.std(), 1 / math.sqrt(x.size))


# How each encoder is fed: picture, box, points -> its input [3][side][side].
INPUTS = {
    "facenet128": lambda im, b, p: standardised(planes(box_crop(im, b, p, (1.15, 1.05), 160))),
    "facenet512": lambda im, b, p: (planes(box_crop(im, b, p, (1.31, 1.19), 160)) - 127.5) / 128,
    "omz0095": lambda im, b, p: planes(points_crop(im, p, OMZ, 128), rgb=False),
    "dlib128": lambda im, b, p: planes(points_crop(im, p, DLIB, 150)),
}


def detect_all(detector, photos):
    """{photo: (box, points)} of the main faces; a photo without a face is left out."""
    faces = {}
    for photo, path in photos.items():
        bgr = cv2.imread(str(path))
        boxes, points = detector(bgr)
        if len(boxes):
            i = main_face(boxes, bgr.shape)
            faces[photo] = boxes[i], points[i]
    return faces


def embed_all(model, name, photos, faces):
    """{photo: unit vector}"""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    entry, names, vectors = session.get_inputs()[0].name, list(faces), {}
    for start in range(0, len(names), BATCH):
        part = names[start : start + BATCH]
        x = np.stack([INPUTS[name](cv2.imread(str(photos[n])), *faces[n]) for n in part]).astype(np.float32)
        for n, v in zip(part, session.run(None, {entry: x})[0].reshape(len(part), -1)):
            vectors[n] = v / np.linalg.norm(v)
        if start // BATCH % 25 == 0:
            print(f"\r{name}: {start + len(part)} of {len(names)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return vectors


def reference(a, name, photos, faces):
    """The embeddings of the second pipeline, kept in a file of --cache; `faces` is filled when it is needed first."""
    kept = a.cache / f"reference-{name}-{len(photos)}.npz"
    if kept.exists():
        with np.load(kept) as f:
            return dict(zip(f["photos"].tolist(), f["vectors"]))
    if not faces:
        faces.update(detect_all(YuNet(a.models), photos))
    vectors = embed_all(a.models / f"{name}.onnx", name, photos, faces)
    np.savez(kept, photos=list(vectors), vectors=np.stack(list(vectors.values())))
    kept.chmod(0o600)
    return vectors


def list_photos(folder, people):
    """{"Person/Photo.jpg": path} of the first `people` folders (0: all), in the order of `rollcall eval`."""
    names = sorted((p.name for p in folder.iterdir() if p.is_dir()), key=str.lower)[: people or None]
    return {f"{n}/{p.name}": p for n in names for p in sorted((folder / n).glob("*.jpg"))}


def by_person(vectors, photos, same):
    """{person: vectors}; a second folder of one person stays, empty."""
    people = {photo.split("/")[0]: [] for photo in photos}
    for photo in photos:
        owner = photo.split("/")[0]
        owner = same[owner] if same.get(owner) in people else owner
        if photo in vectors:
            people[owner].append(vectors[photo])
    dim = len(next(iter(vectors.values())))
    return {n: np.stack(v) if v else np.zeros((0, dim)) for n, v in people.items()}


def read_same(path):
    lines = path.read_text(encoding="utf-8").splitlines() if path else []
    return {b: a for a, b in (line.split() for line in lines if line.strip() and line[0] != "#")}


def pair_rate(vectors, path):
    """TAR at FAR 1e-3 of a pairs file."""
    scores, one = [], []
    for row in (line.split() for line in path.read_text(encoding="utf-8").splitlines()[1:] if line.strip()):
        first, second = row[0], row[-2] if len(row) == 4 else row[0]
        a, b = (f"{name}/{name}_{int(i):04d}.jpg" for name, i in ((first, row[1]), (second, row[-1])))
        if a in vectors and b in vectors:
            scores.append(vectors[a] @ vectors[b])
            one.append(first == second)
    return rate_or_none(np.array(scores), np.array(one, bool))


def rate_or_none(scores, one):
    enough = one.any() and (~one).sum() * 1e-3 >= 1
    return face_metrics.tar(scores, one, 1e-3)[0] if enough else None


def all_rate(people):
    """TAR at FAR 1e-3 of all pairs of photos."""
    x = np.concatenate(list(people.values())).astype(np.float32)
    who = np.repeat(np.arange(len(people)), [len(v) for v in people.values()])
    a, b = np.triu_indices(len(x), 1)
    return rate_or_none((x @ x.T)[a, b], who[a] == who[b])


def search_rate(people, size, shots, splits):
    """TPIR at FPIR 1 %, mean over galleries."""
    if sum(len(v) > shots for v in people.values()) < size:
        return None
    rates = [face_metrics.identify(people, size, shots, seed + 1)[1][0] for seed in range(splits)]
    return None if None in rates else float(np.mean([r for r, _ in rates]))


def evaluate(a, name, sizes, splits, pairs):
    """One run of `rollcall eval`, as a dictionary."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [a.rollcall, "eval", a.folder, "--detector", "yunet", "--encoder", name, "--models-dir", a.models,
                   "--device", "cpu", "--precision", "fp32", "--contrast", "off", "--threads", "1",
                   "--gallery-sizes", sizes, "--splits", splits, "--limit", a.people, "--cache", a.cache, "--json", out.name]
        command += ["--same", a.same] if a.same else []
        command += ["--pairs", a.pairs] if pairs else []
        subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)
        return json.loads(Path(out.name).read_text(encoding="utf-8"))["runs"][0]


def verified(run):
    rates = (run["verification"] or {}).get("tar_at_far", [])
    return next((r["tar"]["mean"] for r in rates if r["far"] == 1e-3), None)


def searched(run, size, shots):
    (row,) = [r for r in run["identification"] if (r["people"], r["photos"]) == (size, shots)]
    return row["rates"][0]["tpir"]["mean"] if row.get("rates") else None


def compare_encoder(a, name, photos, faces):
    """Rows (what, reference, program)."""
    vectors = reference(a, name, photos, faces)
    people = by_person(vectors, photos, read_same(a.same))
    run = evaluate(a, name, "2", 1, False)
    print(f"\n{name}: {len(vectors)} of {len(photos)} photos by the reference, "
          f"{run['measured_on']['usable']} by rollcall eval", flush=True)
    yield "TAR at FAR .1 %, all pairs", all_rate(people), verified(run)
    run = evaluate(a, name, ",".join(map(str, a.sizes)), a.splits, a.pairs is not None)
    if a.pairs:
        yield "TAR at FAR .1 %, pairs file", pair_rate(vectors, a.pairs), verified(run)
    for shots in (1, 3):
        for size in a.sizes:
            what = f"TPIR at FPIR 1 %, {size} people, {shots} photo{'s' if shots > 1 else ''}"
            yield what, search_rate(people, size, shots, a.splits), searched(run, size, shots)


def compare(a):
    photos, faces, good = list_photos(a.folder, a.people), {}, True
    for name in a.encoders:
        if not (a.models / f"{name}.onnx").exists():
            print(f"\n{name}: not installed, left out")
            continue
        for what, theirs, ours in compare_encoder(a, name, photos, faces):
            if theirs is None or ours is None:
                print(f"  {what:<40} not measured: too few people or pairs")
                continue
            good = good and abs(ours - theirs) <= TOLERANCE
            print(f"  {what:<40} reference {theirs:.4f}  rollcall {ours:.4f}  difference {ours - theirs:+.4f}", flush=True)
    return good


def overlap(a, b):
    """IoU of box a with each of b [n][4]."""
    low, high = np.maximum(a[:2], b[:, :2]), np.minimum(a[:2] + a[2:], b[:, :2] + b[:, 2:])
    both = np.maximum(high - low, 0).prod(1)
    return both / (a[2:].prod() + b[:, 2:].prod(1) - both)


def found_again(a):
    """Whether the program finds the faces that OpenCV's YuNet finds in pictures of many people."""
    detector, wanted, found, beside = YuNet(a.models), 0, 0, 0
    pictures = sorted(p for p in a.group.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    for picture in pictures:
        bgr = cv2.imread(str(picture))
        theirs, _ = detector(bgr)
        with tempfile.NamedTemporaryFile(suffix=".rgb") as raw:
            np.ascontiguousarray(bgr[..., ::-1]).tofile(raw.name)
            command = [a.dump, a.models, "yunet", LONG_SIDE, raw.name, bgr.shape[1], bgr.shape[0]]
            done = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True,
                                  env={**os.environ, "GOLDEN_BOXES": "1"})
        ours = np.array([f["box"] for f in json.loads(done.stdout)["faces"]]).reshape(-1, 4)
        hits = [bool(len(ours)) and overlap(t, ours).max() >= IOU_MIN for t in theirs]
        wanted, found = wanted + len(theirs), found + sum(hits)
        beside += sum(not len(theirs) or overlap(o, theirs).max() < IOU_MIN for o in ours)
    recall = found / max(wanted, 1)
    print(f"YuNet on {len(pictures)} pictures, long side {LONG_SIDE}: rollcall finds {found} of OpenCV's {wanted} faces "
          f"({recall:.4f}, IoU {IOU_MIN} and more) and {beside} beside them")
    return wanted > 0 and recall >= RECALL_MIN


def arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("folder", nargs="?", type=Path, help="DIR/PERSON/PHOTO.jpg")
    ap.add_argument("--pairs", type=Path, help="pairs in LFW's format")
    ap.add_argument("--same", type=Path, help="lines 'FOLDER FOLDER': two folders of one person")
    ap.add_argument("--people", type=int, default=0, help="only the first N people; 0: all")
    ap.add_argument("--encoders", type=lambda t: t.split(","), default=list(INPUTS), help="default: all four")
    ap.add_argument("--sizes", type=lambda t: [int(n) for n in t.split(",")], default=[10, 30, 100, 300])
    ap.add_argument("--splits", type=int, default=50, help="galleries of each size")
    ap.add_argument("--models", type=Path, default=ROOT / "data/models")
    ap.add_argument("--rollcall", type=Path, default=ROOT / "build/rollcall")
    ap.add_argument("--cache", type=Path, help="keep the embeddings of both there, UNENCRYPTED, for the next run")
    ap.add_argument("--group", type=Path, help="pictures of many people")
    ap.add_argument("--dump", type=Path, default=ROOT / "build/tests/golden/golden_dump")
    return ap, ap.parse_args()


def main():
    ap, a = arguments()
    if not a.folder and not a.group:
        ap.error("name a folder of people, or --group")
    unknown = set(a.encoders) - set(INPUTS)
    if unknown:
        ap.error(f"no crop is known for {', '.join(sorted(unknown))}")
    cv2.setNumThreads(1)
    good = True
    with tempfile.TemporaryDirectory() as scratch:
        a.cache = a.cache or Path(scratch)
        a.cache.mkdir(parents=True, exist_ok=True)
        if a.folder:
            good = compare(a)
        if a.group:
            good = found_again(a) and good
    print("\nwithin tolerance" if good else "\nNOT within tolerance")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
