"""The Transformer: encoder and decoder layers, stacks of them, and both together.

Source: Vaswani et al., "Attention Is All You Need", 2017; with ``norm_first``: Xiong et al., "On
Layer Normalization in the Transformer Architecture", 2020.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from ..autograd import Tensor
from ..autograd.declare import names
from ..autograd.ops.multihead import canonical_mask
from . import init
from .activation import GELU
from .attention import MultiheadAttention
from .container import ModuleList
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .norm_features import LayerNorm
from .rectifiers import ReLU

_torch, _F = names["torch"], names["F"]
Activation = str | Callable[[Any], Any]


def _activation(given: Activation) -> Callable[[Any], Any]:
    if not isinstance(given, str):
        return given
    if given not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {given}")
    found: Callable[[Any], Any] = _F[given]
    return found


def causal_mask(size: int, device: Any = None, dtype: Any = None) -> Any:
    """(size, size): −inf above the diagonal, else 0.

    >>> causal_mask(2)
    tensor([[0., -inf],
            [0., 0.]])
    """
    full = _torch["full"]((size, size), float("-inf"), dtype=dtype, device=device)
    return _torch["triu"](full, 1)


def _is_causal(mask: Any, said: bool | None, x: Tensor, batch_first: bool) -> bool:
    """What was said, or else whether the mask is the causal one."""
    if said is not None or mask is None:
        return bool(said)
    size = x.shape[1 if batch_first and x.dim() == 3 else 0]
    if tuple(mask.shape) != (size, size):
        return False
    return bool((mask == causal_mask(size, dtype=mask.dtype)).all())


def _clones(module: Module, n: int) -> ModuleList:
    return ModuleList([copy.deepcopy(module) for _ in range(n)])


class _Block(Module):
    """What encoder and decoder layers share: self-attention and a network for each position."""

    attentions: tuple[str, ...] = ("self_attn",)

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = _F["relu"],
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        kind = {"bias": bias, "device": device, "dtype": dtype}
        for name in self.attentions:
            made = MultiheadAttention(d_model, nhead, dropout, batch_first=batch_first, **kind)
            setattr(self, name, made)
        self.linear1 = Linear(d_model, dim_feedforward, **kind)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **kind)
        self.norm_first = norm_first
        parts = range(1, len(self.attentions) + 2)
        for k in parts:
            setattr(self, f"norm{k}", LayerNorm(d_model, eps=layer_norm_eps, **kind))
        for k in parts:
            setattr(self, f"dropout{k}", Dropout(dropout))
        self.activation = _activation(activation)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        f = state.get("activation")
        name = getattr(f, "__name__", "")
        if f is not None and _F.get(name) is f:
            state["activation"] = name  # functions of the table are pickled by their names
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(state.get("activation"), str):
            state = state | {"activation": _F[state["activation"]]}
        super().__setstate__(state)

    def _residual(self, k: int, x: Any, part: Callable[[Any], Any]) -> Any:
        """X + part(norm(x)), or norm(x + part(x))."""
        norm, drop = getattr(self, f"norm{k}"), getattr(self, f"dropout{k}")
        return x + drop(part(norm(x))) if self.norm_first else norm(x + drop(part(x)))

    def _attend(
        self, attention: Any, x: Any, memory: Any, mask: Any, padding: Any, causal: bool
    ) -> Any:
        return attention(x, memory, memory, padding, False, mask, is_causal=causal)[0]

    def _feed(self, x: Any) -> Any:
        """W₂·dropout(f(W₁x + b₁)) + b₂."""
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Block):
    """x ← norm(x + dropout(attention(x))), x ← norm(x + dropout(W₂·dropout(f(W₁x)))).

    (L, N, d_model), (N, L, d_model) with ``batch_first``, or (L, d_model). ``norm_first``
    normalises inside the residual; ``activation`` is ``"relu"``, ``"gelu"`` or a function. In masks
    True or −inf means *do not look there*.

    >>> import chainrule as cr
    >>> layer = cr.nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, batch_first=True)
    >>> layer(cr.zeros(3, 5, 8)).shape
    torch.Size([3, 5, 8])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        f = self.activation
        relu, gelu = f is _F["relu"] or isinstance(f, ReLU), f is _F["gelu"] or isinstance(f, GELU)
        self.activation_relu_or_gelu = 1 if relu else 2 if gelu else 0

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Any:
        """Return the transformed sequence."""
        padding = canonical_mask(
            src_key_padding_mask, "src_key_padding_mask", src.dtype, src_mask, "src_mask"
        )
        mask = canonical_mask(src_mask, "src_mask", src.dtype)
        x = self._residual(
            1, src, lambda x: self._attend(self.self_attn, x, x, mask, padding, is_causal)
        )
        return self._residual(2, x, self._feed)


