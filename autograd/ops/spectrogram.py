"""The short-time Fourier transform and its inverse.

Source: D. W. Griffin and J. S. Lim, "Signal estimation from modified short-time Fourier transform"
(1984).
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..declare import tensor_of
from .complexes import as_pairs, is_complex
from .forms import offered
from .fourier import fft_op, irfft_op, rfft_op
from .join import narrow, pad_back
from .padding import pad
from .shape import expand, squeeze, transpose, unsqueeze
from .strides import unfold, unfold_back


def _window(name: str, window: Any, n_fft: int, win_length: int, like: Any) -> Any:
    """The window, with zeros on both sides up to ``n_fft``."""
    if window is None:
        warnings.warn(
            f"{name}: A window was not provided. A rectangular window will be applied, which is "
            "known to cause spectral leakage. Other windows such as hann_window or hamming_window "
            "are recommended; window=torch.ones(n_fft) says that this one is meant.",
            UserWarning,
            stacklevel=4,
        )
        kind = like.dtype.to_real().np
        window = tensor_of(np.ones(win_length, kind))
    elif window.ndim != 1 or window.shape[0] != win_length:
        raise RuntimeError(
            f"{name}: expected a 1D window tensor of size equal to win_length={win_length}, but "
            f"got window with size {list(window.shape)}"
        )
    if win_length < n_fft:
        window = pad_back(window, (n_fft,), 0, (n_fft - win_length) // 2)
    return window


def _sizes(name: str, n_fft: int, hop: Any, win: Any) -> tuple[int, int]:
    """hop_length and win_length, checked."""
    hop = n_fft // 4 if hop is None else hop
    win = n_fft if win is None else win
    if hop <= 0:
        raise RuntimeError(f"{name}: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < win <= n_fft:
        raise RuntimeError(f"{name}: expected 0 < win_length <= n_fft, but got win_length={win}")
    return hop, win


@offered("torch", "tensor")
def stft(
    input: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
) -> Any:
    """The spectra of windows of a signal (…, L), ``hop_length`` apart: (…, n_fft/2 + 1, frames).

    X[f, t] = Σₖ window[k]·input[t·hop + k]·e^(−2πi·fk/n_fft). ``center`` pads the signal by n_fft/2
    on both sides, so that frame t is about sample t·hop; ``normalized`` divides by √n_fft; all
    n_fft frequencies are given where ``onesided`` is False or the signal complex.
    ``return_complex=False`` gives pairs of real numbers.

    >>> import chainrule as cr
    >>> cr.stft(cr.ones(16), 4, window=cr.hann_window(4), return_complex=True).shape
    torch.Size([3, 17])
    """
    if return_complex is None:
        if not is_complex(input) and not (window is not None and is_complex(window)):
            raise RuntimeError(
                "stft requires the return_complex parameter be given for real inputs, and will "
                "further require that return_complex=True in a future PyTorch release."
            )
        return_complex = True
    if not return_complex:
        warnings.warn(
            "stft with return_complex=False is deprecated. In a future pytorch release, stft will "
            "return complex tensors for all inputs, and return_complex=False will raise an error.\n"
            "Note: you can still call torch.view_as_real on the complex output to recover the old "
            "return format.",
            UserWarning,
            stacklevel=3,
        )
    if input.dtype.category < 2 or input.ndim not in (1, 2):
        raise RuntimeError(
            "stft: expected a 1D or 2D tensor of floating point or complex values, got "
            f"{input.dtype} of shape {list(input.shape)}"
        )
    x = input if input.ndim == 2 else unsqueeze(input, 0)
    if center:
        half = n_fft // 2
        x = squeeze(pad(unsqueeze(x, 0), (half, half), pad_mode), 0)
    if not 0 < n_fft <= x.shape[1]:
        raise RuntimeError(f"stft: expected 0 < n_fft < {x.shape[1]}, but got n_fft={n_fft}")
    hop, win = _sizes("stft", n_fft, hop_length, win_length)
    full = _window("stft", window, n_fft, win, x)
    frames = unfold(x, -1, n_fft, hop) * full
    whole = is_complex(frames)
    if onesided and whole:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    mode = "ortho" if normalized else "backward"
    if whole or onesided is False:
        spectra = fft_op(frames, (2,), False, mode)
    else:
        spectra = rfft_op(frames, 2, mode)
    out = transpose(spectra, 1, 2)
    out = out if input.ndim == 2 else squeeze(out, 0)
    return out if return_complex else as_pairs(out)


def _checked(input: Any, n_fft: int, onesided: bool, return_complex: bool) -> None:
    if not is_complex(input):
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with "
            f"return_complex=True. Got {input.dtype}"
        )
    if not input.numel():
        raise RuntimeError("istft: input tensor cannot be empty.")
    if input.ndim not in (2, 3):
        raise RuntimeError(f"istft: expected a tensor with 2 or 3 dimensions, but got {input.ndim}")
    bins = input.shape[-2]
    if bins != (n_fft // 2 + 1 if onesided else n_fft):
        raise RuntimeError(
            "istft: expected the frequency dimension (the last but one) of the input to match "
            f"n_fft{' / 2 + 1' if onesided else ''} when onesided={onesided}, but got {bins}"
        )
    if onesided and return_complex:
        raise RuntimeError("Cannot have onesided output if window or input is complex")


@offered("torch", "tensor")
def istft(
    input: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Any:
    """The signal (…, L) whose ``stft`` comes closest to spectra (…, frequencies, frames).

    Windowed frames are added where they overlap and divided by the sum of the squared windows,
    which may be 0 nowhere (RuntimeError). ``length`` cuts off, or pads with zeros.

    >>> import chainrule as cr
    >>> x, w = cr.arange(8.0), cr.hann_window(4)
    >>> cr.istft(cr.stft(x, 4, window=w, return_complex=True), 4, window=w).round()
    tensor([0., 1., 2., 3., 4., 5., 6., 7.])
    """
    half_only = bool(input.shape[-2] != n_fft) if onesided is None else onesided
    _checked(input, n_fft, half_only, return_complex)
    hop, win = _sizes("istft", n_fft, hop_length, win_length)
    full = _window("istft", window, n_fft, win, input)
    x = transpose(input if input.ndim == 3 else unsqueeze(input, 0), 1, 2)
    mode = "ortho" if normalized else "backward"
    if return_complex:
        frames = fft_op(x, (2,), True, mode)
    else:
        frames = irfft_op(narrow(x, 2, 0, n_fft // 2 + 1), 2, n_fft, mode)
    batch, count = frames.shape[:2]
    total = n_fft + hop * (count - 1)
    signal = unfold_back(frames * full, (batch, total), 1, n_fft, hop)
    weight = unfold_back(expand(full * full, (1, count, n_fft)), (1, total), 1, n_fft, hop)
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else total - start
    stop = min(end, total)
    signal, weight = (narrow(t, 1, start, stop - start) for t in (signal, weight))
    if np.abs(np.asarray(weight._data)).min() <= 1e-11:
        raise RuntimeError(
            "istft: window overlap add min: the squared windows add up to 0 at some samples, whose "
            f"values are lost (hop_length={hop}, win_length={win}, center={center})"
        )
    out = signal / weight
    if end > total:
        warnings.warn(
            "The length of signal is shorter than the length parameter. Result is being padded "
            "with zeros in the tail. Please check your center and hop_length settings.",
            UserWarning,
            stacklevel=3,
        )
        out = pad_back(out, (batch, end - start), 1, 0)
    return out if input.ndim == 3 else squeeze(out, 0)
