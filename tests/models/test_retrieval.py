"""C8, retrieval: vectors by hand, and precision among the best five with each kind of feature."""

from __future__ import annotations

import math

import pytest

import chainrule as cr
from chainrule import models
from chainrule.autograd.errors import ShapeError
from chainrule.data import Scenes, load_digits
from chainrule.models import retrieval

SIZE = 32


def shapes(count: int, seed: int):
    """Pictures of one shape each, (count, 3, 32, 32), with its class from 0 and its colour."""
    options = {"most": 1, "shapes": ("circle", "square", "triangle", "cross")}
    scenes = Scenes(count, SIZE, radii=(0.3, 0.4), seed=seed, **options)
    images, targets = zip(*[scenes[k] for k in range(count)], strict=True)
    return cr.stack(images), cr.cat([t["labels"] for t in targets]) - 1, targets


# Four kinds of pictures told apart by their colours alone.
PAINTS = cr.tensor([[0.9, 0.2, 0.2], [0.2, 0.8, 0.3], [0.2, 0.3, 0.9], [0.8, 0.8, 0.2]])


def painted(count: int, seed: int):
    """Shapes of any kind in one of four paints, a little off; with the number of the paint."""
    images, _, targets = shapes(count, seed)
    g = cr.Generator().manual_seed(seed)
    paint = cr.randint(0, 4, (count,), generator=g)
    off = 0.1 * cr.randn(count, 3, generator=g)
    colour = (PAINTS[paint] + off)[:, :, None, None]
    mask = cr.cat([t["masks"] for t in targets]).unsqueeze(1)
    noise = 0.05 * cr.randn(count, 3, SIZE, SIZE, generator=g)
    return (cr.where(mask, colour, images) + noise).clamp(0, 1), paint


def histogram(images):
    """With three bins a channel, the background (up to .3) falls into the first."""
    return models.colour_histogram(images, bins=3)


def precision_at_5(vectors, labels, queries, wanted, metric: str = "cosine") -> float:
    index = models.ImageIndex(vectors, metric)
    return models.precision_at_k(index.search(queries, 5).indices, labels, wanted)


# -- what the row asks for ------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["cosine", "l2"])
@pytest.mark.parametrize("vectors", [models.colour_moments, histogram])
def test_c8_colour_finds_pictures_of_one_paint(vectors, metric: str) -> None:
    """By chance 1 in 4."""
    (images, paints), (queries, wanted) = painted(160, 1), painted(40, 2)
    assert precision_at_5(vectors(images), paints, vectors(queries), wanted, metric) > 0.75


def test_c8_histograms_intersect() -> None:
    (images, paints), (queries, wanted) = painted(160, 1), painted(40, 2)
    a, b = histogram(images), histogram(queries)
    assert precision_at_5(a, paints, b, wanted, "intersection") > 0.75


def test_c8_colour_says_nothing_about_the_shape() -> None:
    """The colours of the scenes are random: what finds paints must fail here."""
    images, kinds, _ = shapes(200, 3)
    queries, wanted, _ = shapes(50, 4)
    a, b = models.colour_moments(images), models.colour_moments(queries)
    assert precision_at_5(a, kinds, b, wanted) < 0.45


def test_c8_gradient_histograms_find_digits() -> None:
    """Handwritten digits, by chance 1 in 10; one patch is the whole picture."""
    images, labels = load_digits()
    pictures = cr.tensor(images[:600] / 16, dtype=cr.float32)[:, None]
    vectors = models.gradient_histograms(pictures, patch=8, step=8).flatten(1)
    kinds = cr.tensor(labels[:600])
    assert precision_at_5(vectors[:500], kinds[:500], vectors[500:], kinds[500:]) > 0.8


def test_c8_visual_words_find_shapes() -> None:
    """Local descriptors counted as words, wherever they lie; by chance 1 in 4."""
    images, kinds, _ = shapes(200, 3)
    queries, wanted, _ = shapes(50, 4)
    describe = lambda x: models.gradient_histograms(x, patch=12, step=4)  # noqa: E731
    a, b = describe(images), describe(queries)
    words = models.VisualWords(40).fit(a, steps=8)
    assert precision_at_5(words(a), kinds, words(b), wanted) > 0.5


def test_c8_learned_features_find_shapes() -> None:
    """A network trained to name the shapes; by chance 1 in 4. Untrained it is worse."""
    images, kinds, _ = shapes(240, 5)
    queries, wanted, _ = shapes(50, 4)
    network = cr.nn.Sequential(
        cr.nn.Conv2d(3, 16, 3, stride=2, padding=1), cr.nn.BatchNorm2d(16), cr.nn.ReLU(),
        cr.nn.Conv2d(16, 32, 3, stride=2, padding=1), cr.nn.BatchNorm2d(32), cr.nn.ReLU(),
        cr.nn.Conv2d(32, 32, 3, padding=1), cr.nn.ReLU(), cr.nn.MaxPool2d(2), cr.nn.Flatten(),
        cr.nn.Linear(512, 32), cr.nn.ReLU(), cr.nn.Linear(32, 4),
    )  # fmt: skip

    def precision() -> float:
        a, b = (models.learned_features(network, x, layer="11") for x in (images, queries))
        return precision_at_5(a, kinds, b, wanted)

    before = precision()
    models.fit(network, images, kinds, cr.optim.Adam(network.parameters(), lr=2e-3), epochs=10)
    assert precision() > max(0.8, before + 0.2)


