"""dlib's face recognition ResNet (dlib_face_recognition_resnet_model_v1.dat) -> ONNX.

The file is a C++ object graph written by dlib's serialisation; it is not parsed as one: the layers that hold weights
are found by their tags and stand in the order they run, and the shape of the network (dlib's
dnn_face_recognition_ex.cpp) is known here. A weight too many or too few is an error.
Input RGB 0..255; the mean and the scale of 1/256 are inside. Output not of length 1.
"""
import re

import numpy as np

from graph import Graph

MEAN_RGB = (122.782, 117.001, 104.298)
SIDE = 150
# Residual blocks of each group; the first of every group but the first halves the size.
GROUPS = (3, 4, 3, 3, 1)
TAGS = (b"con_4", b"con_5", b"affine_", b"fc_2", b"fc_3")
CONV_NUMBERS = 7  # filters, rows, columns, stride y, x, padding y, x


class File:
    """The weights of each layer, in the order of the file."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        tags = sorted((m.start(), t) for t in TAGS for m in re.finditer(re.escape(bytes([1, len(t)]) + t), self.data))
        self.layers = iter([self.layer(at + 2 + len(tag), tag) for at, tag in tags])

    def integer(self, at):
        """dlib writes the count of bytes (and the sign), then the bytes. Returns the value and where it ends."""
        head = self.data[at]
        size, end = head & 15, at + 1 + (head & 15)
        if size > 8:
            raise ValueError(f"no integer at byte {at}")
        value = int.from_bytes(self.data[at + 1:end], "little")
        return (-value if head & 128 else value), end

    def integers(self, at, count):
        values = []
        for _ in range(count):
            value, at = self.integer(at)
            values.append(value)
        return values, at

    def tensor(self, at):
        (version, *shape), at = self.integers(at, 5)
        if version != 2:
            raise ValueError(f"tensor of version {version} at byte {at}")
        count = int(np.prod(shape))
        return np.frombuffer(self.data, "<f4", count, at).astype(np.float64), at + 4 * count

    def layer(self, at, tag):
        if tag.startswith(b"fc_"):
            sizes, at = self.integers(at, 2)
            return "fc", self.tensor(at)[0], sizes
        values, at = self.tensor(at)
        if tag == b"affine_":
            return "affine", values, ()
        return "conv", values, self.integers(at, CONV_NUMBERS)[0]

    def next(self, kind):
        found, values, numbers = next(self.layers)
        if found != kind:
            raise ValueError(f"expected a layer {kind}, the file has {found}")
        return values, numbers


class Net:
    """Follows the network; x is the value, channels and side its shape."""

    def __init__(self, path):
        self.file, self.graph = File(path), Graph("dlib128")

    def conv(self, x, channels, side):
        """A convolution with the affine layer behind it."""
        values, (filters, rows, columns, stride_y, stride_x, pad_y, pad_x) = self.file.next("conv")
        scale, shift = np.split(self.file.next("affine")[0], 2)
        count = filters * channels * rows * columns
        w, bias = values[:count].reshape(filters, channels, rows, columns), values[count:]
        bias = bias * scale + shift if bias.size else shift
        w = w * scale.reshape(-1, 1, 1, 1)
        x = self.graph.conv(x, w, bias, (stride_y, stride_x), (pad_y, pad_x, pad_y, pad_x))
        return x, filters, (side + 2 * pad_y - rows) // stride_y + 1

    def padded(self, x, shape, wanted):
        """Adds zero channels and zero rows and columns at the end, as dlib's add_prev does."""
        if shape == wanted:
            return x
        more, larger = wanted[0] - shape[0], wanted[1] - shape[1]
        return self.graph.node("Pad", [x, self.graph.integers([0, 0, 0, 0, 0, more, larger, larger])])

    def block(self, x, channels, side, halves):
        y, *shape = self.conv(x, channels, side)
        y, *shape = self.conv(self.graph.node("Relu", [y]), *shape)
        skip, skip_shape = x, [channels, side]
        if halves:
            skip = self.graph.node("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])
            skip_shape = [channels, side // 2]
        wanted = [max(pair) for pair in zip(shape, skip_shape, strict=True)]
        total = self.graph.node("Add", [self.padded(y, shape, wanted), self.padded(skip, skip_shape, wanted)])
        return self.graph.node("Relu", [total]), *wanted

    def build(self):
        mean = self.graph.weight(np.array(MEAN_RGB).reshape(1, 3, 1, 1))
        x = self.graph.node("Mul", [self.graph.node("Sub", ["image", mean]), self.graph.weight(np.float32(1 / 256))])
        x, channels, side = self.conv(x, 3, SIDE)
        x = self.graph.node("MaxPool", [self.graph.node("Relu", [x])], kernel_shape=[3, 3], strides=[2, 2])
        side = (side - 3) // 2 + 1
        for group, blocks in enumerate(GROUPS):
            for block in range(blocks):
                x, channels, side = self.block(x, channels, side, group > 0 and block == 0)
        x = self.graph.node("Flatten", [self.graph.node("GlobalAveragePool", [x])])
        values, (outputs, inputs) = self.file.next("fc")
        w = values.reshape(inputs, outputs)
        self.graph.node("MatMul", [x, self.graph.weight(w)], "embedding")
        if next(self.file.layers, None) is not None:
            raise ValueError("the file has more layers than the network")
        return self.graph.model({"image": ["N", 3, SIDE, SIDE]}, {"embedding": ["N", outputs]})


def convert(src):
    return Net(src).build()
