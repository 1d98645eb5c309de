"""Encoders of one's own (onnx:FILE) and the option flip, through golden_dump.

A brought copy of a built-in encoder must give the built-in's vectors; small networks made here stand for files that
are not what their .ini says. Environment as in test_golden.py.
"""
import json
import os
import shutil
import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import reference as ref
from test_golden import COSINE, DUMP, MODELS, SAMPLES, dump, expected, files, models, need, pair_up

_ = models  # a fixture
PHOTO = SAMPLES / "group/t1.jpg"
POINTS = {name: " ".join(f"{v:.6g}" for v in np.asarray(ref.TEMPLATES[name]).ravel()) for name in ("omz0095", "dlib128")}
COPIES = {  # how each built-in encoder is fed, said in an .ini
    "facenet128": "dim = 128\nside = 160\ncolour = rgb\ncrop = box 1.15 1.05\nstandardise = yes\n",
    "facenet512": "dim = 512\nside = 160\ncolour = rgb\ncrop = box 1.31 1.19\nmean = 127.5\nscale = 0.0078125\n",
    "dlib128": f"dim = 128\nside = 150\ncolour = rgb\ncrop = points {POINTS['dlib128']}\n",
    "omz0095": f"dim = 256\nside = 128\ncolour = bgr\ncrop = points {POINTS['omz0095']}\nnormalised = yes\n",
}
TINY = "dim = 3\nside = 112\ncolour = rgb\ncrop = box 1.1 1.1\n"


def bring(folder, text, name="mine"):
    (folder / "mine.ini").write_text(f"name = {name}\nlicence = MIT\n{text}", encoding="utf-8")
    return f"yunet+onnx:{folder}/mine.onnx"


def tiny(folder, side=112, channels=3, batch="N", extra=False, element=TensorProto.FLOAT):
    """A network whose vector is the mean of each plane, and a little more, so that black is no zero vector."""
    port = helper.make_tensor_value_info
    inputs = [port("x", element, [batch, channels, side, side])]
    outputs = [port("y", element, [batch, channels])]
    little = helper.make_tensor("little", element, [1], [0.001])
    nodes = [helper.make_node("ReduceMean", ["x"], ["m"], axes=[2, 3], keepdims=0),
             helper.make_node("Add", ["m", "little"], ["y"])]
    if extra:
        nodes.append(helper.make_node("Neg", ["y"], ["z"]))
        outputs.append(port("z", element, [batch, channels]))
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, [little])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    (folder / "mine.onnx").write_bytes(model.SerializeToString())


def result(detector, picture=PHOTO, **env):
    """(what golden_dump says of a picture, what it complained of)."""
    need(picture, *files("yunet"))
    done = subprocess.run([DUMP, str(MODELS), detector, "640", str(picture)], capture_output=True, text=True,
                          env={**os.environ, **env}, check=False)
    return (json.loads(done.stdout), "") if done.returncode == 0 else (None, done.stderr)


def vectors(found):
    return np.array([f["embedding"] for f in found["faces"]])


@pytest.mark.parametrize("encoder", sorted(COPIES))
def test_a_brought_copy_equals_the_built_in(tmp_path, encoder):
    need(*files(encoder))
    shutil.copy(*files(encoder), tmp_path / "mine.onnx")
    theirs, error = result(f"yunet+{encoder}")
    ours, own_error = result(bring(tmp_path, COPIES[encoder]))
    assert not error + own_error
    assert len(ours["faces"]) == len(theirs["faces"]) > 1
    assert (vectors(ours) * vectors(theirs)).sum(axis=1).min() >= COSINE


def test_a_fixed_batch_of_one_gives_what_a_free_one_gives(tmp_path):
    (free := tmp_path / "free").mkdir()
    (fixed := tmp_path / "fixed").mkdir()
    tiny(free)
    tiny(fixed, batch=1)
    for env in ({}, {"GOLDEN_FLIP": "1"}):
        one, error = result(bring(free, TINY), **env)
        other, other_error = result(bring(fixed, TINY), **env)
        assert not error + other_error
        assert len(one["faces"]) > 1 and np.array_equal(vectors(one), vectors(other))


