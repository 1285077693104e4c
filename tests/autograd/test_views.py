"""Views and in-place edits: shared memory, histories, versions, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.autograd import gradcheck, gradgradcheck


def var(value: Any) -> Any:
    return cr.tensor(value, dtype=cr.float64, requires_grad=True)


VIEWS: dict[str, Callable[[Any], Any]] = {
    "index": lambda t: t[1],
    "slice": lambda t: t[:, 1:],
    "step": lambda t: t[::2, ::2],
    "none": lambda t: t[None, :, 0],
    "ellipsis": lambda t: t[..., 1],
    "view": lambda t: t.view(-1),
    "reshape": lambda t: t.reshape(4, 3),
    "flatten": lambda t: t.flatten(),
    "T": lambda t: t.T,
    "mT": lambda t: t.mT,
    "transpose": lambda t: t.transpose(0, 1),
    "permute": lambda t: t.permute(1, 0),
    "unsqueeze": lambda t: t.unsqueeze(0),
    "squeeze": lambda t: t.unsqueeze(0).squeeze(0),
    "narrow": lambda t: t.narrow(1, 1, 2),
    "select": lambda t: t.select(0, 2),
    "movedim": lambda t: t.movedim(0, 1),
    "detach": lambda t: t.detach(),
    "split": lambda t: t.split(2)[0],
    "chunk": lambda t: t.chunk(2, 1)[1],
    "unbind": lambda t: t.unbind(1)[2],
    "view of view": lambda t: t.T[1:].T[0],
    "three deep": lambda t: t.view(12)[2:11].view(3, 3)[1],
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_shares_memory_both_ways(name: str) -> None:
    x = cr.from_numpy(np.arange(12.0).reshape(3, 4))
    v = VIEWS[name](x)
    assert np.shares_memory(v.numpy(), x.numpy())
    x.mul_(2)
    np.testing.assert_array_equal(v.numpy(), VIEWS[name](x.clone()).numpy())
    v.numpy()[...] = -1.0
    assert (x.numpy() == -1).sum() == v.numel()
    if name != "detach":
        assert v._base is x
        assert v._version == x._version


@pytest.mark.parametrize(
    "name", [n for n in VIEWS if n not in ("split", "chunk", "unbind", "detach")]
)
@pytest.mark.parametrize("edit", ["mul_", "exp_", "fill_", "setitem", "copy_"])
def test_writing_through_a_view_is_recorded(name: str, edit: str) -> None:
    """The base, the view and other views all know the edit."""

    def program(x: Any, w: Any) -> Any:
        base = x * 2
        other = base[0]
        v = VIEWS[name](base)
        if edit == "mul_":
            v.mul_(w)
        elif edit == "exp_":
            v.exp_()
        elif edit == "fill_":
            v.fill_(w)
        elif edit == "copy_":
            v.copy_((w * cr.arange(v.numel()).reshape(v.shape)).sin())
        else:
            v[..., 0] = w
        return (base * base).sum() + v.sum() * 3 + (other * w).sum()

    x, w = var(np.random.default_rng(0).normal(size=(3, 4)) * 0.5), var(0.7)
    assert gradcheck(program, (x, w))
    assert gradgradcheck(program, (x, w))


def test_a_detached_view_sees_the_edits_and_no_history() -> None:
    base = var([1.0, 2.0]) * 1
    v = base.detach()
    base.mul_(2)
    assert v.tolist() == [2.0, 4.0]
    assert not v.requires_grad


@pytest.mark.parametrize("name", [n for n in VIEWS if n != "detach"])
def test_editing_the_base_renews_its_views(name: str) -> None:
    def program(x: Any, w: Any) -> Any:
        base = x * 1
        v = VIEWS[name](base)
        base.mul_(w)
        base[0] = w * w
        return (v * v).sum() + base.sum()

    x, w = var(np.random.default_rng(0).normal(size=(3, 4))), var(0.7)
    assert gradcheck(program, (x, w))
    assert gradgradcheck(program, (x, w))


def test_several_results_may_not_be_edited() -> None:
    for pieces in (cr.ones(3, 4).split(1), cr.ones(3, 4).unbind(), cr.ones(4).chunk(2)):
        pieces[0].mul_(2)  # without gradients they may
    for split in (lambda t: t.split(1), lambda t: t.unbind(), lambda t: t.chunk(2)):
        piece = split(var(np.ones((3, 4))) * 1)[0]
        with pytest.raises(RuntimeError, match="output views"):
            piece.add_(1)


INDEXES: dict[str, Any] = {
    "int": 1,
    "negative": -1,
    "slice": slice(1, None),
    "pair": (0, 1),
    "mixed": (slice(None), 2),
    "none": (None, 1),
    "ellipsis": (..., 0),
    "list": [0, 2],
    "tensor": cr.tensor([2, 0]),
    "mask": cr.tensor(np.arange(12).reshape(3, 4) % 2 == 0),
    "row mask": cr.tensor([True, False, True]),
    "pairs": ([0, 1], [2, 3]),
    "tensor and slice": (slice(1, None), cr.tensor([0, 3])),
    "all": ...,
}


@pytest.mark.parametrize("name", INDEXES)
def test_assignment_in_all_forms(name: str) -> None:
    index = INDEXES[name]

    def program(x: Any, w: Any) -> Any:
        y = x * 1
        y[index] = w
        y[index] *= 2
        y[index] += y[index] + w
        return (y * y).sum()

    x, w = var(np.random.default_rng(0).normal(size=(3, 4))), var(0.7)
    assert gradcheck(program, (x, w))
    y = np.arange(12.0).reshape(3, 4)
    t = cr.from_numpy(y.copy())
    t[index] = 5.0
    plain = index.numpy() if isinstance(index, cr.Tensor) else index
    if name == "tensor and slice":
        plain = (slice(1, None), [0, 3])
    y[plain] = 5.0
    np.testing.assert_array_equal(t.numpy(), y)


def test_repeated_indexes_take_the_gradient_once_each() -> None:
    x = var([1.0, 2.0, 3.0])
    y = x[cr.tensor([0, 0, 2])]
    (y * cr.tensor([1.0, 10.0, 100.0]).double()).sum().backward()
    assert x.grad.tolist() == [11.0, 0.0, 100.0]


def test_augmented_assignment_to_a_name_that_others_hold() -> None:
    a = var([1.0, 2.0]) * 1
    b = a
    a += 1
    assert b is a
    assert b.tolist() == [2.0, 3.0]
    a = a + 1
    assert b.tolist() == [2.0, 3.0]


def test_versions() -> None:
    x = cr.zeros(2, 3)
    assert x._version == 0
    x.add_(1)
    x[0] = 2
    row = x[1]
    assert row._version == 2
    row.mul_(3)
    assert x._version == 3
    x.detach().zero_()
    assert x._version == 4
    x.data.zero_()
    assert x._version == 4
    x += 1
    assert x._version == 5
    y = x + 1
    assert y._version == 0
    s = cr.tensor(1.0, dtype=cr.float64)
    s.add_(1)
    s.mul_(2)
    assert s._version == 2
    assert s.item() == 4.0


def test_a_saved_value_may_not_be_edited() -> None:
    edits: list[Callable[[Any], Any]] = [
        lambda t: t.add_(1), lambda t: t.zero_(), lambda t: t.__setitem__(0, 1.0),
        lambda t: t[0].mul_(2), lambda t: t.view(-1)[1:].zero_(), lambda t: t.detach().add_(1),
        lambda t: t.T.copy_(cr.ones(2, 2).double()),
    ]  # fmt: skip
    for edit in edits:
        x = var(np.ones((2, 2)))
        h = x * 2
        y = (h * h).sum()
        edit(h)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.backward()
    x = var(np.ones((2, 2)))
    h = x * 2
    y = (h + 1).sum()  # saves nothing
    h.zero_()
    y.backward()
    assert x.grad.tolist() == [[2.0, 2.0], [2.0, 2.0]]
    h = x * 2
    y = (h * h).sum()
    h.data.zero_()  # goes unnoticed, as in PyTorch
    y.backward()


def test_an_edit_before_the_value_is_saved_is_no_edit() -> None:
    x = var([1.0, 2.0])
    h = x * 2
    h.add_(1)
    y = (h * h).sum()
    y.backward()
    assert x.grad.tolist() == [12.0, 20.0]


def test_a_result_saved_by_its_own_operation() -> None:
    x = var([1.0, 2.0])
    y = x.exp()
    y.add_(1)
    with pytest.raises(RuntimeError, match="its result"):
        y.sum().backward()
    z = x.exp().sum()
    z.add_(1)  # sum saves nothing of its result
    z.backward()


def test_leaves_may_not_be_edited() -> None:
    x = var(np.ones((2, 2)))
    edits: list[Callable[[], Any]] = [
        lambda: x.add_(1), lambda: x.__setitem__(0, 1.0), lambda: x.zero_(), lambda: x.exp_(),
        lambda: x.fill_(2), lambda: x.copy_(x.detach()), lambda: x.uniform_(),
        lambda: x.__iadd__(1), lambda: x.clamp_(0, 1),
    ]  # fmt: skip
    for edit in edits:
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
            edit()
    for view in (x[0], x.T, x.view(4), x[:, 1:]):
        with pytest.raises(RuntimeError, match="a view of a leaf Variable"):
            view.mul_(2)
    assert x.tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert x._version == 0
    x.detach().mul_(3)
    x.data[0] = 7
    assert x.tolist() == [[7.0, 7.0], [3.0, 3.0]]


def test_an_edit_brings_gradient_to_a_constant() -> None:
    w = var([1.0, 2.0])
    buffer = cr.zeros(3, 2, dtype=cr.float64)
    assert not buffer.requires_grad
    buffer[1] = w
    assert buffer.requires_grad
    buffer[2] = w * w
    (buffer * cr.tensor([[1.0], [10.0], [100.0]]).double()).sum().backward()
    assert w.grad.tolist() == [10 + 200.0, 10 + 400.0]


def test_an_edit_takes_gradient_away() -> None:
    x = var([1.0, 2.0])
    y = x * 2
    y.zero_()
    (y + x).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
    z = x * 2
    z[0] = 5.0
    z.sum().backward()
    assert x.grad.tolist() == [1.0, 3.0]


def test_a_recurrent_program_with_a_buffer() -> None:
    def program(x: Any, w: Any) -> Any:
        states = cr.zeros(4, 2, dtype=cr.float64)
        h = x
        for t in range(4):
            h = (h * w).tanh()
            states[t] = h
        return (states * states).sum() + states[1:3].sum()

    assert gradcheck(program, (var([0.3, -0.5]), var([1.2, 0.7])))


def test_edits_under_no_grad_keep_the_history() -> None:
    x = var([1.0, 2.0])
    y = x + 0
    with cr.no_grad():
        y.mul_(100)
    (y * cr.tensor([1.0, 1.0]).double()).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]  # values changed, history did not


def test_result_types_of_edits() -> None:
    x = cr.tensor([1, 2])
    x.add_(2)
    assert x.tolist() == [3, 4]
    with pytest.raises(RuntimeError, match=r"result type Float can't be cast .* Long"):
        x.add_(1.5)
    y = cr.ones(2)
    y.add_(cr.ones(2, dtype=cr.float64))
    assert y.dtype is cr.float32
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        y.add_(cr.ones(3, 2))
    assert y.tolist() == [2.0, 2.0]


def test_expanded_memory_may_not_be_written() -> None:
    x = cr.zeros(1, 3).expand(2, 3)
    for edit in (lambda: x.add_(1), lambda: x.zero_(), lambda: x.__setitem__(0, 1.0)):
        with pytest.raises(RuntimeError, match="single memory location"):
            edit()


def test_views_die_with_their_names() -> None:
    base = cr.zeros(10, dtype=cr.float64)
    for _ in range(1000):
        base[1:]
    assert len(base.__dict__["_views"]) < 20


def test_numpy_arrays_share_memory() -> None:
    a = np.zeros((2, 2), np.float32)
    t = cr.from_numpy(a)
    t[0] = 5
    assert a.tolist() == [[5.0, 5.0], [0.0, 0.0]]
    a[1] = 7
    assert t.tolist() == [[5.0, 5.0], [7.0, 7.0]]
    assert cr.tensor(a).numpy() is not a
    copied = cr.tensor(a)
    a[:] = 0
    assert copied.sum().item() == 24.0
    assert cr.as_tensor(a).numpy() is a


@pytest.mark.parametrize("n", [50, 400])
def test_writes_beside_many_views_take_linear_work(n: int, monkeypatch: Any) -> None:
    """Each write is one step; a view finds its node when it is asked, not at every write."""
    from chainrule.autograd import views

    found: list[int] = []
    current = views.current
    monkeypatch.setattr(views, "current", lambda view: found.append(1) or current(view))  # type: ignore[func-returns-value]
    w = cr.ones(n, dtype=cr.float64, requires_grad=True)
    x = w * 1
    rows = [x[k] for k in range(n)]
    for k in range(n):
        rows[k].mul_(k)
        x[k] = rows[k] + 1
    assert len(found) <= 3 * n
    assert all(type(r) is cr.Tensor for r in rows if r.requires_grad)
    x.sum().backward()
    assert w.grad.tolist() == [float(k) for k in range(n)]
    assert [r.grad_fn is not None for r in rows] == [True] * n


def test_a_view_finds_its_node_under_no_grad_too() -> None:
    w = cr.ones(3, dtype=cr.float64, requires_grad=True)
    x = w * 1
    v = x[:2]
    x.mul_(3)
    with cr.no_grad():
        assert v.requires_grad
        assert v.grad_fn is not None
    (v * 2).sum().backward()
    assert w.grad.tolist() == [6.0, 6.0, 0.0]
