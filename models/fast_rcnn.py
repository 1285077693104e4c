"""A two-stage detector: first regions that may hold an object, then a look at each of them.

``RegionProposals`` finds the regions (Ren et al., "Faster R-CNN", 2015), ``RegionHead`` pools the
features inside each and names it (Girshick, "Fast R-CNN", 2015); ``FastRCNN`` joins the two, which
are trained together. Any other proposals can be given to it instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import nn
from ..autograd import views
from ..autograd.declare import names
from ..nn.detection import (
    clip_boxes_to_image,
    decode_boxes,
    encode_boxes,
    iou_of_arrays,
    nms,
    remove_small_boxes,
)
from ..nn.regions import anchor_grid, roi_align, roi_pool
from .detector import Detector, Targets, backbone
from .registry import register

_torch = names["torch"]
F = names["F"]
POOLS = {"pool": roi_pool, "align": roi_align}


def match(boxes: Any, true_boxes: Any, low: float, high: float, every: bool = False) -> Any:
    """The place of the true box that each box stands for: −1 for background, −2 for neither.

    A box stands for the true one that it overlaps most if their IoU is at least ``high``; below
    ``low`` it is background. With ``every``, the box that fits a true one best stands for it
    whatever the IoU, so that none is left out. (n, 4), (m, 4) → (n,) int64.

    >>> import chainrule as cr
    >>> boxes = cr.tensor([[0.0, 0, 10, 10], [0.0, 0, 10, 6], [0.0, 0, 4, 4]])
    >>> match(boxes, cr.tensor([[0.0, 0, 10, 10]]), low=0.3, high=0.7)  # IoU 1, .6, .16
    tensor([ 0, -2, -1])
    """
    if not len(true_boxes):
        return _torch["full"]((len(boxes),), -1)
    overlap = iou_of_arrays(views.as_array(boxes), views.as_array(true_boxes))
    best = overlap.max(1)
    place = np.where(best >= high, overlap.argmax(1), -2)
    place[best < low] = -1
    if every:
        place[overlap.argmax(0)] = np.arange(len(true_boxes))
    return _torch["from_numpy"](place)


def sample(matched: Any, count: int, positive: float) -> Any:
    """At most ``count`` places drawn from those matched (≥ 0) and from background (−1).

    At most the share ``positive`` of them is matched; background fills up the rest.

    >>> import chainrule as cr
    >>> chosen = sample(cr.tensor([0, -1, -1, -2, 1, 1, -1, -1]), count=4, positive=0.5)
    >>> sorted((cr.tensor([0, -1, -1, -2, 1, 1, -1, -1])[chosen] >= 0).tolist())
    [False, False, True, True]
    """
    objects = (matched >= 0).nonzero()[:, 0]
    others = (matched == -1).nonzero()[:, 0]
    objects = objects[_torch["randperm"](len(objects))[: int(count * positive)]]
    others = others[_torch["randperm"](len(others))[: count - len(objects)]]
    return _torch["cat"]([objects, others])


class RegionProposals(nn.Module):
    """Which anchors of a feature map hold an object, and how to move them onto it.

    Features (N, C, H, W) → objectness (N, H·W·A) as logits and offsets (N, H·W·A, 4) from the
    anchors, in the order of ``nn.regions.anchor_grid``. ``shapes`` are A (width, height) in pixels.

    >>> import chainrule as cr
    >>> proposals = RegionProposals(16, [(8.0, 8.0), (16.0, 16.0)], stride=4)
    >>> logits, offsets = proposals(cr.zeros(2, 16, 8, 8))
    >>> logits.shape, offsets.shape
    (torch.Size([2, 128]), torch.Size([2, 128, 4]))
    """

    def __init__(self, channels: int, shapes: Sequence[tuple[float, float]], stride: int) -> None:
        super().__init__()
        self.shapes, self.stride = tuple(shapes), stride
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.objectness = nn.Conv2d(channels, len(shapes), 1)
        self.offsets = nn.Conv2d(channels, 4 * len(shapes), 1)

    def forward(self, features: Any) -> tuple[Any, Any]:
        x = self.conv(features).relu()
        logits = self.objectness(x).permute(0, 2, 3, 1).flatten(1)
        offsets = self.offsets(x).permute(0, 2, 3, 1)  # (N, H, W, A·4)
        return logits, offsets.reshape(len(x), -1, 4)

    def anchors(self, features: Any) -> Any:
        """The anchors on a feature map: (H·W·A, 4)."""
        return anchor_grid(self.shapes, tuple(features.shape[-2:]), self.stride)

    def propose(
        self, logits: Any, offsets: Any, anchors: Any, size: tuple[int, int], most: int
    ) -> list[Any]:
        """The best ``most`` regions of each image after suppression at IoU .7, without gradient."""
        found = []
        for score, boxes in zip(
            logits.detach(), decode_boxes(offsets.detach(), anchors), strict=True
        ):
            best = score.topk(min(4 * most, len(score))).indices
            boxes, score = clip_boxes_to_image(boxes[best], size), score[best]
            large = remove_small_boxes(boxes, 2.0)
            boxes, score = boxes[large], score[large]
            found.append(boxes[nms(boxes, score, 0.7)[:most]])
        return found

    def loss(self, logits: Any, offsets: Any, anchors: Any, targets: Targets) -> tuple[Any, Any]:
        """Cross-entropy of object or not, and smooth L1 of the offsets where there is an object.

        An anchor is an object from IoU .5 with a true box (or if it fits one best), background
        below .3; 64 are drawn in each image, at most half of them objects.
        """
        rows, wanted, moves = [], [], []
        for k, target in enumerate(targets):
            matched = match(anchors, target["boxes"], low=0.3, high=0.5, every=True)
            chosen = sample(matched, 64, 0.5)
            rows.append(chosen + k * len(anchors))
            objects = matched[chosen]
            wanted.append((objects >= 0).to(logits.dtype))
            found = chosen[objects >= 0]
            moves.append(encode_boxes(target["boxes"][matched[found]], anchors[found]))
        row, want, move = (_torch["cat"](parts) for parts in (rows, wanted, moves))
        object_ = F["binary_cross_entropy_with_logits"](logits.flatten()[row], want)
        said = offsets.flatten(0, 1)[row[want > 0]]
        return object_, F["smooth_l1_loss"](said, move, reduction="sum", beta=1 / 9) / len(row)


class RegionHead(nn.Module):
    """Fast R-CNN's second stage: regions → class scores and, for each class, a better box.

    Features (N, C, H, W) and one (L, 4) an image → scores (ΣL, 1 + classes), 0 the background, and
    offsets (ΣL, classes, 4) from the region. Each region is pooled to size×size by RoI pooling
    (``pool="pool"``, as in the paper) or RoI align ("align").

    >>> import chainrule as cr
    >>> head = RegionHead(8, num_classes=3, stride=4, size=4, width=16)
    >>> regions = [cr.tensor([[0.0, 0.0, 15.0, 15.0], [8.0, 8.0, 23.0, 31.0]])]
    >>> scores, offsets = head(cr.zeros(1, 8, 8, 8), regions)
    >>> scores.shape, offsets.shape
    (torch.Size([2, 4]), torch.Size([2, 3, 4]))
    """

    weights = (10.0, 10.0, 5.0, 5.0)  # the offsets' scale, to be about as large as the scores

    def __init__(
        self,
        channels: int,
        num_classes: int,
        stride: int,
        size: int = 4,
        width: int = 64,
        pool: str = "pool",
    ) -> None:
        super().__init__()
        if pool not in POOLS:
            raise ValueError(f"RegionHead: pool must be one of {', '.join(POOLS)}, got {pool!r}")
        self.stride, self.size, self.pool = stride, size, pool
        self.hidden = nn.Linear(channels * size * size, width)
        self.scores = nn.Linear(width, num_classes + 1)
        self.offsets = nn.Linear(width, 4 * num_classes)

    def forward(self, features: Any, regions: list[Any]) -> tuple[Any, Any]:
        pooled = POOLS[self.pool](features, regions, self.size, 1 / self.stride)
        x = self.hidden(pooled.flatten(1)).relu()
        return self.scores(x), self.offsets(x).reshape(len(x), -1, 4)

    def training_regions(
        self, proposals: list[Any], targets: Targets, count: int = 32
    ) -> tuple[list[Any], Any, Any]:
        """Regions drawn for training, their classes (0 below IoU .5), and the offsets wanted.

        The true boxes are added to the proposals; at most half of those drawn are objects.
        """
        regions, labels, moves = [], [], []
        for boxes, target in zip(proposals, targets, strict=True):
            boxes = _torch["cat"]([boxes, target["boxes"]])
            matched = match(boxes, target["boxes"], low=0.5, high=0.5)
            chosen = sample(matched, count, 0.5)
            matched, boxes = matched[chosen], boxes[chosen]
            objects = matched[matched >= 0]
            label = _torch["zeros"](len(chosen), dtype=objects.dtype)
            label[: len(objects)] = target["labels"][objects]  # ``sample`` puts objects first
            regions.append(boxes)
            labels.append(label)
            true_boxes = target["boxes"][objects]
            moves.append(encode_boxes(true_boxes, boxes[: len(objects)], self.weights))
        return regions, _torch["cat"](labels), _torch["cat"](moves)

    def loss(self, scores: Any, offsets: Any, labels: Any, moves: Any) -> tuple[Any, Any]:
        """L = −ln p_u + [u ≥ 1]·smooth L1(t_u − v): class u, its offsets t_u, and those wanted v.

        The mean over the regions; the two terms apart. ``moves`` (objects, 4) holds v for the
        regions with a label ≥ 1, in their order.
        """
        objects = (labels > 0).nonzero()[:, 0]
        said = offsets[objects, labels[objects] - 1]
        box = F["smooth_l1_loss"](said, moves, reduction="sum") / len(labels)
        return F["cross_entropy"](scores, labels), box


class FastRCNN(Detector):
    """Two stages in small: images (N, 3, H, W) → features (N, C, H/4, W/4) → regions → objects.

    ``forward(images, proposals=None)`` gives class scores (ΣL, 1 + classes), offsets
    (ΣL, classes, 4) and the list of regions, one (L, 4) an image: those of ``RegionProposals``
    unless others are given. The four losses (object, offsets; class, box) are added up.

    >>> import chainrule as cr
    >>> scores, offsets, regions = FastRCNN().eval()(cr.rand(1, 3, 32, 32))
    >>> scores.shape[1], offsets.shape[1:], scores.shape[0] == len(regions[0])
    (4, torch.Size([3, 4]), True)
    """

    def __init__(
        self,
        num_classes: int = 3,
        anchors: Sequence[tuple[float, float]] = ((8.0, 8.0), (11.0, 11.0), (14.0, 14.0)),
        widths: Sequence[int] = (16, 32, 64),
        halvings: int = 2,
        proposals: int = 24,
        pool: str = "pool",
    ) -> None:
        super().__init__()
        self.most = proposals
        self.features = backbone(widths, halvings)
        self.proposals = RegionProposals(widths[-1], anchors, 2**halvings)
        self.head = RegionHead(widths[-1], num_classes, 2**halvings, pool=pool)

    def forward(self, images: Any, proposals: list[Any] | None = None) -> tuple[Any, Any, Any]:
        features = self.features(images)
        if proposals is None:
            logits, moves = self.proposals(features)
            proposals = self._propose(features, logits, moves, images)
        scores, offsets = self.head(features, proposals)
        return scores, offsets, proposals

    def _propose(self, features: Any, logits: Any, offsets: Any, images: Any) -> list[Any]:
        anchors = self.proposals.anchors(features)
        size = tuple(images.shape[-2:])
        return self.proposals.propose(logits, offsets, anchors, size, self.most)

    def loss(self, images: Any, targets: Targets) -> dict[str, Any]:
        """Object or not and where (the proposals); class and where (the head)."""
        features = self.features(images)
        logits, offsets = self.proposals(features)
        anchors = self.proposals.anchors(features)
        first = self.proposals.loss(logits, offsets, anchors, targets)
        found = self._propose(features, logits, offsets, images)
        regions, labels, moves = self.head.training_regions(found, targets)
        scores, better = self.head(features, regions)
        second = self.head.loss(scores, better, labels, moves)
        return dict(zip(("object", "offsets", "class", "box"), (*first, *second), strict=True))

    def candidates(self, images: Any) -> list[tuple[Any, Any]]:
        """Each region moved by the offsets of each class, with that class's probability."""
        scores, offsets, regions = self(images)
        shares = scores.softmax(1)[:, 1:]
        boxes = decode_boxes(
            offsets, _torch["cat"](regions)[:, None].expand(*offsets.shape), self.head.weights
        )
        counts = [len(r) for r in regions]
        return list(zip(boxes.split(counts), shares.split(counts), strict=True))


@register(
    "two-stage detector: region proposals, then RoI pooling and a class for each",
    'Girshick, "Fast R-CNN"; proposals of Ren et al., "Faster R-CNN"',
    2015,
    sample=(3, 32, 32),
)
def fast_rcnn_slim(**options: Any) -> FastRCNN:
    """Two stages for three classes of shapes in images of 32×32.

    >>> from chainrule import models
    >>> models.fast_rcnn_slim().head.size
    4
    """
    return FastRCNN(**options)
