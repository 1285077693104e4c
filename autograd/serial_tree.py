"""The JSON tree of ``save``: containers, numbers and text, and the arrays they name.

A string, number, None or list stands for itself; anything else is an object whose first key says
what it is: ``{"dict": [[key, value], ...]}``, ``{"tensor": name, "class": ..., ...}``. Reading one
builds tensors and plain containers, and calls nothing that a file could choose.
"""

from __future__ import annotations

import base64
import ctypes
from collections import OrderedDict
from importlib import import_module
from typing import Any

import numpy as np

from . import devices, dtypes, tensorfile
from .handle import make, scalar_of
from .size import Size
from .tensor import Tensor
from .views import as_array, owner_of

PLAIN = (str, bool, type(None), int)
DEPTH = 100  # containers inside one another
_PACKAGE = __name__.split(".")[0]


class Writer:
    """Turns an object into a JSON tree and the arrays it names."""

    def __init__(self) -> None:
        self.arrays: dict[str, Any] = {}
        self.tensors: list[tuple[dict[str, Any], Any, str]] = []  # record, data, path
        self.seen: dict[int, int] = {}  # id of a tensor: its number
        self.open: set[int] = set()  # containers we are inside of

    def name(self, path: str) -> str:
        """A name for an array: its path, made unique."""
        path = path or "value"
        name, k = path, 1
        while name in self.arrays or name == "__metadata__":
            k += 1
            name = f"{path}#{k}"
        return name

    def tree(self, obj: Any, path: str) -> Any:
        """The JSON form of an object."""
        kind = type(obj)
        if kind in PLAIN:
            return obj
        if kind is float:
            return obj if np.isfinite(obj) else {"float": repr(obj)}
        if isinstance(obj, Tensor):
            return self.tensor(obj, path)
        if isinstance(obj, (np.ndarray, np.generic)):
            return self.array(obj, path)
        if kind is list or kind is dict or kind is OrderedDict or kind in SEQUENCES:
            return self.container(obj, kind, path)
        if isinstance(obj, OrderedDict) and hasattr(obj, "_metadata"):  # a module's state
            record: dict[str, Any] = self.container(obj, OrderedDict, path)
            record["metadata"] = self.tree(obj._metadata, f"{path}._metadata")
            return record
        if isinstance(obj, dtypes.dtype):
            return {"dtype": obj.name}
        if isinstance(obj, devices.device):
            return {"device": str(obj)}
        if kind is complex:
            return {"complex": [repr(obj.real), repr(obj.imag)]}
        if kind is bytes:
            return {"bytes": base64.b64encode(obj).decode()}
        raise refusal(obj, path)

    def container(self, obj: Any, kind: type, path: str) -> Any:
        """The JSON form of a container and what it holds."""
        if id(obj) in self.open:
            raise ValueError(f"save: the {kind.__name__} at {path or 'the top'!r} contains itself")
        if len(self.open) >= DEPTH:
            raise ValueError(f"save: more than {DEPTH} containers lie inside one another")
        self.open.add(id(obj))
        try:
            if kind is dict or kind is OrderedDict:
                pairs = [
                    [self.tree(k, f"{path}.key"), self.tree(v, f"{path}.{k}".lstrip("."))]
                    for k, v in obj.items()
                ]
                return {kind.__name__: pairs}
            items = [self.tree(v, f"{path}.{k}".lstrip(".")) for k, v in enumerate(obj)]
            return items if kind is list else {kind.__name__: items}
        finally:
            self.open.discard(id(obj))

    def tensor(self, t: Any, path: str) -> Any:
        """The record of a tensor; one that was met before is named by its number."""
        if id(t) in self.seen:
            return {"again": self.seen[id(t)]}
        kind = type(t).__name__
        if kind not in CLASSES:
            raise TypeError(
                f"save: the tensor at {path!r} is of class {kind}, which a file cannot name; save "
                "its .data"
            )
        self.seen[id(t)] = len(self.seen)
        record = {"tensor": "", "class": kind, "grad": t.requires_grad}
        self.tensors.append((record, t, path))
        return record

    def array(self, a: Any, path: str) -> Any:
        """The record of a NumPy array or scalar."""
        data = np.asarray(a)
        if data.dtype not in dtypes.BY_NP:
            raise TypeError(
                f"save: the NumPy array at {path!r} holds {data.dtype}, which a file of tensors "
                "cannot; save numbers or booleans, or turn it into a list (tolist())"
            )
        key = "array" if isinstance(a, np.ndarray) else "scalar"
        return {key: self.put(data, path), "dtype": dtypes.BY_NP[data.dtype].name}

    def put(self, data: Any, path: str) -> str:
        """Keep an array under a name; complex numbers as pairs."""
        if data.dtype.kind == "c":
            part = np.float32 if data.dtype.itemsize == 8 else np.float64
            data = np.ascontiguousarray(data).reshape(-1).view(part).reshape(*data.shape, 2)
        name = self.name(path)
        self.arrays[name] = data
        return name

    def place_tensors(self) -> None:
        """Give each tensor its array; tensors that share memory share it in the file too."""
        groups: dict[int, list[tuple[dict[str, Any], Any, str]]] = {}
        for item in self.tensors:
            data = item[1]._data
            shared = type(data) is np.ndarray and data.size
            owner = owner_of(data) if shared else item[1]
            groups.setdefault(id(owner), []).append(item)
        for group in groups.values():
            forms = [geometry(t) for _, t, _ in group]
            if all(form == forms[0] for form in forms):
                name = self.put(np.asarray(group[0][1]._data), group[0][2])
                for record, t, _ in group:
                    record.update(tensor=name, dtype=t.dtype.name, shared=len(group) > 1)
            else:
                self.place_views(group)

    def place_views(self, group: list[tuple[dict[str, Any], Any, str]]) -> None:
        """Tensors that look at one memory in several ways: its bytes, and each way."""
        arrays = [as_array(t) for _, t, _ in group]
        bounds = [np.lib.array_utils.byte_bounds(a) for a in arrays]
        low, high = min(b[0] for b in bounds), max(b[1] for b in bounds)
        memory: Any = (ctypes.c_char * (high - low)).from_address(low)  # the tensors hold it
        name = self.put(np.frombuffer(memory, np.uint8), f"{group[0][2]}.memory")
        for (record, t, _), a in zip(group, arrays, strict=True):
            first = a.__array_interface__["data"][0] - low
            place = {"offset": first, "shape": a.shape, "strides": a.strides}
            record.update(tensor=name, dtype=t.dtype.name, view=place)


