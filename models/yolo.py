"""A one-stage detector: a grid of cells, each with anchor boxes, says all in one forward pass.

Source: Redmon and Farhadi, "YOLO9000: better, faster, stronger" (YOLO v2), 2017. Differences: the
network is small; objectness is learned by binary cross-entropy (YOLO v3) instead of squared error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import nn
from ..autograd.declare import names
from ..nn.detection import box_convert, box_iou
from .detector import Detector, Targets, backbone, convolution
from .registry import register

_torch = names["torch"]
F = names["F"]


class Responsible(NamedTuple):
    """Which predictor answers for each true box, and what it is to say; all of length n."""

    image: Any  # int64: the box's place in the batch,
    row: Any  # the cell that holds its centre,
    column: Any
    anchor: Any  # and the anchor whose shape fits it best
    label: Any  # int64 from 0
    place: Any  # (n, 2): the centre inside the cell, from 0 to 1
    scale: Any  # (n, 2): ln(size / anchor's size)

    @property
    def where(self) -> tuple[Any, ...]:
        """The index into an array (N, S, S, A)."""
        return self.image, self.row, self.column, self.anchor


def assign(targets: Targets, anchors: Any, stride: int) -> Responsible:
    """Give each true box to the cell that holds its centre and the anchor of its shape.

    Anchors are (A, 2), width and height in pixels; a shape's fit is the IoU of the two boxes laid
    on one corner.

    >>> import chainrule as cr
    >>> box = {"boxes": cr.tensor([[8.0, 2.0, 12.0, 12.0]]), "labels": cr.tensor([3])}
    >>> found = assign([box], cr.tensor([[12.0, 4.0], [4.0, 12.0]]), stride=8)
    >>> found.column.item(), found.row.item(), found.anchor.item()  # the centre is (10, 7)
    (1, 0, 1)
    >>> found.place
    tensor([[0.2500, 0.8750]])
    """
    counts = [len(t["labels"]) for t in targets]
    boxes = box_convert(_torch["cat"]([t["boxes"] for t in targets]), "xyxy", "cxcywh")
    centre, size = boxes[:, :2] / stride, boxes[:, 2:]
    origin = _torch["zeros_like"](size)
    fit = box_iou(
        _torch["cat"]([origin, size], 1), _torch["cat"]([anchors * 0, anchors], 1)
    )  # (n, A)
    anchor = fit.argmax(1)
    cell = centre.floor()
    return Responsible(
        image=_torch["from_numpy"](np.repeat(np.arange(len(counts)), counts)),
        row=cell[:, 1].long(),
        column=cell[:, 0].long(),
        anchor=anchor,
        label=_torch["cat"]([t["labels"] for t in targets]) - 1,
        place=centre - cell,
        scale=_torch["log"](size / anchors[anchor]),
    )


class YOLO(Detector):
    """YOLO v2 in small: images (N, 3, H, W) → (N, S, S, A, 5 + C), S = H/stride cells a side.

    Of each of the A anchors (p_w, p_h) of the cell at (c_x, c_y) it says t_x, t_y, t_w, t_h, t_o
    and C class scores, which stand for the box, its probability and its class:
    x = (σ(t_x) + c_x)·stride, y alike, w = p_w·exp(t_w), h = p_h·exp(t_h), P(object) = σ(t_o),
    P(class | object) = softmax. ``anchors`` come from ``nn.regions.cluster_shapes``.

    >>> import chainrule as cr
    >>> YOLO(num_classes=3)(cr.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 8, 8, 2, 8])
    """

    def __init__(
        self,
        num_classes: int = 3,
        anchors: Sequence[tuple[float, float]] = ((10.0, 10.0), (14.0, 14.0)),
        widths: Sequence[int] = (16, 32, 64),
        halvings: int = 2,
    ) -> None:
        super().__init__()
        self.num_classes, self.stride = num_classes, 2**halvings
        self.register_buffer("anchors", _torch["tensor"](anchors))
        self.features = backbone(widths, halvings)
        self.neck = convolution(widths[-1], widths[-1])
        self.head = nn.Conv2d(widths[-1], len(anchors) * (5 + num_classes), 1)

    def forward(self, images: Any) -> Any:
        out = self.head(self.neck(self.features(images)))  # (N, A·(5 + C), S, S)
        n, _, height, width = out.shape
        return out.reshape(n, len(self.anchors), -1, height, width).permute(0, 3, 4, 1, 2)

    def boxes(self, out: Any) -> Any:
        """What the network says as boxes in pixels: (N, S, S, A, 5 + C) → (N, S, S, A, 4)."""
        rows, columns = out.shape[1:3]
        y, x = np.indices((rows, columns), dtype=np.float32)
        corner = _torch["from_numpy"](np.stack([x, y], -1))[:, :, None]
        centre = (out[..., :2].sigmoid() + corner) * self.stride
        size = self.anchors * out[..., 2:4].clamp(max=4).exp()
        return box_convert(_torch["cat"]([centre, size], -1), "cxcywh", "xyxy")

    def candidates(self, images: Any) -> list[tuple[Any, Any]]:
        """P(object)·P(class | object) for every anchor of every cell."""
        out = self(images)
        scores = out[..., 4:5].sigmoid() * out[..., 5:].softmax(-1)
        boxes = self.boxes(out).flatten(1, 3)[:, :, None]
        return list(zip(boxes, scores.flatten(1, 3), strict=True))

    def loss(
        self, images: Any, targets: Targets, coordinates: float = 5.0, ignore: float = 0.6
    ) -> dict[str, Any]:
        """λ·Σ(offsets − wanted)² + Σ BCE(objectness) + Σ cross-entropy(class), a mean over images.

        Offsets (σ(t_x), σ(t_y), t_w, t_h) and classes are learned by the responsible anchors only
        (``assign``). The others learn to say "no object", but for those whose box lies on a true
        one with an IoU above ``ignore``.
        """
        out = self(images)
        truth = assign(targets, self.anchors, self.stride)
        mine = out[truth.where]  # (n, 5 + C)
        place = F["mse_loss"](mine[:, :2].sigmoid(), truth.place, reduction="sum")
        scale = F["mse_loss"](mine[:, 2:4], truth.scale, reduction="sum")
        wanted, weight = self._objectness(out.detach(), targets, truth, ignore)
        object_ = F["binary_cross_entropy_with_logits"](
            out[..., 4], wanted, weight, reduction="sum"
        )
        class_ = F["cross_entropy"](mine[:, 5:], truth.label, reduction="sum")
        n = len(images)
        return {
            "box": coordinates * (place + scale) / n,
            "object": object_ / n,
            "class": class_ / n,
        }

    def _objectness(
        self, out: Any, targets: Targets, truth: Responsible, ignore: float
    ) -> tuple[Any, Any]:
        """1 for responsible anchors and 0 for the others, and the weights: 0 for those ignored."""
        wanted = _torch["zeros_like"](out[..., 4])
        weight = _torch["ones_like"](wanted)
        if len(truth.image):
            every = _torch["cat"]([t["boxes"] for t in targets])
            overlap = box_iou(self.boxes(out).flatten(0, 3), every).reshape(*wanted.shape, -1)
            images = _torch["arange"](len(targets)).reshape(-1, 1, 1, 1, 1)
            best = (overlap * (truth.image == images)).amax(-1)
            weight = (best <= ignore).to(weight.dtype)
            wanted[truth.where] = 1.0
            weight[truth.where] = 1.0
        return wanted, weight


@register(
    "one-stage detector: a grid of cells with anchor boxes",
    'Redmon and Farhadi, "YOLO9000: better, faster, stronger"',
    2017,
    sample=(3, 32, 32),
)
def yolo_slim(**options: Any) -> YOLO:
    """YOLO for three classes of shapes in images of 32×32.

    >>> from chainrule import models
    >>> models.yolo_slim().stride
    4
    """
    return YOLO(**options)
