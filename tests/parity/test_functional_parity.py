"""nn.functional against PyTorch: convolution, pooling, padding, resampling, normalization, losses.

Each text is run with both libraries (``m``, and ``F`` for its nn.functional) in float64 and in
float32; results and first and second gradients are compared, or that both raise. Capital letters
are images, ``i`` to ``k`` integers; see ``INPUTS``.
"""

from __future__ import annotations

import re
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import chainrule as cr  # noqa: E402
from chainrule.autograd.declare import family_of, names  # noqa: E402
from chainrule.autograd.ops import (  # noqa: E402
    attention,
    conv,
    ctc,
    dropouts,
    embeddings,
    interpolate,
    losses,
    margins,
    normalizations,
    padding,
    patches,
    pooling,
    sampling,
)

FAMILIES = (
    attention, conv, ctc, dropouts, embeddings, interpolate, losses, margins, normalizations,
    padding, patches, pooling, sampling,
)  # fmt: skip

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:chainrule")

_RNG = np.random.default_rng(0)


def _distinct(*shape: int) -> Any:
    n = int(np.prod(shape))
    return ((_RNG.permutation(n) - n / 2 + 0.37) * (2 / n)).reshape(shape)


INPUTS: dict[str, Any] = {
    "L": _distinct(2, 4, 7),  # lines
    "X": _distinct(2, 4, 5, 6),  # planes
    "S": _distinct(1, 2, 4, 3, 5),  # spaces
    "T": _distinct(2, 3, 8, 8),
    "E": np.zeros((0, 4, 5, 6)),
    "N": np.array([[[[np.nan, 1.0, 2.0], [3.0, -np.inf, np.nan], [np.inf, 2.0, 2.0]]]]),
    "w1": _RNG.normal(size=(6, 4, 3)),
    "w2": _RNG.normal(size=(6, 4, 3, 2)),
    "w3": _RNG.normal(size=(4, 2, 2, 1, 3)),
    "g1": _RNG.normal(size=(6, 2, 3)),
    "g2": _RNG.normal(size=(6, 2, 3, 2)),
    "d2": _RNG.normal(size=(8, 1, 2, 2)),
    "p2": _RNG.normal(size=(3, 4, 1, 1)),
    "t1": _RNG.normal(size=(4, 3, 3)),
    "t2": _RNG.normal(size=(4, 3, 3, 2)),
    "t3": _RNG.normal(size=(2, 3, 2, 1, 3)),
    "b6": _RNG.normal(size=6),
    "b4": _RNG.normal(size=4),
    "b3": _RNG.normal(size=3),
    "c4": _RNG.uniform(0.5, 1.5, 4),
    "c5": _RNG.uniform(0.5, 1.5, (5, 6)),
    "x": _RNG.normal(size=(3, 5)),
    "y": _RNG.normal(size=(3, 5)),
    "z": _RNG.normal(size=(3, 5)),
    "v": _RNG.normal(size=5),
    "u": _RNG.normal(size=3),
    "s": _RNG.normal(size=()),
    "p": _RNG.uniform(0.05, 0.95, (3, 5)),  # probabilities
    "q": _RNG.uniform(0.05, 0.95, (3, 5)),
    "o": np.sign(_RNG.normal(size=(3, 5))),  # signs
    "f": np.sign(_RNG.normal(size=3)),
    "r": np.array([[0.0, 1.0, -1.0], [0.5, -0.5, 2.0]]),
    "G": _RNG.uniform(-1.3, 1.3, (2, 3, 4, 2)),  # grids
    "H": _RNG.uniform(-1.3, 1.3, (1, 2, 2, 3, 3)),
    "A": _RNG.normal(size=(2, 2, 3)),
    "B": _RNG.normal(size=(1, 3, 4)),
    "Q": _RNG.normal(size=(2, 4, 3, 5)),
    "K": _RNG.normal(size=(2, 4, 6, 5)),
    "V": _RNG.normal(size=(2, 4, 6, 2)),
    "M": _RNG.normal(size=(3, 6)),
    "C": _RNG.normal(size=(7, 3, 5)),  # CTC scores: time, batch, classes
    "i": _RNG.integers(0, 5, (3, 4)),
    "j": np.array([2, 0, 4]),
    "k": np.array([[3, 0, -1, 1, 2], [0, 1, 2, -1, 3], [-1, 0, 1, 2, 3]]),
    "a": _RNG.random((3, 6)) < 0.7,  # a mask
    "h": _RNG.integers(1, 5, (3, 4)),
    "e": np.zeros((0, 5)),
}

