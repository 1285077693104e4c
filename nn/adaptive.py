"""A softmax over very many classes, fast where few of them are frequent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..autograd import Tensor
from ..autograd.declare import names
from .container import ModuleList, Sequential
from .linear import Linear
from .module import Module

F = names["F"]
_torch = names["torch"]


class _ASMoutput(NamedTuple):
    """The log-probability of each target, and minus their mean."""

    output: Any
    loss: Any


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-softmax in two steps: over the frequent classes and clusters, then within a cluster.

    Classes are sorted by frequency; those below ``cutoffs[0]`` are scored directly, each later
    interval is a cluster whose features shrink by ``div_value`` a step. Input (N, F), target (N,);
    returns ``output`` (N,), the targets' log-probabilities, and ``loss``. Raises ValueError for
    bad cutoffs, RuntimeError for targets outside.
    Source: Grave et al., "Efficient softmax approximation for GPUs", 2016.

    >>> import chainrule as cr
    >>> m = cr.nn.AdaptiveLogSoftmaxWithLoss(16, 20, cutoffs=[5, 10])
    >>> out = m(cr.zeros(3, 16), cr.tensor([1, 7, 19]))
    >>> out.output.shape, m.log_prob(cr.zeros(3, 16)).exp().sum(1).detach()
    (torch.Size([3]), tensor([1., 1., 1.]))
    """

    head: Linear
    tail: ModuleList

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        ends = list(cutoffs)
        if not ends:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if (
            ends != sorted(set(ends))
            or not 0 < ends[0] <= ends[-1] < n_classes
            or any(int(c) != c for c in ends)
        ):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing "
                "order, where each value is between 1 and n_classes-1"
            )
        self.in_features, self.n_classes, self.div_value = in_features, n_classes, div_value
        self.cutoffs, self.head_bias = [*ends, n_classes], head_bias
        self.shortlist_size, self.n_clusters = ends[0], len(ends)
        self.head_size = self.shortlist_size + self.n_clusters
        kind = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **kind)
        self.tail = ModuleList()
        for k in range(self.n_clusters):
            hidden = int(in_features // (div_value ** (k + 1)))
            size = self.cutoffs[k + 1] - self.cutoffs[k]
            first = Linear(in_features, hidden, bias=False, **kind)
            self.tail.append(Sequential(first, Linear(hidden, size, bias=False, **kind)))

    def reset_parameters(self) -> None:
        """Draw the parameters again."""
        self.head.reset_parameters()
        for pair in self.tail:
            for part in pair:  # type: ignore[attr-defined]  # a Sequential of two Linear
                part.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        self._check(input_, target_)
        batched = target_.dim() > 0
        input: Any = input_ if batched else input_.unsqueeze(0)
        target: Any = target_ if batched else target_.unsqueeze(0)
        if bool(((target < 0) | (target >= self.n_classes)).any()):
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{target.min().item()}, {target.max().item()}] were found. "
            )
        column, output = target.clone(), input.new_zeros(target.shape[0])
        for k in range(self.n_clusters):
            low, high = self.cutoffs[k], self.cutoffs[k + 1]
            rows = ((target >= low) & (target < high)).nonzero().flatten()
            if not rows.numel():
                continue
            column = column.index_fill(0, rows, self.shortlist_size + k)
            scores = F["log_softmax"](self.tail[k](input.index_select(0, rows)), dim=1)
            inner = target.index_select(0, rows) - low
            output = output.index_copy(0, rows, scores.gather(1, inner.unsqueeze(1)).squeeze(1))
        head = F["log_softmax"](self.head(input), dim=1)
        output = output + head.gather(1, column.unsqueeze(1)).squeeze(1)
        loss = (-output).mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    def _check(self, input: Any, target: Any) -> None:
        n = target.dim()
        if n > 1:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        if n == 1 and input.shape[0] != target.shape[0]:
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        if input.dim() != n + 1:
            raise RuntimeError(
                f"{n}D target tensor expects {n + 1}D input tensors, but found inputs with size "
                f"{input.shape}"
            )

    def log_prob(self, input: Tensor) -> Any:
        """The log-probabilities of all classes, (N, n_classes)."""
        head = F["log_softmax"](self.head(input), dim=1)
        parts = [head[:, : self.shortlist_size]]
        for k, pair in enumerate(self.tail):
            cluster = head[:, self.shortlist_size + k].unsqueeze(1)
            parts.append(F["log_softmax"](pair(input), dim=1) + cluster)
        return _torch["cat"](parts, dim=1)

    def predict(self, input: Tensor) -> Any:
        """The most probable class of each row, (N,); clusters are computed only where they win."""
        best = _torch["argmax"](self.head(input), dim=1)
        elsewhere = best >= self.shortlist_size
        if bool(elsewhere.any()):
            best[elsewhere] = _torch["argmax"](self.log_prob(input[elsewhere]), dim=1)
        return best
