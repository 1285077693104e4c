"""The Mersenne twister with PyTorch's seeding and PyTorch's state, and uniforms from its words.

A *24-bit uniform* takes one 32-bit word r, ``(r & (2**24 - 1)) / 2**24``; a *53-bit uniform* takes
two, ``((r0 << 32 | r1) & (2**53 - 1)) / 2**53``.

Source: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8 (1998).
"""

from __future__ import annotations

import operator
import secrets
import struct
import threading
from typing import Any, Self

import numpy as np

Array = np.ndarray[Any, Any]

DEFAULT_SEED = 67280421310721  # PyTorch's seed where none was given
STATE_BYTES = 5056
_HEAD, _TAIL = struct.Struct("<QiiQ"), struct.Struct("<dddi4xfB3x")
_CHUNK = 1 << 15  # words pulled at a time: they stay in the cache while they are converted
_BITS24, _BITS53 = np.uint32(2**24 - 1), np.uint64(2**53 - 1)
_BITS64 = 2**64 - 1
_HIGH = np.uint64(32)


class Twister:
    """MT19937, its seed and state; the part of a Generator below the distributions."""

    __slots__ = ("__weakref__", "_bits", "_lock", "_second", "_seed", "device")

    def __init__(self, device: Any = "cpu") -> None:
        if str(device) != "cpu":
            raise RuntimeError(f"Generator: device {device} has none; use Generator(device='cpu')")
        self.device = "cpu"
        self._lock = threading.Lock()
        self._bits = np.random.MT19937()
        self._seed = 0
        self._second: float | None = None  # the unused half of the last Box-Muller pair
        self.manual_seed(DEFAULT_SEED)

    # --- seed and state -----------------------------------------------------------------------

    def manual_seed(self, seed: int) -> Self:
        """Restart the stream at ``seed``, -2**63 to 2**64 - 1 (negative ones wrap at 2**64)."""
        try:
            seed = operator.index(seed)
        except TypeError:
            name = type(seed).__name__
            raise RuntimeError(f"manual_seed expected a long, but got {name}") from None
        if not -(2**63) <= seed < 2**64:
            raise ValueError(
                f"manual_seed: {seed} does not fit 64 bits; take one from -2**63 to 2**64 - 1"
            )
        with self._lock:
            self._seed = seed & _BITS64
            # The twister itself sees the low 32 bits only, as in PyTorch.
            np.random.RandomState(self._bits).seed(self._seed & 0xFFFFFFFF)
            self._second = None
        return self

    def seed(self) -> int:
        """Restart at a seed from the operating system's entropy, and return it."""
        seed = secrets.randbits(64)
        self.manual_seed(seed)
        return seed

    def initial_seed(self) -> int:
        """The seed of the last restart."""
        return self._seed

    def get_state(self) -> Array:
        """The whole state as 5,056 bytes of uint8, laid out as PyTorch's ``get_state``."""
        with self._lock:
            inner: Any = self._bits.state["state"]
            key, pos = inner["key"].astype("<u8"), int(inner["pos"])
            # Straight after seeding, PyTorch counts from 0 and not from the end of the block.
            fresh = pos == 624 and int(key[0]) == self._seed & 0xFFFFFFFF
            head = _HEAD.pack(self._seed, 625 - pos, 1, 0 if fresh else pos)
            second = self._second
            tail = _TAIL.pack(0.0, second or 0.0, 0.0, second is not None, 0.0, 0)
        return np.frombuffer(head + key.tobytes() + tail, np.uint8).copy()

    def set_state(self, new_state: Array) -> None:
        """Continue from a state that ``get_state`` (or PyTorch's) gave."""
        state = np.asarray(new_state)
        if state.dtype != np.uint8 or state.size != STATE_BYTES:
            raise RuntimeError(
                f"set_state expects {STATE_BYTES} bytes of uint8 from get_state(), "
                f"got {state.dtype} of shape {state.shape}"
            )
        raw = state.tobytes()
        seed, left, _, following = _HEAD.unpack_from(raw)
        _, second, _, valid, _, _ = _TAIL.unpack_from(raw, STATE_BYTES - _TAIL.size)
        pos = 624 if left == 1 else following
        if not 0 <= pos <= 624:
            raise RuntimeError("set_state: not a generator state; pass what get_state() returned")
        key = np.frombuffer(raw, "<u8", 624, _HEAD.size).astype(np.uint32)
        with self._lock:
            self._bits.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": pos}}
            self._seed, self._second = seed, second if valid else None

    def clone_state(self) -> Self:
        """A new generator that continues from the same place."""
        out = type(self)()
        out.set_state(self.get_state())
        return out

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restore, (type(self), self.get_state()))

    def __repr__(self) -> str:
        return f"Generator(device={self.device}, initial_seed={self._seed})"

    # --- words and uniforms -------------------------------------------------------------------

    def words(self, n: int) -> Array:
        """The next n 32-bit words, as uint64."""
        with self._lock:
            return self._bits.random_raw(n)

    def words64(self, n: int) -> Array:
        """The next n 64-bit words, ``r0 << 32 | r1``."""
        raw = self.words(2 * n)
        out = raw[0::2] << _HIGH
        out |= raw[1::2]
        return out

    def uniform24(self, n: int) -> Array:
        """The next n 24-bit uniforms in [0, 1), float32."""
        out = np.empty(n, np.float32)
        with self._lock:
            for i in range(0, n, _CHUNK):
                part = out[i : i + _CHUNK]
                low = self._bits.random_raw(part.size).astype(np.uint32)
                low &= _BITS24
                np.multiply(low.view(np.int32), np.float32(2.0**-24), out=part, casting="unsafe")
        return out

    def uniform53(self, n: int) -> Array:
        """The next n 53-bit uniforms in [0, 1), float64."""
        with self._lock:
            return self._uniform53(n)

    def _uniform53(self, n: int) -> Array:
        out = np.empty(n, np.float64)
        for i in range(0, n, _CHUNK):
            part = out[i : i + _CHUNK]
            raw = self._bits.random_raw(2 * part.size)
            word = raw[0::2] << _HIGH
            word |= raw[1::2]
            word &= _BITS53
            np.multiply(word.view(np.int64), 2.0**-53, out=part)
        return out


def _restore(cls: type[Twister], state: Array) -> Twister:
    out = cls()
    out.set_state(state)
    return out
