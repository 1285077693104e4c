"""What a Module promises, played with both libraries: hooks, lazy modules, states, copies."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr

torch = pytest.importorskip("torch")
LIBRARIES = (cr, torch)
Play = Callable[[Any], Any]


def plain(value: Any) -> Any:
    """Tensors as lists of rounded numbers, so that what both libraries gave can be compared."""
    if isinstance(value, (cr.Tensor, torch.Tensor)):
        return np.round(np.asarray(value.detach().tolist()), 5).tolist()
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def net(lib: Any) -> Any:
    lib.manual_seed(0)
    return lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.Tanh(), lib.nn.Linear(4, 2)).double()


def numbers(lib: Any, *shape: int, grad: bool = True) -> Any:
    values = np.random.default_rng(1).standard_normal(shape)
    return lib.tensor(values, requires_grad=grad)


def backward_hooks(lib: Any) -> Any:
    model, x, seen = net(lib), numbers(lib, 5, 3), []
    for k, module in enumerate(model):
        module.register_full_backward_hook(
            lambda m, gi, go, k=k: seen.append((k, type(m).__name__, gi, go))
        )
        module.register_full_backward_pre_hook(lambda m, go, k=k: seen.append((k, "pre", go)))
    model(x).pow(2).sum().backward()
    return seen, x.grad, [p.grad for p in model.parameters()]


def replacing_gradients(lib: Any) -> Any:
    model, x = net(lib), numbers(lib, 5, 3)
    model[1].register_full_backward_hook(lambda m, gi, go: (gi[0] * 2,))
    model[2].register_full_backward_pre_hook(lambda m, go: (go[0] * 10,))
    model[2].register_full_backward_pre_hook(lambda m, go: (go[0] + 1,), prepend=True)
    model(x).sum().backward()
    return x.grad, [p.grad for p in model.parameters()]


def hooks_without_input_gradient(lib: Any) -> Any:
    model, seen = net(lib), []
    with (
        model[0].register_full_backward_hook(lambda m, gi, go: seen.append((gi, go))),
        pytest.warns(UserWarning, match="no inputs require gradients"),
    ):
        model(numbers(lib, 2, 3, grad=False)).sum().backward()
    model(numbers(lib, 2, 3, grad=False)).sum().backward()
    return seen


def hooks_of_several(lib: Any) -> Any:
    class Pair(lib.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, a: Any, n: int, b: Any) -> Any:
            return a * n, n, a + b

    seen, pair = [], Pair()
    pair.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    a, b = numbers(lib, 2), numbers(lib, 2, grad=False)
    first, n, second = pair(a, 3, b)
    first.sum().backward(retain_graph=True)
    (first * second).sum().backward()
    return seen, a.grad, b.grad, n


def double_backward_with_hooks(lib: Any) -> Any:
    model, x, seen = net(lib), numbers(lib, 2, 3), []
    model[0].register_full_backward_hook(lambda m, gi, go: seen.append(go[0].requires_grad))
    (g,) = lib.autograd.grad(model(x).pow(2).sum(), x, create_graph=True)
    (g * g).sum().backward()
    return seen, g, x.grad


def global_hooks(lib: Any) -> Any:
    module, seen = lib.nn.modules.module, []
    name = lambda m: type(m).__name__  # noqa: E731
    handles = [
        module.register_module_forward_pre_hook(lambda m, a: seen.append(("pre", name(m)))),
        module.register_module_forward_hook(lambda m, a, out: seen.append(("after", name(m), out))),
        module.register_module_full_backward_pre_hook(lambda m, go: seen.append((name(m), go))),
        module.register_module_full_backward_hook(lambda m, gi, go: seen.append((name(m), gi))),
    ]
    x, model = numbers(lib, 2, 3), net(lib)
    model[1].register_forward_hook(lambda m, a, out: seen.append("own"))
    model(x).sum().backward()
    for handle in handles:
        handle.remove()
    count = len(seen)
    net(lib)(x)
    return seen, len(seen) == count


def registration_hooks(lib: Any) -> Any:
    module, seen = lib.nn.modules.module, []
    note = lambda m, name, value: seen.append(name)  # noqa: E731
    with (
        module.register_module_parameter_registration_hook(note),
        module.register_module_buffer_registration_hook(note),
        module.register_module_module_registration_hook(note),
    ):
        lib.nn.Sequential(lib.nn.Linear(2, 2), lib.nn.BatchNorm1d(2))
    lib.nn.Linear(2, 2)
    return seen


def always_called(lib: Any) -> Any:
    class Broken(lib.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            raise ValueError("broken")

    seen, broken = [], Broken()
    broken.register_forward_hook(lambda m, a, out: seen.append(out), always_call=True)
    broken.register_forward_hook(lambda m, a, out: seen.append("never"))
    try:
        broken(1)
    except ValueError as error:
        seen.append(str(error))
    return seen


def hooks_with_kwargs(lib: Any) -> Any:
    class Scale(lib.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any, by: float = 1.0) -> Any:
            return x * by

    scale, seen = Scale(), []
    scale.register_forward_pre_hook(lambda m, a, k: (a, {"by": k["by"] + 1}), with_kwargs=True)
    scale.register_forward_pre_hook(lambda m, a: (a[0] + 1,), prepend=True)
    scale.register_forward_hook(lambda m, a, k, out: seen.append((a, k["by"])), with_kwargs=True)
    return scale(numbers(lib, 2), by=2.0), seen


def state_hooks(lib: Any) -> Any:
    model, seen = net(lib), []
    model.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append(("save", prefix, keep)))
    model[0].register_state_dict_post_hook(
        lambda m, state, prefix, meta: state.__delitem__(prefix + "bias")
    )
    model[2].register_load_state_dict_pre_hook(
        lambda m, state, prefix, *rest: state.update({prefix + "bias": state[prefix + "bias"] * 0})
    )
    model.register_load_state_dict_post_hook(
        lambda m, keys: (seen.append(list(keys.missing_keys)), keys.missing_keys.clear())[1]
    )
    state = model.state_dict()
    text = repr(model.load_state_dict(state))
    return seen, list(state), text, model[2].bias


def versions(lib: Any) -> Any:
    class Newer(lib.nn.Module):  # type: ignore[misc, name-defined]
        _version = 3

        def __init__(self) -> None:
            super().__init__()
            self.gain = lib.nn.Parameter(lib.ones(1))

        def _load_from_state_dict(self, state: Any, prefix: str, meta: Any, *rest: Any) -> None:
            if meta.get("version", 1) < 3:
                state[prefix + "gain"] = state.pop(prefix + "scale")
            super()._load_from_state_dict(state, prefix, meta, *rest)

    model = lib.nn.Sequential(Newer())
    model.load_state_dict(OrderedDict({"0.scale": lib.tensor([5.0])}))
    state = model.state_dict()
    model.load_state_dict(state)
    old = lib.nn.BatchNorm1d(2)
    kept = OrderedDict((k, v) for k, v in old.state_dict().items() if "num" not in k)
    return model[0].gain, dict(state._metadata), repr(old.load_state_dict(kept))


def assigned(lib: Any) -> Any:
    model, other = net(lib), net(lib)
    state = {k: v * 2 for k, v in other.state_dict().items()}
    frozen = model[0].weight.requires_grad_(False)
    model.load_state_dict(state, assign=True)
    same = model[0].bias.data.tolist() == state["0.bias"].tolist()
    return same, model[0].weight is frozen, [p.requires_grad for p in model.parameters()]


def copies(lib: Any) -> Any:
    model, x = net(lib), numbers(lib, 2, 3)
    model.register_buffer("count", lib.tensor([1, 2]), persistent=False)
    twin, again = copy.deepcopy(model), pickle.loads(pickle.dumps(model))
    with lib.no_grad():
        model[0].weight.zero_()
    out = [m(x) for m in (twin, again)]
    names = [n for n, _ in twin.named_buffers()]
    return out, names, list(again.state_dict()), [repr(m) for m in (twin, again)]


def shared(lib: Any) -> Any:
    line = lib.nn.Linear(2, 2)
    model = lib.nn.Sequential(line, lib.nn.ReLU(), line)
    walks = [
        [n for n, _ in model.named_parameters()],
        [n for n, _ in model.named_parameters(remove_duplicate=False)],
        [n for n, _ in model.named_modules()],
        [n for n, _ in model.named_modules(remove_duplicate=False)],
        [n for n, _ in model.named_children()],
        [n for n, _ in model.named_parameters(prefix="net", recurse=False)],
    ]
    model.set_submodule("1", lib.nn.Tanh())
    return walks, list(model.state_dict()), repr(model), len(list(model.parameters()))


def listed(lib: Any) -> Any:
    """What ``dir`` shows of a module's own state."""
    model = lib.nn.Sequential(lib.nn.BatchNorm1d(2))
    found = dir(model[0])
    return [n in found for n in ("weight", "running_mean", "forward", "eps")], "0" in dir(model)


