"""A small builder of ONNX graphs, shared by the converters.

Every result must be the same bytes on every machine (models.lock pins its sha256): names are counted, not
drawn; arithmetic is element-wise float64, rounded once to float32; nothing reads the clock or the versions.
"""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8


class Graph:
    """Nodes and weights in the order they are added. Every method returns the name of the value it made."""

    def __init__(self, name):
        self.name, self.nodes, self.weights, self.count = name, [], [], 0

    def fresh(self, what):
        self.count += 1
        return f"{what}_{self.count}"

    def weight(self, array):
        name = self.fresh("w")
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name))
        return name

    def integers(self, values):
        """int64, what some operators take as a shape or as pads."""
        name = self.fresh("i")
        self.weights.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def node(self, op, inputs, out=None, **attributes):
        out = out or self.fresh(op.lower())
        self.nodes.append(helper.make_node(op, inputs, [out], name=out, **attributes))
        return out

    def conv(self, x, w, bias=None, stride=(1, 1), pads=(0, 0, 0, 0), group=1, out=None):
        """w [out][in / group][h][w]; pads top, left, bottom, right."""
        inputs = [x, self.weight(w)] + ([] if bias is None else [self.weight(bias)])
        return self.node("Conv", inputs, out, kernel_shape=list(w.shape[2:]), strides=list(stride),
                         pads=list(pads), group=group)

    def dense(self, x, w, bias, out=None):
        """w [out][in]"""
        return self.node("Gemm", [x, self.weight(w), self.weight(bias)], out, transB=1)

    def prelu(self, x, slope):
        """PRelu over the channels of [N, C] or [N, C, H, W] (slope then [C, 1, 1]), in a form that ONNX Runtime's
        CPU provider runs fast. Its own PRelu kernel is scalar and leaves the blocked layout of the convolutions:
          C a multiple of 16: s x + relu((1 - s) x), each product a 1x1 depthwise Conv inside that layout
          all slopes <= 1:    max(x, s x)
        Both are identities; only the rounding of the last bit differs in the first."""
        slope = np.asarray(slope, np.float32)
        if slope.ndim == 3 and slope.shape[0] % 16 == 0:
            s = slope.reshape(-1, 1, 1, 1)
            rest = (1.0 - s.astype(np.float64)).astype(np.float32)
            if (s <= 1).all():
                kept = self.node("Relu", [self.conv(x, rest, group=len(s))])
            else:
                kept = self.conv(self.node("Relu", [x]), rest, group=len(s))
            return self.node("Add", [self.conv(x, s, group=len(s)), kept])
        if (slope <= 1).all():
            return self.node("Max", [x, self.node("Mul", [x, self.weight(slope)])])
        return self.node("PRelu", [x, self.weight(slope)])

    def model(self, inputs, outputs, notes=()):
        """inputs and outputs: {name: shape}, a string in a shape is a free dimension."""
        def values(named):
            return [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in named.items()]

        graph = helper.make_graph(self.nodes, self.name, values(inputs), values(outputs), self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = IR_VERSION
        model.producer_name, model.producer_version = "rollcall", ""
        for key, value in sorted(dict(notes).items()):
            entry = model.metadata_props.add()
            entry.key, entry.value = key, value
        return model


def fold_batch_norm(w, bias, gamma, beta, mean, variance, epsilon):
    """Folds y = gamma (conv(x) + bias - mean) / sqrt(variance + epsilon) + beta into the weights before it.
    w [out][...]; returns float64 (w, bias)."""
    scale = np.asarray(gamma, np.float64) / np.sqrt(np.asarray(variance, np.float64) + epsilon)
    w = np.asarray(w, np.float64) * scale.reshape(-1, *[1] * (np.ndim(w) - 1))
    return w, np.asarray(beta, np.float64) + (np.asarray(bias, np.float64) - mean) * scale


def flush_denormals(model):
    """Sets weights below 1e-20 to 0: they cannot change a result, and products that go denormal cost a CPU a
    hundred times a normal one."""
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        array = numpy_helper.to_array(tensor)
        tiny = (np.abs(array) < 1e-20) & (array != 0)
        if tiny.any():
            array = array.copy()
            array[tiny] = 0
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def set_shape(value, shape):
    """Gives a graph input or output a new shape; a string is a free dimension."""
    del value.type.tensor_type.shape.dim[:]
    for size in shape:
        dim = value.type.tensor_type.shape.dim.add()
        if isinstance(size, str):
            dim.dim_param = size
        else:
            dim.dim_value = size


def to_bytes(model):
    """Checks a model and returns its file, the same bytes every time."""
    flush_denormals(model)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)
