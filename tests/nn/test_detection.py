"""Boxes, suppression and regions: numbers worked by hand, gradients, and the error messages."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.autograd.errors import ShapeError
from chainrule.nn import detection, metrics, regions


def corners(seed: int, n: int = 8, side: float = 20.0) -> np.ndarray:
    """Boxes of some extent inside a square."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, side * 0.6, (n, 2))
    return np.concatenate([low, low + rng.uniform(1, side * 0.4, (n, 2))], 1)


# -- intersection over union ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "iou"),
    [
        ([1.0, 1.0, 3.0, 3.0], 1 / 7),  # a corner: 1 of 4 + 4 − 1
        ([0.0, 0.0, 2.0, 1.0], 1 / 2),  # the upper half
        ([0.5, 0.5, 1.5, 1.5], 1 / 4),  # inside
        ([2.0, 0.0, 4.0, 2.0], 0.0),  # side by side
        ([9.0, 9.0, 10.0, 10.0], 0.0),  # far off
        ([0.0, 0.0, 2.0, 2.0], 1.0),
    ],
)
def test_iou_by_hand(other: list[float], iou: float) -> None:
    one = [0.0, 0.0, 2.0, 2.0]
    assert detection.box_iou(cr.tensor([one]), cr.tensor([other])).item() == pytest.approx(iou)
    assert metrics.intersection_over_union([one], [other])[0, 0] == pytest.approx(iou)


def test_generalized_iou_by_hand() -> None:
    a, b = cr.tensor([[0.0, 0.0, 2.0, 2.0]]), cr.tensor([[1.0, 1.0, 3.0, 3.0]])
    # IoU 1/7, around both 9, of which 2 belong to neither.
    assert detection.generalized_box_iou(a, b).item() == pytest.approx(1 / 7 - 2 / 9)


def test_boxes_without_area() -> None:
    point = cr.tensor([[1.0, 1.0, 1.0, 1.0]])
    assert math.isnan(detection.box_iou(point, point).item())
    assert metrics.intersection_over_union([[1, 1, 1, 1]], [[1, 1, 1, 1]])[0, 0] == 0
    assert detection.nms(cr.cat([point, point]), cr.tensor([0.5, 0.6]), 0.5).tolist() == [1, 0]


def test_iou_has_gradients() -> None:
    a, b = (cr.tensor(corners(k, 4), dtype=cr.float64, requires_grad=True) for k in (1, 2))
    assert (detection.box_iou(a, b) > 0).any()
    assert cr.autograd.gradcheck(detection.box_iou, (a, b))
    assert cr.autograd.gradcheck(detection.generalized_box_iou, (a, b))


@given(seed=st.integers(0, 10_000))
def test_iou_is_symmetric_and_below_one(seed: int) -> None:
    a, b = (cr.tensor(corners(seed + k)) for k in (0, 1))
    iou = detection.box_iou(a, b)
    assert ((iou >= 0) & (iou <= 1)).all()
    assert cr.allclose(iou, detection.box_iou(b, a).T)
    assert (detection.generalized_box_iou(a, b) <= iou + 1e-12).all()
    assert cr.allclose(iou, cr.tensor(metrics.intersection_over_union(a, b)))


# -- formats and codes ----------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", detection.FORMATS)
@pytest.mark.parametrize("way", detection.FORMATS)
def test_formats_lead_back(fmt: str, way: str) -> None:
    boxes = cr.tensor(corners(3))
    there = detection.box_convert(boxes, fmt, way)
    assert cr.allclose(detection.box_convert(there, way, fmt), boxes)


def test_formats_by_hand() -> None:
    box = cr.tensor([2.0, 4.0, 10.0, 8.0])
    assert detection.box_convert(box, "xywh", "xyxy").tolist() == [2, 4, 12, 12]
    assert detection.box_convert(box, "cxcywh", "xyxy").tolist() == [-3, 0, 7, 8]
    assert detection.box_convert(box, "xywh", "cxcywh").tolist() == [7, 8, 10, 8]


def test_codes_by_hand() -> None:
    anchor = cr.tensor([[0.0, 0.0, 10.0, 20.0]])  # centre (5, 10), 10×20
    box = cr.tensor([[2.0, 10.0, 22.0, 20.0]])  # centre (12, 15), 20×10
    code = detection.encode_boxes(box, anchor)
    assert code[0].tolist() == pytest.approx([0.7, 0.25, math.log(2), -math.log(2)])
    assert cr.allclose(detection.decode_boxes(code, anchor), box)


def test_codes_lead_back() -> None:
    boxes, anchors = cr.tensor(corners(4)), cr.tensor(corners(5))
    for weights in ((1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)):
        code = detection.encode_boxes(boxes, anchors, weights)
        assert cr.allclose(detection.decode_boxes(code, anchors, weights), boxes)
    huge = detection.decode_boxes(cr.full((1, 4), 1e6), cr.tensor([[0.0, 0.0, 1.0, 1.0]]))
    assert huge.isfinite().all()