CONVOLUTION = """
F.conv1d(L, w1)
F.conv1d(L, w1, b6, 2, 1, 2)
F.conv1d(L, g1, None, groups=2, padding="same")
F.conv1d(L[0], w1, b6, padding="valid")
m.conv1d(L, w1, b6, stride=(3,))
F.conv1d(L, w1, padding=(2,), dilation=3)
F.conv2d(X, w2)
F.conv2d(X, w2, b6, 2, 1)
F.conv2d(X, w2, b6, (2, 1), (0, 2), (1, 2))
F.conv2d(X, g2, b6, 1, "same", 1, 2)
F.conv2d(X, w2, None, padding="same", dilation=2)
F.conv2d(X, d2, groups=4, padding=1)
F.conv2d(X, d2, groups=4, stride=2)
F.conv2d(X, p2, b3)
F.conv2d(X, p2, b3, stride=2, padding=1)
F.conv2d(X[1], w2, b6)
F.conv2d(E, w2, b6)
F.conv2d(X.transpose(2, 3), w2, b6)
m.conv2d(X, w2, bias=b6, stride=1, padding=(1, 1), dilation=1, groups=1)
F.conv3d(S, w3)
F.conv3d(S, w3, b4, (1, 2, 1), (1, 0, 2))
F.conv3d(S[0], w3, padding="same")
F.conv2d(X, w1)
F.conv2d(X, g2)
F.conv2d(X, w2, b3)
F.conv2d(X, w2, padding="same", stride=2)
F.conv2d(X, w2, padding="full")
F.conv2d(X, w2, stride=0)
F.conv2d(X, w2, padding=-1)
F.conv2d(X, w2, dilation=0)
F.conv2d(X, w2, groups=0)
F.conv2d(X, w2, groups=5)
F.conv2d(X, w2, stride=(1, 1, 1))
F.conv2d(X, w2, dilation=4)
F.conv2d(X, w2.float(), b6.double())
F.conv2d(L, w2)
F.conv2d(x, w2)
F.conv1d(i, w1)
F.conv_transpose1d(L, t1)
F.conv_transpose1d(L, t1, b3, 2, 1, 1)
F.conv_transpose1d(L[0], t1, b3)
F.conv_transpose2d(X, t2)
F.conv_transpose2d(X, t2, b3, (2, 3), 1, (0, 2))
F.conv_transpose2d(X, t2, b6, 2, 1, 1, 2)
F.conv_transpose2d(X, t2, None, 1, 2, 0, 1, 2)
F.conv_transpose2d(X[0], t2, b3)
F.conv_transpose2d(E, t2, b3)
m.conv_transpose2d(X, t2, stride=2, output_padding=1, dilation=1)
F.conv_transpose3d(S, t3, b3, (1, 2, 1))
F.conv_transpose2d(X, t2, output_padding=1)
F.conv_transpose2d(X, t2, padding=4)
F.conv_transpose2d(X, w2)
F.conv_transpose2d(X, t2, b4)
"""

POOLING = """
F.max_pool1d(L, 3)
F.max_pool1d(L[1], 2, 1, 1)
m.max_pool1d(L, 3, 2, ceil_mode=True)
F.max_pool2d(X, 2)
F.max_pool2d(X, (2, 3), 1, (1, 0))
F.max_pool2d(X, 3, 2, 1, 1, True)
F.max_pool2d(X, 3, 2, 1, ceil_mode=True, return_indices=True)
F.max_pool2d(X, 2, 1, 0, 2, return_indices=True)
F.max_pool2d(X[0], 2, stride=[1, 2])
F.max_pool2d(E, 2)
F.max_pool2d(N, 2, 1, return_indices=True)
F.max_pool2d(N, 3, 1, 1, return_indices=True)
F.max_pool2d(m.ones(1, 1, 4, 4), 3, 1, 1, return_indices=True)
F.max_pool2d(h.reshape(1, 3, 4), 2)
F.max_pool2d_with_indices(X, 2)
m.max_pool2d(X, 2, padding=1)
F.max_pool3d(S, 2)
F.max_pool3d(S, (2, 1, 3), 1, (1, 0, 1), return_indices=True)
F.max_pool3d(S[0], 2, ceil_mode=True)
F.max_pool2d(X, 7)
F.max_pool2d(X, 2, padding=2)
F.max_pool2d(X, 2, stride=0)
F.max_pool2d(x, 2)
F.max_pool2d(X, (2, 2, 2))
F.avg_pool1d(L, 3)
F.avg_pool1d(L, 3, 2, 1, True, False)
F.avg_pool1d(L[0], 2)
m.avg_pool1d(L, 2, stride=1)
F.avg_pool2d(X, 2)
F.avg_pool2d(X, 3, 2, 1)
F.avg_pool2d(X, 3, 2, 1, True)
F.avg_pool2d(X, 3, 2, 1, True, False)
F.avg_pool2d(X, (2, 3), (1, 2), (1, 0), divisor_override=5)
F.avg_pool2d(X[0], (5, 6))
F.avg_pool2d(E, 2)
F.avg_pool2d(N, 2)
F.avg_pool2d(h.reshape(1, 3, 4), 2)
F.avg_pool3d(S, 2)
F.avg_pool3d(S, (2, 1, 3), 2, (1, 0, 1), False, False)
F.avg_pool2d(X, 2, divisor_override=0)
F.avg_pool2d(X, 2, padding=3)
F.lp_pool1d(L, 3, 2)
F.lp_pool1d(L.abs(), 2.5, 3, 2, True)
F.lp_pool2d(X, 2, 3)
F.lp_pool2d(X.abs(), 3, (2, 3), 1)
F.lp_pool3d(S, 2, 2)
F.adaptive_avg_pool1d(L, 3)
m.adaptive_avg_pool1d(L, 7)
F.adaptive_avg_pool2d(X, 1)
F.adaptive_avg_pool2d(X, (3, 4))
F.adaptive_avg_pool2d(X, (None, 3))
F.adaptive_avg_pool2d(X[0], (7, 2))
F.adaptive_avg_pool2d(E, 3)
F.adaptive_avg_pool2d(N, (2, 3))
F.adaptive_avg_pool3d(S, (3, 2, 2))
F.adaptive_avg_pool3d(S, 1)
F.adaptive_max_pool1d(L, 3)
m.adaptive_max_pool1d(L, 3)
F.adaptive_max_pool2d(X, 1)
F.adaptive_max_pool2d(X, (3, 4), True)
F.adaptive_max_pool2d(X, (7, 4), return_indices=True)
F.adaptive_max_pool2d(N, 2, return_indices=True)
F.adaptive_max_pool3d(S, (3, None, 2), return_indices=True)
F.adaptive_avg_pool2d(X, (1, 2, 3))
F.adaptive_avg_pool2d(x, 2)
F.adaptive_avg_pool2d(X, -1)
F.adaptive_max_pool2d(h.reshape(1, 3, 4), 2)
F.max_unpool1d(*F.max_pool1d(L, 2, return_indices=True), 2)
F.max_unpool1d(*F.max_pool1d(L, 2, return_indices=True), 2, output_size=(2, 4, 7))
F.max_unpool2d(*F.max_pool2d(X, 2, return_indices=True), 2, output_size=X.size())
F.max_unpool2d(*F.max_pool2d(T, 2, return_indices=True), 2)
F.max_unpool3d(*F.max_pool3d(S, (2, 1, 1), return_indices=True), (2, 1, 1))
F.max_unpool2d(*F.max_pool2d(T, 2, return_indices=True), 2, output_size=(20, 20))
F.max_unpool2d(T, h, 2)
"""

