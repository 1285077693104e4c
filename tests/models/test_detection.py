"""C9, detection: both detectors find shapes in generated scenes they have not seen."""

from __future__ import annotations

import math

import pytest

import chainrule as cr
from chainrule import models
from chainrule.data import Scenes, collate_scenes
from chainrule.models import fast_rcnn, yolo

F = cr.nn.functional
DETECTORS = [models.YOLO, models.FastRCNN]


def scenes(count: int, seed: int):
    return collate_scenes(Scenes(count, size=32, seed=seed))


# -- the training that the row asks for -----------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "epochs", "lr"), [(models.YOLO, 12, 6e-3), (models.FastRCNN, 8, 4e-3)]
)
def test_c9_finds_shapes_in_new_scenes(build, epochs: int, lr: float) -> None:
    """Mean average precision at IoU .5 of at least .6 on 100 scenes, after training on 300."""
    model = build()
    held_out = scenes(100, seed=1)
    assert models.detector_score(model, *held_out) < 0.1
    models.train_detector(model, *scenes(300, seed=0), epochs=epochs, lr=lr)
    assert models.detector_score(model, *held_out) >= 0.6


@pytest.mark.parametrize(("build", "lr"), [(models.YOLO, 1e-2), (models.FastRCNN, 2e-3)])
def test_overfits_a_small_batch(build, lr: float) -> None:
    """To near zero; the regions drawn anew at each step keep the second from reaching it."""
    images, targets = scenes(2, seed=3)
    model = build()
    losses = models.train_detector(model, images, targets, epochs=120, lr=lr)
    assert sum(losses[-5:]) / 5 < 0.05 * losses[0]
    assert models.detector_score(model, images, targets) > 0.95


@pytest.mark.parametrize("build", DETECTORS)
def test_a_seed_gives_the_same_detector(build) -> None:
    def run():
        cr.manual_seed(5)
        model = build(widths=(4, 8, 8))
        images, targets = scenes(6, seed=4)
        losses = models.train_detector(model, images, targets, epochs=2, batch_size=3)
        return losses, [d["boxes"].tolist() for d in model.detect(images)]

    assert run() == run()


@pytest.mark.parametrize("build", DETECTORS)
def test_detections_are_well_formed(build) -> None:
    images, _ = scenes(3, seed=6)
    model = build().train()
    found = model.detect(images, min_score=0.0, most=7)
    assert model.training
    for one in found:
        n = len(one["scores"])
        assert 0 < n <= 7
        assert one["boxes"].shape == (n, 4)
        assert one["boxes"].min() >= 0
        assert one["boxes"].max() <= 32
        assert set(one["labels"].tolist()) <= {1, 2, 3}
        assert (one["scores"].diff() <= 0).all()
        assert not one["boxes"].requires_grad
    assert all(len(one["scores"]) == 0 for one in model.detect(images, min_score=1.0))


@pytest.mark.parametrize("build", DETECTORS)
def test_every_parameter_learns_and_empty_scenes_pass(build) -> None:
    model = build()
    images, targets = scenes(2, seed=7)
    sum(model.loss(images, targets).values()).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None] == []
    empty = {"boxes": cr.zeros(0, 4), "labels": cr.zeros(0).long()}
    for mixed in ([targets[0], empty], [empty, empty]):
        value = sum(model.loss(images, mixed).values())
        assert math.isfinite(value.item())
        value.backward()


@pytest.mark.parametrize("name", ["yolo_slim", "fast_rcnn_slim"])
def test_both_are_listed(name: str) -> None:
    assert name in models.list("*")
    described = models.describe(name)
    assert described.input == ((1, 3, 32, 32),)
    made = models.get_model(name)
    assert described.parameters == sum(p.numel() for p in made.parameters())
    assert described.multiply_adds > 1_000_000


# -- YOLO by hand ---------------------------------------------------------------------------------


def test_yolo_decodes_by_its_formulas() -> None:
    model = models.YOLO(anchors=[(10.0, 6.0)], halvings=2)
    out = cr.zeros(1, 8, 8, 1, 8)
    out[0, 2, 5, 0, :4] = cr.tensor([math.log(3), 0.0, math.log(2), 0.0])
    x, y = (0.75 + 5) * 4, (0.5 + 2) * 4  # σ(ln 3) = 3/4, σ(0) = 1/2
    assert model.boxes(out)[0, 2, 5, 0].tolist() == pytest.approx([x - 10, y - 3, x + 10, y + 3])


def test_yolo_decodes_what_it_assigns() -> None:
    """Saying what is wanted gives back the true boxes."""
    model = models.YOLO(anchors=[(8.0, 8.0), (12.0, 12.0)])
    _, targets = scenes(5, seed=8)
    truth = yolo.assign(targets, model.anchors, model.stride)
    out = cr.zeros(5, 8, 8, 2, 8)
    out[(*truth.where, slice(0, 2))] = cr.logit(truth.place, eps=1e-6)
    out[(*truth.where, slice(2, 4))] = truth.scale
    boxes = cr.cat([t["boxes"] for t in targets])
    assert cr.allclose(model.boxes(out)[truth.where], boxes, atol=1e-3)


