"""Every name of ``nn`` that published code uses is there and does its work."""

from __future__ import annotations

import importlib
import os

import pytest

import chainrule as cr
from chainrule import nn

IMAGE, LINE, TABLE = (2, 4, 8, 8), (2, 4, 8), (3, 6)
# Name: how it is made, and the shape of an input that it takes.
MADE = {
    "Linear": (lambda: nn.Linear(6, 2), TABLE),
    "Sequential": (lambda: nn.Sequential(nn.Linear(6, 2)), TABLE),
    "ReLU": (nn.ReLU, TABLE),
    "LazyLinear": (lambda: nn.LazyLinear(2, bias=True), TABLE),
    "Dropout": (lambda: nn.Dropout(p=0.5), TABLE),
    "Conv2d": (lambda: nn.Conv2d(in_channels=4, out_channels=2, kernel_size=3), IMAGE),
    "Flatten": (lambda: nn.Flatten(start_dim=1), IMAGE),
    "LazyConv2d": (lambda: nn.LazyConv2d(2, kernel_size=3, padding=1, groups=2), IMAGE),
    "MaxPool2d": (lambda: nn.MaxPool2d(kernel_size=3, stride=2, padding=1), IMAGE),
    "LayerNorm": (lambda: nn.LayerNorm(6), TABLE),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d((1, 1)), IMAGE),
    "Dropout2d": (nn.Dropout2d, IMAGE),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(4), IMAGE),
    "Tanh": (nn.Tanh, TABLE),
    "LazyBatchNorm2d": (nn.LazyBatchNorm2d, IMAGE),
    "Sigmoid": (nn.Sigmoid, TABLE),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(4, 2, 4, stride=2, padding=1), IMAGE),
    "LeakyReLU": (lambda: nn.LeakyReLU(0.2, inplace=False), TABLE),
    "GELU": (nn.GELU, TABLE),
    "AvgPool2d": (lambda: nn.AvgPool2d(kernel_size=2, stride=2), IMAGE),
    "LazyBatchNorm1d": (nn.LazyBatchNorm1d, TABLE),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(4, affine=True), IMAGE),
    "Conv1d": (lambda: nn.Conv1d(4, 2, 3), LINE),
    "ReflectionPad2d": (lambda: nn.ReflectionPad2d(2), IMAGE),
    "AdaptiveAvgPool1d": (lambda: nn.AdaptiveAvgPool1d(1), LINE),
    "AdaptiveMaxPool2d": (lambda: nn.AdaptiveMaxPool2d(2), IMAGE),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(6), TABLE),
    "PReLU": (nn.PReLU, TABLE),
    "PixelShuffle": (lambda: nn.PixelShuffle(2), IMAGE),
    "Softmax": (lambda: nn.Softmax(dim=1), TABLE),
    "GRU": (lambda: nn.GRU(8, 3, dropout=0.0), LINE),
    "LSTM": (lambda: nn.LSTM(8, 3, num_layers=2, bidirectional=True, batch_first=True), LINE),
    "RNN": (lambda: nn.RNN(8, 3, nonlinearity="relu"), LINE),
    "LSTMCell": (lambda: nn.LSTMCell(6, 3), TABLE),
}
LOSSES = {
    "CrossEntropyLoss": ([TABLE], cr.int64),
    "NLLLoss": ([TABLE], cr.int64),
    "MSELoss": ([TABLE, TABLE], None),
    "L1Loss": ([TABLE, TABLE], None),
    "BCELoss": ([TABLE, TABLE], None),
    "BCEWithLogitsLoss": ([TABLE, TABLE], None),
}


def first(result: object) -> cr.Tensor:
    while isinstance(result, tuple):
        result = result[0]
    assert isinstance(result, cr.Tensor)
    return result


@pytest.mark.parametrize("name", MADE)
def test_a_layer_runs_and_learns(name: str) -> None:
    make, shape = MADE[name]
    x = cr.randn(*shape, requires_grad=True)
    layer = make()
    out = first(layer(x))
    out.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape
    assert all(p.grad is not None for p in layer.parameters())
    assert name.removeprefix("Lazy") == type(layer).__name__


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_a_number(name: str) -> None:
    shapes, kind = LOSSES[name]
    x = cr.rand(*shapes[0], requires_grad=True)
    target = cr.zeros(3, dtype=kind) if kind else cr.rand(*shapes[1])
    loss = getattr(nn, name)(reduction="mean")(x, target)
    loss.backward()
    assert loss.shape == ()
    assert x.grad is not None


