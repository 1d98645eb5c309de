"""OpenVINO IR (FP16 .xml + .bin, version 11) -> ONNX float32 with a free batch.

Knows the layers of small face networks; used for face-reidentification-retail-0095. Input BGR 0..255 (the
scaling is inside). Output: the vector of the last layer, divided by its length.
"""
import math
import xml.etree.ElementTree as ElementTree

import numpy as np

from graph import Graph

TYPES = {"f16": "<f2", "f32": "<f4", "i64": "<i8", "i32": "<i4"}


def numbers(list_text):
    return [int(x) for x in list_text.split(",")] if list_text else []


class Layer:
    def __init__(self, element):
        self.id, self.kind = element.get("id"), element.get("type")
        data = element.find("data")
        self.options = dict(data.attrib) if data is not None else {}
        self.ports = [[int(dim.text) for dim in port] for port in element.findall("input/port")]
        self.inputs, self.users = [], []


class Converter:
    def __init__(self, src):
        root = ElementTree.parse(src).getroot()
        with open(src.removesuffix(".xml") + ".bin", "rb") as file:
            self.blob = file.read()
        self.layers = {layer.id: layer for layer in map(Layer, root.find("layers"))}
        edges = sorted(root.find("edges"), key=lambda e: int(e.get("to-port")))
        for edge in edges:
            source, target = self.layers[edge.get("from-layer")], self.layers[edge.get("to-layer")]
            target.inputs.append(source)
            source.users.append(target)
        self.graph, self.values, self.shape = Graph("openvino_ir"), {}, None

    def constant(self, layer):
        """The array of a Const, also behind a Convert; None for anything else."""
        if layer.kind == "Convert":
            return self.constant(layer.inputs[0])
        if layer.kind != "Const":
            return None
        o = layer.options
        dtype = np.dtype(TYPES[o["element_type"]])
        flat = np.frombuffer(self.blob, dtype, int(o["size"]) // dtype.itemsize, int(o["offset"]))
        return flat.reshape(numbers(o["shape"])).astype(np.float32)

    def value(self, layer):
        if layer.id not in self.values:
            self.values[layer.id] = self.graph.weight(self.constant(layer))
        return self.values[layer.id]

    def bias(self, layer, channels):
        """The constant per channel that the one user of a convolution adds, and that user; else None, the layer."""
        if len(layer.users) == 1 and layer.users[0].kind == "Add":
            total = layer.users[0]
            other = next(i for i in total.inputs if i is not layer)
            array = self.constant(other)
            if array is not None and array.size == channels:
                return array.reshape(-1), total
        return None, layer

    def convolution(self, layer):
        o, w, group = layer.options, self.constant(layer.inputs[1]), 1
        if numbers(o["dilations"]) != [1, 1] or o.get("auto_pad", "explicit") not in ("explicit", "valid"):
            raise ValueError(f"layer {layer.id}: dilation or automatic padding")
        if layer.kind == "GroupConvolution":
            group, w = len(w), w.reshape(-1, *w.shape[2:])
        bias, end = self.bias(layer, len(w))
        pads = numbers(o["pads_begin"]) + numbers(o["pads_end"])
        self.values[end.id] = self.graph.conv(self.value(layer.inputs[0]), w, bias, numbers(o["strides"]), pads, group)

    def pool(self, layer):
        o = layer.options
        if layer.kind == "AvgPool" and numbers(o["kernel"]) == layer.ports[0][2:]:
            return self.graph.node("GlobalAveragePool", [self.value(layer.inputs[0])])
        if layer.kind == "AvgPool":
            raise ValueError(f"layer {layer.id}: average of a part")
        return self.graph.node("MaxPool", [self.value(layer.inputs[0])], kernel_shape=numbers(o["kernel"]),
                               strides=numbers(o["strides"]), pads=numbers(o["pads_begin"]) + numbers(o["pads_end"]),
                               ceil_mode=int(o.get("rounding_type") == "ceil"))

    def convert(self, layer):
        """The ONNX value of a layer that has one of its own, else None."""
        kind, x = layer.kind, layer.inputs
        if kind in ("Const", "Convert", "Result"):
            return None
        if kind == "Parameter":
            self.shape = numbers(layer.options["shape"])
            return "input"
        if kind in ("Convolution", "GroupConvolution"):
            return self.convolution(layer)
        if kind in ("AvgPool", "MaxPool"):
            return self.pool(layer)
        if kind in ("Add", "Multiply"):
            return self.graph.node("Add" if kind == "Add" else "Mul", [self.value(i) for i in x])
        if kind == "PReLU":
            return self.graph.prelu(self.value(x[0]), self.constant(x[1]).reshape(-1, 1, 1))
        if kind == "Sigmoid":
            return self.graph.node("Sigmoid", [self.value(x[0])])
        raise ValueError(f"layer {layer.id}: unknown kind {kind}")


def convert(src):
    c = Converter(src)
    for layer in c.layers.values():
        if layer.id not in c.values:
            made = c.convert(layer)
            if made is not None:
                c.values[layer.id] = made
    result = next(layer for layer in c.layers.values() if layer.kind == "Result")
    flat = c.graph.node("Flatten", [c.value(result.inputs[0])])
    c.graph.node("LpNormalization", [flat], "output", axis=1, p=2)
    return c.graph.model({"input": ["N"] + c.shape[1:]}, {"output": ["N", math.prod(result.ports[0])]})