def buffers(lib: Any) -> Any:
    class Mean(lib.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.kept = lib.nn.Buffer(lib.zeros(2))
            self.other = lib.nn.Buffer(lib.ones(1), persistent=False)

    mean = Mean()
    mean.kept = lib.ones(3)
    return list(mean.state_dict()), [n for n, _ in mean.named_buffers()], mean.get_buffer("kept")


def super_init(lib: Any) -> Any:
    class Mixin:
        def __init__(self, word: str = "none") -> None:
            self.word = word

    class Both(lib.nn.Module, Mixin):  # type: ignore[misc, name-defined]
        call_super_init = True

        def __init__(self) -> None:
            super().__init__(word="given")

    return Both().word


PLAYS = [
    backward_hooks, replacing_gradients, hooks_without_input_gradient, hooks_of_several,
    double_backward_with_hooks, global_hooks, registration_hooks, always_called,
    hooks_with_kwargs, state_hooks, versions, assigned, copies, shared, listed, buffers,
    super_init,
]  # fmt: skip


@pytest.mark.parametrize("play", PLAYS)
def test_contract(play: Play) -> None:
    ours, theirs = (plain(play(lib)) for lib in LIBRARIES)
    assert ours == theirs


# -- lazy modules ---------------------------------------------------------------------------------


def lazy_net(lib: Any) -> Any:
    nn = lib.nn
    return nn.Sequential(
        nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3)
    )


