"""Rules in their four readings: what is printed is what is run, and captured programs run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.autograd import Op, registry
from chainrule.autograd.declare import bind
from chainrule.autograd.fitting import sum_to
from chainrule.autograd.ops.samples import Sampler
from chainrule.autograd.sym import Sym, rule_sym

# Rules that cannot be read on Sym, and why.
NOT_PRINTED = {
    "cat": "one rule for a list of inputs, which has no names for them",
    "stack": "one rule for a list of inputs, which has no names for them",
    "split": "its g is a list, one gradient for each piece",
    "unbind": "its g is a list, one gradient for each slice",
    "output": "bookkeeping: picks one result of several",
    "assign_view": "its parameter is a chain of views, which the engine replays",
    "convert": "has no samples; its rule is g itself",
    "underived": "its rule raises",
}


def sample_calls(op: Op) -> Iterator[tuple[list[Any], list[Any]]]:
    """Inputs and parameters of the sample calls, defaults and keywords filled in."""
    for args in op.samples(Sampler()) if op.samples else ():
        keywords = args[-1] if isinstance(args[-1], dict) else {}
        plain = args[:-1] if keywords else args
        bound = list(bind(op, plain, keywords))
        yield bound[: len(op.inputs)], bound[len(op.inputs) :]


def printed() -> Iterator[Any]:
    for name, op in registry.items():
        # a joint rule (one function for all inputs) has no line for each input to print
        if op.differentiable and name not in NOT_PRINTED and not callable(op.rules):
            for k, (inputs, params) in enumerate(sample_calls(op)):
                if name == "linear" and inputs[0].ndim == 1:
                    continue  # Sym reads rules for matrices, and this one is another for vectors
                for i, wanted in enumerate(op.inputs):
                    if wanted == "bias" and name.startswith("convolution"):
                        continue  # likewise: it sums over the dimensions that the input has
                    if wanted in op.rules and inputs[i] is not None:
                        yield pytest.param(op, inputs, params, i, id=f"{name}-{wanted}-{k}")


@pytest.mark.parametrize(("op", "inputs", "params", "at"), list(printed()))
def test_printed_is_executed(op: Op, inputs: list[Any], params: list[Any], at: int) -> None:
    """The rule read as an expression and evaluated gives what backward computes."""
    name = op.inputs[at]
    result = op.kernel(*inputs, *params)
    out = result[0] if op.aux else result
    values = dict(zip(op.inputs, inputs, strict=True)) | {"out": out}
    values |= dict(zip(op.aux, result[1:], strict=True)) if op.aux else {}
    g = values["g"] = np.random.default_rng(1).normal(size=np.shape(out))
    plan = op.plan(1 << at)
    (executed,) = plan.backward(g, plan.save(inputs, result, tuple(params)))
    shape = np.shape(inputs[at])
    for textbook in (False, True):
        shapes = {n: np.shape(v) for n, v in zip(op.inputs, inputs, strict=True)}
        expression = rule_sym(op, name, textbook=textbook, params=params, shapes=shapes)
        assert expression is not None
        value = np.asarray(expression.evaluate(values))
        value = np.asarray(g * value if op.partial else value)
        np.testing.assert_allclose(
            fitted(value, shape), fitted(np.asarray(executed), shape), 1e-10, 1e-13
        )


def fitted(g: Any, shape: tuple[int, ...]) -> Any:
    """Broadcasting undone, as the walker does it."""
    g = np.asarray(g, np.float64)
    return sum_to(g, shape) if g.ndim >= len(shape) else np.broadcast_to(g, shape)


@pytest.mark.parametrize("name", [n for n, op in registry.items() if op.differentiable])
def test_rules_are_pure(name: str) -> None:
    """Arguments that the operation has, no NumPy, and a text in Unicode and in TeX."""
    op = registry[name]
    rules = [op.rules] if callable(op.rules) else list(op.rules.values())
    rules += list((op.textbook or {}).values())
    for rule in rules:
        if callable(rule):
            assert not {"np", "numpy"} & set(rule.__code__.co_names), f"{name}: NumPy in a rule"
            assert rule.__code__.co_kwonlyargcount == 0
    calls = list(sample_calls(op))
    if name in NOT_PRINTED or callable(op.rules) or not calls:
        return
    inputs, params = calls[0]
    shapes = {n: np.shape(v) for n, v in zip(op.inputs, inputs, strict=True)}
    for wanted in op.rules:
        expression = rule_sym(op, wanted, params=params, shapes=shapes)
        assert isinstance(expression, Sym)
        text, tex = expression.text(), expression.latex()
        assert text
        assert "Sym(" not in text
        assert "object at" not in text + tex
        assert tex.count("{") == tex.count("}")


def test_the_list_of_exceptions_is_short_and_current() -> None:
    assert len(NOT_PRINTED) < 10
    for name in NOT_PRINTED:
        assert registry[name].differentiable


def test_a_rule_that_branches_is_refused() -> None:
    with pytest.raises(TypeError, match="may not branch on values"):
        _ = 1 if Sym("input") > 0 else 2


TEXTS = {
    ("mul", "input"): "other", ("div", "input"): "1/other", ("div", "other"): "−input/other²",
    ("tanh", "input"): "1 − out²", ("exp", "input"): "out", ("log", "input"): "1/input",
    ("sigmoid", "input"): "out·(1 − out)", ("relu", "input"): "[input > 0]",
    ("pow", "input"): "other·input^(other − 1)", ("sin", "input"): "cos(input)",
    ("sqrt", "input"): "1/(2·out)", ("matmul", "input"): "g otherᵀ",
    ("matmul", "other"): "inputᵀ g", ("neg", "input"): "−1", ("add", "other"): "1",
    ("maximum", "input"): "[input > other]", ("square", "input"): "2·input",
}  # fmt: skip


@pytest.mark.parametrize(("name", "wanted"), TEXTS)
def test_texts(name: str, wanted: str) -> None:
    expression = rule_sym(registry[name], wanted)
    assert expression is not None
    assert expression.text() == TEXTS[name, wanted]


def test_latex() -> None:
    def tex(name: str, wanted: str) -> str:
        expression = rule_sym(registry[name], wanted)
        assert expression is not None
        return expression.latex()

    assert tex("div", "other") == r"\frac{-\mathrm{input}}{\mathrm{other}^{2}}"
    assert tex("matmul", "input") == r"g \, \mathrm{other}^T"
    assert tex("relu", "input") == r"\left[\mathrm{input} > 0\right]"
    assert tex("sin", "input") == r"\cos \mathrm{input}"


# -- Tracer ---------------------------------------------------------------------------------------


def traced_calls() -> Iterator[Any]:
    for name, op in registry.items():
        calls = list(sample_calls(op))
        separate = op.differentiable and not callable(op.rules)
        if separate and name not in NOT_PRINTED and not op.several and calls:
            inputs, params = calls[0]
            yield pytest.param(op, inputs, params, id=name)


# Operations whose backward cannot be captured yet, and why.
NOT_CAPTURED: dict[str, str] = {}


@pytest.mark.parametrize(("op", "inputs", "params"), list(traced_calls()))
def test_captured_backward_runs_again(op: Op, inputs: list[Any], params: list[Any]) -> None:
    """Forward and backward in one graph: the same numbers, and new ones on new inputs."""
    if op.name in NOT_CAPTURED:
        pytest.skip(NOT_CAPTURED[op.name])
    at = [
        k for k, n in enumerate(op.inputs)
        if n in op.rules and isinstance(inputs[k], (np.ndarray, np.floating))
    ]  # fmt: skip

    def program(*xs: Any) -> Any:
        args: list[Any] = [cr.tensor(i) if isinstance(i, np.ndarray) else i for i in inputs]
        for k, x in zip(at, xs, strict=True):
            args[k] = x
        out = op.call(*args, *params)
        out = out[0] if isinstance(out, tuple) else out
        grads = cr.autograd.grad((out * out).sum(), xs, allow_unused=True)
        return out, *[g for g in grads if g is not None]

    def given(scale: float) -> list[Any]:
        return [cr.tensor(inputs[k] * scale).requires_grad_() for k in at]

    graph = cr.capture(program, *given(1.0))
    assert graph.text().startswith("{ lambda")
    for scale in (1.0, 0.9):
        again, eager = graph.run(*given(scale)), program(*given(scale))
        for a, b in zip(again, eager, strict=True):
            assert tuple(a.shape) == tuple(b.shape)
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-12, 1e-14)


def test_a_captured_graph_may_be_walked() -> None:
    graph = cr.capture(lambda x, w: (x @ w).tanh().sum(), cr.ones(2, 3), cr.ones(3, 1))
    assert [eq.op.name for eq in graph.equations] == ["matmul", "tanh", "sum"]
    assert [v.shape for v in graph.inputs] == [(2, 3), (3, 1)]
    assert graph.equations[0].inputs == graph.inputs
    assert graph.outputs == graph.equations[-1].outputs
    assert graph.text() == (
        "{ lambda ; a:f32[2,3] b:f32[3,1] . let\n"
        "    c:f32[2,1] = matmul a b\n"
        "    d:f32[2,1] = tanh c\n"
        "    e:f32[] = sum[dim=None keepdim=False] d\n"
        "  in (e) }"
    )
    with pytest.raises(TypeError, match="expected 2 inputs"):
        graph.run(cr.ones(2, 3))
    with pytest.raises(ValueError, match="shape"):
        graph.run(cr.ones(3, 3), cr.ones(3, 1))


def test_a_capture_may_not_look_at_values() -> None:
    branches: list[Callable[[Any], Any]] = [
        lambda x: x if x.sum() > 0 else -x, lambda x: x * float(x.sum()), lambda x: x.numpy(),
        lambda x: x.tolist(), lambda x: x * x.sum().item(), lambda x: cr.zeros(int(x.sum())),
    ]  # fmt: skip
    for f in branches:
        with pytest.raises(TypeError, match="needs the value"):
            cr.capture(f, cr.ones(2))
    assert (cr.ones(2) + 1).tolist() == [2.0, 2.0]  # the engine is as it was


def test_the_history_of_a_tensor_as_a_graph() -> None:
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum() * 3
    graph = cr.Graph.of(y)
    assert [eq.op.name for eq in graph.equations] == ["mul", "sum", "mul"]
    assert graph.run().item() == y.item()


class MLP:
    """Two layers, trained by hand: the same code eagerly and under capture."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.w1 = cr.tensor(rng.normal(size=(3, 4)) * 0.5).requires_grad_()
        self.b1 = cr.zeros(4, dtype=cr.float64).requires_grad_()
        self.w2 = cr.tensor(rng.normal(size=(4, 1)) * 0.5).requires_grad_()
        self.b2 = cr.zeros(1, dtype=cr.float64).requires_grad_()

    def parameters(self) -> list[Any]:
        return [self.w1, self.b1, self.w2, self.b2]

    def step(self, x: Any, y: Any) -> Any:
        for p in self.parameters():
            p.grad = None
        h = (x @ self.w1 + self.b1).tanh()
        error = h @ self.w2 + self.b2 - y
        loss = (error * error).mean()
        loss.backward()
        with cr.no_grad():
            for p in self.parameters():
                p.sub_(0.1 * p.grad)
        return loss


