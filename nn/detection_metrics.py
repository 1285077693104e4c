"""Mean average precision: how well detected boxes, ranked by their scores, fit the true ones.

Targets and detections come as in torchvision: one dictionary an image, with ``boxes`` (n, 4) and
``labels`` (n,), and ``scores`` (n,) for detections. The truth comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..autograd import Tensor
from ..autograd.views import as_array
from .detection import iou_of_arrays

Array = npt.NDArray[Any]
# COCO's ten thresholds; ``mean_average_precision(..., iou_threshold=COCO)`` is its main score.
COCO = tuple(round(0.5 + 0.05 * k, 2) for k in range(10))


class MeanAveragePrecision(NamedTuple):
    """The mean over the classes, and the average precision of each class that has true boxes."""

    mean: float
    classes: dict[int, float]


def _array(values: Any) -> Array:
    return np.asarray(as_array(values.detach()) if isinstance(values, Tensor) else values)


def intersection_over_union(boxes1: Any, boxes2: Any) -> Array:
    """|A ∩ B| / |A ∪ B| of each pair of boxes x1 y1 x2 y2: (N, 4), (M, 4) → array (N, M).

    Here two boxes without area have 0; ``nn.detection.box_iou`` is the differentiable one.

    >>> intersection_over_union([[0, 0, 2, 2]], [[1, 1, 3, 3], [0, 0, 2, 2]]).round(4).tolist()
    [[0.1429, 1.0]]
    """
    a, b = (np.asarray(_array(v), np.float64).reshape(-1, 4) for v in (boxes1, boxes2))
    overlap: Array = np.nan_to_num(iou_of_arrays(a, b))
    return overlap


def match_detections(
    true_boxes: Any, boxes: Any, scores: Any, iou_threshold: float = 0.5
) -> npt.NDArray[np.bool_]:
    """Which detections of one class in one image are right: (n,) bool, in the order given.

    From the best score down, a detection is right if its IoU with the true box that it fits best
    is at least ``iou_threshold`` and no better one has taken that box: a second find is wrong.

    >>> found = [[0, 0, 10, 10], [0, 0, 10, 9], [30, 0, 40, 10]]
    >>> match_detections([[0, 0, 10, 10]], found, [0.7, 0.9, 0.8]).tolist()
    [False, True, False]
    """
    overlaps = intersection_over_union(boxes, true_boxes)
    right = np.zeros(len(overlaps), bool)
    taken = np.zeros(overlaps.shape[1], bool)
    if not taken.size:
        return right
    for k in np.argsort(-_array(scores), kind="stable"):
        best = overlaps[k].argmax()
        if overlaps[k, best] >= iou_threshold and not taken[best]:
            taken[best] = right[k] = True
    return right


def detection_curve(right: Any, scores: Any, positives: int) -> tuple[Array, Array]:
    """Precision and recall after each detection, from the best score down: (n,) both.

    Of the first k detections, TP are right: precision TP/k, recall TP/positives.

    >>> p, r = detection_curve([True, False, True], [0.9, 0.8, 0.7], positives=4)
    >>> p.round(3).tolist(), r.tolist()
    ([1.0, 0.5, 0.667], [0.25, 0.25, 0.5])
    """
    order = np.argsort(-_array(scores), kind="stable")
    found = np.cumsum(_array(right)[order], dtype=np.float64)
    return found / np.arange(1, len(found) + 1), found / positives


def average_precision(precision: Any, recall: Any, points: int | None = None) -> float:
    """The area under the precision–recall curve, which is first made to fall.

    p(r) = the best precision at a recall of at least r. ``points=None``: the sum of p over the
    steps of recall (PASCAL VOC since 2010); 11: the mean of p at 0, .1, …, 1 (VOC 2007); 101: COCO.
    Source: Everingham et al., "The PASCAL visual object classes (VOC) challenge", 2010.

    >>> average_precision([1, 1 / 2, 2 / 3], [1 / 3, 1 / 3, 2 / 3])  # (1 + 2/3)/3
    0.5555555555555556
    """
    p = np.asarray(precision, np.float64)
    r = np.asarray(recall, np.float64)
    falling = np.maximum.accumulate(p[::-1])[::-1]
    if points is None:
        return float((np.diff(r, prepend=0.0) * falling).sum())
    at = np.searchsorted(r, np.linspace(0, 1, points) - 1e-12)  # a recall met up to rounding counts
    return float(np.append(falling, 0.0)[at].mean())


def mean_average_precision(
    targets: Sequence[dict[str, Any]],
    detections: Sequence[dict[str, Any]],
    iou_threshold: float | Sequence[float] = 0.5,
    points: int | None = None,
) -> MeanAveragePrecision:
    """Average precision of each class over all images, and its mean over the classes.

    A class with no true box anywhere has no average precision and doesn't count. For several
    thresholds (``COCO``) the scores are averaged. Raises ValueError for lists of unlike length and
    when there is no true box at all.

    >>> import chainrule as cr
    >>> truth = [{"boxes": cr.tensor([[0, 0, 10, 10.0]]), "labels": cr.tensor([1])}]
    >>> found = [{"boxes": cr.tensor([[50, 0, 60, 10.0], [1, 0, 11, 10.0]]),
    ...           "labels": cr.tensor([1, 1]), "scores": cr.tensor([0.9, 0.6])}]
    >>> mean_average_precision(truth, found)  # the best one is wrong, the second right: 1/2
    MeanAveragePrecision(mean=0.5, classes={1: 0.5})
    """
    if len(targets) != len(detections):
        raise ValueError(
            f"mean_average_precision: {len(targets)} targets and {len(detections)} detections; "
            "give one dictionary an image in both, with empty boxes where nothing was found"
        )
    true = [(_array(t["boxes"]).reshape(-1, 4), _array(t["labels"])) for t in targets]
    found = [
        (_array(d["boxes"]).reshape(-1, 4), _array(d["labels"]), _array(d["scores"]))
        for d in detections
    ]
    classes = sorted({int(label) for _, labels in true for label in labels})
    if not classes:
        raise ValueError("mean_average_precision: the targets hold no box at all")
    thresholds = [iou_threshold] if isinstance(iou_threshold, (int, float)) else list(iou_threshold)
    each = {c: float(np.mean([_of_class(true, found, c, t, points) for t in thresholds]))
            for c in classes}  # fmt: skip
    return MeanAveragePrecision(float(np.mean(list(each.values()))), each)


def _of_class(
    true: list[Any], found: list[Any], label: int, iou_threshold: float, points: int | None
) -> float:
    """The average precision of one class."""
    right, ranks, positives = [], [], 0
    for (true_boxes, true_labels), (boxes, labels, scores) in zip(true, found, strict=True):
        wanted = true_boxes[true_labels == label]
        mine = labels == label
        positives += len(wanted)
        right.append(match_detections(wanted, boxes[mine], scores[mine], iou_threshold))
        ranks.append(scores[mine])
    curve = detection_curve(np.concatenate(right), np.concatenate(ranks), positives)
    return average_precision(*curve, points)
