"""The models of images, built of PyTorch's layers too: the same values, results and losses.

Each file of ``chainrule.models`` is a program about ``nn``. Here it is read a second time with
PyTorch's ``nn`` in that name's place, and both readings are compared from the same seed. The names
and shapes of torchvision's checkpoints are checked in tests/models/test_vision.py.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import types
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import models

torch = pytest.importorskip("torch")


def in_torch(name: str) -> types.ModuleType:
    """``chainrule.models.<name>`` with PyTorch's layers, tensors and random numbers."""
    source = inspect.getsource(importlib.import_module(f"chainrule.models.{name}"))
    lines = []
    for line in source.splitlines():
        if line.startswith("from ..autograd import ") or line.startswith("from ..autograd.random"):
            continue
        line = line.replace("from .. import nn", "from torch import nn")
        line = line.replace("from ..autograd.declare import names", "import torch")
        lines.append(line.replace("from .registry", "from chainrule.models.registry"))
    module = types.ModuleType(f"{name}_in_torch")
    module.__dict__.update(
        names={"torch": vars(torch)}, __file__=inspect.getsourcefile(models), torch=torch
    )
    text = "\n".join(lines)
    text = text.replace("from chainrule.models.registry import register", "register = _unlisted")
    module.__dict__["_unlisted"] = lambda *args, **options: lambda build: build
    module.__dict__.update(Generator=object, pick=None, serialization=None)
    sys.modules[module.__name__] = module  # dataclasses and NamedTuple look it up
    exec(compile(text, module.__name__, "exec", dont_inherit=True), module.__dict__)
    return module


# File, function, options, shape of a sample; a batch is 4 of them.
CASES: dict[str, tuple[str, str, dict[str, Any], tuple[int, ...]]] = {
    "lenet": ("lenet", "lenet", {}, (1, 28, 28)),
    "lenet5": ("lenet", "lenet5", {}, (1, 32, 32)),
    "cnn": ("cnn", "cnn", {}, (1, 28, 28)),
    "alexnet": ("alexnet", "alexnet_slim", {"dropout": 0.0}, (1, 28, 28)),
    "zfnet": ("zfnet", "zfnet_slim", {"dropout": 0.0}, (1, 28, 28)),
    "vgg": ("vgg", "vgg11_slim", {"dropout": 0.0, "init_weights": True}, (1, 28, 28)),
    "googlenet": ("googlenet", "googlenet_slim", {"dropout": 0.0, "init_weights": True,
                                                  "divide": 16}, (1, 20, 20)),
    "resnet": ("resnet", "resnet20", {"width": 8}, (1, 16, 16)),
    "plain": ("resnet", "plain20", {"width": 8}, (1, 16, 16)),
    "unet": ("unet", "unet_slim", {"width": 4}, (3, 16, 16)),
}  # fmt: skip


def both(name: str) -> tuple[Any, Any, Any]:
    """Our model, PyTorch's reading of it, each from seed 3, and a batch."""
    file, function, options, shape = CASES[name]
    cr.manual_seed(3)
    ours = getattr(models, function)(**options)
    torch.manual_seed(3)
    theirs = getattr(in_torch(file), function)(**options)
    batch = np.random.default_rng(0).random((4, *shape), np.float32)
    return ours, theirs, batch


@pytest.mark.parametrize("name", CASES)
def test_same_seed_same_parameters(name: str) -> None:
    ours, theirs, _ = both(name)
    mine, other = ours.state_dict(), theirs.state_dict()
    assert list(mine) == list(other)
    for key, value in other.items():
        np.testing.assert_allclose(mine[key].numpy(), value.numpy(), rtol=0, atol=1e-7, err_msg=key)