# -- suppression ----------------------------------------------------------------------------------


def test_suppression_by_hand() -> None:
    # 0 and 1 share 90 of 110, 1 and 2 too, 0 and 2 80 of 120: all above .5 but none chains.
    boxes = cr.tensor([[0.0, 0, 10, 10], [1.0, 0, 11, 10], [2.0, 0, 12, 10], [50.0, 0, 60, 10]])
    scores = cr.tensor([0.9, 0.8, 0.7, 0.95])
    assert detection.nms(boxes, scores, 0.5).tolist() == [3, 0]
    assert detection.nms(boxes, scores, 0.7).tolist() == [3, 0, 2]  # 80/120 is not above .7
    assert detection.nms(boxes, scores, 0.9).tolist() == [3, 0, 1, 2]
    assert detection.nms(boxes[:0], scores[:0], 0.5).tolist() == []


def test_suppression_keeps_an_iou_equal_to_the_threshold() -> None:
    boxes = cr.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.0]])
    assert detection.nms(boxes, cr.tensor([0.9, 0.8]), 0.5).tolist() == [0, 1]
    assert detection.nms(boxes, cr.tensor([0.5, 0.5]), 0.4).tolist() == [0]  # equal: the first


def test_suppression_by_class() -> None:
    boxes = cr.tensor([[-5.0, 0, 10, 10], [-5.0, 0, 10, 9], [-5.0, 0, 10, 10]])
    kept = detection.batched_nms(boxes, cr.tensor([0.7, 0.8, 0.9]), cr.tensor([1, 1, 2]), 0.5)
    assert kept.tolist() == [2, 1]
    assert detection.batched_nms(boxes[:0], cr.zeros(0), cr.zeros(0).long(), 0.5).tolist() == []


@given(seed=st.integers(0, 10_000), threshold=st.floats(0.05, 0.95))
def test_suppression_keeps_no_two_that_overlap(seed: int, threshold: float) -> None:
    boxes, scores = cr.tensor(corners(seed, 20)), cr.rand(20)
    kept = detection.nms(boxes, scores, threshold)
    assert (scores[kept].diff() <= 0).all()
    overlap = detection.box_iou(boxes, boxes[kept])
    assert (overlap[kept] - cr.eye(len(kept)) <= threshold).all()
    gone = [k for k in range(20) if k not in kept.tolist()]
    for k in gone:  # each had a better one to give way to
        better = scores[kept] >= scores[k]
        assert (overlap[k][better] > threshold).any()


def test_clipping_and_small_boxes() -> None:
    boxes = cr.tensor([[-4.0, -4.0, 4.0, 4.0], [0.0, 0.0, 99.0, 99.0], [5.0, 5.0, 5.5, 9.0]])
    clipped = detection.clip_boxes_to_image(boxes, (10, 20))
    assert clipped.tolist()[:2] == [[0, 0, 4, 4], [0, 0, 20, 10]]
    assert detection.remove_small_boxes(boxes, 1.0).tolist() == [0, 1]


# -- regions --------------------------------------------------------------------------------------


def test_region_pooling_by_hand() -> None:
    x = cr.arange(36.0).reshape(1, 1, 6, 6)
    # Rows and columns 1..4 (both ends belong to it): 4 pixels in 2 bins of 2.
    out = regions.roi_pool(x, [cr.tensor([[1.0, 1.0, 4.0, 4.0]])], 2)
    assert out.tolist() == [[[[14, 16], [26, 28]]]]
    # 3 pixels in 2 bins of 1.5: rows 0–1 and 1–2 share row 1.
    out = regions.roi_pool(x, cr.tensor([[0.0, 0.0, 0.0, 2.0, 2.0]]), 2)
    assert out.tolist() == [[[[7, 8], [13, 14]]]]
    # The scale comes before the rounding: 5·.5 = 2.5 becomes 3.
    out = regions.roi_pool(x, cr.tensor([[0.0, 2.0, 2.0, 5.0, 5.0]]), 1, spatial_scale=0.5)
    assert out.item() == 3 * 6 + 3
    # A bin outside the map is empty.
    out = regions.roi_pool(x, cr.tensor([[0.0, 4.0, 4.0, 7.0, 7.0]]), 2)
    assert out.tolist() == [[[[35, 0], [0, 0]]]]


def test_region_pooling_takes_the_first_maximum() -> None:
    x = cr.ones(1, 1, 3, 3, requires_grad=True)
    regions.roi_pool(x, [cr.tensor([[0.0, 0.0, 2.0, 2.0]])], 1).sum().backward()
    assert x.grad.flatten().tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0]


