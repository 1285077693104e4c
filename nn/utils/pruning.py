"""The ways to choose what to prune: a mask on a parameter, computed before each forward.

``name = name_orig · name_mask``.

Unstructured methods choose single entries, structured ones whole slices along a dimension. Pruning
again combines the masks: what is pruned stays pruned.
"""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from ...autograd.declare import names

_torch = names["torch"]


def check_amount(amount: Any) -> None:
    """Raise unless ``amount`` is a share in [0, 1] or a number of entries."""
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    whole = isinstance(amount, numbers.Integral)
    if float(amount) < 0 or (not whole and float(amount) > 1):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a non-negative "
            "integer"
        )


def count(amount: Any, size: int) -> int:
    """How many of ``size`` to prune; raises ValueError for more than there are."""
    n = int(amount) if isinstance(amount, numbers.Integral) else round(float(amount) * size)
    if n > size:
        raise ValueError(
            f"amount={amount} should be smaller than the number of parameters to prune={size}"
        )
    return n


def _check_slices(t: Any, dim: int) -> None:
    if t.dim() <= 1:
        raise ValueError(
            "Structured pruning can only be applied to multidimensional tensors. Found tensor of "
            f"shape {t.shape} with {t.dim()} dims"
        )
    if dim >= t.dim():
        raise IndexError(f"Invalid index {dim} for tensor of size {t.shape}")


def _same_shape(scores: Any, t: Any, what: str) -> None:
    if scores.shape != t.shape:
        raise AssertionError(
            f"importance_scores should have the same shape as {what}, got {scores.shape} vs "
            f"{t.shape}"
        )


class BasePruningMethod(ABC):
    """A way to choose what to prune: subclasses give ``PRUNING_TYPE`` and ``compute_mask``.

    ``PRUNING_TYPE`` is ``"unstructured"``, ``"structured"`` (then with ``dim``) or ``"global"``.

    >>> import chainrule as cr
    >>> class EveryOther(cr.nn.utils.prune.BasePruningMethod):
    ...     PRUNING_TYPE = "unstructured"
    ...     def compute_mask(self, t, default_mask):
    ...         mask = default_mask.clone()
    ...         mask.view(-1)[::2] = 0
    ...         return mask
    >>> _ = EveryOther.apply(layer := cr.nn.Linear(3, 1), "weight")
    >>> layer.weight_mask
    tensor([[0., 1., 0.]])
    """

    PRUNING_TYPE: str
    _tensor_name: str

    @abstractmethod
    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask, 1 where an entry stays, from importances ``t`` and the mask so far."""

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    def apply_mask(self, module: Any) -> Any:
        """The masked tensor."""
        mask = getattr(module, self._tensor_name + "_mask")
        orig = getattr(module, self._tensor_name + "_orig")
        return mask.to(orig.dtype) * orig

    @classmethod
    def apply(
        cls, module: Any, name: str, *args: Any, importance_scores: Any = None, **kwargs: Any
    ) -> BasePruningMethod:
        """Prune ``module.name`` with ``cls(*args, **kwargs)``, on top of earlier pruning."""
        found = [
            (key, hook) for key, hook in module._forward_pre_hooks.items()
            if isinstance(hook, BasePruningMethod) and hook._tensor_name == name
        ]  # fmt: skip
        method: BasePruningMethod = cls(*args, **kwargs)
        method._tensor_name = name
        orig = getattr(module, name)
        scores = orig if importance_scores is None else importance_scores
        _same_shape(scores, orig, f"parameter {name} of {module}")
        for key, old in found:
            del module._forward_pre_hooks[key]
            container = old if isinstance(old, PruningContainer) else PruningContainer(old)
            container.add_pruning_method(method)
            method = container
        if found:
            before = getattr(module, name + "_mask").detach().clone()
        else:
            before = _torch["ones_like"](orig)
        mask = method.compute_mask(scores.detach(), before.detach())
        if not found:
            del module._parameters[name]
            module.register_parameter(name + "_orig", orig)
        module.register_buffer(name + "_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t: Any, default_mask: Any = None, importance_scores: Any = None) -> Any:
        """``t`` with what the method chooses set to 0, without any module."""
        scores = t if importance_scores is None else importance_scores
        _same_shape(scores, t, "tensor t")
        mask = _torch["ones_like"](t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, mask)

    def remove(self, module: Any) -> None:
        """Make the pruned values permanent, in one plain parameter."""
        name = self._tensor_name
        weight, orig = self.apply_mask(module).detach(), module._parameters[name + "_orig"]
        orig.data = weight
        for gone in (name, name + "_orig", name + "_mask"):
            delattr(module, gone)
        setattr(module, name, orig)


class PruningContainer(BasePruningMethod):
    """Several methods one after the other on one parameter; each sees what the others left.

    >>> import chainrule as cr
    >>> prune, layer = cr.nn.utils.prune, cr.nn.Linear(4, 2)
    >>> for _ in range(2):
    ...     _ = prune.l1_unstructured(layer, "weight", 2)
    >>> int(layer.weight_mask.sum()), len(next(iter(layer._forward_pre_hooks.values())))
    (4, 2)
    """

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if len(args) == 1:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: Any) -> None:
        """Put one more method at the end; raises ValueError for one of another parameter."""
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if self._tensor_name != method._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{self._tensor_name}' to PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: int) -> BasePruningMethod:
        return self._pruning_methods[idx]

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The last method's mask of what is left, and 0 elsewhere."""
        method = self._pruning_methods[-1]
        left: Any = tuple([slice(None)] * t.dim())
        if method.PRUNING_TYPE == "unstructured":
            left = default_mask == 1
        elif method.PRUNING_TYPE == "structured":
            if not hasattr(method, "dim"):
                raise AttributeError(
                    'Pruning methods of PRUNING_TYPE "structured" need to have the attribute `dim` '
                    "defined."
                )
            if method.dim < -t.dim():
                raise IndexError(f"Index is out of bounds for tensor with dimensions {t.dim()}")
            dim = method.dim % t.dim()
            alive = default_mask.sum([d for d in range(t.dim()) if d != dim]) != 0
            left = (*left[:dim], alive, *left[dim + 1 :])
        elif method.PRUNING_TYPE != "global":
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        mask = default_mask.to(t.dtype).clone()
        mask[left] = method.compute_mask(t[left], default_mask[left]).to(mask.dtype)
        return mask


