"""Multi-head attention as a layer."""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor
from ..autograd.declare import names
from . import init
from .linear import Linear
from .module import Module
from .parameter import Parameter

_empty, _attend = names["torch"]["empty"], names["F"]["multi_head_attention_forward"]


class NonDynamicallyQuantizableLinear(Linear):
    """``Linear`` under the name that PyTorch gives to attention's last projection.

    >>> import chainrule as cr
    >>> cr.nn.MultiheadAttention(4, 2).out_proj
    NonDynamicallyQuantizableLinear(in_features=4, out_features=4, bias=True)
    """


class MultiheadAttention(Module):
    """Concat(head₁, …)·W_Oᵀ + b, headᵢ = softmax(QᵢKᵢᵀ/√d)Vᵢ, Q, K, V projections of the inputs.

    query (L, N, E), key (S, N, kdim), value (S, N, vdim) → (L, N, E) and weights (N, L, S);
    ``batch_first`` puts N first; unbatched without N. ``in_proj_weight`` (3E, E) holds the three
    projections (separate where kdim or vdim differ). In masks True or −inf means *do not look
    there*. Raises AssertionError where sizes do not fit. Source: Vaswani et al., 2017.

    >>> import chainrule as cr
    >>> attention = cr.nn.MultiheadAttention(8, 2, batch_first=True)
    >>> x = cr.zeros(3, 5, 8)
    >>> out, weights = attention(x, x, x)
    >>> out.shape, weights.shape
    (torch.Size([3, 5, 8]), torch.Size([3, 5, 5]))
    """

    in_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        super().__init__()
        self.embed_dim, self.num_heads = embed_dim, num_heads
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim == self.vdim
        self.dropout, self.batch_first = dropout, batch_first
        self.head_dim, self.add_zero_attn = embed_dim // num_heads, add_zero_attn
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")
        kind = {"device": device, "dtype": dtype}
        shapes: dict[str, Any] = {}
        if self._qkv_same_embed_dim:
            shapes["in_proj_weight"] = (3 * embed_dim, embed_dim)
        else:
            widths = (embed_dim, self.kdim, self.vdim)
            shapes |= {
                f"{n}_proj_weight": (embed_dim, w) for n, w in zip("qkv", widths, strict=True)
            }
        for name in ("q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_weight"):
            shape = shapes.get(name)
            self.register_parameter(
                name, None if shape is None else Parameter(_empty(*shape, **kind))
            )
        self.register_parameter(
            "in_proj_bias", Parameter(_empty(3 * embed_dim, **kind)) if bias else None
        )
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, **kind)
        if add_bias_kv:
            self.bias_k = Parameter(_empty(1, 1, embed_dim, **kind))
            self.bias_v = Parameter(_empty(1, 1, embed_dim, **kind))
        else:
            self.bias_k = self.bias_v = None
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Draw the projections again; their biases are 0."""
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            weight = getattr(self, name)
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for weight in (self.bias_k, self.bias_v):
            if weight is not None:
                init.xavier_normal_(weight)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        """Return the output, and the weights (averaged over heads) if ``need_weights``.

        ``key_padding_mask`` (N, S); ``attn_mask`` (L, S) or (N·heads, L, S); ``is_causal`` says
        that ``attn_mask`` is the causal one.
        """
        swap = self.batch_first and query.dim() == 3
        if swap:  # one tensor given three times stays one: then one product projects it
            turned = {id(t): t.transpose(1, 0) for t in (query, key, value)}
            query, key, value = (turned[id(t)] for t in (query, key, value))
        out, weights = _attend(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight,
            self.in_proj_bias, self.bias_k, self.bias_v, self.add_zero_attn, self.dropout,
            self.out_proj.weight, self.out_proj.bias, self.training, key_padding_mask,
            need_weights, attn_mask, not self._qkv_same_embed_dim, self.q_proj_weight,
            self.k_proj_weight, self.v_proj_weight, average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )  # fmt: skip
        return (out.transpose(1, 0) if swap else out), weights

    def merge_masks(
        self, attn_mask: Any, key_padding_mask: Any, query: Tensor
    ) -> tuple[Any, int | None]:
        """Both masks as one to add, and its kind: 1 padding only, 2 with an attention mask.

        Shapes (N, S), or (N, heads, L, S); None and None without masks.
        """
        if attn_mask is None:
            return key_padding_mask, None if key_padding_mask is None else 1
        batch, length = query.shape[:2]
        if attn_mask.dim() == 3:
            merged = attn_mask.view(batch, -1, length, length)
        else:
            merged = attn_mask.view(1, 1, length, length).expand(batch, self.num_heads, -1, -1)
        if key_padding_mask is not None:
            padding = key_padding_mask.view(batch, 1, 1, length)
            merged = merged + padding.expand(-1, self.num_heads, -1, -1)
        return merged, 2
