"""Counts what one run of an ONNX model computes: python tools/flops.py MODEL.onnx@1x3x160x160 ...

Multiplications and additions of convolutions and matrix products count as two operations; all else (activations,
pooling, normalisation) is left out, as is usual. The table in src/cmd/bench_models.c was printed by this.
"""
import sys

import onnx
from onnx import shape_inference


def dims(value):
    return [d.dim_value for d in value.type.tensor_type.shape.dim]


def fix_input(model, size):
    for dim, value in zip(model.graph.input[0].type.tensor_type.shape.dim, size):
        dim.ClearField("dim_param")
        dim.dim_value = value
    for value in (*model.graph.output, *model.graph.value_info):
        value.type.tensor_type.ClearField("shape")


def attribute(node, name, default):
    return next((onnx.helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)


def flops(path, size):
    model = onnx.load(path)
    if size:
        fix_input(model, size)
    graph = shape_inference.infer_shapes(model, strict_mode=False, data_prop=True).graph
    shapes = {v.name: dims(v) for v in (*graph.input, *graph.output, *graph.value_info)}
    shapes |= {t.name: list(t.dims) for t in graph.initializer}
    total = 0
    for node in graph.node:
        out = shapes.get(node.output[0], [])
        count = 1
        for d in out:
            count *= d
        if node.op_type == "Conv":  # out: N, C, H, W; weights: out channels, in channels / group, kernel
            weights = shapes[node.input[1]]
            for d in weights[1:]:
                count *= d
            total += 2 * count
        elif node.op_type == "Gemm":
            weights = shapes[node.input[1]]
            total += 2 * count * weights[1 if attribute(node, "transB", 0) else 0]
        elif node.op_type == "MatMul":
            total += 2 * count * shapes[node.input[0]][-1]
    return total


def main():
    for word in sys.argv[1:]:
        path, _, size = word.partition("@")
        size = [int(n) for n in size.split("x")] if size else None
        print(f"{path} {size or ''} {flops(path, size) / 1e9:.4f} GFLOP")


if __name__ == "__main__":
    main()