@pytest.mark.parametrize("name", CASES)
def test_same_results_from_a_loaded_state(name: str) -> None:
    ours, theirs, batch = both(name)
    ours.load_state_dict({k: cr.from_numpy(v.numpy()) for k, v in theirs.state_dict().items()})
    for mode in (True, False):
        found = ours.train(mode)(cr.from_numpy(batch))
        wanted = theirs.train(mode)(torch.from_numpy(batch))
        np.testing.assert_allclose(
            found.detach().numpy(), wanted.detach().numpy(), rtol=1e-4, atol=1e-5
        )


def losses(lib: Any, net: Any, batch: Any, steps: int, lr: float) -> list[float]:
    """The losses of training on one batch, the same lines for both libraries."""
    x = lib.from_numpy(batch)
    sgd = lib.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    found = []
    for _ in range(steps):
        sgd.zero_grad()
        out = net(x)
        target = lib.arange(len(batch)).reshape(-1, *[1] * (out.ndim - 2))
        loss = lib.nn.functional.cross_entropy(out, target.expand(len(batch), *out.shape[2:]))
        loss.backward()
        sgd.step()
        found.append(loss.item())
    return found


@pytest.mark.parametrize(
    ("name", "lr"), [("lenet", 0.05), ("cnn", 0.05), ("resnet", 0.02), ("unet", 0.05)]
)
def test_twenty_steps_of_training(name: str, lr: float) -> None:
    ours, theirs, batch = both(name)
    mine, other = losses(cr, ours, batch, 20, lr), losses(torch, theirs, batch, 20, lr)
    np.testing.assert_allclose(mine, other, rtol=0, atol=1e-4)
    assert mine[-1] < 0.9 * mine[0]


def test_twenty_steps_of_a_plain_net() -> None:
    """In float64: without ways round, the roundings of float32 grow as the gradients do."""
    ours, theirs, batch = both("plain")
    batch = batch.astype(np.float64)
    mine = losses(cr, ours.double(), batch, 20, 0.02)
    other = losses(torch, theirs.double(), batch, 20, 0.02)
    np.testing.assert_allclose(mine, other, rtol=0, atol=1e-6)


def test_bottlenecks() -> None:
    reading = in_torch("resnet")
    cr.manual_seed(1)
    ours = models.ResNet(importlib.import_module("chainrule.models.resnet").Bottleneck, (2, 1), 5)
    torch.manual_seed(1)
    theirs = reading.ResNet(reading.Bottleneck, (2, 1), 5)
    batch = np.random.default_rng(0).random((2, 3, 32, 32), np.float32)
    np.testing.assert_allclose(
        ours(cr.from_numpy(batch)).detach().numpy(),
        theirs(torch.from_numpy(batch)).detach().numpy(),
        rtol=1e-4,
        atol=1e-5,
    )


def test_auxiliary_classifiers_and_rescaling() -> None:
    options = {"init_weights": False, "divide": 16, "small": True, "dropout": 0.0,
               "dropout_aux": 0.0, "transform_input": True}  # fmt: skip
    cr.manual_seed(1)
    ours = models.GoogLeNet(5, **options)
    torch.manual_seed(1)
    theirs = in_torch("googlenet").GoogLeNet(5, **options)
    batch = np.random.default_rng(0).random((2, 3, 24, 24), np.float32)
    pairs = zip(ours(cr.from_numpy(batch)), theirs(torch.from_numpy(batch)), strict=True)
    for mine, other in pairs:
        np.testing.assert_allclose(mine.detach().numpy(), other.detach().numpy(), atol=1e-4)


def test_the_bundled_weights_are_a_plain_safetensors_file() -> None:
    """PyTorch's users read it with their own tools, and it gives the same scores there."""
    load_file = pytest.importorskip("safetensors.torch").load_file
    path = importlib.import_module("chainrule.models.lenet")._WEIGHTS
    theirs = in_torch("lenet").LeNet()
    theirs.load_state_dict(load_file(path))
    images, _ = cr.data.fashion_mnist()
    batch = images[-8:, None] / np.float32(255)
    wanted = theirs(torch.from_numpy(batch)).detach().numpy()
    found = models.lenet(pretrained=True)(cr.from_numpy(batch)).detach().numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
