"""MiniFASNet V2 and V1SE (Silent-Face-Anti-Spoofing .pth) -> ONNX, batch normalisation folded, softmax included.

Input BGR 0..255, NOT divided by 255, 80x80. Output prob [N, 3], column 1 = a live face.
The layout is read from the names of the weights: conv_23, conv_34 and conv_45 halve the size, conv_3, conv_4 and
conv_5 are runs of residual blocks, some with squeeze and excitation.
"""
import numpy as np

from graph import Graph, fold_batch_norm
import torch_state

EPSILON = 1e-5  # torch.nn.BatchNorm2d


class Net:
    def __init__(self, src):
        self.state, self.graph = torch_state.load(src), Graph("minifasnet")

    def folded(self, conv, norm, bias=0.0):
        s = self.state
        return fold_batch_norm(s[conv + ".weight"], bias, s[norm + ".weight"], s[norm + ".bias"],
                               s[norm + ".running_mean"].astype(np.float64), s[norm + ".running_var"], EPSILON)

    def conv(self, x, layer, stride=1, pad=0, activate=True):
        w, bias = self.folded(layer + ".conv", layer + ".bn")
        depthwise = w.shape[1] == 1
        x = self.graph.conv(x, w, bias, (stride, stride), [pad] * 4, len(w) if depthwise else 1)
        return self.graph.prelu(x, self.state[layer + ".prelu.weight"].reshape(-1, 1, 1)) if activate else x

    def excite(self, x, layer):
        """Squeeze and excitation: each channel is scaled by what the means of all of them say."""
        y = self.graph.node("GlobalAveragePool", [x])
        y = self.graph.node("Relu", [self.graph.conv(y, *self.folded(layer + ".fc1", layer + ".bn1"))])
        y = self.graph.node("Sigmoid", [self.graph.conv(y, *self.folded(layer + ".fc2", layer + ".bn2"))])
        return self.graph.node("Mul", [x, y])

    def block(self, x, layer, stride, residual):
        """1x1 up, 3x3 depthwise, 1x1 down."""
        y = self.conv(x, layer + ".conv")
        y = self.conv(y, layer + ".conv_dw", stride, 1)
        y = self.conv(y, layer + ".project", activate=False)
        if not residual:
            return y
        if layer + ".se_module.fc1.weight" in self.state:
            y = self.excite(y, layer + ".se_module")
        return self.graph.node("Add", [x, y])

    def run(self, x, layer):
        """The residual blocks LAYER.model.0, .1, ..."""
        index = 0
        while f"{layer}.model.{index}.conv.conv.weight" in self.state:
            x = self.block(x, f"{layer}.model.{index}", 1, True)
            index += 1
        return x


def convert(src):
    n = Net(src)
    x = n.conv(n.conv("input", "conv1", 2, 1), "conv2_dw", 1, 1)
    for down, blocks in (("conv_23", "conv_3"), ("conv_34", "conv_4"), ("conv_45", "conv_5")):
        x = n.run(n.block(x, down, 2, False), blocks)
    x = n.conv(n.conv(x, "conv_6_sep"), "conv_6_dw", activate=False)
    w, bias = n.folded("linear", "bn")
    x = n.graph.dense(n.graph.node("Flatten", [x]), w, bias)
    w = n.state["prob.weight"]
    x = n.graph.dense(x, w, n.state.get("prob.bias", np.zeros(len(w), np.float32)))
    n.graph.node("Softmax", [x], "prob", axis=1)
    return n.graph.model({"input": ["N", 3, 80, 80]}, {"prob": ["N", 3]})
