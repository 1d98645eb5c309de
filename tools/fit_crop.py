#!/usr/bin/env python3
"""Fits the facenet128 crop to a detector's boxes and derives its score -> false-match table.

    fit_crop.py tune   --models DIR --photos DIR --pairs FILE [--work DIR] --detector retinaface
    fit_crop.py report --models DIR --photos DIR --pairs FILE [--work DIR]

`tune` tries width, height and vertical-shift factors on the photos of ONE fold of the pairs file.
`report` takes the factors of tests/golden/reference.py as they stand and prints, for each detector
on the same photos: pair accuracy, TAR at FAR 1e-3, 1:N rates, the table of log10 FMR = c0 + c1 s +
c2 s^2 for one-photo and three-photo templates, thresholds, and the FPIR those give to unseen
people.
PHOTOS holds one folder a person. Detections and embeddings are kept in WORK and used again.
docs/decisions/0003-retinaface-crop-and-thresholds.md and 0008-mtcnn-crop.md record runs.
"""
import argparse, hashlib, multiprocessing, os, sys
from itertools import product

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "golden"))
import reference as ref
from face_metrics import (
    BUDGETS, by_person, fit_table, impostor_scores, measured_fpir, one_to_many, pair_metrics,
    threshold, tune_metrics,
)

SIZES = (10, 30, 50, 100, 300, 600)
TUNE_FOLD = 0
TAR = "mean TAR %.4f  @1e-3 %.4f  @1e-4 %.4f"
STATE = {}  # what a pool process keeps open


def photo_list(folder):
    """Sorted names "Person/Person_0001.jpg"."""
    return sorted(
        f"{p}/{f}" for p in os.listdir(folder) for f in os.listdir(os.path.join(folder, p))
    )


def read_pairs(path):
    """Folds of (photo, photo, same person?), in the format of LFW's pairs.txt."""
    with open(path) as f:
        folds, half = (int(v) for v in f.readline().split())
        rows = [line.split() for line in f if line.strip()]
    name = lambda person, i: f"{person}/{person}_{int(i):04d}.jpg"
    pairs = [
        (name(r[0], r[1]), name(r[0], r[2]), True) if len(r) == 3
        else (name(r[0], r[1]), name(r[2], r[3]), False)
        for r in rows
    ]
    return [pairs[i * 2 * half : (i + 1) * 2 * half] for i in range(folds)]


def main_face(boxes, width, height):
    """LFW pictures hold their person in the middle: big and near the centre wins."""
    off = np.abs(boxes[:, :2] + boxes[:, 2:] / 2 - [width / 2, height / 2]).sum(1)
    return int(np.argmax(boxes[:, 2] * boxes[:, 3] / 1000 - off / 5 - (off > 90) * 1e3))


def start(models, photos, detector):
    STATE.update(photos=photos, detector=ref.DETECTORS[detector](models))
    STATE.update(encoder=ref.Encoder(models))


def detect_one(photo):
    rgb = ref.decode(os.path.join(STATE["photos"], photo))
    boxes, _, points = STATE["detector"].detect(rgb)
    if not len(boxes):
        return None
    i = main_face(boxes, rgb.shape[1], rgb.shape[0])
    return boxes[i], points[i]


def embed_some(job):
    photos, faces, factors = job
    crops = [
        ref.align(ref.decode(os.path.join(STATE["photos"], p)), *faces[p], *factors) for p in photos
    ]
    return STATE["encoder"].embed(crops)[0]


class Bench:
    """One detector over the photos: faces and embeddings, computed once and kept in a.work."""

    def __init__(self, a, detector):
        self.detector, self.work = detector, a.work
        self.pool = multiprocessing.Pool(a.jobs, start, (a.models, a.photos, detector))
        photos = photo_list(a.photos)
        self.faces = self.kept("detect", photos, lambda: dict(
            zip(photos, self.pool.map(detect_one, photos, 16))
        ))

    def kept(self, what, photos, compute):
        key = hashlib.sha256("\n".join(photos).encode()).hexdigest()[:8]
        path = os.path.join(self.work, f"{self.detector}-{what}-{key}.npy")
        if not os.path.exists(path):
            np.save(path, np.array(compute(), dtype=object), allow_pickle=True)
        return np.load(path, allow_pickle=True).item()

    def embed(self, photos, factors):
        """{photo: unit vector} of the photos that have a face."""
        photos = [p for p in photos if self.faces[p] is not None]
        groups = [photos[i : i + 8] for i in range(0, len(photos), 8)]
        jobs = [(g, {p: self.faces[p] for p in g}, factors) for g in groups]
        compute = lambda: dict(zip(photos, np.concatenate(self.pool.map(embed_some, jobs, 2))))
        return self.kept("embed-%g-%g-%g" % factors, photos, compute)


