"""Holds `rollcall eval --json` to numpy formulas on the same embeddings (its own cache file).

The formulas are those the project's thresholds were made with: tools/face_metrics.py, and the pair
and 1:N metrics stated below. Environment: ROLLCALL the program, MODELS the folder of models,
GOLDEN_DATA the folder that holds lfw-dev; without the photos the tests are skipped by name.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import face_metrics

PROGRAM = Path(os.environ.get("ROLLCALL", ROOT / "build/rollcall"))
MODELS = Path(os.environ.get("MODELS", ROOT / "data/models"))
DATA = Path(os.environ.get("GOLDEN_DATA", ROOT.parent / "shared/data"))
PEOPLE = 60 if os.environ.get("ROLLCALL_SLOW", "1") == "1" else 30  # fewer under sanitizers
PER_PERSON, SPLITS, GALLERY = 6, 4, 20
FOLDS, HALF = 5, 60  # of the pairs file made here
TABLES = {  # false-match tables of facenet128 by crop and photos in a template, decisions 3 and 8
    ("rot115x105w", 1): (-1.1106, 0.9797, -9.8840), ("rot115x105w", 3): (-1.5415, 2.6517, -11.0306),
    ("rot115x097w-retinaface", 1): (-0.9260, 0.6186, -9.9807), ("rot115x097w-retinaface", 3): (-1.3197, 1.9558, -10.5617),
}


def program(*arguments):
    env = {k: v for k, v in os.environ.items() if not k.startswith("ROLLCALL")}
    return subprocess.run([PROGRAM, "eval", *map(str, arguments)], env=env, capture_output=True, text=True)


def choose_people(folder):
    """The PEOPLE with the most photos: {name: names of the first PER_PERSON}."""
    found = {p.name: sorted(f.name for f in p.iterdir()) for p in sorted(folder.iterdir()) if p.is_dir()}
    names = sorted(sorted(found, key=lambda n: -len(found[n]))[:PEOPLE])
    return {n: found[n][:PER_PERSON] for n in names}


def write_pairs(path, people):
    """Random pairs in LFW's format; one photo of one pair is not there."""
    rng, names = np.random.default_rng(3), list(people)
    rows = [f"{FOLDS}\t{HALF}"]
    number = lambda n: int(people[n][rng.integers(len(people[n]))][-8:-4])
    for _ in range(FOLDS):
        for name in rng.choice(names, HALF):
            i, j = rng.choice([int(f[-8:-4]) for f in people[name]], 2, replace=False)
            rows.append(f"{name}\t{i}\t{j}")
        for _ in range(HALF):
            a, b = rng.choice(names, 2, replace=False)
            rows.append(f"{a}\t{number(a)}\t{b}\t{number(b)}")
    rows[-1] = f"{names[0]}\t9999\t{names[1]}\t1"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def read_cache(path):
    """{photo name: unit vector}"""
    head, _, body = path.read_bytes().partition(b"\n\n")
    key, *lines = head.decode().split("\n")
    rows = [line.split(" ", 4) for line in lines]
    usable = [r[4] for r in rows if r[0] == "0"]
    vectors = np.frombuffer(body, np.float32).reshape(len(usable), int(key.split()[5]))
    return dict(zip(usable, vectors.astype(np.float64)))


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """One run on the subset with a pairs file, one with all pairs, and the embeddings of both."""
    source = DATA / "lfw-dev"
    for needed in (source, PROGRAM, MODELS / "facenet128.onnx"):
        if not needed.exists():
            pytest.skip(f"{needed} is not there")
    folder = tmp_path_factory.mktemp("eval")
    people = choose_people(source)
    for name, files in people.items():
        (folder / "photos" / name).mkdir(parents=True)
        for file in files:
            os.symlink((source / name / file).resolve(), folder / "photos" / name / file)
    write_pairs(folder / "pairs.txt", people)
    common = [folder / "photos", "--models-dir", MODELS.resolve(), "--device", "cpu", "--precision", "fp32", "--cache", folder / "cache", "--splits", SPLITS,
              "--gallery-sizes", GALLERY]
    runs = []
    for name, more in (("pairs", ["--pairs", folder / "pairs.txt"]), ("all", [])):
        done = program(*common, *more, "--json", folder / f"{name}.json", "--plots", folder / "plots")
        assert done.returncode == 0, done.stderr
        runs.append(json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["runs"][0])
    (cache,) = (folder / "cache").iterdir()
    assert cache.stat().st_mode & 0o077 == 0
    return {"folder": folder, "pairs": runs[0], "all": runs[1], "embeddings": read_cache(cache)}