PADDING = """
F.pad(x, (1, 2))
F.pad(x, (1, 2, 0, 3), value=7.5)
F.pad(x, (-1, 2))
F.pad(x, (-1, -2, 1, -1), "constant", 2)
F.pad(s, ())
F.pad(i, (1, 1), value=3)
F.pad(a, (1, 0))
F.pad(X, (1, 2, 3, 4), mode="reflect")
F.pad(X, (1, -2, -1, 2), mode="reflect")
F.pad(L, (6, 0), mode="reflect")
F.pad(L, (6, -3), mode="reflect")
F.pad(L, (-3, 5), mode="reflect")
F.pad(L, (-3, 4), mode="circular")
F.pad(L, (5, -3), mode="replicate")
F.pad(L[0], (2, 2), "reflect")
F.pad(X, (1, 2, 3, 0), mode="replicate")
F.pad(L, (-1, 9), mode="replicate")
F.pad(S, (1, 1, 2, 0, 0, 2), mode="replicate")
F.pad(S, (1, 1, 2, 0, 0, 2), mode="reflect")
F.pad(X, (1, 2, 3, 0), mode="circular")
F.pad(L, (7, 7), mode="circular")
F.pad(L, (2, -3), mode="circular")
F.pad(S, (1, 1, 2, 0, 0, 2), mode="circular")
F.pad(x, (1, 1), mode="replicate")
F.pad(L, (7, 0), mode="reflect")
F.pad(L, (8, 0), mode="circular")
F.pad(x, (1, 2, 3))
F.pad(x, (1, 2, 3, 4, 5, 6))
F.pad(x, (-3, -3))
F.pad(x, (1, 1), mode="mirror")
F.pad(L, (1, 1), "reflect", 3.0)
F.pad(X, (1, 1), mode="reflect")
"""