def text_before_and_after(lib: Any) -> Any:
    model = lazy_net(lib)
    before = repr(model), [repr(p) for p in model.parameters()], repr(model[0].state_dict())
    flags = [m.has_uninitialized_params() for m in (model[0], model[1], model[4])]
    lib.manual_seed(4)
    model(lib.zeros(2, 3, 6, 6))
    kinds = [type(m).__name__ for m in model]
    return before, flags, repr(model), kinds, list(model.parameters())


def state_into_lazy(lib: Any) -> Any:
    lib.manual_seed(5)
    known, model = lazy_net(lib), lazy_net(lib)
    x = numbers(lib, 2, 3, 6, 6, grad=False).float()
    known(x)
    text = repr(model.load_state_dict(known.state_dict()))
    before = [type(m).__name__ for m in model], repr(model[4])
    out = [m.eval()(x) for m in (known, model)]
    return text, before, out, repr(model)


def lazy_states_between(lib: Any) -> Any:
    model, other = lazy_net(lib), lazy_net(lib)
    texts = [repr(model.load_state_dict(other.state_dict()))]
    plain_one = lib.nn.Linear(2, 3)
    try:
        plain_one.load_state_dict(lib.nn.LazyLinear(3).state_dict())
    except RuntimeError as error:
        texts.append("uninitialized" in str(error))
    return texts


def lazy_copies(lib: Any) -> Any:
    model = lib.nn.Sequential(lib.nn.LazyConv2d(4, 3), lib.nn.Flatten(), lib.nn.LazyLinear(2))
    twins = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    lib.manual_seed(1)
    outs = [tuple(m(lib.ones(2, 3, 6, 6)).shape) for m in (*twins, model)]
    return outs, [repr(m) for m in twins]


def lazy_conversion(lib: Any) -> Any:
    model = lazy_net(lib).double()
    kinds = [str(p.dtype) for p in model.parameters()], str(model[1].running_mean.dtype)
    return kinds, str(model(lib.zeros(2, 3, 6, 6, dtype=lib.float64)).dtype)


def optimizer_before_the_call(lib: Any) -> Any:
    model = lib.nn.LazyLinear(2)
    optimizer = lib.optim.SGD(model.parameters(), lr=0.1)
    lib.manual_seed(2)
    model(lib.ones(1, 3)).sum().backward()
    optimizer.step()
    return list(model.parameters())


LAZY = [
    text_before_and_after, state_into_lazy, lazy_states_between, lazy_copies, lazy_conversion,
    optimizer_before_the_call,
]  # fmt: skip


@pytest.mark.parametrize("play", LAZY)
def test_lazy(play: Play) -> None:
    ours, theirs = (plain(play(lib)) for lib in LIBRARIES)
    assert ours == theirs


# -- errors ---------------------------------------------------------------------------------------

