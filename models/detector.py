"""What detectors share: the convolutions, the last steps from scores to boxes, and training.

A detector takes images (N, 3, H, W). Targets are one dictionary an image, as ``data.scenes`` makes
them: ``boxes`` (n, 4) in pixels and ``labels`` (n,) from 1; 0 is the background.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import nn, optim
from ..autograd import modes
from ..autograd.declare import names
from ..nn.detection import batched_nms, clip_boxes_to_image, remove_small_boxes
from ..nn.metrics import mean_average_precision

_torch = names["torch"]
Targets = Sequence[dict[str, Any]]
Detections = list[dict[str, Any]]


def convolution(n_in: int, n_out: int) -> nn.Sequential:
    """3×3 convolution, batch norm, leaky ReLU of slope .1: the block of YOLO's Darknet.

    >>> import chainrule as cr
    >>> convolution(3, 8)(cr.zeros(1, 3, 6, 6)).shape
    torch.Size([1, 8, 6, 6])
    """
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.LeakyReLU(0.1)
    )


def backbone(widths: Sequence[int], halvings: int) -> nn.Sequential:
    """Convolutions of these widths, the first ``halvings`` each followed by a 2×2 max pool.

    (N, 3, H, W) → (N, widths[−1], H/2ʰ, W/2ʰ).

    >>> import chainrule as cr
    >>> backbone([8, 16, 16], halvings=2)(cr.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 16, 8, 8])
    """
    layers: list[nn.Module] = []
    for k, (n_in, n_out) in enumerate(zip([3, *widths], widths, strict=False)):
        layers += [convolution(n_in, n_out)] + [nn.MaxPool2d(2)] * (k < halvings)
    return nn.Sequential(*layers)


class Detector(nn.Module):
    """A network that finds boxes: subclasses give ``loss(images, targets)`` and ``candidates``."""

    def loss(self, images: Any, targets: Targets) -> dict[str, Any]:
        """The terms of the loss by name; their sum is what training lowers."""
        raise NotImplementedError

    def candidates(self, images: Any) -> list[tuple[Any, Any]]:
        """For each image boxes (n, classes or 1, 4) and probabilities (n, classes)."""
        raise NotImplementedError

    def detect(
        self, images: Any, min_score: float = 0.05, iou_threshold: float = 0.4, most: int = 20
    ) -> Detections:
        """What is seen in each image: ``boxes`` (n, 4), ``labels`` (n,) from 1, ``scores`` (n,).

        Candidates with less than ``min_score`` are dropped, the others go through non-maximum
        suppression class by class; at most ``most`` stay, the best first. Runs in evaluation mode.
        """
        before = self.training
        self.eval()
        with modes.no_grad():
            found = [
                select(boxes, scores, images.shape[-2:], min_score, iou_threshold, most)
                for boxes, scores in self.candidates(images)
            ]
        self.train(before)
        return found


def select(
    boxes: Any,
    scores: Any,
    size: tuple[int, int],
    min_score: float = 0.05,
    iou_threshold: float = 0.4,
    most: int = 20,
) -> dict[str, Any]:
    """The detections among candidates: boxes (n, C or 1, 4) and scores (n, C) of C classes.

    >>> import chainrule as cr
    >>> boxes = cr.tensor([[[0.0, 0, 10, 10]], [[1.0, 0, 11, 10]]])
    >>> found = select(boxes, cr.tensor([[0.1, 0.9], [0.0, 0.8]]), (32, 32))
    >>> found["labels"], found["scores"]  # the second is suppressed by the first
    (tensor([2, 1]), tensor([0.9000, 0.1000]))
    """
    boxes = boxes.expand(*scores.shape, 4)
    places = (scores > min_score).nonzero()
    row, column = places[:, 0], places[:, 1]
    boxes = clip_boxes_to_image(boxes[row, column], size)
    scores, labels = scores[row, column], column + 1
    large = remove_small_boxes(boxes, 1.0)
    boxes, scores, labels = boxes[large], scores[large], labels[large]
    kept = batched_nms(boxes, scores, labels, iou_threshold)[:most]
    return {"boxes": boxes[kept], "labels": labels[kept], "scores": scores[kept]}


def train_detector(
    model: Detector,
    images: Any,
    targets: Targets,
    epochs: int,
    lr: float = 2e-3,
    batch_size: int = 32,
    report: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Lower the detector's loss with Adam and return every step's loss.

    The step size rises to ``lr`` over the first fifth of the steps and then falls to 0.

    ``report(epoch, mean loss)`` is called after each pass over the images (N, 3, H, W).

    >>> import chainrule as cr
    >>> from chainrule import data, models
    >>> images, targets = data.collate_scenes(data.Scenes(4, seed=1))
    >>> losses = models.train_detector(models.YOLO(widths=(4, 8, 8)), images, targets, epochs=5)
    >>> len(losses), losses[-1] < losses[0]
    (5, True)
    """
    steps = epochs * -(-len(images) // batch_size)
    optimizer = optim.Adam(model.parameters(), lr=lr)
    rise = max(1, steps // 5)
    slope = lambda k: min((k + 1) / rise, (steps - k) / max(1, steps - rise))  # noqa: E731
    schedule = optim.lr_scheduler.LambdaLR(optimizer, slope)
    model.train()
    losses: list[float] = []
    for epoch in range(epochs):
        start = len(losses)
        for chosen in _torch["randperm"](len(images)).split(batch_size):
            optimizer.zero_grad()
            value = sum(model.loss(images[chosen], [targets[k] for k in chosen.tolist()]).values())
            value.backward()
            optimizer.step()
            schedule.step()
            losses.append(value.item())
        if report is not None:
            report(epoch, sum(losses[start:]) / (len(losses) - start))
    return losses


def detector_score(
    model: Detector, images: Any, targets: Targets, iou_threshold: float = 0.5
) -> float:
    """Mean average precision of what the detector finds in images (N, 3, H, W).

    >>> import chainrule as cr
    >>> from chainrule import data, models
    >>> images, targets = data.collate_scenes(data.Scenes(4, seed=1))
    >>> models.detector_score(models.YOLO(widths=(4, 8, 8)).eval(), images, targets) < 0.5
    True
    """
    found: Detections = []
    for part in images.split(100):
        found += model.detect(part)
    return mean_average_precision(targets, found, iou_threshold).mean
