"""Batch normalization in evaluation mode taken into the layer before it."""

from __future__ import annotations

import copy
from typing import Any

from ..parameter import Parameter

__all__ = [
    "fuse_conv_bn_eval",
    "fuse_conv_bn_weights",
    "fuse_linear_bn_eval",
    "fuse_linear_bn_weights",
]


def _fused(weight: Any, bias: Any, mean: Any, var: Any, eps: float, scale: Any, shift: Any,
           shape: Any) -> tuple[Parameter, Parameter]:  # fmt: skip
    rate = (var + eps).rsqrt()
    rate = rate if scale is None else scale * rate
    grad = weight.requires_grad if bias is None else bias.requires_grad
    offset = ((-mean) if bias is None else bias - mean) * rate
    offset = offset if shift is None else offset + shift
    kind = weight.dtype if bias is None else bias.dtype
    if bias is None:
        grad = False
    fused = (weight * rate.reshape(shape)).to(weight.dtype)
    return (
        Parameter(fused.detach(), weight.requires_grad),
        Parameter(offset.detach().to(kind), grad),
    )


def fuse_conv_bn_weights(
    conv_w: Any, conv_b: Any, bn_rm: Any, bn_rv: Any, bn_eps: float, bn_w: Any, bn_b: Any,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """Weight and bias of a convolution that does the batch normalization after it too.

    W' = W·γ/√(σ² + ε), b' = (b − μ)·γ/√(σ² + ε) + β, for each output channel.

    >>> import chainrule as cr
    >>> one, w = cr.ones(1), cr.ones(1, 1, 1)
    >>> [p.item() for p in cr.nn.utils.fuse_conv_bn_weights(w, None, one, 4 * one, 0.0, one, one)]
    [0.5, 0.5]
    """
    ones = [1] * (conv_w.dim() - 2)
    shape = [1, -1, *ones] if transpose else [-1, 1, *ones]
    return _fused(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, shape)


def fuse_linear_bn_weights(
    linear_w: Any, linear_b: Any, bn_rm: Any, bn_rv: Any, bn_eps: float, bn_w: Any, bn_b: Any
) -> tuple[Parameter, Parameter]:
    """Weight and bias of a linear layer that does the batch normalization after it too.

    >>> import chainrule as cr
    >>> one = cr.ones(1)
    >>> w = cr.ones(1, 1)
    >>> [p.item() for p in cr.nn.utils.fuse_linear_bn_weights(w, one, one, one, 0.0, one, one)]
    [1.0, 1.0]
    """
    return _fused(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, [-1, 1])


def _check(layer: Any, bn: Any) -> None:
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("bn.running_mean and bn.running_var must not be None")


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A convolution that computes ``bn(conv(x))``; both must be in evaluation mode.

    >>> import chainrule as cr
    >>> conv, bn = cr.nn.Conv2d(1, 2, 3).eval(), cr.nn.BatchNorm2d(2).eval()
    >>> cr.nn.utils.fuse_conv_bn_eval(conv, bn)
    Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1))
    """
    _check(conv, bn)
    fused = copy.deepcopy(conv)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        conv.weight, conv.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias,
        transpose,
    )  # fmt: skip
    return fused


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A linear layer that computes ``bn(linear(x))``; both must be in evaluation mode.

    >>> import chainrule as cr
    >>> layer = cr.nn.utils.fuse_linear_bn_eval(
    ...     cr.nn.Linear(3, 2).eval(), cr.nn.BatchNorm1d(2).eval()
    ... )
    >>> layer
    Linear(in_features=3, out_features=2, bias=True)
    """
    _check(linear, bn)
    if bn.num_features not in (1, linear.out_features):
        raise AssertionError(
            "To fuse, linear.out_features == bn.num_features or bn.num_features == 1, got "
            f"linear.out_features={linear.out_features} and bn.num_features={bn.num_features}"
        )
    fused = copy.deepcopy(linear)
    fused.weight, fused.bias = fuse_linear_bn_weights(
        linear.weight, linear.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused
