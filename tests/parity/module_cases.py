"""The table behind test_modules_parity: configurations of every module, and inputs for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

RNG = np.random.default_rng(11)


@dataclass
class Case:
    """One module: its class, constructor arguments, inputs (shapes, or arrays as they are)."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    x: list[Any]
    call: dict[str, Any] = field(default_factory=dict)
    second: bool = True  # whether PyTorch has a second derivative
    tolerance: float = 1e-9

    def __str__(self) -> str:
        shown = [*map(str, self.args), *(f"{k}={v}" for k, v in self.kwargs.items())]
        shapes = [s if isinstance(s, tuple) else tuple(s.shape) for s in self.x]
        return f"{self.name}({', '.join(shown)})-{shapes}".replace("\n", "")[:90]


CASES: list[Case] = []


def case(name: str, *args: Any, x: Any, call: Any = None, second: bool = True, **kw: Any) -> None:
    inputs = x if isinstance(x, list) else [x]
    # PyTorch's derivative of hardsigmoid rounds 1/6 to float32.
    tolerance = 1e-7 if name == "Hardsigmoid" else 1e-9
    CASES.append(Case(name, args, kw, inputs, call or {}, second, tolerance))


def ints(high: int, *shape: int) -> Any:
    return RNG.integers(0, high, shape)


