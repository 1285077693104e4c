"""One training script, run with both libraries: the same losses, step by step.

The script is a function of the library's module; nothing else about it changes. It draws the
initial weights, the shuffling and (in one variant) dropout from the seed, so all three have to be
the same numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr

torch = pytest.importorskip("torch")

STEPS = 50


def loaded(torch: Any) -> Any:
    """The digits as the library's tensors: 64 numbers in 0..1, and the class."""
    images, labels = cr.data.load_digits()
    x = torch.tensor(images.reshape(-1, 64).tolist(), dtype=torch.float32) / 16
    return x, torch.tensor(labels.tolist())


def train(torch: Any, data: Any, make_optimizer: Any, dropout: float = 0.0) -> list[float]:
    """Train a 64-32-10 network for 50 steps; return the losses."""
    nn, F = torch.nn, torch.nn.functional

    class Net(nn.Module):  # type: ignore[misc, name-defined]  # of either library
        def __init__(self) -> None:
            super().__init__()
            self.hidden = nn.Linear(64, 32)
            self.dropout = nn.Dropout(dropout)
            self.out = nn.Linear(32, 10)

        def forward(self, x: Any) -> Any:
            return self.out(self.dropout(F.relu(self.hidden(x))))

    torch.manual_seed(1)
    net = Net()
    x, y = loaded(torch)
    loader = data.DataLoader(data.TensorDataset(x, y), batch_size=64, shuffle=True)
    optimizer = make_optimizer(torch.optim, net.parameters())
    losses: list[float] = []
    net.train()
    while len(losses) < STEPS:
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(inputs), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if len(losses) == STEPS:
                break
    return losses


OPTIMIZERS = {
    "sgd": lambda optim, params: optim.SGD(params, lr=0.5),
    "momentum": lambda optim, params: optim.SGD(params, lr=0.1, momentum=0.9),
    "nesterov": lambda optim, params: optim.SGD(
        params, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4
    ),
    "adam": lambda optim, params: optim.Adam(params, lr=3e-3),
    "adamw": lambda optim, params: optim.AdamW(params, lr=3e-3),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_losses_agree(name: str) -> None:
    ours = train(cr, cr.data, OPTIMIZERS[name])
    theirs = train(torch, torch.utils.data, OPTIMIZERS[name])
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert ours[-1] < 0.8 * ours[0], "it learns"


def made_by_intel() -> bool:
    """Whether PyTorch's bernoulli_ takes the vendor's path, whose numbers differ by machine."""
    try:
        return "GenuineIntel" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


@pytest.mark.skipif(made_by_intel(), reason="PyTorch draws dropout otherwise on Intel CPUs")
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_losses_agree_with_dropout(name: str) -> None:
    ours = train(cr, cr.data, OPTIMIZERS[name], dropout=0.2)
    theirs = train(torch, torch.utils.data, OPTIMIZERS[name], dropout=0.2)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


@pytest.fixture
def portable_dropout(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's dropout with masks of the portable stream, drawn from PyTorch's own generator."""

    def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        if not training or p == 0:
            return input
        # 53-bit uniforms, one an element: what bernoulli_ draws on every other machine
        u = torch.empty(input.shape, dtype=torch.float64).uniform_()
        return input * ((u < 1 - p).to(input.dtype) / (1 - p))

    monkeypatch.setattr(torch.nn.functional, "dropout", dropout)


@pytest.mark.usefixtures("portable_dropout")
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_losses_agree_with_portable_dropout(name: str) -> None:
    """On every machine: dropout, shuffling and initial weights share one stream in one order."""
    ours = train(cr, cr.data, OPTIMIZERS[name], dropout=0.2)
    theirs = train(torch, torch.utils.data, OPTIMIZERS[name], dropout=0.2)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert ours != train(cr, cr.data, OPTIMIZERS[name])
