"""Train LeNet on the 60,000 training images of Fashion-MNIST and write its weights.

``python -m chainrule.models.train_lenet [--folder IDX] [--epochs 8] [--out FILE]``. The weights
that come with the package were made by this command with ``--out`` alone, from Debian's package
dataset-fashion-mnist: 91.11 % of the 10,000 test images are right.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from .. import nn, optim
from ..autograd import random, serialization
from ..autograd.declare import names
from ..data import fashion
from .fitting import accuracy, fit
from .lenet import LeNet

BATCH = 64


def tensors(which: str, folder: str | None = None) -> tuple[Any, Any]:
    """Fashion-MNIST as tensors: images (n, 1, 28, 28) from 0 to 1, and labels (n,).

    >>> images, labels = tensors("subset")
    >>> images.shape, labels.dtype
    (torch.Size([6000, 1, 28, 28]), torch.int64)
    """
    images, labels = fashion.fashion_mnist(which, folder)
    pixels = images[:, None].astype(np.float32) / np.float32(255)
    return names["torch"]["from_numpy"](pixels), names["torch"]["from_numpy"](labels)


def train(images: Any, labels: Any, epochs: int, seed: int = 0) -> LeNet:
    """A LeNet after so many epochs of Adam, whose rate rises and falls in one cycle."""
    random.manual_seed(seed)
    net = LeNet()
    descent = optim.Adam(net.parameters(), lr=1e-3)
    steps = epochs * -(-len(labels) // BATCH)
    schedule = optim.lr_scheduler.OneCycleLR(descent, max_lr=4e-3, total_steps=steps)
    fit(net, images, labels, descent, epochs, BATCH, nn.functional.cross_entropy, schedule)
    return net


def main(arguments: list[str] | None = None) -> float:
    """Train, measure, write; returns the share of test images that are right."""
    parser = argparse.ArgumentParser(description="Train LeNet on Fashion-MNIST.")
    parser.add_argument("--folder", help="a folder with the four IDX files (default: Debian's)")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--out", help="where to write the weights, as safetensors")
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    net = train(*tensors("train", options.folder), options.epochs)
    seconds = time.perf_counter() - start
    right = accuracy(net, *tensors("test", options.folder))
    print(f"{options.epochs} epochs in {seconds:.0f} s: {right:.2%} of the test images are right")
    if options.out:
        serialization.save(net.state_dict(), options.out)
    return right


if __name__ == "__main__":
    main()
