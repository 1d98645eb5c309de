"""Reads a PyTorch state dict (.pt, .pth; the zip format and the one before it) with numpy alone.

A pickle can run code. This reader allows the four names a state dict needs and refuses every other one, so a
file that was tampered with is an error and never a program.
"""
import collections
import io
import pickle
import struct
import zipfile

import numpy as np

STORAGE_TYPES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2",
                 "LongStorage": "<i8", "IntStorage": "<i4"}
LEGACY_HEADERS = 3  # magic number, protocol version, system info


class Storage:
    def __init__(self, kind):
        self.dtype, self.values = np.dtype(STORAGE_TYPES[kind]), None


class Tensor:
    """A view of a storage whose bytes may not be read yet."""

    def __init__(self, storage, offset, size, stride, *_):
        self.storage, self.offset, self.size, self.stride = storage, offset, tuple(size), tuple(stride)

    def array(self):
        values = self.storage.values[self.offset:]
        if not self.size:
            return values[0].copy()
        last = sum((n - 1) * s for n, s in zip(self.size, self.stride))
        if min(self.size) < 1 or min(self.stride) < 0 or last >= len(values):
            raise ValueError("a tensor reaches outside its storage")
        strides = [s * values.itemsize for s in self.stride]
        return np.lib.stride_tricks.as_strided(values, self.size, strides).copy()


class Reader(pickle.Unpickler):
    def __init__(self, stream):
        super().__init__(stream)
        self.storages = {}

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return Tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda tensor, *_: tensor
        if module == "torch" and name in STORAGE_TYPES:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a state dict")

    def persistent_load(self, pid):
        _, kind, key = pid[:3]
        return self.storages.setdefault(str(key), Storage(kind))


def read_zip(data):
    archive = zipfile.ZipFile(io.BytesIO(data))
    pickled = next(n for n in archive.namelist() if n.endswith("/data.pkl"))
    reader = Reader(io.BytesIO(archive.read(pickled)))
    state = reader.load()
    for key, storage in reader.storages.items():
        storage.values = np.frombuffer(archive.read(pickled[:-len("data.pkl")] + "data/" + key), storage.dtype)
    return state


def read_legacy(data):
    stream = io.BytesIO(data)
    for _ in range(LEGACY_HEADERS):
        Reader(stream).load()
    reader = Reader(stream)
    state = reader.load()
    for key in Reader(stream).load():
        (count,) = struct.unpack("<q", stream.read(8))
        storage = reader.storages[str(key)]
        storage.values = np.frombuffer(stream.read(count * storage.dtype.itemsize), storage.dtype)
    return state


def load(path):
    """Returns {name: array}; a leading "module." (left by data-parallel training) is dropped."""
    with open(path, "rb") as file:
        data = file.read()
    state = read_zip(data) if data[:2] == b"PK" else read_legacy(data)
    state = state.get("state_dict", state)
    return {name.removeprefix("module."): value.array() for name, value in state.items() if isinstance(value, Tensor)}