def reals(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


def between(low: float, high: float, *shape: int) -> Any:
    return RNG.uniform(low, high, shape).astype(np.float32)


def signs(*shape: int) -> Any:
    return (RNG.integers(0, 2, shape) * 2 - 1).astype(np.float32)


# -- linear maps and tables
case("Identity", 3, x=(2, 3))
case("Identity", other=True, x=(4,))
case("Linear", 6, 4, x=(5, 6))
case("Linear", 6, 4, bias=False, x=(2, 5, 6))
case("Linear", 6, 4, x=(6,))
case("Bilinear", 3, 4, 5, x=[(6, 3), (6, 4)])
case("Bilinear", 3, 4, 2, bias=False, x=[(2, 3, 3), (2, 3, 4)])
case("Bilinear", 3, 4, 2, x=[(3,), (4,)])
case("Embedding", 7, 3, x=ints(7, 4, 2))
case("Embedding", 7, 3, padding_idx=2, x=ints(7, 6))
case("Embedding", 7, 3, padding_idx=-1, scale_grad_by_freq=True, x=ints(7, 9))
case("Embedding", 7, 3, max_norm=1.0, x=ints(7, 5), second=False)
case("Embedding", 7, 3, max_norm=1.5, norm_type=1.0, sparse=False, x=ints(7, 5), second=False)
case("EmbeddingBag", 9, 3, x=ints(9, 4, 5), second=False)
case("EmbeddingBag", 9, 3, mode="sum", padding_idx=2, x=ints(9, 4, 5), second=False)
case("EmbeddingBag", 9, 3, mode="max", x=[ints(9, 8), np.array([0, 3, 5])], second=False)
case(
    "EmbeddingBag", 9, 3, mode="sum", include_last_offset=True, second=False,
    x=[ints(9, 8), np.array([0, 3, 8]), (8,)],
)  # fmt: skip
case("EmbeddingBag", 9, 3, max_norm=1.0, x=ints(9, 4, 5), second=False)

# -- convolutions
SPACE = {1: (9,), 2: (7, 8), 3: (4, 5, 6)}
for n, space in SPACE.items():
    conv, up = f"Conv{n}d", f"ConvTranspose{n}d"
    case(conv, 3, 4, 3, x=(2, 3, *space))
    case(conv, 4, 6, 2, stride=2, padding=1, groups=2, bias=False, x=(2, 4, *space))
    case(conv, 3, 4, 3, padding="same", dilation=2, x=(2, 3, *space))
    case(conv, 3, 2, 2, padding="same", x=(3, *space))
    case(conv, 2, 2, 3, padding="valid", x=(2, *space))
    case(conv, 2, 3, 3, padding=2, padding_mode="circular", x=(2, 2, *space))
    case(conv, 2, 3, 3, padding=1, padding_mode="reflect", x=(2, 2, *space))
    case(conv, 2, 3, 3, padding=1, padding_mode="replicate", dilation=2, x=(1, 2, *space))
    case(conv, 2, 3, 2, padding="same", padding_mode="reflect", x=(1, 2, *space))
    case(up, 3, 4, 3, x=(2, 3, *space))
    case(up, 4, 6, 3, stride=2, padding=1, output_padding=1, groups=2, x=(1, 4, *space))
    case(up, 3, 2, 2, dilation=2, bias=False, x=(3, *space))
    size = [2 * s for s in space]
    case(up, 2, 3, 3, stride=2, padding=1, x=(1, 2, *space), call={"output_size": size})
case("Conv2d", 3, 4, (3, 2), stride=(2, 1), padding=(0, 1), dilation=(1, 2), x=(2, 3, 7, 8))
case("ConvTranspose2d", 3, 4, (3, 2), stride=(2, 1), padding=(0, 1), x=(2, 3, 5, 6))

# -- pooling
for n, space in SPACE.items():
    batch, alone = (2, 3, *space), (3, *space)
    case(f"MaxPool{n}d", 2, x=batch)
    case(f"MaxPool{n}d", 3, stride=2, padding=1, ceil_mode=True, x=alone)
    case(f"MaxPool{n}d", 2, dilation=2, return_indices=True, stride=1, x=batch)
    case(f"AvgPool{n}d", 2, x=batch)
    case(f"AvgPool{n}d", 3, 2, 1, True, False, x=alone)
    case(f"LPPool{n}d", 2, 2, x=batch)
    case(f"LPPool{n}d", 3, 2, stride=1, ceil_mode=True, x=alone)
    case(f"AdaptiveAvgPool{n}d", 3, x=batch)
    case(f"AdaptiveMaxPool{n}d", 3, x=batch)
    case(f"AdaptiveMaxPool{n}d", 2, return_indices=True, x=alone)
case("AvgPool2d", (3, 2), divisor_override=5, x=(2, 3, 7, 8))
case("AvgPool3d", (3, 2, 2), divisor_override=5, x=(2, 3, 4, 5, 6))
case("AdaptiveAvgPool1d", 2, x=(3, 9))
case("AdaptiveAvgPool2d", (3, None), x=(3, 7, 8))
case("AdaptiveAvgPool3d", (3, None, 1), x=(3, 4, 5, 6))
case("MaxUnpool1d", 2, x=[(1, 2, 3), np.array([[[1, 2, 5], [0, 3, 4]]])])
case("MaxUnpool1d", 2, x=[(1, 2), np.array([[1, 2]])], call={"output_size": (5,)})
case("FractionalMaxPool2d", 2, output_size=3, x=(2, 3, 7, 8))
case("FractionalMaxPool2d", (3, 2), output_ratio=(0.5, 0.7), return_indices=True, x=(3, 7, 8))
case("FractionalMaxPool3d", 2, output_size=(2, 3, 1), x=(2, 3, 4, 5, 6))
case("FractionalMaxPool3d", 2, output_ratio=0.6, return_indices=True, x=(3, 4, 5, 6))
INDICES = np.array([[[[1, 6], [8, 15]]]])
case("MaxUnpool2d", 2, x=[(1, 1, 2, 2), INDICES])
case("MaxUnpool2d", 3, stride=2, padding=1, x=[(1, 2, 2), INDICES[0] % 9])
case("MaxUnpool3d", 2, x=[(1, 1, 1, 2, 2), INDICES[None]])
case("MaxUnpool3d", (1, 2, 2), stride=(1, 2, 2), x=[(1, 1, 2, 2), INDICES])

# -- padding
for n, space in SPACE.items():
    width = tuple(range(1, 2 * n + 1)) if n < 3 else (1, 2, 2, 1, 1, 1)
    for kind in ("Reflection", "Replication", "Circular", "Zero"):
        case(f"{kind}Pad{n}d", 2, x=(2, 3, *space))
        case(f"{kind}Pad{n}d", width, x=(3, *space))
    case(f"ConstantPad{n}d", 2, 3.5, x=(2, 3, *space))
    case(f"ConstantPad{n}d", (-1, *width[1:]), 1.0, x=(3, *space))

# -- normalisation
for n, space in SPACE.items():
    case(f"BatchNorm{n}d", 3, x=(4, 3, *space))
    case(f"BatchNorm{n}d", 3, eps=1e-3, momentum=None, affine=False, x=(2, 3, *space))
    case(f"BatchNorm{n}d", 3, track_running_stats=False, bias=False, x=(2, 3, *space))
    case(f"InstanceNorm{n}d", 3, x=(2, 3, *space))
    case(f"InstanceNorm{n}d", 3, affine=True, track_running_stats=True, x=(2, 3, *space))
    case(f"InstanceNorm{n}d", 3, momentum=0.3, affine=True, bias=False, x=(3, *space))
case("BatchNorm1d", 5, x=(6, 5))
case("GroupNorm", 3, 6, x=(2, 6, 5))
case("GroupNorm", 2, 6, eps=1e-3, affine=False, x=(2, 6, 4, 3))
case("GroupNorm", 1, 4, bias=False, x=(2, 4))
case("LayerNorm", 5, x=(3, 5))
case("LayerNorm", (4, 5), elementwise_affine=False, x=(2, 4, 5))
case("LayerNorm", [4, 5], eps=1e-3, bias=False, x=(4, 5))
case("RMSNorm", 5, x=(3, 5))
case("RMSNorm", (4, 5), eps=1e-3, elementwise_affine=False, x=(2, 4, 5))
case("LocalResponseNorm", 3, x=(2, 5, 4))
case("LocalResponseNorm", 2, alpha=0.1, beta=0.5, k=2.0, x=(2, 5, 4, 3))
# (With more channels PyTorch's gradient fails its own gradcheck; see test_channels_in_a_row.)
case("CrossMapLRN2d", 5, alpha=0.5, x=(2, 2, 4, 3), second=False)
case("CrossMapLRN2d", 4, 0.1, 0.5, 2.0, x=(2, 2, 4, 3), second=False)

# -- activations
for name in ("ELU", "CELU", "SELU", "ReLU", "ReLU6", "SiLU", "Mish", "Hardsigmoid", "Hardswish",
             "LeakyReLU", "Hardtanh", "RReLU"):  # fmt: skip
    case(name, x=(4, 3), second=name != "Hardsigmoid")
    case(name, inplace=True, x=(3,))
for name in ("Sigmoid", "Tanh", "LogSigmoid", "Softsign", "Tanhshrink", "GELU", "Softplus",
             "Hardshrink", "Softshrink", "GLU", "PReLU"):  # fmt: skip
    case(name, x=(4, 6))
    case(name, x=(6,))
case("ELU", 0.5, x=(4, 3))
case("CELU", alpha=2.0, x=(4, 3))
case("LeakyReLU", 0.3, x=(4, 3))
case("Hardtanh", -0.5, 0.25, x=(4, 3))
case("RReLU", 0.1, 0.4, x=(4, 3))
case("PReLU", 3, 0.1, x=(2, 3, 4))
case("Threshold", 0.1, 20.0, x=(4, 3))
case("Threshold", 0, -1, inplace=True, x=(3,))
case("GELU", approximate="tanh", x=(4, 3))
case("Softplus", 2.0, 0.5, x=(4, 3))
case("Hardshrink", 0.2, x=(4, 3))
case("Softshrink", lambd=0.2, x=(4, 3))
case("GLU", dim=0, x=(4, 3))
for name in ("Softmax", "LogSoftmax", "Softmin"):
    case(name, dim=1, x=(4, 3))
    case(name, -1, x=(3,))
case("Softmax2d", x=(2, 3, 4, 5))
case("Softmax2d", x=(3, 4, 5))
TARGETS = np.array([1, 7, 19, 4, 12])
case("AdaptiveLogSoftmaxWithLoss", 16, 20, [5, 10], x=[(5, 16), TARGETS])
case("AdaptiveLogSoftmaxWithLoss", 16, 20, [5], 2.0, True, x=[(16,), np.array(7)])

# -- dropout
for name in ("Dropout", "AlphaDropout", "FeatureAlphaDropout"):
    case(name, x=(4, 3, 5))
    case(name, 0.2, x=(4, 6))
for n, space in SPACE.items():
    case(f"Dropout{n}d", 0.4, x=(4, 3, *space))
    case(f"Dropout{n}d", x=(8, *space))
case("Dropout", 1.0, x=(3, 3))

# -- shapes and distances
case("Flatten", x=(2, 3, 4))
case("Flatten", 0, 1, x=(2, 3, 4))
case("Unflatten", 1, (3, -1), x=(2, 6, 2))
case("Unflatten", -1, (2, 3), x=(6,))
case("PixelShuffle", 2, x=(2, 8, 3, 4))
case("PixelShuffle", 3, x=(9, 2, 2))
case("PixelUnshuffle", 2, x=(2, 2, 4, 6))
case("PixelUnshuffle", 3, x=(1, 3, 6))
case("ChannelShuffle", 2, x=(2, 6, 3))
case("ChannelShuffle", 3, x=(2, 6, 3, 2))
case("Unfold", 2, x=(2, 3, 4, 5))
case("Unfold", (3, 2), 2, 1, (1, 2), x=(3, 6, 7))
case("Fold", (4, 5), 2, x=(2, 12, 12))
case("Fold", (5, 4), (3, 2), padding=1, stride=(2, 1), x=(6, 15))
case("Upsample", scale_factor=2, x=(2, 3, 4))
case("Upsample", (5, 7), mode="bilinear", x=(2, 3, 4, 5))
case("Upsample", scale_factor=(1.5, 2), mode="bicubic", align_corners=True, x=(1, 2, 4, 5))
case("Upsample", size=(3, 4, 5), mode="trilinear", x=(1, 2, 2, 3, 3))
case("Upsample", scale_factor=1.7, mode="linear", recompute_scale_factor=True, x=(1, 2, 5))
case("UpsamplingNearest2d", scale_factor=2, x=(1, 2, 3, 4))
case("UpsamplingNearest2d", (5, 7), x=(1, 2, 3, 4))
case("UpsamplingBilinear2d", scale_factor=2, x=(1, 2, 3, 4))
case("UpsamplingBilinear2d", size=5, x=(1, 2, 3, 4))
case("CosineSimilarity", x=[(4, 3), (4, 3)])
case("CosineSimilarity", dim=0, eps=1e-3, x=[(4, 3), (4, 3)])
case("PairwiseDistance", x=[(4, 3), (4, 3)])
case("PairwiseDistance", 1, 1e-3, True, x=[(3,), (3,)])

# -- losses
WEIGHT = between(0.5, 2.0, 3)
LABELS = ints(3, 6)
OLD = {"reduction": "sum"}
for name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss"):
    case(name, x=[(4, 3), (4, 3)])
    case(name, reduction="none", x=[(4, 3), (4, 3)])
    case(name, reduction="sum", x=[(), ()])
case("SmoothL1Loss", beta=0.3, x=[(4, 3), (4, 3)])
case("HuberLoss", "mean", 0.4, x=[(4, 3), (4, 3)])
LOGS = np.log(between(0.1, 0.9, 4, 3))
case("KLDivLoss", reduction="batchmean", x=[LOGS, between(0.1, 0.9, 4, 3)])
case("KLDivLoss", reduction="sum", log_target=True, x=[LOGS, LOGS[::-1]])
for reduction in ("mean", "sum", "none"):
    case("NLLLoss", WEIGHT, reduction=reduction, x=[(6, 3), LABELS])
    case("CrossEntropyLoss", WEIGHT, ignore_index=1, reduction=reduction, x=[(6, 3), LABELS])
    case("CTCLoss", reduction=reduction, second=False, x=[
        np.log(between(0.1, 0.9, 8, 2, 4)), np.array([[1, 2, 3], [2, 2, 1]]),
        np.array([8, 6]), np.array([3, 2])])  # fmt: skip
case("NLLLoss", ignore_index=2, x=[(2, 3, 4), ints(3, 2, 4)])
case("NLLLoss", x=[(3,), np.array(2)])
case("NLLLoss2d", x=[(2, 3, 4, 5), ints(3, 2, 4, 5)])
case("NLLLoss2d", WEIGHT, reduction="sum", x=[(2, 3, 4, 5), ints(3, 2, 4, 5)])
case("CrossEntropyLoss", label_smoothing=0.1, x=[(2, 3, 4), ints(3, 2, 4)])
case("CrossEntropyLoss", WEIGHT, x=[(4, 3), between(0.0, 1.0, 4, 3)])
case("CrossEntropyLoss", x=[(3,), np.array(2)])
case("CTCLoss", 3, zero_infinity=True, second=False,
     x=[np.log(between(0.1, 0.9, 5, 4)), np.array([1, 2]), np.array(5), np.array(2)])  # fmt: skip
case("BCELoss", x=[between(0.05, 0.95, 4, 3), between(0, 1, 4, 3)])
case("BCELoss", WEIGHT, reduction="none", x=[between(0.05, 0.95, 4, 3), between(0, 1, 4, 3)])
case("BCEWithLogitsLoss", x=[(4, 3), between(0, 1, 4, 3)])
case("BCEWithLogitsLoss", WEIGHT, reduction="sum", pos_weight=WEIGHT[::-1].copy(),
     x=[(4, 3), between(0, 1, 4, 3)])  # fmt: skip
case("PoissonNLLLoss", x=[(4, 3), ints(5, 4, 3).astype(np.float32)])
case("PoissonNLLLoss", False, True, eps=1e-4, reduction="none",
     x=[between(0.5, 2, 4, 3), ints(5, 4, 3).astype(np.float32)])  # fmt: skip
case("GaussianNLLLoss", x=[(4, 3), (4, 3), between(0.5, 2, 4, 3)])
case("GaussianNLLLoss", full=True, eps=1e-3, reduction="sum",
     x=[(4, 3), (4, 3), between(0.5, 2, 4, 1)])  # fmt: skip
case("HingeEmbeddingLoss", x=[(4, 3), signs(4, 3)])
case("HingeEmbeddingLoss", 0.3, reduction="none", x=[(4, 3), signs(4, 3)])
case("SoftMarginLoss", x=[(4, 3), signs(4, 3)])
case("SoftMarginLoss", reduction="sum", x=[(3,), signs(3)])
case("MultiMarginLoss", x=[(6, 3), LABELS], second=False)
case("MultiMarginLoss", 2, 0.5, WEIGHT, x=[(6, 3), LABELS], second=False)
case("MultiLabelMarginLoss", x=[(2, 4), np.array([[3, 0, -1, 1], [2, -1, 0, 0]])], second=False)
case("MultiLabelMarginLoss", reduction="none", x=[(4,), np.array([1, 2, -1, 0])], second=False)
case("MultiLabelSoftMarginLoss", x=[(4, 3), (signs(4, 3) + 1) / 2])
case("MultiLabelSoftMarginLoss", WEIGHT, reduction="none", x=[(4, 3), (signs(4, 3) + 1) / 2])
case("CosineEmbeddingLoss", x=[(4, 3), (4, 3), signs(4)])
case("CosineEmbeddingLoss", 0.1, reduction="none", x=[(4, 3), (4, 3), signs(4)])
case("CosineEmbeddingLoss", x=[(3,), (3,), np.array(-1.0, np.float32)])
case("MarginRankingLoss", x=[(4,), (4,), signs(4)])
case("MarginRankingLoss", 0.5, reduction="sum", x=[(4, 2), (4, 2), signs(4, 2)])
for name in ("TripletMarginLoss", "TripletMarginWithDistanceLoss"):
    case(name, x=[(4, 3), (4, 3), (4, 3)])
    case(name, margin=0.7, swap=True, reduction="none", x=[(4, 3), (4, 3), (4, 3)])
    case(name, reduction="sum", x=[(3,), (3,), (3,)])
case("TripletMarginLoss", p=1.0, x=[(4, 3), (4, 3), (4, 3)])

# -- lazy modules
case("LazyLinear", 4, x=(5, 6))
case("LazyLinear", 4, bias=False, x=(6,))
for n, space in SPACE.items():
    case(f"LazyConv{n}d", 4, 3, x=(2, 3, *space))
    case(f"LazyConv{n}d", 4, 2, 2, padding=1, groups=2, bias=False, x=(2, *space))
    case(f"LazyConvTranspose{n}d", 4, 3, x=(2, 3, *space))
    case(f"LazyConvTranspose{n}d", 4, 2, stride=2, groups=2, bias=False, x=(2, *space))
    case(f"LazyBatchNorm{n}d", x=(2, 3, *space))
    case(f"LazyBatchNorm{n}d", 1e-3, None, affine=True, bias=False, x=(2, 3, *space))
    case(f"LazyInstanceNorm{n}d", x=(2, 3, *space))
    case(f"LazyInstanceNorm{n}d", affine=False, track_running_stats=False, x=(2, 3, *space))