RESAMPLING = """
F.interpolate(L, 5)
F.interpolate(L, scale_factor=1.7)
F.interpolate(L, 10, mode="linear")
F.interpolate(L, 10, mode="linear", align_corners=True)
F.interpolate(L, scale_factor=0.6, mode="linear")
F.interpolate(L, scale_factor=0.6, mode="linear", recompute_scale_factor=True)
F.interpolate(X, 7)
F.interpolate(X, (3, 11), mode="nearest-exact")
F.interpolate(X, scale_factor=(2, 0.5))
F.interpolate(X, scale_factor=2.3, mode="nearest-exact")
F.interpolate(X, (8, 3), mode="bilinear")
F.interpolate(X, (8, 3), mode="bilinear", align_corners=True)
F.interpolate(X, scale_factor=(1.5, 0.7), mode="bilinear")
F.interpolate(X, scale_factor=1.5, mode="bilinear", recompute_scale_factor=True)
F.interpolate(X, (1, 1), mode="bilinear", align_corners=True)
F.interpolate(X, (8, 3), mode="bicubic")
F.interpolate(X, (9, 4), mode="bicubic", align_corners=True)
F.interpolate(X, scale_factor=2, mode="bicubic")
F.interpolate(X, (3, 4), mode="area")
F.interpolate(X, scale_factor=0.5, mode="area")
F.interpolate(L, 3, mode="area")
F.interpolate(S, (3, 4, 2))
F.interpolate(S, (3, 4, 2), mode="trilinear")
F.interpolate(S, scale_factor=(2, 1, 1.5), mode="trilinear", align_corners=True)
F.interpolate(S, 2, mode="area")
F.interpolate(T, (3, 5), mode="bilinear", antialias=True)
F.interpolate(T, (11, 3), mode="bicubic", antialias=True)
F.interpolate(T, (3, 12), mode="bilinear", align_corners=True, antialias=True)
F.interpolate(N, 2)
F.interpolate(E, (2, 2), mode="bilinear")
F.interpolate(X)
F.interpolate(X, 3, 2)
F.interpolate(X, 3, mode="linear")
F.interpolate(X, 3, mode="cubic")
F.interpolate(X, 3, align_corners=True)
F.interpolate(X, (1, 2, 3))
F.interpolate(X, 0)
F.interpolate(X, 3, mode="linear", antialias=True)
F.interpolate(x, 3)
F.interpolate(X, 3, recompute_scale_factor=True)
F.upsample(X, scale_factor=2)
F.upsample_nearest(X, 3)
F.upsample_bilinear(X, (7, 7))
F.grid_sample(X, G, align_corners=False)
F.grid_sample(X, G, align_corners=True)
F.grid_sample(X, G)
F.grid_sample(X, G, "nearest", align_corners=False)
F.grid_sample(X, G, "nearest", "border", align_corners=True)
F.grid_sample(X, G, padding_mode="border", align_corners=False)
F.grid_sample(X, 3 * G, padding_mode="reflection", align_corners=False)
F.grid_sample(X, 3 * G, padding_mode="reflection", align_corners=True)
F.grid_sample(S, H, align_corners=False)
F.grid_sample(S, H, padding_mode="reflection", align_corners=True)
F.grid_sample(X, G, "cubic")
F.grid_sample(X, G, padding_mode="wrap")
F.grid_sample(X, H)
F.grid_sample(L, G)
F.affine_grid(A, (2, 3, 4, 5), align_corners=False)
F.affine_grid(A, (2, 3, 4, 1), align_corners=True)
F.affine_grid(B, (1, 1, 2, 3, 4), align_corners=False)
F.affine_grid(A, (2, 1, 2, 2))
F.affine_grid(A, (1, 1, 2, 2))
F.affine_grid(A, (2, 2, 2))
F.pixel_shuffle(X, 2)
m.pixel_shuffle(X[0], 2)
F.pixel_unshuffle(T, 2)
F.pixel_unshuffle(T[0], 4)
F.pixel_shuffle(X, 3)
F.pixel_unshuffle(X, 2)
F.channel_shuffle(X, 2)
m.channel_shuffle(L, 4)
F.channel_shuffle(X, 3)
F.unfold(X, 2)
F.unfold(X, (2, 3), 2, (1, 2), (2, 1))
F.unfold(X[0], 3, stride=2)
F.unfold(X, 7)
F.unfold(x, 2)
F.fold(F.unfold(X, (2, 3)), (5, 6), (2, 3))
F.fold(F.unfold(X, 2, 2, 1, 2), (5, 6), 2, 2, 1, 2)
F.fold(F.unfold(X[0], 2), (5, 6), 2)
F.fold(L, (3, 3), 2)
F.fold(L, (4, 4), 2)
F.fold(L, (4, 4), 3)
"""

NORMALIZATION = """
F.batch_norm(X, None, None, training=True)
F.batch_norm(X, None, None, b4, c4, True, 0.1, 1e-3)
F.batch_norm(X, b4.detach(), c4.detach(), c4, b4, False)
F.batch_norm(L, None, None, c4, None, True)
F.batch_norm(x, None, None, v, training=True)
m.batch_norm(X, c4, b4, None, None, True, 0.1, 1e-5, False)
F.batch_norm(1 + X, None, None, training=True)
F.batch_norm(X, None, None)
F.batch_norm(X, None, None, b3, training=True)
F.batch_norm(x[:1], None, None, training=True)
F.batch_norm(v, None, None, training=True)
F.layer_norm(X, (6,))
F.layer_norm(X, (5, 6), c5, c5)
F.layer_norm(X, (5, 6), c5, None, 0.1)
F.layer_norm(X, (5, 6), None, c5)
F.layer_norm(x, (5,), v, v)
F.layer_norm(x, x.shape)
F.layer_norm(v, (5,), v)
F.layer_norm(e, (5,), v, v)
m.layer_norm(x, (5,), v, v, 1e-5, True)
F.layer_norm(x, (3,))
F.layer_norm(x, (5,), u)
F.layer_norm(x, ())
F.rms_norm(x, (5,))
F.rms_norm(X, (5, 6), c5, 0.1)
m.rms_norm(x, (5,), v)
F.rms_norm(x, (3,))
F.group_norm(X, 2)
F.group_norm(X, 4, c4, b4)
F.group_norm(X, 1, c4, None, 0.1)
m.group_norm(L, 2, c4, b4)
F.group_norm(X, 3)
F.group_norm(X, 2, b3)
F.group_norm(x[:1, :4], 4)
F.instance_norm(X)
F.instance_norm(L, weight=c4, bias=b4, eps=0.1)
F.instance_norm(X, b4.detach(), c4.detach(), use_input_stats=False)
m.instance_norm(X, c4, b4, None, None, True, 0.1, 1e-5, False)
F.instance_norm(L[..., :1])
F.local_response_norm(X, 2)
F.local_response_norm(L, 3, 0.1, 0.5, 2.0)
F.local_response_norm(S, 5, 1.0)
F.local_response_norm(x, 2)
F.normalize(x)
F.normalize(x, 1, 0)
F.normalize(X, 3.0, (2, 3))
F.normalize(0 * x)
F.normalize(v, dim=0, eps=10.0)
F.cosine_similarity(x, y)
F.cosine_similarity(x, v, -1)
m.cosine_similarity(X, X + 1, dim=2, eps=1.0)
F.cosine_similarity(0 * x, y)
F.cosine_similarity(v, v, 0)
F.cosine_similarity(x, u)
F.pairwise_distance(x, y)
F.pairwise_distance(x, v, 1.0, 0.1, True)
m.pairwise_distance(v, v)
F.pairwise_distance(x, y, float("inf"))
"""

