"""Embedding: a table of vectors, looked up by integers one by one or in bags."""

from __future__ import annotations

from typing import Any, Self

from ..autograd import Tensor
from ..autograd.declare import names
from ..autograd.modes import no_grad
from . import init
from .module import Module
from .parameter import Parameter

_empty = names["torch"]["empty"]
_embedding, _embedding_bag = names["F"]["embedding"], names["F"]["embedding_bag"]


class _Table(Module):
    """The weight of an embedding, and the row that stands for padding."""

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None
    weight: Parameter

    def _fill(
        self, given: Tensor | None, padding_idx: int | None, kind: Any, learns: bool = True
    ) -> None:
        """Take the given table, or draw one."""
        n, size = self.num_embeddings, self.embedding_dim
        if padding_idx is not None:
            if not -n <= padding_idx < n:
                raise AssertionError(f"{self._padding_word} must be within num_embeddings")
            padding_idx %= n
        self.padding_idx = padding_idx
        if given is None:
            self.weight = Parameter(_empty(n, size, **kind), learns)
            self.reset_parameters()
        elif list(given.shape) != [n, size]:
            raise AssertionError("Shape of weight does not match num_embeddings and embedding_dim")
        else:
            self.weight = Parameter(given, learns)

    _padding_word = "padding_idx"

    def reset_parameters(self) -> None:
        """Draw the table again: normal (0, 1), and zeros in the row for padding."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx].fill_(0)


class Embedding(_Table):
    """The rows of ``weight`` (num, dim) at integer indices: input (…) → output (…, dim).

    The rows start normal (0, 1); the row ``padding_idx`` starts at 0 and gets no gradient. Raises
    IndexError for an index outside the table.

    >>> import chainrule as cr
    >>> table = cr.nn.Embedding(10, 3, padding_idx=0)
    >>> table, table(cr.tensor([[0, 2, 0, 5]])).shape
    (Embedding(10, 3, padding_idx=0), torch.Size([1, 4, 3]))
    """

    _padding_word = "Padding_idx"

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        self._fill(_weight, padding_idx, {"device": device, "dtype": dtype}, not _freeze)

    def forward(self, input: Tensor) -> Any:
        """Return the rows at ``input``."""
        return _embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        """The sizes, and the options that differ from their defaults."""
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        for name, usual in (("padding_idx", None), ("max_norm", None), ("norm_type", 2)):
            if getattr(self, name) != usual:
                text += f", {name}={getattr(self, name)}"
        if self.scale_grad_by_freq:
            text += f", scale_grad_by_freq={self.scale_grad_by_freq}"
        return text + (", sparse=True" if self.sparse else "")

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
        """Return an Embedding of the given table, which does not learn unless ``freeze=False``.

        >>> import chainrule as cr
        >>> table = cr.nn.Embedding.from_pretrained(cr.tensor([[1.0, 2.3], [4.0, 5.1]]))
        >>> table(cr.tensor([1]))
        tensor([[4.0000, 5.1000]])
        """
        if embeddings.dim() != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        rows, columns = embeddings.shape
        return cls(
            rows,
            columns,
            padding_idx,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
            _weight=embeddings,
            _freeze=freeze,
        )


class EmbeddingBag(_Table):
    """The sum, mean (default) or maximum of bags of rows of ``weight`` (num, dim).

    Input (B, n): B bags of n indices; or (n,) with ``offsets`` (B,) where bags start (and end, with
    ``include_last_offset``); output (B, dim). ``per_sample_weights`` weighs the rows of a sum.

    >>> import chainrule as cr
    >>> bags = cr.nn.EmbeddingBag(10, 3, mode="sum")
    >>> bags, bags(cr.tensor([1, 2, 4, 5]), cr.tensor([0, 3])).shape
    (EmbeddingBag(10, 3, mode='sum'), torch.Size([2, 3]))
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.mode, self.sparse = scale_grad_by_freq, mode, sparse
        self.include_last_offset = include_last_offset
        self._fill(_weight, padding_idx, {"device": device, "dtype": dtype})

    def forward(
        self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Any = None
    ) -> Any:
        """Return one row a bag."""
        return _embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        """The sizes, the mode, and the options that differ from their defaults."""
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        for name, usual in (("max_norm", None), ("norm_type", 2), ("scale_grad_by_freq", False)):
            if getattr(self, name) != usual:
                text += f", {name}={getattr(self, name)!r}"
        text += f", mode={self.mode!r}"
        return text if self.padding_idx is None else f"{text}, padding_idx={self.padding_idx!r}"

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> Self:
        """Return an EmbeddingBag of the given table, which does not learn unless ``freeze=False``.

        >>> import chainrule as cr
        >>> bags = cr.nn.EmbeddingBag.from_pretrained(cr.tensor([[1.0, 2.0], [3.0, 6.0]]))
        >>> bags(cr.tensor([[1, 0]]))
        tensor([[2., 4.]])
        """
        if embeddings.dim() != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        rows, columns = embeddings.shape
        made = cls(
            rows,
            columns,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            mode,
            sparse,
            embeddings,
            include_last_offset,
            padding_idx,
        )
        made.weight.requires_grad_(not freeze)
        return made