class Identity(BasePruningMethod):
    """Prune nothing: the parameter gets a mask of ones."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask as it is."""
        return default_mask


class _Amount(BasePruningMethod):
    """A method that prunes a share or a number."""

    def __init__(self, amount: Any) -> None:
        check_amount(amount)
        self.amount = amount


class _Entries(_Amount):
    """Prune the entries of the largest rank."""

    PRUNING_TYPE = "unstructured"

    def _rank(self, t: Any) -> Any:
        raise NotImplementedError

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask without the chosen entries."""
        n, mask = count(self.amount, t.numel()), default_mask.clone()
        if n:
            mask.view(-1)[_torch["topk"](self._rank(t).reshape(-1), n).indices] = 0
        return mask


class RandomUnstructured(_Entries):
    """Prune single entries at random."""

    def _rank(self, t: Any) -> Any:
        return _torch["rand_like"](t)


class L1Unstructured(_Entries):
    """Prune the entries of the smallest magnitude."""

    def _rank(self, t: Any) -> Any:
        return -t.abs()


class _Slices(_Amount):
    """Prune whole slices along ``dim``."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: Any, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def _kept(self, t: Any, n: int) -> Any:
        """An index of the slices that stay when ``n`` go."""
        raise NotImplementedError

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask without the chosen slices."""
        _check_slices(t, self.dim)
        n = count(self.amount, t.shape[self.dim])
        if not n:
            return default_mask
        mask = _torch["zeros_like"](t)
        place: list[Any] = [slice(None)] * t.dim()
        place[self.dim] = self._kept(t, n)
        mask[tuple(place)] = 1
        return mask * default_mask.to(mask.dtype)


class RandomStructured(_Slices):
    """Prune slices at random."""

    def _kept(self, t: Any, n: int) -> Any:
        drawn = _torch["rand"](t.shape[self.dim])
        return drawn > _torch["kthvalue"](drawn, n).values


class LnStructured(_Slices):
    """Prune the slices of the smallest n-norm."""

    def __init__(self, amount: Any, n: Any, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def _kept(self, t: Any, n: int) -> Any:
        others = [d for d in range(t.dim()) if d != self.dim % t.dim()]
        norm = _torch["norm"](t, self.n, others)
        return _torch["topk"](norm, len(norm) - n).indices


class CustomFromMask(BasePruningMethod):
    """Prune where a given mask is 0."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Any) -> None:
        self.mask = mask

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """Both masks."""
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {default_mask.shape} must match self.mask shape "
                f"{self.mask.shape}"
            )
        return default_mask * self.mask.to(default_mask.dtype)
