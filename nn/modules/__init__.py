"""PyTorch's import paths of the modules: ``chainrule.nn.modules.conv.Conv2d`` is ``nn.Conv2d``.

``TABLE`` says in which of our files the names of each of PyTorch's are; they are looked up when
they are asked for.

>>> import chainrule as cr
>>> from chainrule.nn.modules.activation import ReLU
>>> ReLU is cr.nn.ReLU
True
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

TABLE: dict[str, tuple[str, ...]] = {
    "activation": ("activation", "rectifiers", "attention"),
    "adaptive": ("adaptive",),
    "batchnorm": ("norm", "lazy"),
    "channelshuffle": ("shapes",),
    "container": ("container", "parameters"),
    "conv": ("conv", "lazy"),
    "distance": ("shapes",),
    "dropout": ("dropout",),
    "flatten": ("flatten",),
    "fold": ("shapes",),
    "instancenorm": ("norm", "lazy"),
    "lazy": ("lazy",),
    "linear": ("linear", "lazy", "attention"),
    "loss": ("loss", "margin"),
    "module": ("module", "hooked"),
    "normalization": ("norm_features",),
    "padding": ("padding",),
    "pixelshuffle": ("shapes",),
    "pooling": ("pool", "fractional"),
    "rnn": ("recurrent", "cells"),
    "sparse": ("embedding",),
    "transformer": ("transformer",),
    "upsampling": ("shapes",),
    "utils": ("sizes", "state"),
}
NN = __name__.rpartition(".")[0]


def _finder(path: str, files: tuple[str, ...]) -> Callable[[str], Any]:
    """The ``__getattr__`` of one import path: what one of the files defines under a name."""

    def find(name: str) -> Any:
        for file in files if not name.startswith("__") else ():
            home = importlib.import_module(f"{NN}.{file}")
            found = getattr(home, name, None)
            if getattr(found, "__module__", None) == home.__name__:
                return found
        raise AttributeError(f"module '{path}' has no attribute '{name}'", name=name)

    return find


for _name, _files in TABLE.items():
    _path = f"{__name__}.{_name}"
    _module = ModuleType(_path, f"The names of PyTorch's ``nn.modules.{_name}``.")
    _module.__dict__["__getattr__"] = _finder(_path, _files)
    sys.modules[_path] = globals()[_name] = _module


def __getattr__(name: str) -> Any:
    if not name.startswith("_") and name in sys.modules[NN].__all__:
        return getattr(sys.modules[NN], name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'", name=name)