ERRORS: list[Play] = [
    lambda lib: lib.nn.Conv2d(3, 4, 3, groups=2),
    lambda lib: lib.nn.Conv2d(4, 3, 3, groups=2),
    lambda lib: lib.nn.Conv2d(4, 4, 3, groups=0),
    lambda lib: lib.nn.Conv2d(4, 4, 3, padding="same", stride=2),
    lambda lib: lib.nn.ConvTranspose2d(4, 4, 3, padding_mode="circular"),
    lambda lib: lib.nn.ConvTranspose1d(2, 2, 3)(lib.zeros(1, 2, 4), output_size=[1, 2]),
    lambda lib: lib.nn.ConvTranspose1d(2, 2, 3)(lib.zeros(1, 2, 4), output_size=[9]),
    lambda lib: lib.nn.BatchNorm1d(3)(lib.zeros(2, 3, 4, 5)),
    lambda lib: lib.nn.BatchNorm2d(3)(lib.zeros(2, 3, 4)),
    lambda lib: lib.nn.BatchNorm1d(3)(lib.zeros(1, 3)),
    lambda lib: lib.nn.InstanceNorm1d(3)(lib.zeros(3)),
    lambda lib: lib.nn.InstanceNorm2d(3, affine=True)(lib.zeros(1, 4, 2, 2)),
    lambda lib: lib.nn.GroupNorm(4, 6),
    lambda lib: lib.nn.CrossMapLRN2d(3)(lib.zeros(3, 2, 2)),
    lambda lib: lib.nn.Softmax2d()(lib.zeros(3, 2)),
    lambda lib: lib.nn.Hardtanh(2.0, 1.0),
    lambda lib: lib.nn.Bilinear(0, 2, 3),
    lambda lib: lib.nn.EmbeddingBag(3, 2, padding_idx=3),
    lambda lib: lib.nn.EmbeddingBag.from_pretrained(lib.zeros(3)),
    lambda lib: lib.nn.Embedding(3, 2, _weight=lib.zeros(2, 2)),
    lambda lib: lib.nn.HuberLoss(delta="1"),
    lambda lib: lib.nn.MultiMarginLoss(p=3),
    lambda lib: lib.nn.MultiMarginLoss(weight=lib.zeros(2, 2)),
    lambda lib: lib.nn.TripletMarginLoss(margin=0),
    lambda lib: lib.nn.TripletMarginWithDistanceLoss(margin=-1.0),
    lambda lib: lib.nn.FractionalMaxPool2d(2),
    lambda lib: lib.nn.FractionalMaxPool2d(2, 3, 0.5),
    lambda lib: lib.nn.FractionalMaxPool3d(2, output_ratio=(0.5, 0.5, 1.5)),
    lambda lib: lib.nn.AdaptiveLogSoftmaxWithLoss(4, 5, []),
    lambda lib: lib.nn.AdaptiveLogSoftmaxWithLoss(4, 5, [3, 2]),
    lambda lib: lib.nn.AdaptiveLogSoftmaxWithLoss(4, 5, [2])(lib.zeros(2, 4), lib.tensor([1, 5])),
    lambda lib: lib.nn.AdaptiveLogSoftmaxWithLoss(4, 5, [2])(lib.zeros(2, 4), lib.tensor([1])),
    lambda lib: lib.nn.LazyConv1d(2, 3)(lib.zeros(3)),
    lambda lib: lib.nn.LazyConv1d(4, 3, groups=4)(lib.zeros(1, 3, 5)),
    lambda lib: lib.nn.UninitializedParameter().shape,
    lambda lib: lib.nn.LazyLinear(3).share_memory(),
    lambda lib: lib.nn.ReLU(3, 4),
    lambda lib: lib.nn.Tanh(3),
    lambda lib: lib.nn.Tanh(a=3),
    lambda lib: mixed_hooks(lib),
    lambda lib: wrong_number(lib),
]


def mixed_hooks(lib: Any) -> None:
    layer = lib.nn.Linear(1, 1)
    layer.register_full_backward_hook(print)
    layer.register_backward_hook(print)


def wrong_number(lib: Any) -> None:
    layer, x = lib.nn.Linear(1, 1), lib.ones(1, requires_grad=True)
    layer.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0]))
    layer(x).backward()


@pytest.mark.parametrize("play", ERRORS)
def test_errors(play: Play) -> None:
    texts = []
    for library in LIBRARIES:
        with pytest.raises(Exception) as caught, warnings.catch_warnings():  # noqa: PT011, PT012
            warnings.simplefilter("ignore")
            play(library)
        texts.append((type(caught.value), str(caught.value)))
    (ours, text), (theirs, other) = texts
    assert issubclass(ours, theirs)
    if ours.__module__ == theirs.__module__ == "builtins" and "NN" not in other:
        assert text.split(", but got")[0][:40] == other.split(", but got")[0][:40]


def test_uninitialized_values_cannot_be_used() -> None:
    for library in LIBRARIES:
        with pytest.raises(ValueError, match="uninitialized parameter"):
            library.nn.UninitializedParameter() + 1