SEQUENCES = (tuple, set, frozenset, Size)
CLASSES = {"Tensor": "autograd.tensor", "Parameter": "nn.parameter", "Buffer": "nn.parameter"}


def geometry(t: Any) -> tuple[Any, ...]:
    """Where a tensor's elements lie: tensors of equal geometry are the same memory."""
    a = np.asarray(t._data)
    if type(t._data) is not np.ndarray:
        return (id(t),)
    return (a.__array_interface__["data"][0], a.shape, a.strides, a.dtype.name)


def refusal(obj: Any, path: str) -> TypeError:
    """The error for an object that a file of tensors cannot hold, with the remedy."""
    where = f"at {path!r}" if path else "given"
    kind = type(obj).__name__
    if hasattr(obj, "state_dict") and not isinstance(obj, type):
        text = f"it is an object with code; save its state_dict() ({kind}.state_dict()) instead"
    elif callable(obj):
        text = "functions and classes are code; save the numbers and text they need"
    elif hasattr(obj, "get_state"):
        text = "save its get_state()"
    elif isinstance(obj, (dict, list, tuple, str, int, float)):
        plain = next(k for k in (dict, list, tuple, str, int, float) if isinstance(obj, k))
        text = f"it is a subclass; convert it with {plain.__name__}(...)"
    elif hasattr(obj, "__dict__"):
        text = "save vars(...) of it, a dictionary"
    else:
        text = "convert it to numbers, text, lists, dictionaries or tensors"
    return TypeError(f"save: cannot store the {kind} {where}: {text}")


