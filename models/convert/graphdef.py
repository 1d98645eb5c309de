"""A reader of frozen TensorFlow graphs (GraphDef protocol buffers), as far as the converters need it.

TensorFlow's framework/{graph,node_def,attr_value,tensor}.proto name the fields by the numbers used here.
"""
import struct
from dataclasses import dataclass, field

import numpy as np

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
DTYPES = {1: np.float32, 3: np.int32, 9: np.int64, 10: np.bool_}


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def fields(data):
    """(number, wire type, value) of one message; BYTES are views into the file."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = varint(data, at)
        elif wire == BYTES:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        elif wire in (FIXED32, FIXED64):
            size = 4 if wire == FIXED32 else 8
            value, at = bytes(data[at:at + size]), at + size
        else:
            raise ValueError(f"wire type {wire}")
        yield number, wire, value


def signed(value):
    return value - (1 << 64) if value >= 1 << 63 else value


def integers(wire, value):
    """A repeated integer field: one value, or several packed."""
    if wire == VARINT:
        return [signed(value)]
    found, at = [], 0
    while at < len(value):
        one, at = varint(value, at)
        found.append(signed(one))
    return found


def shape_of(data):
    return [next((signed(v) for n, _, v in fields(dim) if n == 1), 0) for n, _, dim in fields(data) if n == 2]


def tensor_of(data):
    """TensorProto -> array; None for a type that no converter uses."""
    dtype, shape, content, values = 1, [], b"", []
    for number, wire, value in fields(data):
        if number == 1:
            dtype = value
        elif number == 2:
            shape = shape_of(value)
        elif number == 4:
            content = bytes(value)
        elif number == 5:
            values += np.frombuffer(bytes(value), "<f4").tolist()
        elif number in (7, 10, 11):
            values += integers(wire, value)
    if dtype not in DTYPES:
        return None
    if content:
        return np.frombuffer(content, DTYPES[dtype]).reshape(shape)
    count = int(np.prod(shape))
    flat = np.array(values or [0], DTYPES[dtype])
    return (np.full(count, flat[0]) if flat.size == 1 else flat).reshape(shape)


def attribute(data):
    """AttrValue -> bytes, number, list of integers, or array."""
    for number, _, value in fields(data):
        if number == 1:  # a list; its integers are what converters read
            return [i for n, wire, v in fields(value) if n == 3 for i in integers(wire, v)]
        if number == 2:
            return bytes(value)
        if number == 3:
            return signed(value)
        if number == 4:
            return struct.unpack("<f", value)[0]
        if number == 5:
            return bool(value)
        if number == 8:
            return tensor_of(value)
    return None


@dataclass
class Node:
    name: str = ""
    op: str = ""
    inputs: list = field(default_factory=list)  # names, without output numbers; control inputs left out
    attributes: dict = field(default_factory=dict)


def node_of(data):
    node = Node()
    for number, _, value in fields(data):
        if number == 1:
            node.name = bytes(value).decode()
        elif number == 2:
            node.op = bytes(value).decode()
        elif number == 3 and bytes(value[:1]) != b"^":
            node.inputs.append(bytes(value).decode().split(":")[0])
        elif number == 5:
            pair = {n: v for n, _, v in fields(value)}
            node.attributes[bytes(pair[1]).decode()] = attribute(pair[2]) if 2 in pair else None
    return node


def load(path):
    """The nodes of a frozen graph, in the order of the file."""
    with open(path, "rb") as file:
        data = memoryview(file.read())
    return [node_of(value) for number, _, value in fields(data) if number == 1]