def pair_scores(evaluated):
    """scores, same person?, fold"""
    x, rows = evaluated["embeddings"], []
    name = lambda person, i: f"{person}/{person}_{int(i):04d}.jpg"
    lines = (evaluated["folder"] / "pairs.txt").read_text(encoding="utf-8").splitlines()[1:]
    for at, r in enumerate(line.split("\t") for line in lines):
        a, b = name(r[0], r[1]), name(r[0] if len(r) == 3 else r[2], r[-1])
        if a in x and b in x:
            rows.append((np.float32(x[a] @ x[b]), len(r) == 3, at // (2 * HALF)))
    return (np.array(column) for column in zip(*rows))


def eer(s, y):
    cuts, neg, pos = np.sort(s), np.sort(s[~y]), np.sort(s[y])
    far = 1 - np.searchsorted(neg, cuts) / len(neg)
    frr = np.searchsorted(pos, cuts) / len(pos)
    i = np.argmin(abs(far - frr))
    return (far[i] + frr[i]) / 2


def fold_accuracies(s, y, fold, balanced):
    def rate(right, of):
        return (right[of].mean() + right[~of].mean()) / 2 if balanced else right.mean()

    for f in range(fold.max() + 1):
        train, test = (fold >= 0) & (fold != f), fold == f
        cuts = np.unique(s[train])
        best = cuts[np.argmax([round(rate((s[train] >= c) == y[train], y[train]), 12) for c in cuts])]
        yield rate((s[test] >= best) == y[test], y[test])


def check_verification(got, s, y, fold, balanced):
    assert (got["genuine"], got["impostor"]) == (y.sum(), (~y).sum())
    accuracies = list(fold_accuracies(s, y, fold, balanced))
    assert got["accuracy"]["mean"] == pytest.approx(np.mean(accuracies), abs=1e-6)
    assert got["accuracy_sd"] == pytest.approx(np.std(accuracies), abs=1e-6)
    assert got["eer"]["mean"] == pytest.approx(eer(s, y), abs=1e-6)
    for row in got["tar_at_far"]:
        if (~y).sum() * row["far"] < 1:
            assert row["tar"]["mean"] is None
            continue
        rate, cut = face_metrics.tar(s, y, row["far"])
        assert row["tar"]["mean"] == pytest.approx(rate, abs=1e-6)
        assert row["threshold"] == pytest.approx(cut, abs=1e-6)
        assert row["tar"]["low"] <= rate <= row["tar"]["high"]
    far, accepted = np.array(got["roc"]).T
    assert (np.diff(far) > 0).all() and (np.diff(accepted) >= 0).all()


def test_verification_on_a_pairs_file_equals_numpy(evaluated):
    assert evaluated["pairs"]["verification"]["left_out"] >= 1
    check_verification(evaluated["pairs"]["verification"], *pair_scores(evaluated), balanced=False)


def test_verification_on_all_pairs_equals_numpy(evaluated):
    photos = sorted(evaluated["embeddings"])
    x = np.stack([evaluated["embeddings"][p] for p in photos])
    names = sorted({p.split("/")[0] for p in photos}, key=str.lower)  # the order in which eval counts people
    who = np.array([names.index(p.split("/")[0]) for p in photos])
    a, b = np.triu_indices(len(x), 1)
    fold = np.where(who[a] % 10 == who[b] % 10, who[a] % 10, -1)
    s = (x @ x.T)[a, b].astype(np.float32)
    check_verification(evaluated["all"]["verification"], s, who[a] == who[b], fold, balanced=True)


@pytest.mark.parametrize("shots", [1, 3])
def test_identification_equals_numpy(evaluated, shots):
    people = face_metrics.by_person(evaluated["embeddings"])
    (row,) = [r for r in evaluated["pairs"]["identification"] if r["photos"] == shots]
    expected = [face_metrics.identify(people, GALLERY, shots, seed + 1) for seed in range(SPLITS)]
    assert row["people"] == GALLERY and row["splits"] == SPLITS
    assert row["rank1"]["mean"] == pytest.approx(np.mean([rank1 for rank1, _ in expected]), abs=1e-6)
    for k, rate in enumerate(row["rates"]):
        assert rate["fpir"] == face_metrics.BUDGETS[k]
        if expected[0][1][k] is None:
            assert rate["tpir"]["mean"] is None
            continue
        tpir, cut = np.mean([rates[k] for _, rates in expected], 0)
        assert rate["tpir"]["mean"] == pytest.approx(tpir, abs=1e-6)
        assert rate["fnir"]["mean"] == pytest.approx(1 - tpir, abs=1e-6)
        assert rate["threshold"]["mean"] == pytest.approx(cut, abs=1e-5)


@pytest.mark.parametrize("shots", [1, 3])
def test_the_risk_budget_equals_numpy(evaluated, shots):
    if PEOPLE < 2 * GALLERY + 2:
        pytest.skip("half of so few people fill no gallery")
    run, people = evaluated["pairs"], face_metrics.by_person(evaluated["embeddings"])
    (row,) = [r for r in run["risk_budget"] if r["photos"] == shots]
    cut = face_metrics.threshold(TABLES[run["preprocessing"], shots], row["budget"], GALLERY)
    assert row["threshold"] == pytest.approx(cut, abs=1e-6)
    assert row["splits"] == 1  # a fifth of SPLITS, rounded up
    rate = face_metrics.named_strangers(people, GALLERY, shots, cut, seed=1)
    assert row["fpir"]["mean"] == pytest.approx(rate, abs=1e-6)
    assert row["fpir"]["low"] <= row["fpir"]["mean"] <= row["fpir"]["high"]


def test_few_people_give_a_budget_rate_but_no_fitted_table(evaluated):
    (row,) = [r for r in evaluated["pairs"]["risk_budget"] if r["photos"] == 1]
    assert row["budget"] == 0.01 and 0 <= row["fpir"]["mean"] < 0.2
    assert row["fitted_fpir"]["mean"] is None and evaluated["pairs"]["fmr_tables"] == []


def test_the_report_says_what_was_measured(evaluated):
    run = evaluated["pairs"]
    assert run["encoder"] == "facenet128" and run["precision"] == "fp32" and len(run["encoder_sha256"]) == 64
    assert run["measured_on"]["usable"] == len(evaluated["embeddings"])
    assert run["measured_on"]["people"] <= PEOPLE
    plots = {p.name.split("-")[0] for p in (evaluated["folder"] / "plots").iterdir()}
    assert plots == {"roc.png", "det.png", "scores", "identification"}
    assert all(p.read_bytes()[:4] == b"\x89PNG" for p in (evaluated["folder"] / "plots").iterdir())


@pytest.mark.parametrize("arguments, status, says", [
    (["no-such-folder"], 1, "there is no folder no-such-folder"),
    ([".", "--gallery-sizes", "1"], 2, "--gallery-sizes is a list"),
    ([".", "--threads", "0"], 2, "threads"),
    (["."], 1, "there are no photos in"),
    ([], 2, "try: rollcall eval --help"),
])
def test_a_wrong_argument_is_told(arguments, status, says, tmp_path):
    for needed in (PROGRAM, MODELS / "facenet128.onnx"):
        if not needed.exists():
            pytest.skip(f"{needed} is not there")
    done = program(*[tmp_path if a == "." else a for a in arguments], "--models-dir", MODELS.resolve())
    assert (done.returncode, says in done.stderr) == (status, True), done.stderr