def test_region_align_by_hand() -> None:
    x = cr.arange(16.0).reshape(1, 1, 4, 4)  # 4·row + column: bilinear is exact on it
    one = [cr.tensor([[0.5, 1.0, 2.5, 3.0]])]
    out = regions.roi_align(x, one, 1, sampling_ratio=1)  # its middle (1.5, 2)
    assert out.item() == pytest.approx(4 * 2 + 1.5)
    out = regions.roi_align(x, one, 2, sampling_ratio=1)
    assert out[0, 0].tolist() == [[7.0, 8.0], [11.0, 12.0]]  # rows 1.5, 2.5; columns 1, 2
    out = regions.roi_align(x, one, 1, sampling_ratio=1, aligned=True)
    assert out.item() == pytest.approx(4 * 1.5 + 1)
    # Points more than a pixel outside weigh nothing, nearer ones are moved to the border.
    out = regions.roi_align(x + 1, [cr.tensor([[-4.0, 0.0, 0.0, 1.0]])], (1, 4), sampling_ratio=1)
    assert out[0, 0, 0].tolist() == pytest.approx([0, 0, 0, 3])


@pytest.mark.parametrize("pool", [regions.roi_pool, regions.roi_align])
def test_regions_have_gradients(pool) -> None:
    x = cr.randn(2, 2, 5, 6, dtype=cr.float64, requires_grad=True)
    boxes = cr.tensor([[1.0, 0.3, 1.2, 4.4, 3.9], [0.0, 0.0, 0.0, 5.0, 4.0], [1.0, 2, 2, 2, 2]])
    assert cr.autograd.gradcheck(lambda t: pool(t, boxes, (2, 3)), (x,))
    assert cr.autograd.gradgradcheck(lambda t: pool(t, boxes, (2, 3)) ** 2, (x,))


@pytest.mark.parametrize("pool", [regions.roi_pool, regions.roi_align])
def test_regions_of_a_list_and_of_a_table_agree(pool) -> None:
    x = cr.randn(3, 2, 5, 6)
    boxes = [
        cr.tensor([[0.0, 0, 4, 4]]),
        cr.zeros(0, 4),
        cr.tensor([[1.0, 1, 3, 3], [0.0, 1, 2, 3]]),
    ]
    image = cr.tensor([0.0, 2.0, 2.0])[:, None]
    table = cr.cat([image, cr.cat(boxes)], 1)
    assert pool(x, boxes, 2).tolist() == pool(x, table, 2).tolist()
    none = pool(x.requires_grad_(), [cr.zeros(0, 4)] * 3, 2)
    assert none.shape == (0, 2, 2, 2)
    none.sum().backward()
    assert x.grad.abs().sum().item() == 0


def test_whole_map_as_one_region() -> None:
    """RoI pooling of the whole map is adaptive max pooling, RoI align of a line its mean."""
    x = cr.randn(2, 3, 7, 9)
    whole = cr.tensor([[k, 0.0, 0.0, 8.0, 6.0] for k in range(2)])
    assert cr.equal(
        regions.roi_pool(x, whole, (3, 4)), cr.nn.functional.adaptive_max_pool2d(x, (3, 4))
    )


def test_anchors() -> None:
    grid = regions.anchor_grid([(4.0, 4.0), (8.0, 2.0)], (2, 3), stride=8)
    assert grid.shape == (12, 4)
    assert grid[:2].tolist() == [[2, 2, 6, 6], [0, 3, 8, 5]]
    assert grid[6].tolist() == [2, 10, 6, 14]  # the next row
    sizes = regions.anchor_shapes([6.0, 12.0], [0.5, 1.0, 2.0])
    assert [w * h for w, h in sizes] == pytest.approx([36] * 3 + [144] * 3)
    assert [h / w for w, h in sizes] == pytest.approx([0.5, 1, 2] * 2)


def test_clustered_shapes() -> None:
    cr.manual_seed(1)
    centres = cr.tensor([[6.0, 6.0], [6.0, 20.0], [20.0, 6.0]])
    shapes = (centres[:, None] + 0.5 * cr.randn(3, 40, 2)).flatten(0, 1)
    found = regions.cluster_shapes(shapes, 3)
    assert (cr.cdist(centres, found).amin(1) < 0.5).all()
    with pytest.raises(ValueError, match="4 clusters of only 3"):
        regions.cluster_shapes(centres, 4)


def test_modules() -> None:
    x, boxes = cr.randn(1, 2, 6, 6), [cr.tensor([[0.0, 0.0, 8.0, 8.0]])]
    assert cr.equal(regions.RoIPool(2, 0.5)(x, boxes), regions.roi_pool(x, boxes, 2, 0.5))
    align = regions.RoIAlign(2, 0.5, 3, True)
    assert cr.equal(align(x, boxes), regions.roi_align(x, boxes, 2, 0.5, 3, True))
    assert (
        repr(align) == "RoIAlign(output_size=2, spatial_scale=0.5, sampling_ratio=3, aligned=True)"
    )


