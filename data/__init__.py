"""Data: datasets, samplers, and the DataLoader that makes batches of them."""

from __future__ import annotations

from typing import Any

from . import audio, captions, datasets, languages, text, vectors
from .collation import collate, default_collate, default_collate_fn_map, default_convert
from .dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from .datasets import load_digits, stratified_split
from .fashion import fashion_mnist
from .idx import read_idx, write_idx
from .loader import DataLoader
from .sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from .scenes import Scenes, class_map, collate_scenes
from .worker import WorkerInfo, get_worker_info

__all__ = [
    # datasets
    "ChainDataset",
    "ConcatDataset",
    "Dataset",
    "IterableDataset",
    "StackDataset",
    "Subset",
    "TensorDataset",
    "random_split",
    # samplers
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
    # loading
    "DataLoader",
    "WorkerInfo",
    "collate",
    "default_collate",
    "default_collate_fn_map",
    "default_convert",
    "get_worker_info",
    # what comes with the package
    "audio",
    "captions",
    "datasets",
    "languages",
    "text",
    "vectors",
    "load_digits",
    "fashion_mnist",
    "read_idx",
    "write_idx",
    "Scenes",
    "class_map",
    "collate_scenes",
    "stratified_split",
]


def __getattr__(name: str) -> Any:
    if name in ("distributed", "DistributedSampler"):  # importable; using it says it comes later
        from ..compat import parallel

        return parallel if name == "distributed" else parallel.DistributedSampler
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
