"""Holds the encoder on other devices and in other precisions to the CPU in fp32, through golden_dump.

What this machine cannot run is skipped with golden_dump's own words. Environment as in test_golden.py.
"""
import json
import os
import subprocess

import numpy as np
import pytest

from test_golden import DUMP, MODELS, SAMPLES, need

# Least cosine to the CPU in fp32: decision 0009 has the figures behind them.
LEAST = {
    ("cpu", "int8"): 0.99, ("openvino", "fp32"): 0.99999, ("openvino", "f16"): 0.9999,
    ("openvino", "bf16"): 0.999, ("openvino", "int8"): 0.99,
}
CANNOT = ("is not installed", "which this one has not", "which is not there", "under sanitizers")


def faces_on(device, precision):
    """(error text, None) or ("", faces of the group photo and of a portrait)."""
    photos, faces = [SAMPLES / "group/t1.jpg", *sorted((SAMPLES / "val").glob("*/*.jpg"))[::8]], []
    need(photos[0], MODELS / "retinaface.onnx", MODELS / "facenet128.onnx")
    for photo in photos:
        done = subprocess.run([DUMP, str(MODELS), "retinaface", "640", str(photo)], capture_output=True, text=True,
                              env={**os.environ, "GOLDEN_DEVICE": device, "GOLDEN_PRECISION": precision})
        if done.returncode:
            return done.stderr, None
        faces += json.loads(done.stdout)["faces"]
    return "", faces


@pytest.fixture(scope="module")
def reference_faces():
    error, faces = faces_on("cpu", "fp32")
    assert not error
    return faces


@pytest.mark.parametrize("device,precision", sorted(LEAST), ids="-".join)
def test_a_device_gives_the_boxes_and_vectors_of_the_cpu_in_fp32(reference_faces, device, precision):
    error, faces = faces_on(device, precision)
    if any(words in error for words in CANNOT):
        pytest.skip(error.strip())
    assert not error
    assert [f["box"] for f in faces] == [f["box"] for f in reference_faces]
    cosines = [float(np.dot(f["embedding"], r["embedding"]))
               for f, r in zip(faces, reference_faces) if "embedding" in r]
    assert len(cosines) >= 6 and min(cosines) >= LEAST[device, precision]


def test_nothing_said_is_the_cpu_in_fp32(reference_faces):
    need(SAMPLES / "group/t1.jpg")
    env = {k: v for k, v in os.environ.items() if k not in ("GOLDEN_DEVICE", "GOLDEN_PRECISION")}
    done = subprocess.run([DUMP, str(MODELS), "retinaface", "640", str(SAMPLES / "group/t1.jpg")], env=env,
                          capture_output=True, text=True, check=True)
    plain = json.loads(done.stdout)["faces"]
    assert [f.get("embedding") for f in plain] == [f.get("embedding") for f in reference_faces[:len(plain)]]


@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_a_gpu_that_is_not_there_is_an_error_and_never_the_cpu(device):
    error, faces = faces_on(device, "auto")
    if faces is not None:
        pytest.skip(f"{device} is installed here")
    assert f"libonnxruntime_providers_{device}.so" in error and "onnxruntime-gpu" in error