LOSSES = """
F.binary_cross_entropy(p, q)
F.binary_cross_entropy(p, q, v.detach().abs(), reduction="sum")
F.binary_cross_entropy(p, q, reduction="none")
F.binary_cross_entropy(p, (q > 0.5).to(p.dtype), size_average=False)
F.binary_cross_entropy(p.round(), q.round().detach(), reduction="none")
F.binary_cross_entropy(e, e)
F.binary_cross_entropy(x, q)
F.binary_cross_entropy(p, q[0])
F.binary_cross_entropy(p, q, reduction="max")
F.binary_cross_entropy(p, h)
F.binary_cross_entropy_with_logits(x, q)
F.binary_cross_entropy_with_logits(x, q, v.detach(), reduction="none")
F.binary_cross_entropy_with_logits(x, q, pos_weight=v.detach(), reduction="sum")
F.binary_cross_entropy_with_logits(x, q, p.detach(), reduce=False)
F.binary_cross_entropy_with_logits(200 * x, q)
F.binary_cross_entropy_with_logits(200 * x, q, pos_weight=v.detach().abs())
F.binary_cross_entropy_with_logits(x, q[0])
F.binary_cross_entropy_with_logits(x, q, pos_weight=u)
F.smooth_l1_loss(x, y)
F.smooth_l1_loss(x, y, reduction="none", beta=0.3)
F.smooth_l1_loss(x, y, beta=0)
F.smooth_l1_loss(x, v, reduction="sum")
F.smooth_l1_loss(x.round(), y.round(), reduction="none")
F.smooth_l1_loss(x, y, beta=-1.0)
F.smooth_l1_loss(s, s, True)
F.smooth_l1_loss(x, u)
F.huber_loss(x, y)
F.huber_loss(x, y, "none", 0.3)
F.huber_loss(x, v, "sum", 2.0)
F.huber_loss(x, y, weight=p)
F.huber_loss(x.round(), y.round(), reduction="none")
F.huber_loss(x, y, delta=0.0)
F.kl_div(x, p)
F.kl_div(x, p, reduction="batchmean")
F.kl_div(x, p.round().detach(), reduction="sum")
F.kl_div(x, p * (p > 0.5), reduction="none")
F.kl_div(x, y, reduction="none", log_target=True)
F.kl_div(x, p, size_average=False)
F.kl_div(s, s, reduction="batchmean", log_target=True)
F.poisson_nll_loss(x, p)
F.poisson_nll_loss(p, 5 * q, log_input=False, full=True, reduction="none")
F.poisson_nll_loss(x, 5 * q, full=True, reduction="sum")
F.poisson_nll_loss(x, p, reduction="max")
F.gaussian_nll_loss(x, y, p)
F.gaussian_nll_loss(x, y, u.abs(), full=True, reduction="none")
F.gaussian_nll_loss(x, y, p, eps=0.5, reduction="sum")
F.gaussian_nll_loss(x, y, 2.0)
F.gaussian_nll_loss(x, y, p[:, :1])
F.gaussian_nll_loss(x, y, -p)
F.gaussian_nll_loss(x, y, v[:2].abs())
F.gaussian_nll_loss(x, y, p, reduction="max")
F.hinge_embedding_loss(x, o)
F.hinge_embedding_loss(x, o, 0.3, reduction="none")
F.hinge_embedding_loss(x, 0 * o.detach(), reduction="sum")
F.margin_ranking_loss(x, y, o.detach())
F.margin_ranking_loss(x, y, o.detach(), 0.5, reduction="none")
F.margin_ranking_loss(x, v, o)
F.cosine_embedding_loss(x, y, f.detach())
F.cosine_embedding_loss(x, y, f.detach(), 0.2, reduction="none")
F.cosine_embedding_loss(v, v + 1, m.tensor(-1))
F.cosine_embedding_loss(0 * x, y, f.detach(), reduction="sum")
F.cosine_embedding_loss(x, y, o)
F.soft_margin_loss(x, o.detach())
F.soft_margin_loss(x, o.detach(), reduction="none")
F.soft_margin_loss(x, o.detach(), size_average=False)
F.multilabel_margin_loss(x, k)
F.multilabel_margin_loss(x, k, reduction="none")
F.multilabel_margin_loss(v, k[0])
F.multilabel_margin_loss(x, k + 3)
F.multilabel_margin_loss(x, k[0])
F.multilabel_soft_margin_loss(x, q)
F.multilabel_soft_margin_loss(x, q, v, reduction="none")
F.multilabel_soft_margin_loss(x, q, reduction="sum")
F.multilabel_soft_margin_loss(x, q, reduction="max")
F.multi_margin_loss(x, j)
F.multi_margin_loss(x, j, 2, 0.5, v.detach().abs(), reduction="none")
F.multi_margin_loss(v, j[0])
F.multi_margin_loss(x, j, reduction="sum")
F.multi_margin_loss(x, j, p=3)
F.multi_margin_loss(x, j + 3)
F.multi_margin_loss(x, i)
F.triplet_margin_loss(x, y, z)
F.triplet_margin_loss(x, y, z, 2.0, 1.0, 0.1, True, reduction="none")
F.triplet_margin_loss(x, y, z, swap=True, reduction="sum")
F.triplet_margin_loss(v, v + 1, v * 2, 3)
F.triplet_margin_loss(x, y, z, margin=-1)
F.triplet_margin_loss(x, y, v)
F.triplet_margin_with_distance_loss(x, y, z)
F.triplet_margin_with_distance_loss(x, y, z, distance_function=lambda a, b: (a - b).abs().sum(-1))
F.triplet_margin_with_distance_loss(x, y, z, swap=True, margin=3.0, reduction="none")
F.triplet_margin_with_distance_loss(x, y, z, reduction="max")
F.ctc_loss(C.log_softmax(2), m.tensor([[1, 2], [3, 3], [4, 1]]), [7, 5, 6], [2, 2, 1])
F.ctc_loss(C.log_softmax(2), m.tensor([1, 2, 3, 3, 4]), m.tensor([7, 5, 6]), m.tensor([2, 2, 1]))
F.ctc_loss(C.log_softmax(2), m.tensor([[1, 2], [3, 3], [4, 1]]), (7, 2, 6), (2, 2, 0), 0, "none")
F.ctc_loss(C, m.tensor([[1, 2], [3, 3], [4, 1]]), (7, 2, 6), (2, 2, 0), 0, "sum", True)
F.ctc_loss(C.log_softmax(2), m.tensor([[1, 2], [3, 3], [0, 1]]), [7, 7, 7], [2] * 3, blank=4)
F.ctc_loss(C, m.tensor([[1, 2], [3, 3], [4, 1]]), [7, 5, 6], [2, 2, 1], reduction="sum")
F.ctc_loss(C[:, 0].log_softmax(1), m.tensor([1, 2]), m.tensor(7), m.tensor(2))
F.ctc_loss(C[:, 0].log_softmax(1), m.tensor([1, 2]), [7], [2], reduction="none")
F.ctc_loss(C, m.tensor([[1, 2], [3, 3], [4, 1]]), [9, 5, 6], [2, 2, 1])
F.ctc_loss(C, m.tensor([[1, 2], [3, 3], [4, 1]]), [7, 5], [2, 2, 1])
F.ctc_loss(C, m.tensor([[1, 2], [3, 3], [4, 1]]), [7, 5, 6], [2, 2, 1], blank=5)
"""