def test_misuse_is_explained() -> None:
    with pytest.raises(ShapeError, match=r"box_iou: boxes must have four numbers.*\[2, 3\]"):
        detection.box_iou(cr.zeros(2, 3), cr.zeros(2, 4))
    with pytest.raises(ShapeError, match=r"one score a box.*\[2, 4\].*\[3\]"):
        detection.nms(cr.zeros(2, 4), cr.zeros(3), 0.5)
    with pytest.raises(ValueError, match="no format 'yx'"):
        detection.box_convert(cr.zeros(2, 4), "yx", "xyxy")
    with pytest.raises(ShapeError, match=r"roi_pool: boxes must be \(K, 5\).*\[2, 4\]"):
        regions.roi_pool(cr.zeros(1, 1, 4, 4), cr.zeros(2, 4), 2)


# -- mean average precision -----------------------------------------------------------------------

# The worked table: three true boxes, five detections from the best score down.
# k  right  precision  recall   best precision from here on
# 1   yes     1         1/3       1
# 2   no      1/2       1/3       2/3
# 3   yes     2/3       2/3       2/3
# 4   no      1/2       2/3       3/5
# 5   yes     3/5       1         3/5
RIGHT, SCORES = [True, False, True, False, True], [0.9, 0.8, 0.7, 0.6, 0.5]


def test_average_precision_of_the_worked_table() -> None:
    precision, recall = metrics.detection_curve(RIGHT, SCORES, positives=3)
    assert precision.tolist() == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2, 3 / 5])
    assert recall.tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3, 1])
    assert metrics.average_precision(precision, recall) == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    # Recall 0, .1, .2, .3 have 1; .4, .5, .6 have 2/3; .7, .8, .9, 1 have 3/5.
    by_points = metrics.average_precision(precision, recall, points=11)
    assert by_points == pytest.approx((4 * 1 + 3 * 2 / 3 + 4 * 3 / 5) / 11)


def test_average_precision_does_not_hang_on_the_order_given() -> None:
    order = [3, 0, 4, 1, 2]
    curve = metrics.detection_curve([RIGHT[k] for k in order], [SCORES[k] for k in order], 3)
    assert metrics.average_precision(*curve) == pytest.approx(0.755555, abs=1e-6)


def at(x: float, label: int, score: float | None = None) -> dict[str, object]:
    """One box of 10×10 at x."""
    one = {"boxes": [[x, 0.0, x + 10, 10.0]], "labels": [label]}
    return one if score is None else one | {"scores": [score]}


def joined(*parts: dict[str, list]) -> dict[str, object]:
    return {key: np.array([row for p in parts for row in p[key]]) for key in parts[0]}


def test_mean_average_precision_by_hand() -> None:
    truth = [joined(at(0, 1), at(40, 2)), joined(at(0, 1), at(40, 1))]
    found = [
        joined(at(1, 1, 0.9), at(2, 1, 0.8), at(40, 1, 0.3)),  # right, found twice, wrong class
        joined(at(0, 1, 0.7), at(47, 1, 0.6), at(80, 2, 0.5)),  # right, IoU 3/17, nothing there
    ]
    # Class 1, three true: right, wrong, right, wrong, wrong: (1 + 2/3)/3. Class 2: none found.
    result = metrics.mean_average_precision(truth, found)
    assert result.classes == pytest.approx({1: 5 / 9, 2: 0})
    assert result.mean == pytest.approx(5 / 18)
    # At .85 the best one (IoU 9/11) is wrong: wrong, wrong, right, …: (1/3)/3.
    strict = metrics.mean_average_precision(truth, found, 0.85)
    assert strict.classes[1] == pytest.approx(1 / 9)
    both = metrics.mean_average_precision(truth, found, [0.5, 0.85])
    assert both.classes[1] == pytest.approx((5 / 9 + 1 / 9) / 2)


def test_mean_average_precision_of_the_truth_is_one() -> None:
    truth = [joined(at(0, 1), at(40, 2)), joined(at(20, 3))]
    found = [t | {"scores": np.ones(len(t["labels"]))} for t in truth]
    assert metrics.mean_average_precision(truth, found, metrics.COCO).mean == 1
    nothing = [{k: v[:0] for k, v in d.items()} for d in found]
    assert metrics.mean_average_precision(truth, nothing).mean == 0
    with pytest.raises(ValueError, match="2 targets and 1 detections"):
        metrics.mean_average_precision(truth, found[:1])
    with pytest.raises(ValueError, match="no box at all"):
        metrics.mean_average_precision(nothing, found)