def test_colours_means_and_scales_are_those_of_the_spec(tmp_path):
    tiny(tmp_path)
    scaled = "mean = 10 20 30\nscale = 1 2 4\n"
    rgb = vectors(result(bring(tmp_path, TINY))[0])
    bgr = vectors(result(bring(tmp_path, TINY.replace("rgb", "bgr")))[0])
    assert np.allclose(rgb[:, ::-1], bgr, atol=1e-4)
    # The crop's planes have means k * rgb for some k; all three of the scaled vector give the same k.
    both = vectors(result(bring(tmp_path, TINY + scaled))[0])
    for unit, got in zip(rgb, both):
        ks = np.linspace(1, 500, 100000)[:, None]
        wanted = (ks * unit - [10, 20, 30]) * [1, 2, 4]
        wanted /= np.linalg.norm(wanted, axis=1)[:, None]
        assert (wanted @ got).max() > 0.999999


@pytest.mark.parametrize("made, text, words", [
    ({"side": 96}, TINY, "input is [N,3,96,96], wanted is [N,3,112,112]"),
    ({"channels": 1}, TINY, "input is [N,1,112,112]"),
    ({"batch": 4}, TINY, "4 faces a run"),
    ({"element": TensorProto.DOUBLE}, TINY, "not float32"),
    ({}, TINY.replace("dim = 3", "dim = 128"), "output is [N,3], wanted is [N,128]"),
    ({"extra": True}, TINY, "2 outputs: state which"),
    ({}, TINY + "output = embedding\n", "no output named 'embedding', its only one is y"),
    ({}, TINY + "input = data\n", "no input named 'data', its only one is x"),
    ({}, TINY + "normalised = yes\n", "normalised = yes says 1"),
])
def test_a_model_that_is_not_what_its_spec_says_is_refused(tmp_path, made, text, words):
    tiny(tmp_path, **made)
    found, error = result(bring(tmp_path, text))
    assert found is None and words in error


def test_a_named_output_is_the_one_that_counts(tmp_path):
    tiny(tmp_path, extra=True)
    y, z = (vectors(result(bring(tmp_path, TINY + f"output = {name}\n"))[0]) for name in "yz")
    assert np.allclose(y, -z)


def test_what_is_no_onnx_file_is_refused(tmp_path):
    (tmp_path / "mine.onnx").write_bytes(b"no model at all")
    said = result(bring(tmp_path, TINY))[1]
    assert "is the file whole" in said and "ONNX Runtime, load model" in said


def test_weights_in_other_files_are_refused(tmp_path):
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "outside",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 112, 112])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3, 112, 8])],
        [onnx.numpy_helper.from_array(np.ones((112, 8), np.float32), "w")])
    onnx.save(helper.make_model(graph), str(tmp_path / "mine.onnx"), save_as_external_data=True, size_threshold=0)
    assert "weights in other files" in result(bring(tmp_path, TINY))[1]


def test_a_box_is_for_the_detector_it_was_fitted_to(tmp_path):
    need(*files("retinaface"))
    tiny(tmp_path)
    bring(tmp_path, TINY)
    assert "onnx:mine is not fitted to the faces of the detector retinaface" in result(
        f"retinaface+onnx:{tmp_path}/mine.onnx")[1]


@pytest.mark.parametrize("encoder", sorted(ref.ENCODERS))
def test_flip_is_the_normalised_sum_with_the_mirror_image(models, tmp_path, monkeypatch, encoder):
    need(PHOTO, *files("yunet"), *files(encoder))
    monkeypatch.setenv("GOLDEN_FLIP", "1")
    rgb, coder = ref.decode(PHOTO), models(encoder)
    ours = dump(rgb, f"yunet+{encoder}", 640, tmp_path)
    assert ours["preprocessing"] == coder.preprocessing("yunet") + "+flip"
    for o, t in list(pair_up(ours["faces"], expected(models, rgb, "yunet", 640)))[:4]:
        crop = coder.crop(rgb, "yunet", t["box"], t["points"].reshape(5, 2))
        both = coder.embed([crop, np.ascontiguousarray(crop[:, ::-1])])[0]
        wanted = both.sum(axis=0) / np.linalg.norm(both.sum(axis=0))
        assert float(np.dot(o["embedding"], wanted)) >= COSINE
        assert float(np.dot(o["embedding"], both[0])) < 0.9999


def test_flip_in_a_batch_equals_flip_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("GOLDEN_FLIP", "1")
    need(PHOTO, *files("yunet"), *files("facenet128"))
    alone = dump(ref.decode(PHOTO), "yunet", 640, tmp_path)["faces"]
    together, error = result("yunet")
    assert not error and len(together["faces"]) == len(alone) > 1
    for o, t in pair_up(together["faces"], [{**f, "box": np.array(f["box"])} for f in alone]):
        assert float(np.dot(o["embedding"], t["embedding"])) >= 0.999  # decoders may differ a little