ATTENTION = """
F.scaled_dot_product_attention(Q, K, V)
F.scaled_dot_product_attention(Q, K, V, M)
F.scaled_dot_product_attention(Q, K, V, a)
F.scaled_dot_product_attention(Q, K, V, a & (m.arange(3) > 0)[:, None])
F.scaled_dot_product_attention(Q, K, V, is_causal=True)
F.scaled_dot_product_attention(Q, K, V, a, is_causal=True)
F.scaled_dot_product_attention(Q, K, V, scale=0.1)
F.scaled_dot_product_attention(Q[0, 0], K[0, 0], V[0, 0], M)
F.scaled_dot_product_attention(Q, K[:, :2], V[:, :2], enable_gqa=True)
F.scaled_dot_product_attention(Q, K[:, :1], V[:, :1], a, enable_gqa=True)
F.scaled_dot_product_attention(Q[0], K, V)
F.scaled_dot_product_attention(Q, K, V, M.expand(2, 1, 3, 6))
F.scaled_dot_product_attention(100 * Q, 100 * K, V)
F.scaled_dot_product_attention(Q[:, :, :0], K, V)
F.scaled_dot_product_attention(Q, K, V, dropout_p=1.0)
F.scaled_dot_product_attention(Q, V, V)
F.scaled_dot_product_attention(Q, K, V[:, :, :2])
F.scaled_dot_product_attention(x[0], K, V)
F.scaled_dot_product_attention(Q, K, V, i)
F.scaled_dot_product_attention(Q, K.to(m.float16), V)
F.scaled_dot_product_attention(Q, K, V, M[:, :2])
F.scaled_dot_product_attention(Q, K[:, :3], V[:, :3], enable_gqa=True)
F.one_hot(i)
F.one_hot(i, 7)
F.one_hot(j[0], 6)
F.one_hot(h[:0], 4)
F.one_hot(i, 3)
F.one_hot(k)
F.one_hot(h[:0])
F.one_hot(x)
F.one_hot(i.int())
F.embedding_bag(i, c5.T[:5])
F.embedding_bag(i, x.T, mode="sum")
F.embedding_bag(i, x.T, mode="max")
F.embedding_bag(i.flatten(), x.T, m.tensor([0, 3, 3, 7]), mode="mean")
F.embedding_bag(i.flatten(), x.T, m.tensor([0, 3, 3, 7]), mode="max")
F.embedding_bag(i.flatten(), x.T, m.tensor([0, 3, 12]), include_last_offset=True)
F.embedding_bag(i, x.T, mode="sum", per_sample_weights=c5[:3, :4])
F.embedding_bag(i, x.T, mode="sum", padding_idx=2)
F.embedding_bag(i, x.T, mode="mean", padding_idx=0)
F.embedding_bag(m.tensor([[1, 1, 0]]), x, mode="sum", scale_grad_by_freq=True)
F.embedding_bag(i, x.detach().T.contiguous(), max_norm=0.5)
F.embedding_bag(i, x.T, mode="median")
F.embedding_bag(i, v)
F.embedding_bag(i.flatten(), x.T)
F.embedding_bag(i, x.T, j)
F.embedding_bag(i, x.T, per_sample_weights=c5[:3, :4])
F.embedding_bag(i + 2, x.T)
F.bilinear(x, y, K[0, :, :5])
F.bilinear(x[:, :4], x[:, :3], t1.transpose(1, 2).contiguous().reshape(3, 4, 3), b3)
m.bilinear(v[:4], v[:3], t1.reshape(3, 4, 3))
F.bilinear(X[..., :4], X[..., :3], t1.reshape(3, 4, 3), b3)
F.bilinear(x, y, t1)
F.bilinear(x, v, t1)
F.dropout1d(L, 1.0)
F.dropout1d(L, 0.0)
F.dropout2d(X, 0.3, False)
F.dropout2d(L, 0.3, False)
F.dropout2d(x, 0.0)
F.dropout3d(S, 1.0)
F.dropout3d(X, 0.5, False)
F.dropout1d(x[:, 0])
F.dropout1d(X)
F.dropout2d(X, 1.5)
F.alpha_dropout(x, 1.0, True)
F.alpha_dropout(x, 0.3)
F.alpha_dropout(x, -1.0)
F.feature_alpha_dropout(X, 0.4)
m.alpha_dropout(x, 0.5, False)
m.feature_alpha_dropout(X, 1.0, True)
"""

