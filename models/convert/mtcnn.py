"""MTCNN's three networks (facenet-pytorch .pt) -> ONNX.

Input RGB (x - 127.5) / 128. Outputs: reg = box correction x1 y1 x2 y2, prob = softmax with the face in column 1,
and for O-net lmk = five x, then five y. P-net takes any size, R-net 24x24, O-net 48x48.

The networks were trained on pictures held width first; the dense layers are permuted back to [C][H][W] here.
Convolutions of 10 and 28 channels are widened with zero filters to 16 and 32: those stay in ONNX Runtime's
blocked layout (a third to a half faster, same result).
"""
import numpy as np

from graph import Graph
import torch_state


def widen(array, rows):
    """Adds zero rows in front dimension up to `rows`."""
    return np.concatenate([array, np.zeros((rows - len(array),) + array.shape[1:], array.dtype)])


class Net:
    def __init__(self, src, name):
        self.state, self.graph, self.channels = torch_state.load(src), Graph(name), 3

    def conv(self, x, index):
        """Convolution `index` with its PRelu."""
        w = self.state[f"conv{index}.weight"]
        wide = -(-len(w) // 16) * 16
        w = widen(w.swapaxes(0, 1), self.channels).swapaxes(0, 1)
        bias = widen(self.state[f"conv{index}.bias"], wide)
        slope = widen(self.state[f"prelu{index}.weight"], wide).reshape(-1, 1, 1)
        self.channels = wide
        return self.graph.prelu(self.graph.conv(x, widen(w, wide), bias), slope)

    def pool(self, x, size):
        return self.graph.node("MaxPool", [x], kernel_shape=[size, size], strides=[2, 2], ceil_mode=1)

    def head(self, x, layer, out=None):
        """A 1x1 convolution (P-net) or a dense layer, by the shape of its weights."""
        w, bias = self.state[layer + ".weight"], self.state[layer + ".bias"]
        if w.ndim == 4:
            return self.graph.conv(x, w, bias, out=out)
        return self.graph.dense(x, w, bias, out=out)

    def dense(self, x, index, side):
        """The dense layer over the last feature map, side x side, with its PRelu."""
        w = self.state[f"dense{index}.weight"]
        w = w.reshape(len(w), side, side, -1).transpose(0, 3, 2, 1).reshape(len(w), -1)
        x = self.graph.dense(self.graph.node("Flatten", [x]), w, self.state[f"dense{index}.bias"])
        return self.graph.prelu(x, self.state[f"prelu{index}.weight"])

    def softmax(self, x):
        return self.graph.node("Softmax", [x], "prob", axis=1)


def pnet(src):
    n = Net(src, "mtcnn_pnet")
    x = n.conv(n.conv(n.pool(n.conv("input", 1), 2), 2), 3)
    n.softmax(n.head(x, "conv4_1"))
    n.head(x, "conv4_2", "reg")
    return n.graph.model({"input": ["N", 3, "H", "W"]}, {"reg": ["N", 4, "h", "w"], "prob": ["N", 2, "h", "w"]})


def rnet(src):
    n = Net(src, "mtcnn_rnet")
    x = n.conv(n.pool(n.conv(n.pool(n.conv("input", 1), 3), 2), 3), 3)
    x = n.dense(x, 4, 3)
    n.softmax(n.head(x, "dense5_1"))
    n.head(x, "dense5_2", "reg")
    return n.graph.model({"input": ["N", 3, 24, 24]}, {"reg": ["N", 4], "prob": ["N", 2]})


def onet(src):
    n = Net(src, "mtcnn_onet")
    x = n.conv(n.pool(n.conv(n.pool(n.conv("input", 1), 3), 2), 3), 3)
    x = n.conv(n.pool(x, 2), 4)
    x = n.dense(x, 5, 3)
    n.softmax(n.head(x, "dense6_1"))
    n.head(x, "dense6_2", "reg")
    n.head(x, "dense6_3", "lmk")
    return n.graph.model({"input": ["N", 3, 48, 48]}, {"reg": ["N", 4], "lmk": ["N", 10], "prob": ["N", 2]})