def test_yolo_loss_by_hand() -> None:
    """One true box, a network that says 0 everywhere: each term from the formula."""
    model = models.YOLO(anchors=[(8.0, 8.0), (2.0, 2.0)], num_classes=3)
    for p in model.head.parameters():
        cr.nn.init.zeros_(p)
    box = {"boxes": cr.tensor([[10.0, 10.0, 26.0, 18.0]]), "labels": cr.tensor([2])}
    terms = model.loss(cr.rand(1, 3, 32, 32), [box])
    # Centre (18, 14): cell column 4, row 3, at (.5, .5) of it: σ(0) = .5 is right.
    # Size 16×8 by the anchor 8×8: t_w = ln 2, t_h = 0.
    assert terms["box"].item() == pytest.approx(5 * math.log(2) ** 2, rel=1e-5)
    # Each of 8·8·2 anchors says ½; none lies on the box by more than .6 but the one responsible.
    assert terms["object"].item() == pytest.approx(128 * math.log(2), rel=1e-5)
    assert terms["class"].item() == pytest.approx(math.log(3), rel=1e-5)


def test_yolo_does_not_blame_boxes_that_fit() -> None:
    """An anchor beside the responsible one whose box lies well on the true one is ignored."""
    model = models.YOLO(anchors=[(16.0, 16.0)])
    for p in model.head.parameters():
        cr.nn.init.zeros_(p)
    box = {"boxes": cr.tensor([[10.0, 10.0, 26.0, 26.0]]), "labels": cr.tensor([1])}
    terms = model.loss(cr.rand(1, 3, 32, 32), [box])
    # A neighbour's box is 4 pixels off: IoU 12/20 = .6, not above it; from .59 on they count not.
    assert terms["object"].item() == pytest.approx(64 * math.log(2), rel=1e-5)
    terms = model.loss(cr.rand(1, 3, 32, 32), [box], ignore=0.59)
    assert terms["object"].item() == pytest.approx(60 * math.log(2), rel=1e-5)


# -- Fast R-CNN by hand ---------------------------------------------------------------------------


def test_matching_of_boxes() -> None:
    boxes = cr.tensor([[0.0, 0, 10, 10], [0.0, 0, 10, 6], [0.0, 0, 4, 4], [20.0, 0, 30, 10]])
    true = cr.tensor([[20.0, 0, 30, 10], [0.0, 0, 10, 10]])
    assert fast_rcnn.match(boxes, true, 0.3, 0.7).tolist() == [1, -2, -1, 0]
    low = boxes[1:3]  # IoU .6 and .16: with ``every`` the better one stands for the true box
    assert fast_rcnn.match(low, true[1:], 0.7, 0.9, every=True).tolist() == [0, -1]
    assert fast_rcnn.match(boxes, true[:0], 0.3, 0.7).tolist() == [-1] * 4


def test_samples_are_balanced() -> None:
    matched = cr.tensor([0] * 50 + [-1] * 50 + [-2] * 50)
    chosen = matched[fast_rcnn.sample(matched, 20, 0.25)]
    assert (chosen >= 0).sum().item() == 5
    assert (chosen == -1).sum().item() == 15
    few = matched[fast_rcnn.sample(matched[48:60], 8, 0.5) + 48]
    assert (few >= 0).sum().item() == 2  # all there are; background fills up
    assert len(few) == 8


def test_head_loss_by_hand() -> None:
    """L = −ln p_u + [u ≥ 1]·smooth L1(t_u − v), a mean over three regions."""
    head = models.RegionHead(2, num_classes=2, stride=4)
    labels = cr.tensor([0, 2, 1])
    offsets = cr.zeros(3, 2, 4)
    offsets[1, 1] = cr.tensor([0.5, 0.0, 0.0, 3.0])  # class 2 of region 1
    offsets[0] = 9.0  # background: counts not
    offsets[1, 0] = 9.0  # another class: counts not
    class_, box = head.loss(cr.zeros(3, 3), offsets, labels, cr.zeros(2, 4))
    assert class_.item() == pytest.approx(math.log(3))
    assert box.item() == pytest.approx((0.5**2 / 2 + (3 - 0.5)) / 3)


def test_regions_for_training_hold_the_true_boxes() -> None:
    head = models.RegionHead(2, num_classes=3, stride=4)
    true = {"boxes": cr.tensor([[4.0, 4.0, 12.0, 12.0]]), "labels": cr.tensor([3])}
    proposals = [cr.tensor([[5.0, 4.0, 13.0, 12.0], [20.0, 20.0, 30.0, 30.0]])]
    (regions,), labels, moves = head.training_regions(proposals, [true])
    assert sorted(labels.tolist()) == [0, 3, 3]
    found = {tuple(r): m for r, m in zip(regions.tolist(), moves.tolist(), strict=False)}
    assert found[(4, 4, 12, 12)] == [0, 0, 0, 0]
    assert found[(5, 4, 13, 12)] == pytest.approx([10 * -1 / 8, 0, 0, 0])


def test_other_proposals_can_be_given() -> None:
    model = models.FastRCNN().eval()
    given = [cr.tensor([[0.0, 0.0, 16.0, 16.0], [8.0, 8.0, 24.0, 24.0]])]
    scores, offsets, regions = model(cr.rand(1, 3, 32, 32), given)
    assert scores.shape == (2, 4)
    assert offsets.shape == (2, 3, 4)
    assert regions is given


@pytest.mark.parametrize("pool", ["pool", "align"])
def test_pools_of_the_head(pool: str) -> None:
    model = models.FastRCNN(pool=pool)
    images, targets = scenes(2, seed=9)
    losses = model.loss(images, targets)
    assert all(math.isfinite(v.item()) for v in losses.values())
    with pytest.raises(ValueError, match="pool must be one of pool, align"):
        models.RegionHead(2, 3, 4, pool="mean")
