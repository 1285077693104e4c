"""Boxes: their formats, intersection over union, non-maximum suppression, and their coding.

A box is (x1, y1, x2, y2), left, top, right, bottom in pixels, with x1 ≤ x2 and y1 ≤ y2; boxes come
as (N, 4). Names and meaning are those of ``torchvision.ops``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import views
from ..autograd.declare import names, tensor_of
from ..autograd.errors import ShapeError

_torch = names["torch"]
FORMATS = ("xyxy", "xywh", "cxcywh")


def checked(boxes: Any, caller: str) -> Any:
    """The boxes, if they are (..., 4); ShapeError otherwise."""
    if boxes.ndim < 1 or boxes.shape[-1] != 4:
        raise ShapeError(
            f"{caller}: boxes must have four numbers each, shape (N, 4), got {list(boxes.shape)}; "
            "an empty set is zeros(0, 4)"
        )
    return boxes


def box_convert(boxes: Any, in_fmt: str, out_fmt: str) -> Any:
    """Boxes (..., 4) in another format: "xyxy" corners, "xywh" corner and size, "cxcywh" centre.

    Raises ValueError for another format's name.

    >>> import chainrule as cr
    >>> box = cr.tensor([[10.0, 20.0, 30.0, 60.0]])
    >>> box_convert(box, "xyxy", "xywh")
    tensor([[10., 20., 20., 40.]])
    >>> box_convert(box, "xyxy", "cxcywh")
    tensor([[20., 40., 20., 40.]])
    """
    for given in (in_fmt, out_fmt):
        if given not in FORMATS:
            raise ValueError(f"box_convert: no format {given!r}; there are {', '.join(FORMATS)}")
    if in_fmt == out_fmt:
        return checked(boxes, "box_convert").clone()
    a, b, c, d = checked(boxes, "box_convert").unbind(-1)
    if in_fmt == "xywh":
        a, b, c, d = a, b, a + c, b + d
    elif in_fmt == "cxcywh":
        a, b, c, d = a - c / 2, b - d / 2, a + c / 2, b + d / 2
    if out_fmt == "xywh":
        a, b, c, d = a, b, c - a, d - b
    elif out_fmt == "cxcywh":
        a, b, c, d = (a + c) / 2, (b + d) / 2, c - a, d - b
    return _torch["stack"]([a, b, c, d], -1)


def box_area(boxes: Any) -> Any:
    """(x2 − x1)·(y2 − y1) of boxes (N, 4): (N,).

    >>> import chainrule as cr
    >>> box_area(cr.tensor([[0.0, 0.0, 2.0, 3.0]]))
    tensor([6.])
    """
    size = checked(boxes, "box_area")[..., 2:] - boxes[..., :2]
    return size[..., 0] * size[..., 1]


def _overlap(boxes1: Any, boxes2: Any) -> tuple[Any, Any]:
    """Intersection and union of each pair: (N, M) both."""
    corner1 = _torch["maximum"](boxes1[:, None, :2], boxes2[None, :, :2])
    corner2 = _torch["minimum"](boxes1[:, None, 2:], boxes2[None, :, 2:])
    size = (corner2 - corner1).clamp(min=0)
    shared = size[..., 0] * size[..., 1]
    return shared, box_area(boxes1)[:, None] + box_area(boxes2)[None] - shared


def box_iou(boxes1: Any, boxes2: Any) -> Any:
    """Intersection over union |A ∩ B| / |A ∪ B| of each pair: (N, 4), (M, 4) → (N, M).

    Differentiable. Two boxes without area give nan (0/0), as in torchvision.

    >>> import chainrule as cr
    >>> a = cr.tensor([[0.0, 0.0, 2.0, 2.0]])
    >>> b = cr.tensor([[1.0, 1.0, 3.0, 3.0], [0.0, 0.0, 2.0, 1.0], [5.0, 5.0, 6.0, 6.0]])
    >>> box_iou(a, b)  # 1/7, 2/4, 0
    tensor([[0.1429, 0.5000, 0.0000]])
    """
    shared, union = _overlap(checked(boxes1, "box_iou"), checked(boxes2, "box_iou"))
    return shared / union


def iou_of_arrays(a: Any, b: Any) -> Any:
    """``box_iou`` of arrays, for decisions that need no gradient: nan for 0/0, no warning.

    >>> iou_of_arrays(np.array([[0.0, 0, 2, 2]]), np.array([[0.0, 0, 2, 1]]))
    array([[0.5]])
    """
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    size = (np.minimum(a[:, None, 2:], b[None, :, 2:]) - low).clip(min=0)
    shared = size[..., 0] * size[..., 1]
    area, other = ((c[:, 2:] - c[:, :2]).prod(1) for c in (a, b))
    with np.errstate(invalid="ignore"):
        return shared / (area[:, None] + other - shared)


def generalized_box_iou(boxes1: Any, boxes2: Any) -> Any:
    """IoU − |C \\ (A ∪ B)| / |C|, C the smallest box around both: (N, 4), (M, 4) → (N, M).

    It falls towards −1 as two boxes move apart, where IoU stays 0 and has no gradient.
    Source: Rezatofighi et al., "Generalized intersection over union", 2019.

    >>> import chainrule as cr
    >>> a, b = cr.tensor([[0.0, 0.0, 1.0, 1.0]]), cr.tensor([[2.0, 0.0, 3.0, 1.0]])
    >>> generalized_box_iou(a, b)  # 0 − (3 − 2)/3
    tensor([[-0.3333]])
    """
    shared, union = _overlap(
        checked(boxes1, "generalized_box_iou"), checked(boxes2, "generalized_box_iou")
    )
    corner1 = _torch["minimum"](boxes1[:, None, :2], boxes2[None, :, :2])
    corner2 = _torch["maximum"](boxes1[:, None, 2:], boxes2[None, :, 2:])
    size = corner2 - corner1
    around = size[..., 0] * size[..., 1]
    return shared / union - (around - union) / around


def clip_boxes_to_image(boxes: Any, size: tuple[int, int]) -> Any:
    """Boxes (..., 4) cut off at the borders of an image of ``size`` (height, width).

    >>> import chainrule as cr
    >>> clip_boxes_to_image(cr.tensor([[-3.0, 2.0, 5.0, 99.0]]), (10, 20))
    tensor([[ 0.,  2.,  5., 10.]])
    """
    height, width = size
    checked(boxes, "clip_boxes_to_image")
    x = boxes[..., 0::2].clamp(0, width)
    y = boxes[..., 1::2].clamp(0, height)
    return _torch["stack"]([x, y], -1).flatten(-2)


def remove_small_boxes(boxes: Any, min_size: float) -> Any:
    """The places of the boxes (N, 4) whose sides are both at least ``min_size``: (K,) int64.

    >>> import chainrule as cr
    >>> remove_small_boxes(cr.tensor([[0.0, 0.0, 1.0, 9.0], [0.0, 0.0, 4.0, 4.0]]), 2)
    tensor([1])
    """
    size = checked(boxes, "remove_small_boxes")[:, 2:] - boxes[:, :2]
    return ((size[:, 0] >= min_size) & (size[:, 1] >= min_size)).nonzero()[:, 0]


def nms(boxes: Any, scores: Any, iou_threshold: float) -> Any:
    """Non-maximum suppression: the places of the boxes kept, best score first: (K,) int64.

    From the best score down, each box is kept unless its IoU with one already kept exceeds
    ``iou_threshold``. Boxes (N, 4), scores (N,); equal scores keep their order.

    >>> import chainrule as cr
    >>> boxes = cr.tensor([[0.0, 0, 10, 10], [1.0, 0, 11, 10], [20.0, 0, 30, 10]])
    >>> nms(boxes, cr.tensor([0.8, 0.9, 0.7]), 0.5)  # IoU of the first two: 90/110
    tensor([1, 2])
    """
    if scores.ndim != 1 or checked(boxes, "nms").ndim != 2 or len(boxes) != len(scores):
        raise ShapeError(
            f"nms: one score a box is needed, got boxes {list(boxes.shape)} and scores "
            f"{list(scores.shape)}"
        )
    order = np.argsort(-views.as_array(scores.detach()), kind="stable")
    corners = views.as_array(boxes.detach())
    overlaps = iou_of_arrays(corners, corners) > iou_threshold  # nan (no area) exceeds nothing
    kept: list[int] = []
    suppressed = np.zeros(len(order), bool)
    for place in order:
        if not suppressed[place]:
            kept.append(int(place))
            suppressed |= overlaps[place]
    return tensor_of(np.array(kept, np.int64))


def batched_nms(boxes: Any, scores: Any, idxs: Any, iou_threshold: float) -> Any:
    """``nms`` within each class ``idxs`` (N,): boxes of different classes don't suppress another.

    Each class is moved to a place of its own, where it overlaps with no other: one pass does all.

    >>> import chainrule as cr
    >>> boxes = cr.tensor([[0.0, 0, 10, 10], [1.0, 0, 11, 10]])
    >>> batched_nms(boxes, cr.tensor([0.8, 0.9]), cr.tensor([0, 1]), 0.5)
    tensor([1, 0])
    """
    if not len(boxes):
        return tensor_of(np.empty(0, np.int64))
    apart = boxes.max() - boxes.min() + 1
    return nms(boxes + (idxs.to(boxes.dtype) * apart)[:, None], scores, iou_threshold)


def encode_boxes(boxes: Any, anchors: Any, weights: tuple[float, ...] = (1, 1, 1, 1)) -> Any:
    """Offsets that lead from anchors to boxes, both (N, 4) as x1 y1 x2 y2: (N, 4).

    t_x = (x − x_a)/w_a, t_y = (y − y_a)/h_a, t_w = ln(w/w_a), t_h = ln(h/h_a) of the centres and
    sizes, times ``weights``. Source: Girshick et al., "Rich feature hierarchies", 2014, appendix C.

    >>> import chainrule as cr
    >>> anchor = cr.tensor([[0.0, 0.0, 10.0, 10.0]])
    >>> encode_boxes(cr.tensor([[5.0, 0.0, 25.0, 10.0]]), anchor)  # centre one width on, ln 2
    tensor([[1.0000, 0.0000, 0.6931, 0.0000]])
    """
    box = box_convert(boxes, "xyxy", "cxcywh")
    anchor = box_convert(anchors, "xyxy", "cxcywh")
    shift = (box[..., :2] - anchor[..., :2]) / anchor[..., 2:]
    scale = _torch["log"](box[..., 2:] / anchor[..., 2:])
    return _torch["cat"]([shift, scale], -1) * _torch["tensor"](weights, dtype=boxes.dtype)


def decode_boxes(
    offsets: Any, anchors: Any, weights: tuple[float, ...] = (1, 1, 1, 1), limit: float = 4.135
) -> Any:
    """The boxes (N, 4) to which offsets lead from anchors: the inverse of ``encode_boxes``.

    x = x_a + w_a·t_x, w = w_a·exp(t_w), and the same for y and h; t_w and t_h are cut at ``limit``
    (ln(1000/16) ≈ 4.135, as in Detectron) so that no step makes a box overflow.

    >>> import chainrule as cr
    >>> anchor = cr.tensor([[0.0, 0.0, 10.0, 10.0]])
    >>> decode_boxes(cr.tensor([[1.0, 0.0, 0.0, 0.0]]), anchor)
    tensor([[10.,  0., 20., 10.]])
    """
    t = checked(offsets, "decode_boxes") / _torch["tensor"](weights, dtype=offsets.dtype)
    anchor = box_convert(anchors, "xyxy", "cxcywh")
    centre = anchor[..., :2] + anchor[..., 2:] * t[..., :2]
    size = anchor[..., 2:] * _torch["exp"](t[..., 2:].clamp(max=limit))
    return box_convert(_torch["cat"]([centre, size], -1), "cxcywh", "xyxy")
