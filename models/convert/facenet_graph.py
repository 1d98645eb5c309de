"""FaceNet as a frozen TensorFlow graph (NHWC, most batch normalisation folded already) -> ONNX (NCHW).

Input RGB (x - 127.5) / 128. Output: the vector before its division by its length.
"""
import numpy as np

import graphdef
from graph import Graph, fold_batch_norm

SIDE = 160


class Converter:
    def __init__(self, src):
        nodes = graphdef.load(src)
        self.constants = {n.name: n.attributes["value"] for n in nodes if n.op == "Const"}
        self.nodes = {n.name: n for n in nodes if n.op != "Const"}
        self.users = {}
        for node in self.nodes.values():
            for name in node.inputs:
                self.users.setdefault(name, []).append(node)
        self.graph, self.values, self.dim = Graph("facenet512"), {}, 0

    def only(self, op):
        (node,) = (n for n in self.nodes.values() if n.op == op)
        return node

    def constant(self, name):
        node = self.nodes.get(name)
        while node is not None and node.op == "Identity":
            name = node.inputs[0]
            node = self.nodes.get(name)
        return self.constants.get(name)

    def value(self, name):
        """The ONNX value of a node, after those it needs. The graph is deep: a list of those waiting, no recursion."""
        waiting = [name]
        while waiting:
            node = self.nodes[waiting[-1]]
            missing = [i for i in node.inputs if i in self.nodes and i not in self.values and self.constant(i) is None]
            if missing:
                waiting.append(missing[0])
            else:
                self.values[node.name] = self.convert(node)
                waiting.pop()
        return self.values[name]

    def convolution(self, node, bias=None):
        a = node.attributes
        w = self.constant(node.inputs[1]).transpose(3, 2, 0, 1)
        stride, (rows, columns) = a["strides"][1:3], w.shape[2:]
        pads = (0, 0, 0, 0)
        if a["padding"] == b"SAME":
            if stride != [1, 1] or rows % 2 == 0 or columns % 2 == 0:
                raise ValueError(f"{node.name}: padding that depends on the size")
            pads = (rows // 2, columns // 2) * 2
        return self.graph.conv(self.values[node.inputs[0]], w, bias, stride, pads)

    def pool(self, node):
        a = node.attributes
        if a["padding"] != b"VALID":
            raise ValueError(f"{node.name}: a pool with padding")
        op = "MaxPool" if node.op == "MaxPool" else "AveragePool"
        return self.graph.node(op, [self.values[node.inputs[0]]], kernel_shape=a["ksize"][1:3],
                               strides=a["strides"][1:3])

    def arithmetic(self, node):
        inputs = [self.values[i] if self.constant(i) is None else self.graph.weight(self.constant(i))
                  for i in node.inputs]
        return self.graph.node(node.op, inputs)

    def last_layer(self, node):
        """The dense layer, with the batch normalisation behind it folded in."""
        w = self.constant(node.inputs[1]).T
        norm = self.only("FusedBatchNorm")
        gamma, beta, mean, variance = (self.constant(i) for i in norm.inputs[1:5])
        w, bias = fold_batch_norm(w, np.zeros(len(w)), gamma, beta, mean, variance, norm.attributes["epsilon"])
        self.dim = len(w)
        return self.graph.dense(self.values[node.inputs[0]], w, bias, "embedding")

    def convert(self, node):
        op, x = node.op, node.inputs
        if op == "Placeholder":
            return "image"
        if op == "Conv2D":
            alone = self.users[node.name]
            return None if [u.op for u in alone] == ["BiasAdd"] else self.convolution(node)
        if op == "BiasAdd":
            return self.convolution(self.nodes[x[0]], self.constant(x[1]))
        if op == "Relu":
            return self.graph.node("Relu", [self.values[x[0]]])
        if op in ("MaxPool", "AvgPool"):
            return self.pool(node)
        if op == "ConcatV2":
            if int(self.constant(x[-1])) not in (3, -1):
                raise ValueError(f"{node.name}: joined along another axis than the channels")
            return self.graph.node("Concat", [self.values[i] for i in x[:-1]], axis=1)
        if op in ("Mul", "Add"):
            return self.arithmetic(node)
        if op == "Reshape":
            return self.graph.node("Flatten", [self.values[x[0]]])
        if op == "Identity":
            return self.values[x[0]]
        if op == "MatMul":
            return self.last_layer(node)
        raise ValueError(f"{node.name}: unknown operation {op}")


def convert(src):
    c = Converter(src)
    c.value(c.only("MatMul").name)
    return c.graph.model({"image": ["N", 3, SIDE, SIDE]}, {"embedding": ["N", c.dim]})