def test_a_captured_training_step() -> None:
    """Forward, backward and update in one graph; three more runs are three more steps."""
    rng = np.random.default_rng(1)
    shapes = ((5, 3), (5, 1))
    batches = [[cr.tensor(rng.normal(size=shape)) for shape in shapes] for _ in range(4)]
    eager, captured = MLP(), MLP()
    losses = [eager.step(x, y).item() for x, y in batches]
    graph = cr.capture(captured.step, *batches[0])  # the capture is itself the first step
    again = [graph.run(x, y).item() for x, y in batches[1:]]
    np.testing.assert_allclose(again, losses[1:], rtol=1e-12)
    for p, q in zip(eager.parameters(), captured.parameters(), strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-12)
    assert len(graph.updates) == 4
    assert graph.text() == STEP


STEP = """\
{ lambda c:f64[3,4] e:f64[4] h:f64[4,1] j:f64[1] p:f64[5,1] ; a:f64[5,3] b:f64[5,1] . let
    d:f64[5,4] = matmul a c
    f:f64[5,4] = add d e
    g:f64[5,4] = tanh f
    i:f64[5,1] = matmul g h
    k:f64[5,1] = add i j
    l:f64[5,1] = sub k b
    m:f64[5,1] = mul l l
    n:f64[] = mean[dim=None keepdim=False] m
    o:f64[5,1] = mul p l
    q:f64[5,1] = mul p l
    r:f64[5,1] = add o q
    s:f64[1] = sum[dim=(0,) keepdim=False] r
    t:f64[1] = reshape[shape=(1,)] s
    u:f64[1,4] = transpose[dim0=-2 dim1=-1] h
    v:f64[5,4] = matmul r u
    w:f64[4,5] = transpose[dim0=-2 dim1=-1] g
    x:f64[4,1] = matmul w r
    y:f64[5,4] = sech2 f
    z:f64[5,4] = mul v y
    aa:f64[4] = sum[dim=(0,) keepdim=False] z
    ab:f64[4] = reshape[shape=(4,)] aa
    ac:f64[3,5] = transpose[dim0=-2 dim1=-1] a
    ad:f64[3,4] = matmul ac z
    ae:f64[3,4] = mul 0.1 ad
    af:f64[3,4] = sub c ae
    ag:f64[4] = mul 0.1 ab
    ah:f64[4] = sub e ag
    ai:f64[4,1] = mul 0.1 x
    aj:f64[4,1] = sub h ai
    ak:f64[1] = mul 0.1 t
    al:f64[1] = sub j ak
  in (n) with c ← af e ← ah h ← aj j ← al }"""