class TransformerDecoderLayer(_Block):
    """Self-attention, attention to ``memory``, and a network for each position, all residual.

    tgt (T, N, d_model), memory (S, N, d_model) → (T, N, d_model); options and masks as in
    ``TransformerEncoderLayer``.

    >>> import chainrule as cr
    >>> layer = cr.nn.TransformerDecoderLayer(8, 2, dim_feedforward=16)
    >>> layer(cr.zeros(5, 3, 8), cr.zeros(7, 3, 8)).shape
    torch.Size([5, 3, 8])
    """

    attentions = ("self_attn", "multihead_attn")

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Any:
        """Return the transformed target sequence."""
        own = (tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        other = (memory_mask, memory_key_padding_mask, memory_is_causal)
        x = self._residual(1, tgt, lambda x: self._attend(self.self_attn, x, x, *own))
        x = self._residual(2, x, lambda x: self._attend(self.multihead_attn, x, memory, *other))
        return self._residual(3, x, self._feed)


class TransformerEncoder(Module):
    """``num_layers`` copies of an encoder layer one after the other, and ``norm`` at the end.

    The copies start with equal parameters. ``enable_nested_tensor`` and ``mask_check`` are kept
    for compatibility: evaluation gives the same numbers as training without dropout.

    >>> import chainrule as cr
    >>> layer = cr.nn.TransformerEncoderLayer(8, 2, dim_feedforward=16)
    >>> cr.nn.TransformerEncoder(layer, num_layers=2)(cr.zeros(5, 3, 8)).shape
    torch.Size([5, 3, 8])
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = _clones(encoder_layer, num_layers)
        self.num_layers, self.norm = num_layers, norm
        self.enable_nested_tensor, self.mask_check = enable_nested_tensor, mask_check
        self.use_nested_tensor = False

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Any:
        """Return the encoded sequence."""
        padding = canonical_mask(
            src_key_padding_mask, "src_key_padding_mask", src.dtype, mask, "mask"
        )
        added = canonical_mask(mask, "mask", src.dtype)
        first: Any = self.layers[0]
        causal = _is_causal(added, is_causal, src, first.self_attn.batch_first)
        x = src
        for layer in self.layers:
            x = layer(x, src_mask=added, is_causal=causal, src_key_padding_mask=padding)
        return x if self.norm is None else self.norm(x)


class TransformerDecoder(Module):
    """``num_layers`` copies of a decoder layer one after the other, and ``norm`` at the end.

    >>> import chainrule as cr
    >>> layer = cr.nn.TransformerDecoderLayer(8, 2, dim_feedforward=16)
    >>> cr.nn.TransformerDecoder(layer, 2)(cr.zeros(5, 3, 8), cr.zeros(7, 3, 8)).shape
    torch.Size([5, 3, 8])
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = _clones(decoder_layer, num_layers)
        self.num_layers, self.norm = num_layers, norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Any:
        """Return the decoded sequence."""
        first: Any = self.layers[0]
        causal = _is_causal(tgt_mask, tgt_is_causal, tgt, first.self_attn.batch_first)
        x = tgt
        for layer in self.layers:
            x = layer(
                x, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask,
                causal, memory_is_causal,
            )  # fmt: skip
        return x if self.norm is None else self.norm(x)


class Transformer(Module):
    """Encoder and decoder: src (S, N, d_model), tgt (T, N, d_model) → (T, N, d_model).

    Matrices start Xavier-uniform. ``custom_encoder`` and ``custom_decoder`` replace the usual
    stacks. Raises RuntimeError where batch or feature sizes differ.

    >>> import chainrule as cr
    >>> model = cr.nn.Transformer(8, 2, 1, 1, dim_feedforward=16)
    >>> mask = cr.nn.Transformer.generate_square_subsequent_mask(4)
    >>> model(cr.zeros(6, 3, 8), cr.zeros(4, 3, 8), tgt_mask=mask).shape
    torch.Size([4, 3, 8])
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = _F["relu"],
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        given = (
            d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
            norm_first, bias, device, dtype,
        )  # fmt: skip

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)

        if custom_encoder is None:
            layer: Module = TransformerEncoderLayer(*given)
            custom_encoder = TransformerEncoder(layer, num_encoder_layers, norm())
        if custom_decoder is None:
            layer = TransformerDecoderLayer(*given)
            custom_decoder = TransformerDecoder(layer, num_decoder_layers, norm())
        self.encoder, self.decoder = custom_encoder, custom_decoder
        self._reset_parameters()
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first

    def _reset_parameters(self) -> None:
        """Draw all matrices again."""
        for p in self.parameters():
            if p.dim() > 1:
                init.xavier_uniform_(p)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Any:
        """Return the decoder's output for ``tgt``, given the encoded ``src``."""
        at = 0 if self.batch_first else 1
        if src.dim() == 3 and src.size(at) != tgt.size(at):
            raise RuntimeError("the batch number of src and tgt must be equal")
        if src.size(-1) != self.d_model or tgt.size(-1) != self.d_model:
            raise RuntimeError("the feature number of src and tgt must be equal to d_model")
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        return self.decoder(
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal, memory_is_causal=memory_is_causal,
        )  # fmt: skip

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Any:
        """(sz, sz): −inf above the diagonal, so that no position looks at a later one."""
        return causal_mask(sz, device, dtype)
