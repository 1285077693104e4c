"""Module: registration, walks, hooks, modes, copies, and what watch() learns from it."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn


class Block(nn.Module):
    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.inner = nn.Linear(width, width)
        self.scale = nn.Parameter(cr.ones(width))
        self.register_buffer("seen", cr.zeros(1))
        self.register_buffer("scratch", cr.zeros(2), persistent=False)
        self.note = "plain"

    def forward(self, x: Any) -> Any:
        return self.inner(x).tanh() * self.scale


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = Block()
        self.second = nn.Sequential(Block(), nn.ReLU())
        self.tied = self.first.inner

    def forward(self, x: Any) -> Any:
        return self.second(self.first(x))


def test_registration_by_assignment() -> None:
    block = Block()
    assert list(block._parameters) == ["scale"]
    assert list(block._buffers) == ["seen", "scratch"]
    assert list(block._modules) == ["inner"]
    assert "scale" not in block.__dict__
    assert block.note == "plain"


def test_a_name_changes_its_kind() -> None:
    block = Block()
    block.note = nn.Parameter(cr.zeros(1))
    assert list(block._parameters) == ["scale", "note"]
    assert "note" not in block.__dict__
    block.note = None
    assert block.note is None
    del block.note
    block.note = nn.ReLU()
    assert list(block._modules) == ["inner", "note"]
    block.scratch = cr.ones(2)
    assert "scratch" not in block.state_dict(), "a buffer stays as persistent as it was"
    block.scratch = nn.Buffer(cr.ones(2))
    assert "scratch" in block.state_dict()
    del block.inner, block.seen
    assert list(block.state_dict()) == ["scale", "scratch"]


def test_assignment_before_init() -> None:
    class Early(nn.Module):
        def __init__(self, value: Any) -> None:
            self.part = value
            super().__init__()

    for value, word in ((nn.Parameter(cr.zeros(1)), "parameters"), (nn.ReLU(), "module")):
        with pytest.raises(AttributeError, match=rf"cannot assign {word} before Module.__init__"):
            Early(value)
    with pytest.raises(AttributeError, match="cannot assign buffer before"):
        Early(nn.Buffer(cr.zeros(1)))


def test_call_before_init() -> None:
    class Hollow(nn.Module):
        def __init__(self) -> None:
            pass

        def forward(self, x: Any) -> Any:
            return x

    with pytest.raises(AttributeError, match=r"super\(\).__init__\(\)"):
        Hollow()(1)


def test_parameters_must_be_leaves() -> None:
    p = nn.Parameter(cr.ones(2))
    p._node = (p * 2)._node
    with pytest.raises(ValueError, match="Cannot assign non-leaf Tensor to parameter 'w'"):
        nn.Module().register_parameter("w", p)


def test_walks() -> None:
    net = Net()
    assert [n for n, _ in net.named_modules()] == [
        "", "first", "first.inner", "second", "second.0", "second.0.inner", "second.1"
    ]  # fmt: skip
    assert [n for n, _ in net.named_children()] == ["first", "second", "tied"]
    names = [n for n, _ in net.named_parameters()]
    assert names == [
        "first.scale", "first.inner.weight", "first.inner.bias",
        "second.0.scale", "second.0.inner.weight", "second.0.inner.bias",
    ]  # fmt: skip
    everything = [n for n, _ in net.named_parameters(remove_duplicate=False)]
    assert everything == [*names, "tied.weight", "tied.bias"]
    assert [n for n, _ in net.named_parameters(prefix="net", recurse=False)] == []
    assert [n for n, _ in net.named_buffers()][:2] == ["first.seen", "first.scratch"]
    assert len(list(net.buffers())) == 4
    assert len(list(net.parameters())) == 6
    assert net.get_submodule("second.0").get_parameter("inner.weight") is net.second[0].inner.weight
    assert net.get_buffer("first.seen") is net.first.seen
    net.set_submodule("second.1", nn.Tanh())
    assert isinstance(net.second[1], nn.Tanh)


def test_unknown_attribute_is_guessed() -> None:
    """The interpreter names the attribute that was meant, where the error reaches the user."""
    code = "from chainrule import nn\nnn.Linear(2, 2).weigth"
    run = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False
    )
    assert "'Linear' object has no attribute 'weigth'. Did you mean: 'weight'?" in run.stderr


def test_dir() -> None:
    names = dir(Net())
    assert {"first", "second", "forward", "training"} <= set(names)
    assert "0" not in dir(nn.Sequential(nn.ReLU()))


def test_state_of_tied_weights() -> None:
    net = Net()
    state = net.state_dict()
    assert "tied.weight" in state
    assert "first.inner.weight" in state
    assert "first.scratch" not in state
    assert state["first.scale"]._data is net.first.scale._data, "memory is shared"
    assert not state["first.scale"].requires_grad
    assert net.state_dict(keep_vars=True)["first.scale"] is net.first.scale


def test_loading_copies_in_place() -> None:
    net, other = Net(), Net()
    weight, before = net.first.inner.weight, net.first.inner.weight._version
    found = net.load_state_dict(other.state_dict())
    assert repr(found) == "<All keys matched successfully>"
    assert net.first.inner.weight is weight
    assert weight._version == before + 2, "the edits are noted: it is loaded under two names"
    assert weight.tolist() == other.first.inner.weight.tolist()
    assert weight._data is not other.first.inner.weight._data


def test_loading_by_assignment() -> None:
    net = nn.Linear(2, 1)
    net.bias.requires_grad_(False)
    state = {"weight": cr.ones(1, 2, dtype=cr.float64), "bias": nn.Parameter(cr.zeros(1))}
    net.load_state_dict(state, assign=True)
    assert net.weight.dtype is cr.float64
    assert net.weight.requires_grad
    assert net.bias is state["bias"]
    assert not net.bias.requires_grad


def test_loading_a_scalar_written_as_one_element() -> None:
    m = nn.Module()
    m.p = nn.Parameter(cr.tensor(2.0))
    m.load_state_dict({"p": cr.tensor([5.0])})
    assert m.p.item() == 5.0


def test_extra_state() -> None:
    class Counter(nn.Module):
        count = 0

        def get_extra_state(self) -> Any:
            return self.count

        def set_extra_state(self, state: Any) -> None:
            self.count = state

    a, b = nn.Sequential(Counter()), nn.Sequential(Counter())
    a[0].count = 3
    assert list(a.state_dict()) == ["0._extra_state"]
    b.load_state_dict(a.state_dict())
    assert b[0].count == 3
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "0._extra_state"'):
        b.load_state_dict({})


def test_state_hooks() -> None:
    net, seen = nn.Linear(1, 1), []
    net.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append("pre"))
    net.register_state_dict_post_hook(lambda m, s, prefix, local: s.pop("bias") and None)
    state = net.state_dict()
    assert (seen, list(state)) == (["pre"], ["weight"])

    def complete(module: Any, state: Any, prefix: str, *rest: Any) -> None:
        state[prefix + "bias"] = cr.ones(1)

    net.register_load_state_dict_pre_hook(complete)
    handle = net.register_load_state_dict_post_hook(lambda m, keys: seen.append(keys))
    net.load_state_dict(state)
    assert net.bias.item() == 1.0
    assert seen[1] == ([], [])
    handle.remove()
    net.register_load_state_dict_post_hook(lambda m, keys: 3)
    with pytest.raises(AssertionError, match="not expected to return new values"):
        net.load_state_dict(state)


# -- calls and hooks ------------------------------------------------------------------------------


def test_forward_hooks() -> None:
    net, order = nn.Identity(), []
    net.register_forward_pre_hook(lambda m, args: order.append("a"))
    net.register_forward_pre_hook(lambda m, args: (args[0] * 2,), prepend=True)
    net.register_forward_pre_hook(
        lambda m, args, kwargs: order.append(sorted(kwargs)), with_kwargs=True
    )
    net.register_forward_hook(lambda m, args, out: out + 1)
    handle = net.register_forward_hook(lambda m, args, out: out * 10, prepend=True)
    assert net(cr.tensor(1.0)).item() == 21.0
    handle.remove()
    assert net(cr.tensor(1.0)).item() == 3.0
    assert order == ["a", [], "a", []]


def test_hooks_with_keyword_arguments() -> None:
    class Add(nn.Module):
        def forward(self, x: Any, *, bias: float = 0.0) -> Any:
            return x + bias

    net = Add()
    net.register_forward_pre_hook(
        lambda m, args, kwargs: (args, {"bias": kwargs["bias"] * 2}), with_kwargs=True
    )
    net.register_forward_hook(lambda m, args, kwargs, out: out + kwargs["bias"], with_kwargs=True)
    assert net(1.0, bias=3.0) == 13.0
    net.register_forward_pre_hook(lambda m, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match="must return None or a tuple"):
        net(1.0, bias=3.0)


def test_hooks_that_are_always_called() -> None:
    class Broken(nn.Module):
        def forward(self, x: Any) -> Any:
            raise ValueError("broken")

    net, seen = Broken(), []
    net.register_forward_hook(lambda m, args, out: seen.append("usual"))
    net.register_forward_hook(lambda m, args, out: seen.append(out), always_call=True)
    with pytest.raises(ValueError, match="broken"):
        net(1)
    assert seen == [None]


def test_missing_forward() -> None:
    with pytest.raises(NotImplementedError, match=r"Module \[Module\] is missing"):
        nn.Module()()


def test_watch_notes_the_module_path() -> None:
    net = Net()
    with cr.watch():
        y = net(cr.ones(2, 3))
    paths = {n.op.name: n.extra.module for n in cr.autograd.ancestors([y._node]) if n.plan}
    assert paths["relu"] == "second.1"
    assert {"first.inner", "second.0.inner"} == {
        n.extra.module for n in cr.autograd.ancestors([y._node]) if n.plan and n.op.name == "linear"
    }
    assert cr.autograd.modes.local.module == ""
    with cr.watch(), pytest.raises(RuntimeError):
        net(cr.ones(2, 4))
    assert cr.autograd.modes.local.module == "", "put back after an error"
    with cr.watch():
        z = net.second[1](cr.ones(1, requires_grad=True))
    assert z._node.extra.module is None, "the outermost module is nobody's part"


def test_watch_and_a_module_from_outside() -> None:
    class Borrower(nn.Module):
        def forward(self, x: Any) -> Any:
            return nn.ReLU()(x)

    net = nn.Sequential(Borrower())
    with cr.watch():
        y = net(cr.ones(1, requires_grad=True))
    assert y._node.extra.module == "0"


# -- modes, conversion, copies --------------------------------------------------------------------


def test_train_and_eval() -> None:
    net = Net()
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    net.train()
    assert all(m.training for m in net.modules())


def test_apply_visits_children_first() -> None:
    order: list[str] = []
    Net().apply(lambda m: order.append(type(m).__name__))
    assert order[0] == "Linear"
    assert order[-1] == "Net"


def test_freezing_and_zeroing() -> None:
    net = Net()
    net(cr.ones(2, 3)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad(set_to_none=False)
    assert all(float(p.grad.abs().sum()) == 0 for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    net.requires_grad_(False)
    assert not net(cr.ones(2, 3)).requires_grad


def test_conversion_keeps_parameters_and_gradients() -> None:
    net = Block()
    net.register_buffer("count", cr.tensor(3))
    net(cr.ones(2, 3)).sum().backward()
    weight = net.inner.weight
    assert net.double() is net
    assert net.inner.weight is weight
    assert weight.dtype is weight.grad.dtype is net.seen.dtype is cr.float64
    assert net.count.dtype is cr.int64
    net(cr.ones(2, 3, dtype=cr.float64)).sum().backward()
    net.to(cr.zeros(1, dtype=cr.float16))
    assert net.scale.dtype is cr.float16
    assert net.float().to("cpu", cr.float32, non_blocking=True).scale.dtype is cr.float32
    assert net.to_empty(device="cpu").scale.shape == (3,)
    with pytest.raises(RuntimeError, match="no 'cuda' device"):
        net.cuda()
    with pytest.raises(TypeError, match="only accepts floating point"):
        net.to(cr.int32)


def test_training_goes_on_after_conversion() -> None:
    net = nn.Linear(2, 1).double()
    optimizer = cr.optim.SGD(net.parameters(), lr=0.1)
    before = net.weight.tolist()
    net(cr.ones(1, 2, dtype=cr.float64)).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(net.weight.tolist(), np.array(before) - 0.1)


@pytest.mark.parametrize("how", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies(how: Any) -> None:
    net = Net().eval()
    twin = how(net)
    x = cr.ones(2, 3)
    assert twin(x).tolist() == net(x).tolist()
    assert repr(twin) == repr(net)
    assert not twin.training
    assert twin.first.inner.weight is not net.first.inner.weight
    assert isinstance(twin.first.scale, nn.Parameter)
    assert twin.first.scale.requires_grad
    with cr.no_grad():
        twin.first.scale.fill_(7)
    assert net.first.scale.tolist() == [1.0, 1.0, 1.0]


def test_tied_weights_stay_tied_in_a_copy() -> None:
    twin = copy.deepcopy(Net())
    assert twin.tied.weight is twin.first.inner.weight


# -- text -----------------------------------------------------------------------------------------


def test_text_of_a_tree() -> None:
    class Told(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part = nn.Sequential(nn.ReLU())

        def extra_repr(self) -> str:
            return "a=1,\nb=2"

    assert repr(Told()) == ("Told(\n  a=1,\n  b=2\n  (part): Sequential(\n    (0): ReLU()\n  )\n)")
    assert repr(nn.ModuleList()) == "ModuleList()"


def test_functional_names_what_is_missing() -> None:
    with pytest.raises(AttributeError, match="Did you mean 'cross_entropy'"):
        _ = nn.functional.crossentropy
