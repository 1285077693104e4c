"""Workers: each with its own copy of the dataset and its own random numbers.

They take turns in this process. What a worker yields depends on its copy of the dataset and on its
random state alone, so the batches are those that separate processes would give.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd.random import default_generator
from .dataset import IterableDataset


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """What a worker knows of itself: its number, how many there are, its seed and its dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_current: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Return the worker that is loading, None outside of workers.

    >>> get_worker_info() is None
    True
    """
    return _current


def _snapshot() -> tuple[Any, ...]:
    """The state of every global source of random numbers."""
    # Users' transforms draw from NumPy's global generator, so that is the one to keep.
    legacy = np.random.get_state()  # noqa: NPY002
    return random.getstate(), legacy, default_generator.get_state()


def _restore(states: tuple[Any, ...]) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    default_generator.set_state(states[2])


class Worker:
    """One worker: ``run(f)`` calls f() with this worker's random state in place of the process's.

    An iterable dataset is copied with all that it holds, as its position and its shard are the
    worker's own; of one with indices the object is copied and its contents are shared.
    """

    def __init__(self, loader: Any, number: int, base_seed: int) -> None:
        dataset = loader.dataset
        deep = isinstance(dataset, IterableDataset)
        self.dataset = copy.deepcopy(dataset) if deep else copy.copy(dataset)
        self.info = WorkerInfo(number, loader.num_workers, base_seed + number, self.dataset)
        self.active = True
        self.states: tuple[Any, ...] | None = None
        init = loader.worker_init_fn
        self.run(lambda: self._start(base_seed, init))

    def _start(self, base_seed: int, init: Callable[[int], Any] | None) -> None:
        random.seed(self.info.seed)
        default_generator.manual_seed(self.info.seed)
        words = [self.info.id, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
        np.random.seed(np.random.SeedSequence(words).generate_state(4))  # noqa: NPY002
        if init is not None:
            init(self.info.id)

    def run(self, f: Callable[[], Any]) -> Any:
        """Call ``f`` as this worker."""
        global _current
        outside, before = _snapshot(), _current
        if self.states is not None:
            _restore(self.states)
        _current = self.info
        try:
            return f()
        finally:
            _current = before
            self.states = _snapshot()
            _restore(outside)