TEXTS = [
    text
    for family in (CONVOLUTION, POOLING, PADDING, RESAMPLING, NORMALIZATION, LOSSES, ATTENTION)
    for text in family.strip().splitlines()
]
TOP = {cr: SimpleNamespace(**{**vars(cr), **names["torch"]}), torch: torch}
FUNCTIONAL = {cr: SimpleNamespace(**names["F"]), torch: torch.nn.functional}
# second derivatives that PyTorch does not have, or has wrong
FIRST_ONLY = (
    "per_sample",
    "(0 * x",
    ".round()",
    "multi_margin",
    "multilabel_margin",
    "grid_sample",
    "ctc_loss",
)


with warnings.catch_warnings():  # PyTorch says this once
    warnings.simplefilter("ignore")
    torch.conv1d(torch.ones(1, 1, 3), torch.ones(1, 1, 2), padding="same")


def given(text: str, dtype: str) -> dict[str, Any]:
    """The inputs that a text names."""
    used = [n for n in INPUTS if re.search(rf"(?<![.\w]){n}\b(?!=)", text)]
    arrays = {n: np.asarray(INPUTS[n]) for n in used}
    return {n: a.astype(dtype) if a.dtype.kind == "f" else a for n, a in arrays.items()}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("text", TEXTS)
def test_function(peers: Any, text: str, dtype: str) -> None:
    code = compile(text, "<text>", "eval")

    def program(m: Any, tensors: dict[str, Any]) -> Any:
        return eval(code, {"m": TOP[m], "F": FUNCTIONAL[m]}, dict(tensors))

    once = dtype == "float32" or any(word in text for word in FIRST_ONLY)
    peers.agree(program, given(text, dtype), order=1 if once else 2)


def test_everything_is_compared() -> None:
    """Every public function of these files stands in a text, or has a test below."""
    files = {module.__name__ for module in FAMILIES}
    text = "\n".join([*TEXTS, *BELOW])
    missing = [
        f"{space}.{name}"
        for space in ("F", "torch")
        for name, function in names[space].items()
        if family_of(function) in files and not re.search(rf"[.]{name}\b", text)
    ]
    assert not missing


BELOW = [  # the second spellings, and what tests of their own cover
    "F.max_pool1d_with_indices F.max_pool3d_with_indices F.adaptive_max_pool1d_with_indices",
    "F.adaptive_max_pool2d_with_indices F.adaptive_max_pool3d_with_indices",
    "F.native_channel_shuffle m.feature_dropout",
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5), (2, 3, 4, 5)])
@pytest.mark.parametrize("name", ["batch_norm", "instance_norm"])
def test_running_statistics(peers: Any, name: str, shape: tuple[int, ...], dtype: str) -> None:
    """Three batches move the running mean and variance as PyTorch moves them, in place."""
    if name == "instance_norm" and len(shape) < 3:
        pytest.skip("instance_norm needs positions")
    rng = np.random.default_rng(0)
    batches = [rng.normal(size=shape).astype(dtype) for _ in range(3)]
    kept = []
    for m in (cr, torch):
        mean = m.zeros(3, dtype=getattr(m, dtype))
        var = m.ones(3, dtype=getattr(m, dtype))
        given = mean
        for momentum, batch in zip((0.1, 0.3, 1.0), batches, strict=True):
            x = peers.tensor(m, batch, False)
            getattr(FUNCTIONAL[m], name)(x, mean, var, None, None, True, momentum)
        assert mean is given
        kept.append((mean, var))
    peers.same(*kept)


