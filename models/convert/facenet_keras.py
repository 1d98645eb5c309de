"""FaceNet, Inception-ResNet-v1 (Keras HDF5 file) -> ONNX.

Input  image [N, 3, 160, 160]  RGB, (x - mean) / max(std, 1 / sqrt(n)) over the whole crop
Output embedding [N, 128]      as the network gives it, NOT of length 1

The layers are read from the JSON inside the file. Batch normalisation and the scale of each residual branch
(x + scale * branch) are folded into the convolution before them, in float64. A layer, an option or a Lambda that
this reader does not know stops it: it guesses nothing.
"""
import base64
import json

import h5py
import numpy as np

from graph import Graph, fold_batch_norm

# Python 3.6 byte code of  lambda inputs, scale: inputs[0] + inputs[1] * scale, as Keras stored it.
SCALED_SUM = bytes.fromhex("7c00640119007c00640219007c01140017005300")


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


class Layer:
    def __init__(self, entry, group):
        self.name, self.kind, self.options = entry["name"], entry["class_name"], entry["config"]
        if len(entry["inbound_nodes"]) > 1:
            raise ValueError(f"{self.name} is used twice")
        self.inputs = [source[0] for source in (entry["inbound_nodes"] or [[]])[0]]
        self.users, self.absorbed = [], False
        self.weights = {}
        for path in group[self.name].attrs["weight_names"] if self.name in group else ():
            short = text(path).split("/")[-1].split(":")[0]
            self.weights[short] = np.asarray(group[self.name][text(path)], np.float64)

    def need(self, **wanted):
        for option, value in wanted.items():
            found = self.options[option]
            if (found not in value) if isinstance(value, tuple) else (found != value):
                raise ValueError(f"{self.name}: {option} is {found}")

    def sole_user(self, kind):
        """The one layer that reads this one, when it is of `kind`."""
        return self.users[0] if len(self.users) == 1 and self.users[0].kind == kind else None


def read(src):
    with h5py.File(src, "r") as file:
        config = json.loads(text(file.attrs["model_config"]))["config"]
        group = file["model_weights"] if "model_weights" in file else file
        layers = {entry["name"]: Layer(entry, group) for entry in config["layers"]}
    for layer in layers.values():
        for source in layer.inputs:
            layers[source].users.append(layer)
    return layers, config["output_layers"][0][0]


class Converter:
    def __init__(self, last):
        self.graph, self.last = Graph("facenet128"), last
        self.values = {}  # Keras layer -> ONNX value

    def absorb_norm(self, layer, w, bias):
        """Folds a batch normalisation that follows into w [out][...]. Returns w, bias, the layer reached."""
        norm = layer.sole_user("BatchNormalization")
        if norm is None:
            return w, bias, layer
        norm.absorbed = True
        p = norm.weights
        w, bias = fold_batch_norm(w, bias, p.get("gamma", np.ones(len(w))), p.get("beta", np.zeros(len(w))),
                                  p["moving_mean"], p["moving_variance"], norm.options["epsilon"])
        return w, bias, norm

    def absorb_scale(self, layer, w, bias):
        """Folds `scale` of the residual sum that reads this layer second."""
        total = layer.sole_user("Lambda")
        if total is None:
            return w, bias
        code = base64.b64decode(total.options["function"][0])
        if SCALED_SUM not in code or len(total.inputs) != 2 or total.inputs[1] != layer.name:
            raise ValueError(f"{total.name}: unknown Lambda")
        scale = float(total.options["arguments"]["scale"])
        return w * scale, bias * scale

    def out(self, layer):
        return "embedding" if layer.name == self.last else None

    def Conv2D(self, layer, x):
        layer.need(activation="linear", data_format="channels_last", dilation_rate=[1, 1], padding=("same", "valid"))
        w = layer.weights["kernel"].transpose(3, 2, 0, 1)
        bias = layer.weights.get("bias", np.zeros(len(w)))
        w, bias, end = self.absorb_norm(layer, w, bias)
        w, bias = self.absorb_scale(end, w, bias)
        pads = (0, 0, 0, 0)
        if layer.options["padding"] == "same":
            layer.need(strides=[1, 1])  # then TensorFlow pads odd kernels alike on both sides
            h, v = (w.shape[2] - 1) // 2, (w.shape[3] - 1) // 2
            pads = (h, v, h, v)
        value = self.graph.conv(x[0], w, bias, layer.options["strides"], pads)
        self.values[end.name] = value
        return value

    def Dense(self, layer, x):
        layer.need(activation="linear")
        w = layer.weights["kernel"].T
        w, bias, end = self.absorb_norm(layer, w, layer.weights.get("bias", np.zeros(len(w))))
        value = self.graph.dense(x[0], w, bias, self.out(end))
        self.values[end.name] = value
        return value

    def Activation(self, layer, x):
        layer.need(activation="relu")
        return self.graph.node("Relu", x)

    def MaxPooling2D(self, layer, x):
        layer.need(padding="valid", data_format="channels_last")
        return self.graph.node("MaxPool", x, kernel_shape=layer.options["pool_size"],
                               strides=layer.options["strides"])

    def Concatenate(self, layer, x):
        layer.need(axis=(3, -1))
        return self.graph.node("Concat", x, axis=1)

    def Lambda(self, layer, x):
        return self.graph.node("Add", x)  # absorb_scale has checked it and taken its scale

    def GlobalAveragePooling2D(self, layer, x):
        return self.graph.node("Flatten", [self.graph.node("GlobalAveragePool", x)])

    def Dropout(self, layer, x):
        return x[0]

    def InputLayer(self, layer, x):
        layer.need(batch_input_shape=[None, 160, 160, 3])
        return "image"


def convert(src):
    layers, last = read(src)
    converter = Converter(last)
    for layer in layers.values():
        if layer.absorbed:
            continue
        handler = getattr(converter, layer.kind, None)
        if handler is None:
            raise ValueError(f"{layer.name}: unknown kind {layer.kind}")
        converter.values[layer.name] = handler(layer, [converter.values[i] for i in layer.inputs])
    return converter.graph.model(
        {"image": ["N", 3, 160, 160]}, {"embedding": ["N", 128]},
        {"colour": "RGB", "normalise": "(x - mean) / max(std, 1 / sqrt(n)) of the crop", "l2_normalised": "0"})
