"""``chainrule.backends``: the switches of PyTorch's kernel libraries, settable and without effect.

None of these libraries is used, except oneDNN where the extra ``fast`` brings it; scripts may set
the switches and read them back.

>>> import chainrule as cr
>>> cr.backends.cudnn.benchmark = True
>>> cr.backends.cudnn.benchmark, cr.backends.cudnn.is_available()
(True, False)
>>> cr.backends.cudnn.benchmark = False
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from .no_device import part

__path__: list[str] = []  # ``import chainrule.backends.cudnn as cudnn``


def no() -> bool:
    """False: it is not there.

    >>> import chainrule as cr
    >>> cr.backends.mps.is_available()
    False
    """
    return False


def nothing(*args: Any) -> None:
    """None: it is not there."""


def _switches(name: str, **settings: Any) -> ModuleType:
    """A module of settings with ``flags(...)``, which sets some of them for a while."""
    made = part(f"backends.{name}", f"Settings of {name}: remembered, without effect.", **settings)

    @contextmanager
    def flags(**changed: Any) -> Iterator[None]:
        unknown = sorted(set(changed) - set(settings))
        if unknown:
            raise TypeError(f"{name}.flags() got an unexpected keyword argument '{unknown[0]}'")
        before = {key: getattr(made, key) for key in changed}
        vars(made).update(changed)
        try:
            yield
        finally:
            vars(made).update(before)

    vars(made).update(flags=flags)
    return made


def _products() -> str:
    """The BLAS that NumPy was built with."""
    facts: Any = np.show_config(mode="dicts")
    return str(facts.get("Build Dependencies", {}).get("blas", {}).get("name", ""))


def _get_cpu_capability() -> str:
    """The widest vector instructions that NumPy's kernels use, in PyTorch's words."""
    facts: Any = np.show_config(mode="dicts")
    found = facts.get("SIMD Extensions", {})
    names = " ".join([*found.get("baseline", ()), *found.get("found", ())])
    return "AVX512" if "AVX512" in names else "AVX2" if "AVX2" in names else "DEFAULT"


cudnn = _switches(
    "cudnn", enabled=True, benchmark=False, benchmark_limit=None, deterministic=False,
    allow_tf32=True,
)  # fmt: skip
vars(cudnn).update(is_available=no, version=nothing)
cuda = part("backends.cuda", "Settings of CUDA: remembered, without effect.", is_built=no)
cuda.matmul = _switches(  # type: ignore[attr-defined]
    "cuda.matmul",
    allow_tf32=False,
    allow_fp16_reduced_precision_reduction=True,
    allow_bf16_reduced_precision_reduction=True,
    allow_fp16_accumulation=False,
)
_sdp = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


def _sdp_switch(kind: str) -> None:
    """The two functions of one kind of attention kernel; there is one kernel here."""

    def enabled() -> bool:
        return _sdp[kind]

    def enable(enabled: bool) -> None:
        _sdp[kind] = bool(enabled)

    vars(cuda).update({f"{kind}_sdp_enabled": enabled, f"enable_{kind}_sdp": enable})


for _kind in _sdp:
    _sdp_switch(_kind)
mps = part("backends.mps", "Apple's GPUs are not used.", is_available=no, is_built=no)
mkldnn = _switches("mkldnn", enabled=True, deterministic=False, allow_tf32=True)
vars(mkldnn).update(is_available=no)
mkl = part("backends.mkl", "Intel's MKL.", is_available=lambda: "mkl" in _products())
openmp = part("backends.openmp", "OpenMP is not used.", is_available=no)
opt_einsum = _switches("opt_einsum", enabled=False, strategy=None)
vars(opt_einsum).update(is_available=no, get_opt_einsum=nothing)
cpu = part("backends.cpu", "The CPU.", get_cpu_capability=_get_cpu_capability)