def test_tables() -> None:
    rows = nn.Embedding(num_embeddings=9, embedding_dim=4)(cr.tensor([[1, 2]]))
    assert rows.shape == (1, 2, 4)
    assert nn.EmbeddingBag(9, 4)(cr.tensor([[1, 2]])).shape == (1, 4)


def test_a_gradient_by_frequency() -> None:
    """Each row's gradient is divided by how often the row occurs, for bags as for single rows."""
    table = cr.ones(5, 1, requires_grad=True)
    indices = cr.tensor([[0, 1, 1, 2], [2, 2, 2, 3]])
    for look_up in (nn.functional.embedding, nn.functional.embedding_bag):
        table.grad = None
        more = {"mode": "sum"} if look_up is nn.functional.embedding_bag else {}
        look_up(indices, table, scale_grad_by_freq=True, **more).sum().backward()
        assert table.grad.flatten().tolist() == [1.0, 1.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize("name", ["MultiheadAttention", "Transformer"])
def test_attention(name: str) -> None:
    x = cr.randn(2, 3, 8)
    if name == "MultiheadAttention":
        out = nn.MultiheadAttention(8, 2, dropout=0.0, bias=True, batch_first=True)(x, x, x)[0]
    else:
        out = nn.Transformer(8, 2, 1, 1, dim_feedforward=16)(x, x)
    assert out.shape == (2, 3, 8)


PATHS = {
    "dropout": ["Dropout"],
    "linear": ["Linear", "NonDynamicallyQuantizableLinear"],
    "sparse": ["Embedding"],
    "activation": ["MultiheadAttention", "ReLU"],
    "container": ["ModuleList"],
    "normalization": ["LayerNorm"],
    "rnn": ["GRU", "LSTM", "RNN"],
    "transformer": ["TransformerEncoder", "TransformerEncoderLayer"],
    "conv": ["Conv2d", "_ConvNd"],
    "pixelshuffle": ["PixelShuffle"],
    "batchnorm": ["BatchNorm2d", "_BatchNorm"],
    "pooling": ["MaxPool2d"],
    "padding": ["ZeroPad2d"],
    "loss": ["MSELoss", "_Loss", "_WeightedLoss"],
    "module": ["Module", "register_module_forward_hook"],
    "utils": ["_pair", "consume_prefix_in_state_dict_if_present"],
}


@pytest.mark.parametrize("path", PATHS)
def test_import_paths(path: str) -> None:
    module = importlib.import_module(f"chainrule.nn.modules.{path}")
    for name in PATHS[path]:
        assert getattr(module, name) is getattr(nn, name, getattr(module, name))
    with pytest.raises(AttributeError, match="nothing"):
        _ = module.nothing
    assert getattr(nn.modules, path) is module


def test_modules_also_has_the_classes() -> None:
    assert nn.modules.Linear is nn.Linear
    with pytest.raises(AttributeError):
        _ = nn.modules.nothing


def test_module_methods() -> None:
    net = nn.Sequential(nn.Linear(2, 2))
    net.apply(lambda m: nn.init.zeros_(m.weight) if isinstance(m, nn.Linear) else None)
    net.add_module("act", nn.ReLU())
    assert [n for n, _ in net.named_modules()] == ["", "0", "act"]
    assert len(list(net.children())) == 2
    assert net.train().training
    assert not net.eval().training
    assert net.to_empty(device="cpu")[0].weight.shape == (2, 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
def test_shared_memory() -> None:
    net = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
    before = net.state_dict()["0.weight"].clone()
    assert net.share_memory() is net
    assert net[0].weight.tolist() == before.tolist()
    child = os.fork()
    if not child:
        with cr.no_grad():
            net[0].weight.fill_(7.0)
        os._exit(0)
    os.waitpid(child, 0)
    assert net[0].weight.tolist() == [[7.0, 7.0]]


@pytest.mark.parametrize("name", ["Container", "LinearCrossEntropyLoss", "quantized"])
def test_what_is_left_out_says_so(name: str) -> None:
    with pytest.raises(AttributeError, match=f"chainrule.nn has no {name}: "):
        getattr(nn, name)


def test_what_comes_later_raises() -> None:
    with pytest.raises(NotImplementedError, match="distributed"):
        nn.SyncBatchNorm(3)
    with pytest.raises(NotImplementedError, match="distributed"):
        nn.SyncBatchNorm.convert_sync_batchnorm(nn.BatchNorm1d(2))
    line = nn.Linear(1, 1)
    assert nn.SyncBatchNorm.convert_sync_batchnorm(line) is line
    with pytest.raises(NotImplementedError, match="compile"):
        line.compile()
