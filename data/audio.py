"""Sound: spectrograms, and spoken-like digits made of tones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..autograd import Tensor
from ..autograd.declare import names

_tensor = names["torch"]["tensor"]
Floats = npt.NDArray[np.float32]
RATE = 8000  # samples a second
# Two formants for each digit, first and second part of the word, in Hz: (low, high), (low, high).
FORMANTS = (
    ((400, 1800), (500, 900)), ((450, 900), (300, 2200)), ((300, 2300), (350, 800)),
    ((550, 1500), (300, 2600)), ((600, 900), (600, 1300)), ((700, 1200), (300, 2000)),
    ((400, 2000), (900, 3200)), ((550, 1800), (600, 1400)), ((400, 2300), (900, 2900)),
    ((700, 1300), (300, 1600)),
)  # fmt: skip


def spectrogram(
    signal: npt.ArrayLike | Tensor, window: int = 254, overlap: int = 127, log: bool = False
) -> Any:
    """Magnitudes |Σₙ hann[n]·x[n]·e^(−2πikn/window)| of overlapping windows: (frames, bins).

    frames = 1 + ⌊(samples − window)/(window − overlap)⌋, without padding; bins = window//2 + 1: 128
    for windows of 254 samples, which overlap by 127. ``log`` gives log(1 + magnitude). Bin k stands
    for the frequency k·rate/window. Raises ValueError for a signal shorter than a window, and an
    overlap not in [0, window).

    >>> import numpy as np
    >>> from chainrule.data import audio
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
    >>> s = audio.spectrogram(tone)
    >>> s.shape, int(s[0].argmax()) * 8000 / 254
    (torch.Size([61, 128]), 1007.8740157480315)
    """
    if not 0 <= overlap < window:
        raise ValueError(f"spectrogram: overlap must be in [0, window={window}), got {overlap}")
    x = signal if isinstance(signal, Tensor) else _tensor(np.asarray(signal, np.float32))
    if x.ndim != 1 or len(x) < window:
        raise ValueError(
            f"spectrogram: a 1-d signal of {window} samples or more expected, got shape "
            f"{tuple(x.shape)}"
        )
    spectra = names["torch"]["stft"](
        x, window, window - overlap, center=False, return_complex=True,
        window=names["torch"]["hann_window"](window, dtype=x.dtype),
    )  # fmt: skip
    magnitude = spectra.abs().T
    return magnitude.log1p() if log else magnitude


def speak_digits(
    digits: Sequence[int], generator: np.random.Generator | int = 0, noise: float = 0.02
) -> Floats:
    """A signal at 8 kHz that "says" digits: each a glide between two pairs of formant tones.

    Every word has its own length (.10–.18 s), pitch (±4 %) and loudness; silences lie between,
    noise over all.

    >>> from chainrule.data import audio
    >>> audio.speak_digits([3, 1, 4]).dtype
    dtype('float32')
    """
    rng = np.random.default_rng(generator)
    parts = [np.zeros(int(rng.uniform(0.02, 0.06) * RATE))]
    for digit in digits:
        if not 0 <= digit <= 9:
            raise ValueError(f"speak_digits: digits are 0 to 9, got {digit}")
        parts += [_word(digit, rng), np.zeros(int(rng.uniform(0.03, 0.08) * RATE))]
    signal = np.concatenate(parts)
    return (signal + rng.normal(0, noise, len(signal))).astype(np.float32)


def _word(digit: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    length = int(rng.uniform(0.10, 0.18) * RATE)
    time = np.linspace(0, 1, length)
    glide = 1 / (1 + np.exp(-(time - 0.5) * 20))  # from the first pair to the second
    pitch, out = rng.uniform(0.96, 1.04), np.zeros(length)
    for first, second in zip(*FORMANTS[digit], strict=True):
        frequency = pitch * (first + (second - first) * glide)
        phase = 2 * np.pi * np.cumsum(frequency) / RATE + rng.uniform(0, 2 * np.pi)
        out += np.sin(phase)
    return rng.uniform(0.6, 1.0) * np.sin(np.pi * time) ** 0.5 * out


def digit_speech(
    n: int, length: tuple[int, int] = (2, 5), seed: int = 0, noise: float = 0.02
) -> tuple[list[Floats], list[list[int]]]:
    """``n`` signals of spoken-like digits, of random number and kind, and the digits.

    >>> from chainrule.data import audio
    >>> signals, digits = audio.digit_speech(2)
    >>> [len(d) for d in digits]
    [5, 2]
    """
    rng = np.random.default_rng(seed)
    texts = [rng.integers(0, 10, rng.integers(length[0], length[1] + 1)).tolist() for _ in range(n)]
    return [speak_digits(text, rng, noise) for text in texts], texts
