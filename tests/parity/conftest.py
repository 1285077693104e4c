"""The comparison itself: one program run with chainrule and with PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

import chainrule as cr

# Relative and absolute: both compute in the dtype, in another order of summation.
TOLERANCE = {"float64": (1e-9, 1e-11), "float32": (2e-5, 2e-6), "float16": (2e-3, 2e-3)}
TOLERANCE |= {"bfloat16": (2e-2, 2e-2), "complex64": (2e-5, 2e-6), "complex128": (1e-9, 1e-11)}

Program = Callable[[Any, Any], Any]  # (module, arguments by name) -> results


class Outcome:
    """What running a program gave: a value or an exception, and the categories of its warnings."""

    def __init__(self, run: Callable[[], Any]) -> None:
        self.value: Any = None
        self.error: Exception | None = None
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            try:
                self.value = run()
            except Exception as error:
                self.error = error
        self.warned = {w.category for w in seen}


class Peers:
    """Both libraries, and how their results are compared."""

    def __init__(self) -> None:
        self.torch = pytest.importorskip("torch")
        self.modules = (cr, self.torch)

    def tensor(self, module: Any, data: Any, grad: bool = True) -> Any:
        """A tensor of one of the libraries, in the order in memory of ``data``."""
        data = np.asarray(data)
        if module is cr:
            t = cr.from_numpy(data.copy(order="K")) if data.ndim else cr.tensor(data)
        else:
            t = self.torch.from_numpy(data.copy(order="K"))
        return t.requires_grad_() if grad and data.dtype.kind in "fc" else t

    def array(self, t: Any) -> Any:
        """A tensor's data as a NumPy array."""
        if isinstance(t, cr.Tensor):
            return np.asarray(t.detach().numpy())
        t = t.detach().float() if t.dtype is self.torch.bfloat16 else t.detach()
        return t.numpy(force=True)  # also of the zeros that PyTorch has not made yet

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, (cr.Tensor, self.torch.Tensor))

    def same(self, ours: Any, theirs: Any, where: str = "result", *, zeros: bool = True) -> None:
        """Assert that two results are equal: kinds, dtypes, shapes and, within rounding, values."""
        if self.is_tensor(theirs):
            assert isinstance(ours, cr.Tensor), f"{where}: {type(ours).__name__} for a tensor"
            assert repr(ours.dtype) == repr(theirs.dtype), f"{where}: dtype"
            assert tuple(ours.shape) == tuple(theirs.shape), f"{where}: shape"
            self.close(self.array(ours), self.array(theirs), ours.dtype.name, where, zeros)
        elif isinstance(theirs, (tuple, list)):
            assert isinstance(ours, (tuple, list)), f"{where}: {type(ours).__name__}"
            assert len(ours) == len(theirs), f"{where}: {len(ours)} results, not {len(theirs)}"
            names = getattr(type(theirs), "n_fields", 0) and [
                n for n in dir(theirs) if n in ("values", "indices")
            ]
            for name in names or ():
                assert hasattr(ours, name), f"{where}: no field {name}"
            for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
                self.same(a, b, f"{where}[{k}]", zeros=zeros)
        elif type(theirs) is float:
            assert type(ours) is float, f"{where}: {type(ours).__name__} for a float"
            self.close(np.asarray(ours), np.asarray(theirs), "float32", where, zeros)
        elif isinstance(theirs, (self.torch.dtype, self.torch.device)):
            assert repr(ours) == repr(theirs), where
        else:
            assert ours == theirs, where
            assert type(ours) is type(theirs), where

    def close(self, ours: Any, theirs: Any, dtype: str, where: str, zeros: bool = True) -> None:
        """Assert equal values: exact for integers, within rounding for floats, nan is nan."""
        if dtype not in TOLERANCE:
            assert np.array_equal(ours, theirs), f"{where}:\n{ours}\nPyTorch:\n{theirs}"
            return
        rtol, atol = TOLERANCE[dtype]
        if dtype == "bfloat16":
            ours = ours.astype(np.float32)
        good = np.isclose(ours, theirs, rtol, atol, equal_nan=True)
        if zeros and ours.dtype.kind == "f":
            zero = (ours == 0) & (theirs == 0)
            good &= ~zero | (np.signbit(ours) == np.signbit(theirs))
        assert good.all(), f"{where}:\n{ours}\nPyTorch:\n{theirs}"

    def agree(
        self,
        program: Program,
        inputs: Mapping[str, Any],
        *,
        order: int = 2,
        zeros: bool = False,
        constant: Sequence[str] = (),
    ) -> str:
        """Run a program with both; compare results and gradients, or that both raise.

        ``inputs`` are arrays; floating ones require grad, except the ``constant`` ones.
        ``order``: how many derivatives. ``zeros``: whether −0 differs from 0. Returns "raised" or
        "agreed".
        """
        given = [
            {k: self.tensor(m, v, order > 0 and k not in constant) for k, v in inputs.items()}
            for m in self.modules
        ]
        ours, theirs = (
            Outcome(lambda m=m, g=g: program(m, g))
            for m, g in zip(self.modules, given, strict=True)
        )
        if theirs.error is not None or ours.error is not None:
            self.both_raise(ours, theirs)
            return "raised"
        user = {w for w in theirs.warned if issubclass(w, UserWarning)}
        assert {w for w in ours.warned if issubclass(w, UserWarning)} == user, "warnings"
        self.same(ours.value, theirs.value, zeros=zeros)
        if order:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.gradients(ours.value, theirs.value, given, order)
        return "agreed"

    def both_raise(self, ours: Outcome, theirs: Outcome) -> None:
        """Assert that both raised, and the same class of exception (or one that is both)."""
        text = f"chainrule: {ours.error!r}\nPyTorch: {theirs.error!r}"
        assert ours.error is not None, f"only PyTorch raised\n{text}"
        assert theirs.error is not None, f"only chainrule raised\n{text}"
        related = isinstance(ours.error, type(theirs.error)) or isinstance(
            theirs.error, type(ours.error)
        )
        assert related, f"exceptions of other classes\n{text}"

    def flat(self, value: Any) -> list[Any]:
        """The differentiable tensors in a result."""
        if self.is_tensor(value):
            return [value] if value.requires_grad else []
        if isinstance(value, (tuple, list)):
            return [t for v in value for t in self.flat(v)]
        return []

    def gradients(
        self, ours: Any, theirs: Any, given: Sequence[Mapping[str, Any]], order: int
    ) -> None:
        """Compare the gradients of results with respect to the inputs, ``order`` times."""
        results = [self.flat(ours), self.flat(theirs)]
        assert len(results[0]) == len(results[1]), "which results require grad"
        leaves = [[t for t in g.values() if self.is_tensor(t) and t.requires_grad] for g in given]
        for n in range(1, order + 1):
            if not results[1] or not leaves[1]:
                return
            grads = []
            for m, outs, xs in zip(self.modules, results, leaves, strict=True):
                draw = np.random.default_rng(n)
                seeds = []
                for o in outs:
                    w = np.asarray(draw.uniform(0.5, 1.5, tuple(o.shape)))
                    seeds.append(self.tensor(m, w, False).to(o.dtype))
                grads.append(m.autograd.grad(outs, xs, seeds, create_graph=True, allow_unused=True))
            for k, (a, b) in enumerate(zip(*grads, strict=True)):
                where = f"gradient of order {n} of input {k}"
                if a is None or b is None:
                    self.missing(a, b, where, n)
                else:
                    self.same(a, b, where, zeros=False)
            results = [self.flat(list(g)) for g in grads]
            if len(results[0]) != len(results[1]):  # a constant gradient may or may not be recorded
                both = [
                    k for k in range(len(leaves[0]))
                    if all(g[k] is not None and g[k].requires_grad for g in grads)
                ]  # fmt: skip
                results = [[g[k] for k in both] for g in grads]

    def missing(self, ours: Any, theirs: Any, where: str, order: int) -> None:
        """Where one has no gradient, the other has none either; or zeros, from second order on."""
        if order == 1:
            assert ours is None, f"{where}: {ours} for None"
            assert theirs is None, f"{where}: None for {theirs}"
        else:
            there = [self.array(g) for g in (ours, theirs) if g is not None]
            assert not any(np.any(g) for g in there), f"{where}: None against {there}"


@pytest.fixture(scope="session")
def peers() -> Peers:
    """Both libraries, ready to be compared."""
    return Peers()
