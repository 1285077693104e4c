"""LeNet on all of Fashion-MNIST: the accuracy that a course expects, and the time beside PyTorch.

``python benchmarks/fashion.py [--epochs 2] [--folder IDX] [--engine chainrule torch]``. Trains on
the 60,000 training images (batches of 64, Adam in one cycle, seed 0) and counts what is right of
the 10,000 test images; the same lines run for both libraries. It fails (exit status 1) where
chainrule stays below 85 %. The images come from Debian's package dataset-fashion-mnist, or any
folder of the four IDX files.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
from time import perf_counter
from typing import Any

import numpy as np

BATCH, WANTED = 64, 0.85


def network(nn: Any) -> Any:
    """``models.lenet`` written out, for either library."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def run(lib: Any, train: Any, test: Any, epochs: int) -> tuple[float, float]:
    """Seconds of training, and the share of test images that are right."""
    lib.manual_seed(0)
    net, loss_of = network(lib.nn), lib.nn.functional.cross_entropy
    (x, y), (x_test, y_test) = ([lib.from_numpy(a) for a in part] for part in (train, test))
    adam = lib.optim.Adam(net.parameters(), lr=1e-3)
    steps = epochs * -(-len(x) // BATCH)
    cycle = lib.optim.lr_scheduler.OneCycleLR(adam, max_lr=4e-3, total_steps=steps)
    start = perf_counter()
    for _ in range(epochs):
        for chosen in lib.randperm(len(x)).split(BATCH):
            adam.zero_grad()
            loss_of(net(x[chosen]), y[chosen]).backward()
            adam.step()
            cycle.step()
    seconds = perf_counter() - start
    with lib.no_grad():
        right = [
            int((net(a).argmax(1) == b).sum())
            for a, b in zip(x_test.split(1000), y_test.split(1000), strict=True)
        ]
    return seconds, sum(right) / len(x_test)


def pixels(images: Any) -> Any:
    """Images as float32 from 0 to 1, with a dimension for the channel."""
    return images[:, None].astype(np.float32) / np.float32(255)


def main() -> int:
    """Train with each engine, print a line for it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--folder", help="a folder with the four IDX files (default: Debian's)")
    parser.add_argument("--engine", nargs="+", default=["chainrule", "torch"])
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # one core, as in the other tables
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    from chainrule.data import fashion_mnist

    train, test = (
        (pixels(images), labels)
        for images, labels in (fashion_mnist(part, options.folder) for part in ("train", "test"))
    )
    failed = False
    for name in options.engine:
        if importlib.util.find_spec(name) is None:
            print(f"{name}: left out, it is not installed")
            continue
        seconds, right = run(importlib.import_module(name), train, test, options.epochs)
        print(f"{name}: {options.epochs} epochs in {seconds:.1f} s, {right:.2%} right", flush=True)
        failed |= name == "chainrule" and right < WANTED
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
