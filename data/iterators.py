"""One pass over a DataLoader: which indices come next, and what is fetched for them."""

from __future__ import annotations

import warnings
from collections import deque
from functools import partial
from typing import Any, Self

import numpy as np

from ..autograd.handle import make
from .collation import default_collate
from .dataset import Subset, TensorDataset, fetched
from .sampler import draw_seed
from .worker import Worker


class Fetcher:
    """From indices to a batch: ``fetch`` raises StopIteration where an iterable dataset ends."""

    def __init__(self, loader: Any, dataset: Any) -> None:
        self.dataset, self.collate = dataset, loader.collate_fn
        self.batches, self.drop_last = loader.batch_sampler is not None, loader.drop_last
        self.stream = iter(dataset) if loader._iterable else None
        self.ended = False

    def fetch(self, index: Any) -> Any:
        """The batch (or the sample) at the given indices."""
        if self.stream is not None:
            return self.collate(self._next(index))
        if not self.batches:
            return self.collate(self.dataset[index])
        if self.collate is default_collate:
            batch = gathered(self.dataset, index)
            if batch is not None:
                return batch
        return self.collate(fetched(self.dataset, index))

    def _next(self, index: Any) -> Any:
        assert self.stream is not None
        if self.ended:
            raise StopIteration
        if not self.batches:
            return next(self.stream)
        samples: list[Any] = []
        for _ in index:
            try:
                samples.append(next(self.stream))
            except StopIteration:
                self.ended = True
                break
        if not samples or (self.drop_last and len(samples) < len(index)):
            raise StopIteration
        return samples


def gathered(dataset: Any, index: list[Any]) -> list[Any] | None:
    """A batch of a TensorDataset taken in one piece: what stacking its samples gives, sooner.

    None where the dataset is another, or gradient has to flow, or indices are no plain integers.
    """
    while type(dataset) is Subset:
        index, dataset = [dataset.indices[k] for k in index], dataset.dataset
    if type(dataset) is not TensorDataset or any([t.requires_grad for t in dataset.tensors]):
        return None
    if any([type(k) is not int for k in index]):
        return None
    return [make(np.take(t._data, index, axis=0)) for t in dataset.tensors]


class Passes:
    """What both kinds of pass share: the indices, and the seed that every pass draws."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader
        self.promised: int | None = loader._promised
        self.indices = iter(loader._index_sampler)
        # Drawn even where nobody needs it: the default generator moves on as PyTorch's does.
        self.base_seed = draw_seed(loader.generator)
        self.yielded = 0

    def __iter__(self) -> Self:
        return self

    def __len__(self) -> int:
        return len(self.loader._index_sampler)

    def __next__(self) -> Any:
        data = self.next_data()
        self.yielded += 1
        if self.promised is not None and self.yielded > self.promised:
            warnings.warn(
                f"Length of IterableDataset {self.loader.dataset} was reported to be "
                f"{self.promised} (when accessing len(dataloader)), but {self.yielded} samples "
                "have been fetched. ",
                stacklevel=2,
            )
        return data

    def next_data(self) -> Any:
        """The next batch."""
        raise NotImplementedError


class InProcess(Passes):
    """A pass without workers."""

    def __init__(self, loader: Any) -> None:
        super().__init__(loader)
        self.fetcher = Fetcher(loader, loader.dataset)

    def next_data(self) -> Any:
        """The next batch."""
        return self.fetcher.fetch(next(self.indices))


class InWorkers(Passes):
    """A pass with workers: batch k is the work of worker k mod n, as long as that one has data.

    Indices are taken ``prefetch_factor`` batches a worker ahead, as PyTorch takes them.
    """

    def __init__(self, loader: Any) -> None:
        super().__init__(loader)
        self.workers = [Worker(loader, k, self.base_seed) for k in range(loader.num_workers)]
        self.reset()

    def reset(self) -> None:
        """Begin a pass with the workers as they are."""
        loader = self.loader
        self.indices, self.yielded = iter(loader._index_sampler), 0
        self.promised = loader._promised
        self.fetchers = [w.run(partial(Fetcher, loader, w.dataset)) for w in self.workers]
        for worker in self.workers:
            worker.active = True
        self.tasks: deque[tuple[int, Any]] = deque()
        self.turn = 0
        for _ in range(loader.prefetch_factor * loader.num_workers):
            self.assign()

    def assign(self) -> None:
        """Give the next indices to the next worker that still has data."""
        n = len(self.workers)
        try:
            index = next(self.indices)
        except StopIteration:
            return
        for k in range(n):
            number = (self.turn + k) % n
            if self.workers[number].active:
                self.turn = number + 1
                self.tasks.append((number, index))
                return

    def next_data(self) -> Any:
        """The next batch, in the order in which the indices were given out."""
        while self.tasks:
            number, index = self.tasks.popleft()
            worker, fetcher = self.workers[number], self.fetchers[number]
            if not worker.active:
                continue
            ended = object()
            data = worker.run(partial(_or_end, fetcher, index, ended))
            worker.active = data is not ended
            self.assign()
            if worker.active:
                return data
        raise StopIteration


def _or_end(fetcher: Fetcher, index: Any, ended: object) -> Any:
    """The batch, or ``ended`` where an iterable dataset has no more."""
    if fetcher.stream is None:
        return fetcher.fetch(index)
    try:
        return fetcher.fetch(index)
    except StopIteration:
        return ended