def test_c8_recommends_what_resembles_the_liked() -> None:
    images, paints = painted(120, 6)
    index = models.ImageIndex(histogram(images))
    for paint in range(4):
        liked = (paints == paint).nonzero()[:3, 0].tolist()
        found = index.recommend(liked, k=5).indices
        assert not set(liked) & set(found[0].tolist())
        assert models.precision_at_k(found, paints, cr.tensor([paint])) >= 0.6


# -- by hand --------------------------------------------------------------------------------------


def test_colour_moments_by_hand() -> None:
    red = cr.tensor([0.0, 0.0, 0.0, 1.0])
    green = 1 - red
    blue = cr.full((4,), 0.5)
    moments = models.colour_moments(cr.stack([red, green, blue]).reshape(1, 3, 2, 2))
    # Red: mean 1/4; deviations −1/4 (three times), 3/4: squares 12/64 a pixel, cubes 24/256.
    spread, skew = math.sqrt(3) / 4, (24 / 256) ** (1 / 3)
    wanted = [0.25, spread, skew, 0.75, spread, -skew, 0.5, 0, 0]
    assert moments[0].tolist() == pytest.approx(wanted, abs=1e-6)


def test_colour_histogram_by_hand() -> None:
    pixels = cr.tensor([[0.0, 0.49, 1.0, 0.5], [0.0, 0.0, 1.0, 0.0], [0.0, 0.6, 1.0, 0.2]])
    # Boxes 000, 001, 111, 100 of 2³.
    histogram = models.colour_histogram(pixels.reshape(1, 3, 2, 2), bins=2)
    assert histogram.tolist() == [[0.25, 0.25, 0, 0, 0.25, 0, 0, 0.25]]


@pytest.mark.parametrize(("dx", "dy", "direction"), [(1, 0, 0), (0, 1, 2), (-1, 0, 4), (0, -1, 6)])
def test_gradients_point_uphill(dx: int, dy: int, direction: int) -> None:
    """A slope along an axis votes for one of 8 directions alone: every cell has its vote there."""
    y, x = cr.meshgrid(cr.arange(16.0), cr.arange(16.0), indexing="ij")
    found = models.gradient_histograms((dx * x + dy * y)[None, None] / 16)
    cells = found.reshape(16, 8)
    assert (cells[:, direction] > 0).all()
    cells[:, direction] = 0
    assert cells.abs().max() < 1e-6


def test_gradients_between_two_directions_are_shared() -> None:
    y, x = cr.meshgrid(cr.arange(16.0), cr.arange(16.0), indexing="ij")
    slope = math.tan(math.pi / 8)  # halfway from direction 0 to 1
    cells = models.gradient_histograms((x + slope * y)[None, None] / 16).reshape(16, 8)
    inner = cells[5]  # a cell that no border touches
    assert inner[0].item() == pytest.approx(inner[1].item(), rel=1e-4)
    assert inner[2:].abs().max() < 1e-5


def test_gradient_histograms_do_not_see_the_light() -> None:
    """Brightness and contrast leave the descriptor as it is."""
    images = cr.rand(2, 3, 16, 16)
    a, b = models.gradient_histograms(images), models.gradient_histograms(0.4 * images + 0.3)
    assert cr.allclose(a, b, atol=1e-5)


def test_ranking_by_hand() -> None:
    index = models.ImageIndex(cr.tensor([[1.0, 0.0], [10.0, 1.0], [0.0, 1.0], [1.0, 1.0]]))
    query = cr.tensor([[2.0, 0.0]])
    assert index.search(query, 4).indices.tolist() == [[0, 1, 3, 2]]
    found = index.search(query, 4)
    assert found.similarity[0].tolist() == pytest.approx([1, 10 / math.sqrt(101), 0.5**0.5, 0])
    far = models.ImageIndex(index.vectors, "l2")  # √1, √65, √5, √2 away
    assert far.search(query, 4).indices.tolist() == [[0, 3, 2, 1]]
    assert far.search(query, 9, exclude=cr.tensor([[0]])).indices.tolist() == [[3, 2, 1]]
    assert retrieval.average_precision_of_ranking(cr.tensor([False, True, True])) == pytest.approx(
        (1 / 2 + 2 / 3) / 2
    )
    assert retrieval.average_precision_of_ranking(cr.tensor([False])) == 0


def test_words_are_the_means_of_their_groups() -> None:
    groups = cr.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    points = (groups[:, None] + 0.1 * cr.randn(3, 20, 2)).reshape(6, 10, 2)
    words = models.VisualWords(3).fit(points)
    assert (cr.cdist(groups, cr.tensor(words.words)).amin(1) < 0.2).all()
    counts = words(points)
    assert cr.allclose(counts.sum(1), cr.ones(6))
    assert sorted(counts[0].tolist()) == [0, 0, 1]


def test_a_network_is_left_as_it_was() -> None:
    network = cr.nn.Sequential(cr.nn.Linear(4, 3), cr.nn.Dropout(), cr.nn.Linear(3, 2))
    x = cr.rand(5, 4)
    found = models.learned_features(network, x, layer="0", batch_size=2)
    assert cr.equal(found, network[0](x).detach())
    assert network.training
    assert not network[0]._forward_hooks
    assert not found.requires_grad


def test_misuse_is_explained() -> None:
    with pytest.raises(ShapeError, match=r"colour_histogram: images must be \(N, 3, H, W\)"):
        models.colour_histogram(cr.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match="no metric 'l3'"):
        models.ImageIndex(cr.zeros(2, 2), "l3")
    with pytest.raises(RuntimeError, match="call fit"):
        models.VisualWords(2)(cr.zeros(1, 3, 4))
    with pytest.raises(ValueError, match="9 words of only 3"):
        models.VisualWords(9).fit(cr.zeros(1, 3, 4))
