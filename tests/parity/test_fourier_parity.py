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


SIGNALS: dict[str, Any] = {
    "x": _RNG.normal(size=(2, 40)),
    "v": _RNG.normal(size=40),
    "z": _RNG.normal(size=30) + 1j * _RNG.normal(size=30),
    "w": 0.5 + _RNG.random(size=8),
    "h": 0.5 + _RNG.random(size=6),
    "S": _RNG.normal(size=(2, 5, 7)) + 1j * _RNG.normal(size=(2, 5, 7)),
    "T": _RNG.normal(size=(8, 7)) + 1j * _RNG.normal(size=(8, 7)),
    "k": np.arange(40),
}
SPECTRA = """
m.stft(x, 8, window=w, return_complex=True)
v.stft(8, window=w, return_complex=True)
m.stft(v, 8, 3, window=w, return_complex=True)
m.stft(v, 8, 3, 6, h, return_complex=True)
m.stft(v, 8, win_length=6, window=h, return_complex=True, normalized=True)
m.stft(v, 8, window=w, center=False, return_complex=True)
m.stft(v, 8, window=w, pad_mode="constant", return_complex=True)
m.stft(v, 8, window=w, onesided=False, return_complex=True)
m.stft(z, 8, window=w)
m.stft(z, 8, window=w, onesided=False, normalized=True)
m.stft(v, 7, window=w[:7], return_complex=True)
m.stft(v, 8, window=w, return_complex=False)
m.stft(v, 8, return_complex=True)
m.stft(v, 8)
m.stft(v, 8, window=h, return_complex=True)
m.stft(v, 0, window=w, return_complex=True)
m.stft(v, 100, window=w, return_complex=True)
m.stft(v, 8, 0, window=w, return_complex=True)
m.stft(v, 8, win_length=20, window=w, return_complex=True)
m.stft(x[None], 8, window=w, return_complex=True)
m.stft(k, 8, window=w, return_complex=True)
m.stft(z, 8, window=w, onesided=True)
m.istft(S, 8, window=w)
S.istft(8, 3, window=w)
m.istft(S, 8, 2, 6, h)
m.istft(S, 8, window=w, normalized=True)
m.istft(S, 8, window=w, center=False)
m.istft(S, 8, window=w, length=11)
m.istft(S, 8, window=w, length=30)
m.istft(T, 8, window=w, onesided=False)
m.istft(T, 8, window=w, onesided=False, return_complex=True)
m.istft(T, 8, window=w)
m.istft(S, 8)
m.istft(S.real, 8, window=w)
m.istft(S, 10, window=w)
m.istft(S[:, :, :0], 8, window=w)
m.istft(S, 8, window=w, return_complex=True)
m.istft(S, 8, 16, window=w)
m.istft(S, 8, window=0 * w)
m.istft(m.stft(x, 8, window=w, return_complex=True), 8, window=w)
m.stft(x, 8, window=w, return_complex=True).abs() ** 2
""".strip().splitlines()


@pytest.mark.parametrize("text", SPECTRA)
def test_spectra(peers: Any, text: str) -> None:
    """Stft and istft: values and two derivatives, the window's too; or the exception's class."""
    used = {n: a for n, a in SIGNALS.items() if re.search(rf"(?<![.\w]){n}\b(?!=)", text)}
    peers.agree(lambda m, given: eval(text, {"m": m}, dict(given)), used)


def test_reconstruction() -> None:
    """Istft undoes stft."""
    x, w = cr.tensor(SIGNALS["x"]), cr.hann_window(8, dtype=cr.float64)
    spectra = cr.stft(x, 8, window=w, return_complex=True)
    np.testing.assert_allclose(cr.istft(spectra, 8, window=w, length=40), x, atol=1e-12)


WINDOWS = [
    f"m.{name}_window({args})"
    for name in ("bartlett", "blackman", "hamming", "hann", "kaiser")
    for args in ("8", "7, False", "0", "1", "1, False", "2", "5, dtype=m.float64",
                 "5, periodic=False, requires_grad=True", "-1", "4, dtype=m.int64", "",)
]  # fmt: skip
WINDOWS += ["m.hamming_window(6, True, 0.6)", "m.hamming_window(6, True, 0.6, 0.4)"]
WINDOWS += ["m.kaiser_window(6, True, 5.0)"]
WINDOWS += [
    f"m.signal.windows.{name}({args})"
    for name in ("bartlett", "blackman", "cosine", "exponential", "gaussian", "general_hamming",
                 "hamming", "hann", "kaiser", "nuttall")
    for args in ("6", "7, sym=False", "0", "1", "5, dtype=m.float64, requires_grad=True", "-1",
                 "4, dtype=m.float16")
]  # fmt: skip
WINDOWS += [
    "m.signal.windows.general_cosine(6, a=[0.4, 0.3, 0.3])",
    "m.signal.windows.general_cosine(6, a=[0.4, 0.6], sym=False)",
    "m.signal.windows.general_cosine(6, a=[])",
    "m.signal.windows.exponential(6, center=1, tau=2.0, sym=False)",
    "m.signal.windows.exponential(6, center=1)",
    "m.signal.windows.exponential(6, tau=0.0)",
    "m.signal.windows.gaussian(6, std=2.0)",
    "m.signal.windows.gaussian(6, std=0.0)",
    "m.signal.windows.general_hamming(6, alpha=0.7)",
    "m.signal.windows.kaiser(6, beta=-1.0)",
]


@pytest.mark.parametrize("text", WINDOWS)
def test_windows(peers: Any, text: str) -> None:
    """Values, dtypes and requires_grad of every window; or the exception's class."""
    found = []
    for m in peers.modules:
        try:
            found.append(eval(text, {"m": m}))
        except Exception as error:
            found.append(error)
    ours, theirs = found
    if isinstance(theirs, Exception):
        assert isinstance(ours, type(theirs)), f"{ours!r} for {theirs!r}"
        return
    assert ours.requires_grad == theirs.requires_grad
    assert repr(ours.dtype) == repr(theirs.dtype)
    kind = {"float32": 3e-7, "float64": 1e-12}[ours.dtype.name]
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=kind, atol=kind)
