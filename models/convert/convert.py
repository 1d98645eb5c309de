#!/usr/bin/env python3
"""Converts one published model to the ONNX file that Rollcall loads.

usage: convert.py NAME SRC DST      NAME as in models.lock, SRC the published file, DST the .onnx to write
Needs numpy, h5py and onnx (tools/requirements-setup.txt). The result is the same bytes on every machine.
"""
import os
import sys

import detectors
import dlib
import facenet_graph
import facenet_keras
import graph
import minifasnet
import mtcnn
import openvino_ir

CONVERTERS = {
    "facenet128": facenet_keras.convert,
    "retinaface": detectors.retinaface,
    "yunet": detectors.yunet,
    "mtcnn_pnet": mtcnn.pnet,
    "mtcnn_rnet": mtcnn.rnet,
    "mtcnn_onet": mtcnn.onet,
    "minifasnet_v2": minifasnet.convert,
    "minifasnet_v1se": minifasnet.convert,
    "omz0095": openvino_ir.convert,
    "facenet512": facenet_graph.convert,
    "dlib128": dlib.convert,
    "sface": None,  # taken as published, so that its hash is the project's
}


def main(arguments):
    if len(arguments) != 3 or arguments[0] not in CONVERTERS:
        sys.exit(f"{__doc__}NAMEs: {', '.join(CONVERTERS)}")
    name, src, dst = arguments
    if CONVERTERS[name]:
        data = graph.to_bytes(CONVERTERS[name](src))
    else:
        with open(src, "rb") as file:
            data = file.read()
    part = dst + ".part"
    with open(part, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, dst)


if __name__ == "__main__":
    main(sys.argv[1:])
