"""Modules against PyTorch's: initial values, states, texts, messages, results and gradients."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr

torch = pytest.importorskip("torch")

Both = Callable[[Any], Any]


def both(make: Both, seed: int = 0) -> tuple[Any, Any]:
    """What ``make`` builds with each library from the same seed."""
    cr.manual_seed(seed)
    torch.manual_seed(seed)
    return make(cr), make(torch)


def same(ours: Any, theirs: Any, rtol: float = 2e-7, atol: float = 0.0) -> None:
    """Equal dtype, shape and values."""
    assert str(ours.dtype) == str(theirs.dtype)
    assert tuple(ours.shape) == tuple(theirs.shape)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=rtol, atol=atol)


def message(make: Both, library: Any) -> tuple[str, str]:
    """The class and the text of the error that ``make`` raises."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  # compared with the other library's
        make(library)
    text = str(caught.value).replace("torch.nn.modules.", "nn.").replace("chainrule.nn.", "nn.")
    return type(caught.value).__name__, text


# -- initial values -------------------------------------------------------------------------------

INITS = {
    "uniform": lambda i, t: i.uniform_(t, -2.0, 3.0),
    "normal": lambda i, t: i.normal_(t, 1.0, 2.0),
    "trunc_normal": lambda i, t: i.trunc_normal_(t),
    "trunc_narrow": lambda i, t: i.trunc_normal_(t, std=0.02, a=-0.04, b=0.04),
    "trunc_far": lambda i, t: i.trunc_normal_(t, mean=0.5, std=1.0, a=1.5, b=2.0),
    "trunc_one_side": lambda i, t: i.trunc_normal_(t, mean=0.0, std=1.0, a=1.0, b=5.0),
    "constant": lambda i, t: i.constant_(t, 0.3),
    "ones": lambda i, t: i.ones_(t),
    "zeros": lambda i, t: i.zeros_(t),
    "xavier_uniform": lambda i, t: i.xavier_uniform_(t, gain=i.calculate_gain("relu")),
    "xavier_normal": lambda i, t: i.xavier_normal_(t),
    "kaiming_uniform": lambda i, t: i.kaiming_uniform_(t, mode="fan_out", nonlinearity="relu"),
    "kaiming_normal": lambda i, t: i.kaiming_normal_(t, a=0.2),
}
SHAPES = [(5, 3), (32, 17), (6, 4, 3, 3)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", INITS)
def test_init(name: str, shape: tuple[int, ...], dtype: str) -> None:
    def fill(library: Any) -> Any:
        t = library.empty(*shape, dtype=getattr(library, dtype), requires_grad=True)
        result = INITS[name](library.nn.init, t)
        assert result is t
        assert t.requires_grad
        return t

    ours, theirs = both(fill, seed=3)
    same(ours, theirs, rtol=1e-6, atol=1e-7)
    assert cr.rand(1).item() == torch.rand(1).item(), "as many numbers were drawn"


@pytest.mark.parametrize("shape", [(4, 4), (7, 3), (3, 7), (2, 3, 2, 2)])
@pytest.mark.parametrize("gain", [1, 1.5])
def test_orthogonal(shape: tuple[int, ...], gain: float) -> None:
    ours, theirs = both(lambda lib: lib.nn.init.orthogonal_(lib.empty(*shape), gain=gain))
    same(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["eye_", "sparse_"])
def test_matrix_inits(name: str) -> None:
    more = (0.3,) if name == "sparse_" else ()
    ours, theirs = both(lambda lib: getattr(lib.nn.init, name)(lib.empty(10, 5), *more))
    same(ours, theirs, atol=1e-8)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("shape", [(4, 2, 3), (4, 2, 3, 3), (2, 2, 3, 3, 3)])
def test_dirac(shape: tuple[int, ...], groups: int) -> None:
    same(*both(lambda lib: lib.nn.init.dirac_(lib.empty(*shape), groups)))


def test_init_from_a_generator() -> None:
    def fill(library: Any) -> Any:
        g = library.Generator().manual_seed(7)
        return library.nn.init.xavier_normal_(library.empty(20, 20), generator=g)

    same(*both(fill), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "make",
    [
        lambda lib: lib.nn.init.calculate_gain("swish"),
        lambda lib: lib.nn.init.calculate_gain("leaky_relu", True),
        lambda lib: lib.nn.init.xavier_uniform_(lib.empty(3)),
        lambda lib: lib.nn.init.kaiming_normal_(lib.empty(3, 2), mode="fan"),
        lambda lib: lib.nn.init.eye_(lib.empty(3)),
        lambda lib: lib.nn.init.orthogonal_(lib.empty(3)),
        lambda lib: lib.nn.init.dirac_(lib.empty(3, 2)),
        lambda lib: lib.nn.init.dirac_(lib.empty(3, 2, 2), groups=2),
    ],
)
def test_init_errors(make: Both) -> None:
    assert message(make, cr) == message(make, torch)


@pytest.mark.parametrize("name", ["linear", "conv2d", "sigmoid", "tanh", "relu", "selu"])
def test_gains(name: str) -> None:
    assert cr.nn.init.calculate_gain(name) == torch.nn.init.calculate_gain(name)


# -- layers: same seed, same state, same text, same results ---------------------------------------

LAYERS: dict[str, tuple[Both, tuple[int, ...]]] = {
    "linear": (lambda nn: nn.Linear(6, 4), (5, 6)),
    "linear, no bias": (lambda nn: nn.Linear(6, 4, bias=False), (2, 5, 6)),
    "linear, one row": (lambda nn: nn.Linear(6, 4), (6,)),
    "identity": (lambda nn: nn.Identity(3, x=4), (2, 3)),
    "flatten": (lambda nn: nn.Flatten(), (2, 3, 4)),
    "flatten from 0": (lambda nn: nn.Flatten(0, 1), (2, 3, 4)),
    "unflatten": (lambda nn: nn.Unflatten(1, (3, -1)), (2, 6, 2)),
    "unflatten last": (lambda nn: nn.Unflatten(-1, (2, 3)), (2, 6)),
    "relu": (lambda nn: nn.ReLU(), (4, 3)),
    "leaky_relu": (lambda nn: nn.LeakyReLU(0.2), (4, 3)),
    "gelu": (lambda nn: nn.GELU(), (4, 3)),
    "gelu tanh": (lambda nn: nn.GELU(approximate="tanh"), (4, 3)),
    "sigmoid": (lambda nn: nn.Sigmoid(), (4, 3)),
    "tanh": (lambda nn: nn.Tanh(), (4, 3)),
    "softmax": (lambda nn: nn.Softmax(dim=1), (4, 3)),
    "log_softmax": (lambda nn: nn.LogSoftmax(dim=-1), (4, 3)),
    "dropout in evaluation": (lambda nn: nn.Dropout(0.4).eval(), (4, 3)),
    "dropout of nothing": (lambda nn: nn.Dropout(0.0), (4, 3)),
    "dropout of all": (lambda nn: nn.Dropout(1.0), (4, 3)),
    "sequential": (
        lambda nn: nn.Sequential(
            nn.Flatten(), nn.Linear(12, 8), nn.Tanh(), nn.Sequential(nn.Linear(8, 3), nn.ReLU())
        ),
        (5, 3, 4),
    ),
    "named sequential": (
        lambda nn: nn.Sequential(OrderedDict(first=nn.Linear(4, 3), act=nn.GELU())),
        (5, 4),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name: str) -> None:
    make, shape = LAYERS[name]
    ours, theirs = both(lambda lib: make(lib.nn))
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for key, value in theirs.state_dict().items():
        same(ours.state_dict()[key], value)
    values = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    outs = []
    for library, layer in ((cr, ours), (torch, theirs)):
        x = library.tensor(values, requires_grad=True)
        out = layer(x)
        (out * out).sum().backward()
        outs.append((out, x.grad, [p.grad for p in layer.parameters()]))
    same(outs[0][0], outs[1][0], rtol=1e-5, atol=1e-6)
    same(outs[0][1], outs[1][1], rtol=1e-5, atol=1e-6)
    for a, b in zip(outs[0][2], outs[1][2], strict=True):
        same(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("more", [{}, {"padding_idx": 2}, {"padding_idx": -1}])
def test_embedding(more: dict[str, Any]) -> None:
    ours, theirs = both(lambda lib: lib.nn.Embedding(7, 3, **more))
    assert repr(ours) == repr(theirs)
    same(ours.weight, theirs.weight, rtol=1e-6, atol=1e-7)
    for library, table in ((cr, ours), (torch, theirs)):
        out = table(library.tensor([[2, 0], [6, 2]]))
        assert tuple(out.shape) == (2, 2, 3)
        (out * out).sum().backward()
    same(ours.weight.grad, theirs.weight.grad, rtol=1e-6, atol=1e-7)


def test_pretrained_embedding() -> None:
    def make(library: Any) -> Any:
        values = library.tensor([[1.0, 2.0], [3.0, 4.0]])
        return library.nn.Embedding.from_pretrained(values, padding_idx=0)

    ours, theirs = both(make)
    same(ours(cr.tensor([1, 0])), theirs(torch.tensor([1, 0])))
    assert ours.weight.requires_grad is theirs.weight.requires_grad is False
    assert repr(ours) == repr(theirs)


REDUCTIONS = ["mean", "sum", "none"]
WEIGHT = [0.5, 2.0, 1.0]
LOSSES = {
    "mse": (lambda lib, r: lib.nn.MSELoss(reduction=r), False),
    "l1": (lambda lib, r: lib.nn.L1Loss(reduction=r), False),
    "cross_entropy": (lambda lib, r: lib.nn.CrossEntropyLoss(reduction=r), True),
    "weighted": (
        lambda lib, r: lib.nn.CrossEntropyLoss(lib.tensor(WEIGHT), ignore_index=1, reduction=r),
        True,
    ),
    "smoothed": (
        lambda lib, r: lib.nn.CrossEntropyLoss(
            lib.tensor(WEIGHT), reduction=r, label_smoothing=0.1
        ),
        True,
    ),
    "nll": (lambda lib, r: lib.nn.NLLLoss(lib.tensor(WEIGHT), reduction=r), True),
}


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_loss(name: str, reduction: str) -> None:
    make, classes = LOSSES[name]
    rng = np.random.default_rng(2)
    scores = rng.standard_normal((6, 3)).astype(np.float32)
    target = rng.integers(0, 3, 6) if classes else rng.standard_normal((6, 3)).astype(np.float32)
    found = []
    for library in (cr, torch):
        loss = make(library, reduction)
        x = library.tensor(scores, requires_grad=True)
        out = loss(x, library.tensor(target))
        out.sum().backward()
        found.append((repr(loss), list(loss.state_dict()), out, x.grad))
    assert found[0][:2] == found[1][:2]
    same(found[0][2], found[1][2], rtol=1e-5, atol=1e-6)
    same(found[0][3], found[1][3], rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore:size_average and reduce:UserWarning")
@pytest.mark.parametrize("old", [{"size_average": False}, {"reduce": False}, {"reduce": True}])
def test_old_reduction_arguments(old: dict[str, bool]) -> None:
    assert cr.nn.MSELoss(**old).reduction == torch.nn.MSELoss(**old).reduction


# -- states ---------------------------------------------------------------------------------------


def network(nn: Any) -> Any:
    return nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Sequential(nn.Linear(3, 3), nn.Dropout()))


def to_torch(state: Any) -> Any:
    return OrderedDict((k, torch.from_numpy(v.numpy().copy())) for k, v in state.items())


def to_ours(state: Any) -> Any:
    return OrderedDict((k, cr.from_numpy(v.numpy().copy())) for k, v in state.items())


def test_states_are_exchanged() -> None:
    cr.manual_seed(1)
    torch.manual_seed(2)
    ours, theirs = network(cr.nn), network(torch.nn)
    x = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    assert repr(ours.load_state_dict(to_ours(theirs.state_dict()))) == (
        "<All keys matched successfully>"
    )
    same(ours.eval()(cr.tensor(x)), theirs.eval()(torch.tensor(x)), rtol=1e-5, atol=1e-6)
    theirs2 = network(torch.nn)
    theirs2.load_state_dict(to_torch(ours.state_dict()))
    for a, b in zip(theirs.parameters(), theirs2.parameters(), strict=True):
        assert torch.equal(a, b)
    assert dict(ours.state_dict()._metadata) == dict(theirs.state_dict()._metadata)


CHANGES: dict[str, Callable[[Any, Any], Any]] = {
    "missing": lambda lib, s: s.pop("0.bias"),
    "unexpected": lambda lib, s: s.update({"0.gain": lib.zeros(1), "3.weight": lib.zeros(1)}),
    "misshaped": lambda lib, s: s.update({"2.0.weight": lib.zeros(3, 4)}),
    "no tensor": lambda lib, s: s.update({"0.bias": [1.0, 2.0, 3.0]}),
    "all": lambda lib, s: (
        s.pop("0.bias"),
        s.update({"0.weight": lib.zeros(1), "a.b": lib.zeros(1)}),
    ),
}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("name", CHANGES)
def test_reports_of_bad_states(name: str, strict: bool) -> None:
    def load(library: Any) -> Any:
        net = network(library.nn)
        state = OrderedDict(net.state_dict())
        CHANGES[name](library, state)
        return net.load_state_dict(state, strict=strict)

    found = []
    for library in (cr, torch):
        try:
            found.append(repr(load(library)))
        except RuntimeError as error:
            found.append(str(error))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "make",
    [
        lambda lib: lib.nn.Module()(1),
        lambda lib: lib.nn.Linear(2, 2).load_state_dict([1]),
        lambda lib: lib.nn.Linear(2, 2).register_parameter("a.b", None),
        lambda lib: lib.nn.Linear(2, 2).register_parameter("", None),
        lambda lib: lib.nn.Linear(2, 2).register_parameter("forward", None),
        lambda lib: lib.nn.Linear(2, 2).register_parameter(3, None),
        lambda lib: lib.nn.Linear(2, 2).register_buffer("weight", None),
        lambda lib: lib.nn.Linear(2, 2).register_buffer("b", 3),
        lambda lib: lib.nn.Linear(2, 2).register_buffer("a.b", None),
        lambda lib: lib.nn.Linear(2, 2).add_module("a.b", None),
        lambda lib: lib.nn.Linear(2, 2).add_module("", None),
        lambda lib: lib.nn.Linear(2, 2).add_module("weight", None),
        lambda lib: lib.nn.Linear(2, 2).add_module("x", 3),
        lambda lib: lib.nn.Linear(2, 2).get_submodule("a"),
        lambda lib: lib.nn.Linear(2, 2).get_submodule("weight"),
        lambda lib: lib.nn.Linear(2, 2).get_parameter("gain"),
        lambda lib: lib.nn.Linear(2, 2).get_parameter("in_features"),
        lambda lib: lib.nn.Linear(2, 2).get_buffer("weight"),
        lambda lib: lib.nn.Linear(2, 2).set_submodule("", lib.nn.ReLU()),
        lambda lib: lib.nn.Linear(2, 2).train(1),
        lambda lib: lib.nn.Linear(2, 2).to(lib.int64),
        lambda lib: setattr(lib.nn.Linear(2, 2), "weight", 3),
        lambda lib: setattr(lib.nn.Sequential(lib.nn.ReLU()), "0", 3),
        lambda lib: lib.nn.Linear(2, 2).nothing,
        lambda lib: lib.nn.Dropout(1.5),
        lambda lib: lib.nn.Unflatten(0, (1, 2.0)),
        lambda lib: lib.nn.Unflatten(0, 3),
        lambda lib: lib.nn.Embedding(3, 2, padding_idx=3),
        lambda lib: lib.nn.Sequential(lib.nn.ReLU())[1],
        lambda lib: lib.nn.Sequential(lib.nn.ReLU()) + 3,
        lambda lib: lib.nn.Sequential(lib.nn.ReLU()) * 0,
        lambda lib: lib.nn.Sequential(lib.nn.ReLU()).insert(3, lib.nn.ReLU()),
        lambda lib: lib.nn.ModuleList([lib.nn.ReLU()])[-2],
        lambda lib: lib.nn.ModuleList().extend(3),
        lambda lib: lib.nn.ModuleDict({"a.b": lib.nn.ReLU()}),
        lambda lib: lib.nn.ModuleDict([("a", lib.nn.ReLU(), 3)]),
        lambda lib: lib.nn.ModuleDict(3),
        lambda lib: lib.nn.ParameterList([lib.zeros(1)])(),
        lambda lib: lib.nn.ParameterDict({"a": lib.zeros(1)})(3),
        lambda lib: lib.nn.ParameterList(lib.zeros(3)),
    ],
)
def test_messages(make: Both) -> None:
    assert message(make, cr) == message(make, torch)


# -- containers -----------------------------------------------------------------------------------


def play_with_lists(nn: Any) -> Any:
    layers = nn.ModuleList([nn.Linear(1, 1) for _ in range(3)])
    layers.append(nn.ReLU()).extend([nn.Tanh(), nn.Tanh()])
    layers.insert(1, nn.Sigmoid())
    del layers[0]
    layers[0] = nn.GELU()
    layers += [nn.Flatten()]
    popped = layers.pop(-2)
    longer = layers + nn.ModuleList([nn.ReLU()])
    return [repr(x) for x in (layers, layers[1:3], longer, popped, layers[-1])]


def play_with_chains(nn: Any) -> Any:
    chain = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    chain.append(nn.Tanh()).extend([nn.Sigmoid()])
    chain.insert(0, nn.Flatten())
    chain[1] = nn.Linear(3, 3)
    both = chain + nn.Sequential(nn.GELU())
    both *= 2
    del both[2:4]
    popped = both.pop(0)
    return [repr(x) for x in (chain, both, chain[1:], 2 * chain[-1:], popped, len(both))]


def play_with_dicts(nn: Any) -> Any:
    parts = nn.ModuleDict({"b": nn.ReLU(), "a": nn.Tanh()})
    parts.update([("c", nn.GELU())])
    parts["b"] = nn.Sigmoid()
    popped = parts.pop("a")
    return [repr(parts), list(parts), list(parts.keys()), repr(popped), "c" in parts, len(parts)]


@pytest.mark.parametrize("play", [play_with_lists, play_with_chains, play_with_dicts])
def test_containers(play: Both) -> None:
    assert play(cr.nn) == play(torch.nn)


def play_with_parameter_lists(lib: Any) -> Any:
    ps = lib.nn.ParameterList([lib.zeros(2, 3), lib.nn.Parameter(lib.zeros(4)), "text"])
    ps.append(lib.ones(1))
    ps[0] = lib.ones(5)
    ps += [lib.zeros(())]
    return [repr(ps), repr(ps[1:3]), len(ps), [tuple(p.shape) for p in ps.parameters()]]


def play_with_parameter_dicts(lib: Any) -> Any:
    ps = lib.nn.ParameterDict({"z": lib.zeros(2, 3), "a": lib.zeros(4)})
    ps.update(OrderedDict(n=lib.ones(1), m=3))
    joined = ps | lib.nn.ParameterDict({"extra": lib.zeros(1)})
    item = ps.popitem()
    return [
        list(joined.keys()),
        repr(ps),
        item,
        ps.get("nothing", 7),
        sorted(ps.state_dict()),
        [tuple(p.shape) for p in ps.values()],
    ]


@pytest.mark.parametrize("play", [play_with_parameter_lists, play_with_parameter_dicts])
def test_parameter_containers(play: Both) -> None:
    assert play(cr) == play(torch)


# -- parameters and utilities ---------------------------------------------------------------------


def test_text_of_parameters() -> None:
    for make in (
        lambda lib: lib.nn.Parameter(lib.tensor([[1.0, -2.5]])),
        lambda lib: lib.nn.Parameter(lib.tensor([1, 2]), requires_grad=False),
        lambda lib: lib.nn.Parameter(),
    ):
        assert repr(make(cr)) == repr(make(torch))


def with_gradients(lib: Any, scale: float, dtype: str = "float32") -> list[Any]:
    rng = np.random.default_rng(5)
    kind = getattr(lib, dtype)
    out = []
    for shape in ((3, 4), (5,), ()):
        p = lib.zeros(shape, dtype=kind, requires_grad=True)
        p.grad = lib.tensor(rng.standard_normal(shape) * scale, dtype=kind)
        out.append(p)
    return [*out, lib.zeros(2, requires_grad=True)]


@pytest.mark.parametrize("norm_type", [2, 1, 0, 3.5, float("inf"), -float("inf")])
@pytest.mark.parametrize("scale", [10.0, 1e-3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_clip_grad_norm(norm_type: float, scale: float, dtype: str) -> None:
    ours, theirs = with_gradients(cr, scale, dtype), with_gradients(torch, scale, dtype)
    a = cr.nn.utils.clip_grad_norm_(ours, 1.0, norm_type)
    b = torch.nn.utils.clip_grad_norm_(theirs, 1.0, norm_type)
    same(a, b, rtol=1e-6)
    for p, q in zip(ours[:3], theirs[:3], strict=True):
        same(p.grad, q.grad, rtol=1e-6)


def test_clip_grad_value() -> None:
    ours, theirs = with_gradients(cr, 1.0), with_gradients(torch, 1.0)
    cr.nn.utils.clip_grad_value_(ours, 0.5)
    torch.nn.utils.clip_grad_value_(theirs, 0.5)
    for p, q in zip(ours[:3], theirs[:3], strict=True):
        same(p.grad, q.grad)


def test_clipping_what_is_not_finite() -> None:
    def clip(library: Any) -> Any:
        p = library.zeros(2, requires_grad=True)
        p.grad = library.tensor([float("inf"), 1.0])
        return library.nn.utils.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)

    assert message(clip, cr) == message(clip, torch)


def test_vectors_of_parameters() -> None:
    ours, theirs = both(lambda lib: network(lib.nn))
    a = cr.nn.utils.parameters_to_vector(ours.parameters())
    b = torch.nn.utils.parameters_to_vector(theirs.parameters())
    same(a, b)
    cr.nn.utils.vector_to_parameters(a.detach() * 2, ours.parameters())
    torch.nn.utils.vector_to_parameters(b.detach() * 2, theirs.parameters())
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        same(p, q)


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_conversion(dtype: str) -> None:
    ours, theirs = both(lambda lib: lib.nn.Linear(3, 2).to(getattr(lib, dtype)))
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert str(p.dtype) == str(q.dtype)
        assert p.tolist() == q.tolist()


def test_same_names() -> None:
    """Everything that nn offers is there in PyTorch under the same name."""
    # the lecture notes' own, newer, and a module that PyTorch has you import
    beyond = {"course_losses", "metrics", "get_total_norm", "prune"}
    rooms = ((cr.nn, torch.nn), (cr.nn.utils, torch.nn.utils))
    for ours, theirs in rooms:
        assert {n for n in ours.__all__ if not hasattr(theirs, n)} <= beyond
