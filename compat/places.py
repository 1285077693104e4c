"""Where PyTorch's module paths lead here: ``chainrule.cuda`` is ``compat/cuda.py``, and so on.

A finder answers imports that no file of the package answers, so a room that gets a folder of its
own takes its path over without a change here; it stands first, or a file that is reached by a
second path would load twice. Nothing is imported before somebody asks.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = __name__.split(".")[0]
ROOT = Path(__file__).resolve().parents[1]

# public path: the module, or module:attribute, that stands for it
PLACES = {name: f"compat.{name}" for name in (
    "accelerator", "amp", "backends", "cpu", "cuda", "distributed", "fft", "func", "hub", "jit",
    "linalg", "mps", "multiprocessing", "onnx", "profiler", "random", "signal", "special",
    "testing", "types", "utils", "version", "xpu",
)}  # fmt: skip
PLACES |= {
    "amp.autocast_mode": "compat.amp",
    "amp.grad_scaler": "compat.grad_scaler",
    "autograd.profiler": "compat.autograd_profiler",
    "cuda.amp": "compat.cuda_amp",
    "data.distributed": "compat.parallel",
    "nn.parallel": "compat.parallel",
    "nn.parallel.distributed": "compat.parallel",
    "signal.windows": "compat.signal:windows",
    "serialization": "autograd.serialization",
    "utils.checkpoint": "autograd.checkpoint",
    "utils.data": "data",
    "utils.data.dataloader": "data.loader",
    "utils.data.dataset": "data.dataset",
    "utils.data.distributed": "compat.parallel",
    "utils.data.sampler": "data.sampler",
    "utils.tensorboard": "compat.tensorboard",
    "utils.tensorboard.writer": "compat.tensorboard",
}
for _kind in ("cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "opt_einsum"):
    PLACES[f"backends.{_kind}"] = f"compat.backends:{_kind}"
TOPS = {path.partition(".")[0] for path in PLACES}


def target(path: str) -> str | None:
    """Where a public path leads, as ``module`` or ``module:attribute``; None if it is its own."""
    own = ROOT.joinpath(*path.split("."))
    if own.is_dir() or own.with_suffix(".py").is_file():
        return None
    if path in PLACES:
        return PLACES[path]
    parent, _, name = path.rpartition(".")  # a file below a room with a second name
    above = target(parent) if parent else None
    return f"{above}.{name}" if above and ":" not in above else None


def place(path: str) -> Any:
    """The module (or what stands for it) at a public path such as ``cuda.amp``."""
    module, _, attribute = (target(path) or path).partition(":")
    found: Any = import_module(f"{PACKAGE}.{module}")
    return getattr(found, attribute) if attribute else found


def exists(module: str) -> bool:
    """Whether the package has that module."""
    try:
        return find_spec(f"{PACKAGE}.{module}") is not None
    except ModuleNotFoundError:  # what should hold it is no package
        return False


class Places(MetaPathFinder, Loader):
    """Finds ``chainrule.<path>`` for the paths of the table."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target_: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec for a path of the table; None leaves the import to others."""
        root, _, rest = fullname.partition(".")
        found = target(rest) if root == PACKAGE and rest else None
        if found is None or not exists(found.partition(":")[0]):
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        """Put the module that the path stands for in the place of the empty one."""
        sys.modules[module.__name__] = place(module.__name__.partition(".")[2])


class TorchNames(MetaPathFinder, Loader):
    """Finds ``torch.<path>`` as ``chainrule.<path>``: the same module under a second name."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec where the package has that path."""
        root, _, rest = fullname.partition(".")
        if root != "torch" or not rest or not exists(rest):
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        """Put the package's module in the place of the empty one."""
        rest = module.__name__.partition(".")[2]
        sys.modules[module.__name__] = import_module(f"{PACKAGE}.{rest}")


def install() -> None:
    """Answer imports of the table's paths from now on."""
    if not any(isinstance(finder, Places) for finder in sys.meta_path):
        sys.meta_path.insert(0, Places())


def install_as_torch() -> None:
    """Let ``import torch`` mean this library, so that a published script runs unchanged.

    ``torch``, ``torch.nn``, ``torch.utils.data`` and every other path that the library has become
    second names of its modules, in this process. Call it before anything imports torch; raises
    RuntimeError where the real PyTorch is already imported.

    >>> import subprocess, sys
    >>> code = '''
    ... import chainrule
    ... chainrule.install_as_torch()
    ... import torch
    ... from torch import nn
    ... print(nn.Linear(2, 1)(torch.zeros(3, 2)).shape)
    ... '''
    >>> run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    >>> print(run.stdout, end="")
    torch.Size([3, 1])
    """
    package = sys.modules[PACKAGE]
    present = sys.modules.get("torch")
    if present is package:
        return
    if present is not None:
        raise RuntimeError(
            f"install_as_torch: PyTorch itself is already imported (from {present.__file__}); call "
            "chainrule.install_as_torch() before anything imports torch, or use "
            "`import chainrule as torch` in your own files"
        )
    sys.modules["torch"] = package
    sys.meta_path.insert(0, TorchNames())  # first: the files below the root must not load twice