def tune(a):
    bench = Bench(a, a.detector)
    photos = sorted({p for row in read_pairs(a.pairs)[TUNE_FOLD] for p in row[:2]})
    grid = product(*([float(v) for v in axis.split(",")] for axis in (a.width, a.height, a.shift)))
    print(f"{a.detector}: {len(photos)} photos of fold {TUNE_FOLD + 1}")
    for factors in grid:
        m = tune_metrics(bench.embed(photos, factors))
        print("W %.2f H %.2f dy %+.2f  " % factors + TAR % m, flush=True)


def report_tables(people):
    for shots in (1, 3):
        for clean in (False, True):
            scores, fmr, pairs = impostor_scores(people, shots, clean)
            table = fit_table(scores, fmr, pairs)
            print(
                f"FMR table, {shots} photo(s), {len(scores)} scores of {pairs} pairs of people"
                + ("" if clean else ", label errors left in")
                + ": c0 %.4f  c1 %.4f  c2 %.4f" % tuple(table)
            )
        cuts = {n: "/".join("%.3f" % threshold(table, b, n) for b in BUDGETS) for n in SIZES}
        print("  thresholds at 1/.3/.1 %:", ", ".join(f"N={n} {c}" for n, c in cuts.items()))
        rates = measured_fpir(people, shots)
        shown = {n: "/".join("%.2f%%" % (100 * rates[n, b]) for b in BUDGETS) for n, _ in rates}
        print("  FPIR on unseen people:", ", ".join(f"N={n} {r}" for n, r in shown.items()))


def report(a):
    folds = read_pairs(a.pairs)
    held = [f for i, f in enumerate(folds) if i != TUNE_FOLD]
    tuned_on = {p for row in folds[TUNE_FOLD] for p in row[:2]}
    for detector, (name, *factors) in ref.CROPS.items():
        bench = Bench(a, detector)
        e = bench.embed(list(bench.faces), tuple(factors))
        people = by_person(e)
        print(f"\n== {detector} {name}: {len(e)} of {len(bench.faces)} photos, {len(people)} names")
        for label, part in (("all folds", folds), ("folds not tuned on", held)):
            print("pairs, %s: accuracy %.4f  TAR@1e-3 %.4f" % (label, *pair_metrics(e, part)))
        unseen = {p: v for p, v in e.items() if p not in tuned_on}
        print(f"all against all, {len(unseen)} photos not tuned on:", TAR % tune_metrics(unseen))
        for shots in (1, 3):
            n, probes, strangers, tpir, cuts = one_to_many(people, shots)
            print(
                f"1:N, {shots} photo(s), {n} people, {probes} probes, {strangers} strangers, "
                "TPIR@FPIR: 1 %% %.4f (%.3f), .3 %% %.4f (%.3f)"
                % (tpir[0], cuts[0], tpir[1], cuts[1])
            )
        report_tables(people)


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("command", choices=["tune", "report"])
    ap.add_argument("--models", required=True)
    ap.add_argument("--photos", required=True)
    ap.add_argument("--pairs", required=True)
    ap.add_argument("--work", default="fit-work", help="where detections and embeddings are kept")
    ap.add_argument("--detector", choices=sorted(ref.DETECTORS), default="retinaface")
    ap.add_argument("--width", default="1.05,1.15,1.25", help="factors to try, with commas")
    ap.add_argument("--height", default="1.05,1.15,1.25")
    ap.add_argument("--shift", default="0")
    ap.add_argument("--jobs", type=int, default=2)
    a = ap.parse_args()
    os.makedirs(a.work, exist_ok=True)
    {"tune": tune, "report": report}[a.command](a)


if __name__ == "__main__":
    main()
