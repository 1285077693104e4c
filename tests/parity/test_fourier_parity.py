"""Fourier transforms, spectrograms and windows against PyTorch: values, gradients, errors."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import chainrule as cr
from chainrule.autograd import gradcheck, gradgradcheck

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:chainrule")

_RNG = np.random.default_rng(0)
INPUTS: dict[str, Any] = {
    "x": _RNG.normal(size=(2, 6)),
    "v": _RNG.normal(size=5),
    "t": _RNG.normal(size=(2, 3, 4)),
    "z": _RNG.normal(size=(2, 5)) + 1j * _RNG.normal(size=(2, 5)),
    "c": _RNG.normal(size=(2, 3, 4)) + 1j * _RNG.normal(size=(2, 3, 4)),
    "u": _RNG.normal(size=4) + 1j * _RNG.normal(size=4),
    "k": np.arange(4),
    "s": np.asarray(1.0),
    "e": np.zeros(0),
    "f": np.float32([1, 2, 3]),
}
NAMES = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
TEXTS = []
for _name in NAMES:
    _real, _other = ("x", "z") if _name not in ("rfft", "ihfft") else ("x", "x")
    _deep = "t" if _name in ("rfft", "ihfft") else "c"
    TEXTS += [
        f"f.{_name}({_real})",
        f"f.{_name}({_other})",
        f"f.{_name}(v)",
        f"f.{_name}(k)",
        f"f.{_name}(float32)",
        f"f.{_name}({_other}, 3)",
        f"f.{_name}({_other}, 8)",
        f"f.{_name}({_other}, n=4, dim=0)",
        f'f.{_name}({_other}, norm="ortho")',
        f'f.{_name}({_other}, norm="forward")',
        f'f.{_name}({_other}, 7, norm="backward")',
        f"f.{_name}2({_deep})",
        f"f.{_name}2({_deep}, (2, 5))",
        f'f.{_name}2({_deep}, norm="ortho")',
        f"f.{_name}2({_deep}, dim=(0, 2))",
        f"f.{_name}n({_deep})",
        f"f.{_name}n({_deep}, (3, 3))",
        f"f.{_name}n({_deep}, (3, -1), (1, 0))",
        f'f.{_name}n({_deep}, dim=(1,), norm="forward")',
        f"f.{_name}n({_deep}, dim=(0, 0))",
        f"f.{_name}n({_deep}, (3,), (0, 1))",
        f"f.{_name}n({_deep}, (3, 3, 3, 3))",
        f"f.{_name}n({_deep}, dim=())",
        f"f.{_name}({_other}, 0)",
        f'f.{_name}({_other}, norm="a")',
        f"f.{_name}({_other}, dim=2)",
        f"f.{_name}(z)",
        f"f.{_name}(s)",
        f"f.{_name}(e)",
        f"f.{_name}(v.half())",
        f"f.{_name}2(v)",
    ]
TEXTS += """
f.fftn(s)
f.ifft(f.fft(x))
f.irfft(f.rfft(v), 5)
f.fftfreq(5), f.fftfreq(4, 0.5), f.fftfreq(0), f.fftfreq(3, dtype=m.float64)
f.rfftfreq(5), f.rfftfreq(4, 0.5), f.rfftfreq(1), f.rfftfreq(4, d=2.0, dtype=m.float64)
f.fftfreq(4, 0.0)
f.fftfreq(4, dtype=m.int64)
f.fftshift(x)
f.fftshift(v)
f.fftshift(c, (0, 2))
f.fftshift(x, 5)
f.ifftshift(v)
f.ifftshift(x, 1)
f.ifftshift(f.fftshift(t))
f.fft(x).abs()
f.rfft(v).angle()
(f.fft(z) * f.fft(z).conj()).real
f.irfft(f.rfft(x) * f.rfft(x))
""".strip().splitlines()


def inputs_of(text: str) -> dict[str, Any]:
    """The inputs that a text names."""
    return {n: a for n, a in INPUTS.items() if re.search(rf"(?<![.\w]){n}\b(?![=.])", text)}


def run(peers: Any, text: str, order: int = 2) -> None:
    single = INPUTS["f"]

    def program(m: Any, given: dict[str, Any]) -> Any:
        scope = {"m": m, "f": m.fft, "float32": m.tensor(single)}
        return eval(text, scope, {k: v for k, v in given.items() if k != "f"})

    peers.agree(program, inputs_of(text), order=order)


@pytest.mark.parametrize("text", TEXTS)
def test_same(peers: Any, text: str) -> None:
    """Values, dtypes, shapes and two derivatives; or the exception's class."""
    run(peers, text)


@pytest.mark.parametrize("name", NAMES)
def test_gradcheck(name: str) -> None:
    """Central differences, to second order, of odd and even lengths."""
    f = getattr(cr.fft, name)
    for n in (4, 5):
        data = INPUTS["t"][0, :, :3] if name in ("rfft", "ihfft") else INPUTS["z"][:, :3]
        x = cr.tensor(np.array(data), requires_grad=True)
        assert gradcheck(lambda x, n=n: f(x, n), (x,), rtol=1e-6)
        assert gradgradcheck(lambda x, n=n: f(x, n) ** 2, (x,), rtol=1e-5)
