"""Losses as layers: how far predictions are from targets, or their probability of them.

``reduction``: "mean", "sum", or "none" for one an element; ``size_average`` and ``reduce`` are its
old form.
"""

from __future__ import annotations

import warnings
from dataclasses import InitVar
from typing import Any

from ..autograd import Tensor
from ..autograd.declare import names
from ..autograd.ops.loss import legacy_reduction
from .declared import Layer, layer

F = names["F"]


class _Loss(Layer):
    """What losses share: ``reduction``, from its old form too."""

    reduction: str

    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
    ) -> None:
        self.reduction = reduction
        self.__post_init__(size_average, reduce)

    def __post_init__(self, size_average: Any = None, reduce: Any = None, *_: Any) -> None:
        super().__post_init__()
        self.reduction = legacy_reduction(size_average, reduce, self.reduction)


class _WeightedLoss(_Loss):
    """A loss with a buffer ``weight``."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        self.reduction = reduction
        self.__post_init__(weight, size_average, reduce)

    def __post_init__(
        self, weight: Any = None, size_average: Any = None, reduce: Any = None, *_: Any
    ) -> None:
        super().__post_init__(size_average, reduce)
        self.register_buffer("weight", weight)


class MSELoss(_Loss):
    """The squared error (input − target)².

    >>> import chainrule as cr
    >>> cr.nn.MSELoss()(cr.tensor([1.0, 2.0]), cr.tensor([3.0, 2.0]))
    tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return F["mse_loss"](input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """The absolute error |input − target|.

    >>> import chainrule as cr
    >>> cr.nn.L1Loss(reduction="sum")(cr.tensor([1.0, 2.0]), cr.tensor([3.0, 2.0]))
    tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return F["l1_loss"](input, target, reduction=self.reduction)


@layer
class SmoothL1Loss(_Loss):
    """d²/(2β) where |d| < β, |d| − β/2 elsewhere, d = input − target.

    Source: Girshick, "Fast R-CNN", 2015.

    >>> import chainrule as cr
    >>> cr.nn.SmoothL1Loss(reduction="none")(cr.tensor([0.5, 3.0]), cr.zeros(2))
    tensor([0.1250, 2.5000])
    """

    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"
    beta: float = 1.0

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return F["smooth_l1_loss"](input, target, reduction=self.reduction, beta=self.beta)


@layer
class HuberLoss(_Loss):
    """d²/2 where |d| < δ, δ(|d| − δ/2) elsewhere, d = input − target.

    >>> import chainrule as cr
    >>> cr.nn.HuberLoss(reduction="none", delta=2.0)(cr.tensor([1.0, 3.0]), cr.zeros(2))
    tensor([0.5000, 4.0000])
    """

    reduction: str = "mean"
    delta: float = 1.0

    def __post_init__(self, *_: Any) -> None:
        if not isinstance(self.delta, (float, int)):
            raise TypeError(f"delta must be a float or int, got: {type(self.delta)}")
        super().__post_init__()

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return F["huber_loss"](input, target, reduction=self.reduction, delta=self.delta)


@layer
class KLDivLoss(_Loss):
    """target·(log target − input) of log-probabilities ``input``: the Kullback–Leibler divergence.

    Its sum over the classes and mean over the batch is ``reduction="batchmean"``; with
    ``log_target`` the target is logarithms too.

    >>> import chainrule as cr
    >>> p = cr.tensor([[0.5, 0.5]])
    >>> cr.nn.KLDivLoss(reduction="batchmean")(cr.log(cr.tensor([[0.25, 0.75]])), p)
    tensor(0.1438)
    """

    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"
    log_target: bool = False

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return F["kl_div"](input, target, reduction=self.reduction, log_target=self.log_target)


@layer
class NLLLoss(_WeightedLoss):
    """−input[i, targetᵢ] of log-probabilities (N, C, …) and class indices (N, …).

    ``weight`` (C,) weighs the classes; targets equal to ``ignore_index`` count for nothing. The
    mean divides by the sum of the weights.

    >>> import chainrule as cr
    >>> cr.nn.NLLLoss()(cr.log(cr.tensor([[0.2, 0.7, 0.1]])), cr.tensor([1]))
    tensor(0.3567)
    """

    weight: InitVar[Tensor | None] = None
    size_average: InitVar[bool | None] = None
    ignore_index: int = -100
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return F["nll_loss"](
            input,
            target,
            weight=self._buffers["weight"],
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class NLLLoss2d(NLLLoss):
    """The old name of ``NLLLoss`` for images; it warns.

    >>> import chainrule as cr
    >>> issubclass(cr.nn.NLLLoss2d, cr.nn.NLLLoss)
    True
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        warnings.warn(
            "`NLLLoss2d` has been deprecated. Please use `NLLLoss` instead, which takes images too",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__(weight, size_average, ignore_index, reduce, reduction)


@layer
class CrossEntropyLoss(_WeightedLoss):
    """−log softmax(input)[target] of scores (N, C, …) and class indices, or probabilities.

    Gradient of the mean: (softmax − one-hot)/N. ``label_smoothing`` ε mixes the target with ε/C
    of every class; ``weight`` and ``ignore_index`` are as in NLLLoss.

    >>> import chainrule as cr
    >>> cr.nn.CrossEntropyLoss()(cr.tensor([[1.0, 2.0, 3.0]]), cr.tensor([2]))
    tensor(0.4076)
    """

    weight: InitVar[Tensor | None] = None
    size_average: InitVar[bool | None] = None
    ignore_index: int = -100
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"
    label_smoothing: float = 0.0

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return F["cross_entropy"](
            input,
            target,
            weight=self._buffers["weight"],
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class BCELoss(_WeightedLoss):
    """−(t·log p + (1 − t)·log(1 − p)) of probabilities p, each logarithm at least −100.

    >>> import chainrule as cr
    >>> cr.nn.BCELoss()(cr.tensor([0.8]), cr.tensor([1.0]))
    tensor(0.2231)
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return F["binary_cross_entropy"](
            input, target, weight=self._buffers["weight"], reduction=self.reduction
        )


@layer
class BCEWithLogitsLoss(_WeightedLoss):
    """``BCELoss`` of σ(x), computed from the scores x without overflow.

    ``pos_weight`` (C,) weighs the term of the positives: above 1 it finds more of them.

    >>> import chainrule as cr
    >>> cr.nn.BCEWithLogitsLoss()(cr.tensor([0.0, 1000.0]), cr.tensor([1.0, 1.0]))
    tensor(0.3466)
    """

    weight: InitVar[Tensor | None] = None
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"
    pos_weight: InitVar[Tensor | None] = None

    def __post_init__(
        self,
        weight: Any = None,
        size_average: Any = None,
        reduce: Any = None,
        pos_weight: Any = None,
        *_: Any,
    ) -> None:
        super().__post_init__(weight, size_average, reduce)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Any:
        own = self._buffers
        return F["binary_cross_entropy_with_logits"](
            input, target, own["weight"], pos_weight=own["pos_weight"], reduction=self.reduction
        )


@layer
class PoissonNLLLoss(_Loss):
    """e^x − t·x for counts t of rate e^x, or x − t·log(x + eps) if not ``log_input``.

    ``full`` adds Stirling's t·log t − t + log(2πt)/2 for t > 1.

    >>> import chainrule as cr
    >>> cr.nn.PoissonNLLLoss()(cr.tensor([0.0]), cr.tensor([2.0]))
    tensor(1.)
    """

    log_input: bool = True
    full: bool = False
    size_average: InitVar[bool | None] = None
    eps: float = 1e-8
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"

    def forward(self, log_input: Tensor, target: Tensor) -> Any:
        return F["poisson_nll_loss"](
            log_input,
            target,
            log_input=self.log_input,
            full=self.full,
            eps=self.eps,
            reduction=self.reduction,
        )


class GaussianNLLLoss(_Loss):
    """(log v + (input − target)²/v)/2 for a variance v = max(``var``, eps).

    ``full`` adds log(2π)/2.

    >>> import chainrule as cr
    >>> cr.nn.GaussianNLLLoss()(cr.tensor([1.0]), cr.tensor([3.0]), cr.tensor([1.0]))
    tensor(2.)
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(None, None, reduction)
        self.full, self.eps = full, eps

    def forward(self, input: Tensor, target: Tensor, var: Any) -> Any:
        return F["gaussian_nll_loss"](
            input, target, var, full=self.full, eps=self.eps, reduction=self.reduction
        )


@layer
class CTCLoss(_Loss):
    """−log Σ p(path) over all alignments of a target with a longer input.

    Log-probabilities (T, N, C) or (T, C), targets (N, S) or concatenated, both lengths; ``blank``
    is the class between symbols, ``zero_infinity`` silences targets that do not fit. The mean
    divides by the target lengths first. Source: Graves et al., 2006.

    >>> import chainrule as cr
    >>> log_probs = cr.zeros(2, 1, 2).log_softmax(2)
    >>> cr.nn.CTCLoss()(log_probs, cr.tensor([[1]]), cr.tensor([2]), cr.tensor([1]))
    tensor(0.2877)
    """

    blank: int = 0
    reduction: str = "mean"
    zero_infinity: bool = False

    def forward(
        self, log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any
    ) -> Any:
        return F["ctc_loss"](
            log_probs,
            targets,
            input_lengths,
            target_lengths,
            self.blank,
            self.reduction,
            self.zero_infinity,
        )
