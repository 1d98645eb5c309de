#!/usr/bin/env python3
"""What the signals of the liveness challenge do on real pictures: yaw of flat photos, recognition of turned heads,
openness of eyes. Prints the figures of docs/recognition.md. The pipeline is tests/golden/reference.py.

usage: bench/challenge_figures.py MODELS planar|turned|eyes LFW
       bench/challenge_figures.py MODELS blinks CLIP...       (needs the Python package av)
"""
import math
import random
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/golden"))
import reference as R  # noqa: E402

STRAIGHT, TURNED, CLOSED, OPEN = 15, 25, 0.62, 0.8  # src/attendance/challenge.c
EYES, SIDE = 64, R.SIDE  # src/vision/eyes.c


def yaw_of(p):
    """face_pose_of of src/vision/quality.c."""
    (a, b, nose, left, right) = (complex(*point) for point in p)
    turn, middle = (b - a).conjugate() / abs(b - a), (a + b) / 2
    return math.degrees(math.atan2(((nose - middle) * turn).real - (((left + right) / 2 - middle) * turn).real / 2,
                                   0.55 * abs(b - a)))


def eyes_open(rgb, p):
    """eyes_open of src/vision/eyes.c."""
    a, b = complex(*p[0]), complex(*p[1])
    left = (SIDE - EYES) / 2
    k = EYES / (b - a)
    at = a + (np.arange(SIDE)[None, :] + 1j * np.arange(SIDE)[:, None] - (left + 1j * SIDE / 2)) / k
    luma = R.shrunk_sample(rgb, at.real, at.imag, SIDE / abs(k), SIDE) @ [0.299, 0.587, 0.114]
    found, y = [], SIDE // 2
    for x in (int(left), int(left) + EYES):
        skin = np.sort(luma[y:y + 18, x - 16:x + 17].ravel())
        dark = luma[y - 9:y + 10, x - 10:x + 11] < 0.65 * skin[int(0.8 * (skin.size - 1))]
        found.append(np.sort(dark.mean(0))[-7:].mean())
    return float(np.mean(found))


def biggest(detector, rgb):
    boxes, _, points = detector.detect(rgb, 640)
    if not len(boxes):
        return None
    i = np.argmax(boxes[:, 2] * boxes[:, 3])
    return boxes[i], points[i]


def held(rgb, degrees):
    """A print two widths away from the camera, turned about its vertical axis."""
    h, w = rgb.shape[:2]
    t, z = math.radians(degrees), 2.0
    u, v = np.meshgrid((np.arange(w) - w / 2) / w, (np.arange(h) - h / 2) / w)
    s = u * z / (z * math.cos(t) - u * math.sin(t))
    return R.sample(rgb, s * w + w / 2, v * (z + s * math.sin(t)) / z * w + h / 2)


def people(lfw, least):
    return [d for d in sorted(Path(lfw).iterdir()) if len(list(d.iterdir())) >= least]


def planar(detector, lfw):
    chosen = people(lfw, 1)
    random.Random(3).shuffle(chosen)
    yaws = {a: [] for a in (-60, -45, -30, 30, 45, 60)}
    for person in chosen[:100]:
        rgb = R.decode(sorted(person.iterdir())[0])
        seen = biggest(detector, rgb)
        if seen is None or abs(yaw_of(seen[1])) > STRAIGHT:
            continue
        for angle, found in yaws.items():
            turned = biggest(detector, held(rgb, angle))
            if turned is not None:
                found.append(abs(yaw_of(turned[1])))
    for angle, found in yaws.items():
        print(f"photo turned by {angle:+d}: {len(found)} photos, mean |yaw| {np.mean(found):.1f}, "
              f"beyond {TURNED}: {np.sum(np.array(found) >= TURNED)}")


def turned(detector, lfw, models):
    chosen = people(lfw, 3)
    random.Random(1).shuffle(chosen)
    encoder = R.Encoder(models)
    yaws, vectors, who = [], [], []
    for i, person in enumerate(chosen[:170]):
        for path in sorted(person.iterdir())[:6]:
            rgb = R.decode(path)
            seen = biggest(detector, rgb)
            if seen is not None:
                vectors.append(encoder.embed([encoder.crop(rgb, "yunet", *seen)])[0][0])
                yaws.append(abs(yaw_of(seen[1])))
                who.append(i)
    yaws, vectors, who = np.array(yaws), np.array(vectors), np.array(who)
    for low, high in ((0, 15), (15, 25), (25, 40), (40, 65)):
        scores = []
        for i in np.flatnonzero((yaws >= low) & (yaws < high)):
            others = vectors[(who == who[i]) & (yaws < STRAIGHT) & (np.arange(len(who)) != i)]
            if len(others):
                mean = others.mean(0)
                scores.append(vectors[i] @ mean / np.linalg.norm(mean))
        scores = np.array(scores)
        print(f"|yaw| {low} to {high}: {len(scores)} photos, cosine to the person's straight photos: median "
              f"{np.median(scores):.2f}, at least .60: {np.mean(scores >= 0.6):.3f}")


def eyes(detector, lfw):
    found = []
    for person in people(lfw, 1)[::7]:
        rgb = R.decode(sorted(person.iterdir())[0])
        seen = biggest(detector, rgb)
        if seen is not None and abs(yaw_of(seen[1])) < STRAIGHT:
            found.append(eyes_open(rgb, seen[1]))
    p = np.percentile(found, [1, 5, 50, 95])
    print(f"{len(found)} straight photos: openness 1 % {p[0]:.2f}, 5 % {p[1]:.2f}, median {p[2]:.2f}, 95 % {p[3]:.2f}")


def blinks(detector, clips):
    import av
    for clip in clips:
        usual, closed_at, last, dips = 0.0, None, 0.0, []
        with av.open(clip) as container:
            for frame in container.decode(video=0):
                rgb, at = frame.to_ndarray(format="rgb24"), float(frame.pts * frame.time_base)
                seen = biggest(detector, rgb)
                if seen is None:
                    continue
                v = eyes_open(rgb, seen[1])
                usual = (usual + v) / 2 if v > usual > 0 else usual or v
                usual += (v - usual) / 8 if OPEN * usual < v < usual else 0
                if v <= CLOSED * usual and closed_at is None:
                    closed_at = at
                elif v >= OPEN * usual and closed_at is not None:
                    dips.append((closed_at, at))
                    closed_at = None
                last = at
        print(f"{Path(clip).name}: {last:.1f} s, usual {usual:.2f}; closed " +
              ", ".join(f"{a:.2f}-{b:.2f}" for a, b in dips) + (f", from {closed_at:.2f}" if closed_at else ""))


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    models, what, *rest = sys.argv[1:]
    detector = R.YuNet(models)
    if what == "blinks":
        blinks(detector, rest)
    elif what == "turned":
        turned(detector, rest[0], models)
    else:
        {"planar": planar, "eyes": eyes}[what](detector, rest[0])


if __name__ == "__main__":
    main()