HALVES = """
F.conv2d(X, w2, b6, 1, 1)
F.conv_transpose2d(X, t2, b3, 2)
F.max_pool2d(X, 2)
F.avg_pool2d(X, 3, 2, 1)
F.adaptive_avg_pool2d(X, (3, 4))
F.layer_norm(x, (5,), v, v)
F.batch_norm(X, None, None, b4, c4, True)
F.group_norm(X, 2, c4, b4)
F.rms_norm(x, (5,), v)
F.interpolate(X, (8, 3), mode="bilinear")
F.pad(X, (1, 2, 0, 1), mode="reflect")
F.unfold(X, 2)
F.scaled_dot_product_attention(Q, K, V)
F.smooth_l1_loss(x, y, reduction="none")
F.huber_loss(x, y, reduction="none")
F.binary_cross_entropy_with_logits(x, q, reduction="none")
F.binary_cross_entropy(p, q, reduction="none")
""".strip().splitlines()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("text", HALVES)
def test_half_precision(text: str, dtype: str) -> None:
    """Results and gradients have the type, and are those of float64 to its precision."""
    found = []
    for kind in (dtype, "float64"):
        tensors = {}
        for n, a in given(text, "float64").items():
            rounded = cr.tensor(a).to(getattr(cr, dtype)).to(getattr(cr, kind))
            tensors[n] = rounded.requires_grad_() if a.dtype.kind == "f" else rounded
        out = eval(text, {"m": TOP[cr], "F": FUNCTIONAL[cr]}, dict(tensors))
        out.sum().backward()
        leaves = [t for t in tensors.values() if t.requires_grad]
        if kind == dtype:
            assert out.dtype is getattr(cr, dtype)
            assert all(t.grad.dtype is getattr(cr, dtype) for t in leaves)
        found.append([t.detach().double().numpy() for t in (out, *[t.grad for t in leaves])])
    eps = {"float16": 2.0**-10, "bfloat16": 2.0**-7}[dtype]
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=8 * eps, atol=8 * eps * max(1.0, np.abs(b).max()))


@pytest.mark.parametrize(
    ("name", "shape", "noise"),
    [
        ("dropout1d", (3, 4, 5), (3, 4, 1)),
        ("dropout1d", (4, 5), (4, 1)),
        ("dropout2d", (2, 4, 3, 3), (2, 4, 1, 1)),
        ("dropout3d", (2, 4, 2, 2, 2), (2, 4, 1, 1, 1)),
        ("dropout3d", (4, 2, 2, 2), (4, 1, 1, 1)),
    ],
)
def test_dropout_of_channels(name: str, shape: tuple[int, ...], noise: tuple[int, ...]) -> None:
    """One draw a channel, from the stream in PyTorch's order; the rest is scaled."""
    x = cr.tensor(np.random.default_rng(0).normal(size=shape)).requires_grad_()
    cr.manual_seed(3)
    y = names["F"][name](x, 0.3, True)
    cr.manual_seed(3)
    kept = cr.empty(noise).bernoulli_(0.7).double()
    np.testing.assert_allclose(y.detach().numpy(), (x * kept / 0.7).detach().numpy(), 1e-12)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), (kept / 0.7).expand(shape).numpy(), 1e-12)
    cr.manual_seed(3)
    z = x.detach().clone()
    assert names["F"][name](z, 0.3, True, True) is z
    np.testing.assert_array_equal(z.numpy(), y.detach().numpy())


@pytest.mark.parametrize(
    ("name", "noise"), [("alpha_dropout", (200, 300)), ("feature_alpha_dropout", (200, 300))]
)
def test_alpha_dropout(name: str, noise: tuple[int, ...]) -> None:
    """What is dropped becomes one value, and mean and variance stay those of the input."""
    x = cr.tensor(np.random.default_rng(0).normal(size=noise))
    cr.manual_seed(1)
    y = names["F"][name](x, 0.4, True)
    cr.manual_seed(1)
    kept = cr.empty(noise).bernoulli_(0.6).bool()
    a = ((1.7580993408473766**2 * 0.4 + 1) * 0.6) ** -0.5
    b = 1.7580993408473766 * a * 0.4
    np.testing.assert_allclose(y[kept].numpy(), (a * x + b)[kept].numpy(), 1e-9)
    np.testing.assert_allclose(y[~kept].numpy(), b - 1.7580993408473766 * a, 1e-9)
    assert abs(y.mean().item()) < 0.02
    assert abs(y.var().item() - 1) < 0.02


def test_large_convolution_in_stretches(peers: Any) -> None:
    """An image whose windows do not fit at once is walked in stretches of rows and samples."""
    rng = np.random.default_rng(0)
    inputs = {"x": rng.normal(size=(3, 8, 120, 130)), "w": rng.normal(size=(4, 8, 3, 5))}

    def program(m: Any, given: dict[str, Any]) -> Any:
        f = FUNCTIONAL[m].conv2d
        return f(given["x"], given["w"], padding=1), f(given["x"], given["w"], stride=(2, 3))

    peers.agree(program, inputs, order=1)