class Reader:
    """Builds an object again from its JSON tree and its arrays."""

    def __init__(self, arrays: tensorfile.Arrays, what: str) -> None:
        self.arrays, self.what = arrays, what
        self.tensors: list[Any] = []

    def build(self, node: Any) -> Any:
        """The object of a JSON form."""
        if type(node) in PLAIN or type(node) is float:
            return node
        if type(node) is list:
            return [self.build(v) for v in node]
        form = next(iter(node), "")
        value = node.get(form)
        if form == "dict":
            return {self.build(k): self.build(v) for k, v in value}
        if form == "OrderedDict":
            return self.ordered(node)
        if form == "tensor":
            return self.tensor(node)
        return getattr(self, f"build_{form}")(value, node)

    def ordered(self, node: Any) -> Any:
        """An OrderedDict, or a module's state with the versions of its modules."""
        pairs = [(self.build(k), self.build(v)) for k, v in node["OrderedDict"]]
        if "metadata" not in node:
            return OrderedDict(pairs)
        state = import_module(f"{_PACKAGE}.nn.state").StateDict(pairs)
        state._metadata = self.build(node["metadata"])
        return state

    def tensor(self, node: Any) -> Any:
        """A tensor of its class, with its own or shared memory."""
        data: Any = self.arrays[node["tensor"]]
        kind = dtypes.BY_NAME[node["dtype"]]
        if "view" in node:
            place = node["view"]
            shape, strides = tuple(place["shape"]), tuple(place["strides"])
            flat = data.reshape(-1).view(np.uint8)
            made: Any = np.ndarray(shape, kind.np, flat, place["offset"], strides)
        else:
            made = self.typed(data, kind)
        alone = made.ndim == 0 and "view" not in node and not node["shared"]
        t = make(scalar_of(made[()]) if alone else made)
        if node["class"] != "Tensor":
            module = import_module(f"{_PACKAGE}.{CLASSES[node['class']]}")
            cls = getattr(module, node["class"])
            t = cls(t, requires_grad=node["grad"]) if node["class"] == "Parameter" else cls(t)
        elif node["grad"]:
            t.requires_grad_()
        self.tensors.append(t)
        return t

    def typed(self, data: Any, kind: dtypes.dtype) -> Any:
        """An array in the dtype of its record: pairs become complex numbers again."""
        if not kind.is_complex:
            if data.dtype != kind.np:
                raise tensorfile.damaged(self.what, "a record and its array differ in type")
            return data
        return data.reshape(-1).view(kind.np).reshape(data.shape[:-1])

    def build_again(self, value: Any, node: Any) -> Any:
        """A tensor that was met before."""
        return self.tensors[value]

    def build_array(self, value: Any, node: Any) -> Any:
        """A NumPy array."""
        return self.typed(self.arrays[value], dtypes.BY_NAME[node["dtype"]])

    def build_scalar(self, value: Any, node: Any) -> Any:
        """A NumPy scalar."""
        return self.build_array(value, node)[()]

    def build_tuple(self, value: Any, node: Any) -> Any:
        """A tuple."""
        return tuple([self.build(v) for v in value])

    def build_set(self, value: Any, node: Any) -> Any:
        """A set."""
        return {self.build(v) for v in value}

    def build_frozenset(self, value: Any, node: Any) -> Any:
        """A frozen set."""
        return frozenset([self.build(v) for v in value])

    def build_Size(self, value: Any, node: Any) -> Any:
        """A shape."""
        return Size([self.build(v) for v in value])

    def build_dtype(self, value: Any, node: Any) -> Any:
        """A dtype."""
        return dtypes.BY_NAME[value]

    def build_device(self, value: Any, node: Any) -> Any:
        """A device."""
        return devices.device(value)

    def build_float(self, value: Any, node: Any) -> Any:
        """An infinity or nan."""
        return float(value)

    def build_complex(self, value: Any, node: Any) -> Any:
        """A complex number."""
        return complex(float(value[0]), float(value[1]))

    def build_bytes(self, value: Any, node: Any) -> Any:
        """Bytes."""
        return base64.b64decode(value)
