"""Rows C1 to C4 of the syllabus: their worked numbers, with the library's functions."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn

F = nn.functional
VERTICAL = [[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]]
HORIZONTAL = [[1.0, 2.0, 1.0], [0.0, 0.0, 0.0], [-1.0, -2.0, -1.0]]


def filtered(image: list[list[float]], window: list[list[float]]) -> list[list[float]]:
    """The image under one window, without padding."""
    found = F.conv2d(cr.tensor([[image]]), cr.tensor([[window]]))
    rows: list[list[float]] = found[0, 0].tolist()
    return rows


def test_c1_vertical_edge() -> None:
    left_and_right = [[0.0] * 3 + [1.0] * 3 for _ in range(6)]
    assert filtered(left_and_right, VERTICAL) == [[0.0, -4.0, -4.0, 0.0]] * 4


def test_c1_horizontal_edge() -> None:
    top_and_bottom = [[0.0] * 6] * 3 + [[1.0] * 6] * 3
    found = filtered(top_and_bottom, HORIZONTAL)
    assert found == [[value] * 4 for value in (0.0, -4.0, -4.0, 0.0)]
    values = cr.tensor(found)
    low, high = values.min(), values.max()
    grey = (values - low) / (high - low) * 255  # rescaled: 0 → 255, −4 → 0
    assert grey[:, 0].tolist() == [255.0, 0.0, 0.0, 255.0]


def test_c1_the_filter_of_ones_and_zeros() -> None:
    window = [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]
    image = np.arange(36.0).reshape(6, 6)
    by_hand = [
        [float((image[i : i + 3, j : j + 3] * np.array(window)).sum()) for j in range(4)]
        for i in range(4)
    ]
    assert filtered(image.tolist(), window) == by_hand
    assert by_hand[0][0] == 0 + 2 + 7 + 12 + 14


def test_c1_the_gradient_of_the_window_is_the_image_under_it() -> None:
    image = cr.arange(36.0).reshape(1, 1, 6, 6)
    window = cr.tensor([[VERTICAL]], requires_grad=True)
    F.conv2d(image, window).sum().backward()
    by_hand = [[image[0, 0, i : i + 4, j : j + 4].sum().item() for j in range(3)] for i in range(3)]
    assert window.grad[0, 0].tolist() == by_hand


@pytest.mark.parametrize(
    ("n", "f", "p", "s", "size"),
    [(6, 3, 0, 1, 4), (6, 3, 1, 1, 6), (6, 3, 0, 2, 2), (7, 3, 0, 2, 3), (32, 5, 0, 1, 28),
     (224, 11, 2, 4, 55)],
)  # fmt: skip
def test_c2_output_size(n: int, f: int, p: int, s: int, size: int) -> None:
    assert (n + 2 * p - f) // s + 1 == size
    layer = nn.Conv2d(1, 1, f, stride=s, padding=p)
    assert layer(cr.zeros(1, 1, n, n)).shape == (1, 1, size, size)


def test_c2_padding_by_name() -> None:
    x = cr.randn(1, 1, 6, 6)
    assert nn.Conv2d(1, 1, 3, padding="valid")(x).shape[-2:] == (4, 4)
    assert nn.Conv2d(1, 1, 3, padding="same")(x).shape[-2:] == (6, 6)


def test_c2_causal_padding_sees_no_future() -> None:
    layer = nn.Conv1d(1, 1, 3)
    x = cr.randn(1, 1, 8)
    causal = layer(F.pad(x, (2, 0)))
    later = x.clone()
    later[..., 5:] += 1.0
    changed = layer(F.pad(later, (2, 0))) != causal
    assert causal.shape == x.shape
    assert changed[0, 0].tolist() == [False] * 5 + [True] * 3


def test_c2_zeros_and_nearest_at_the_border() -> None:
    x = cr.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    zeros = F.pad(x, (1, 1, 1, 1))
    nearest = F.pad(x, (1, 1, 1, 1), mode="replicate")
    assert zeros[0, 0, 0].tolist() == [0.0, 0.0, 0.0, 0.0]
    assert nearest[0, 0].tolist() == [
        [1.0, 1.0, 2.0, 2.0],
        [1.0, 1.0, 2.0, 2.0],
        [3.0, 3.0, 4.0, 4.0],
        [3.0, 3.0, 4.0, 4.0],
    ]
    layer = nn.Conv2d(1, 1, 3, padding=1, padding_mode="replicate", bias=False)
    assert cr.allclose(layer(x), F.conv2d(nearest, layer.weight))


SQUARE = [[1.0, 4.0, 2.0, 7.0], [2.0, 6.0, 8.0, 5.0], [3.0, 4.0, 0.0, 7.0], [1.0, 2.0, 3.0, 1.0]]


def test_c3_pools() -> None:
    x = cr.tensor([[SQUARE]])
    assert F.max_pool2d(x, 2, 2)[0, 0].tolist() == [[6.0, 8.0], [4.0, 7.0]]
    assert F.avg_pool2d(x, 2, 2)[0, 0].tolist() == [[3.25, 5.5], [2.5, 2.75]]
    smallest = -F.max_pool2d(-x, 2, 2)  # the minimum is the maximum of the negative
    assert smallest[0, 0].tolist() == [[1.0, 2.0], [1.0, 0.0]]


def test_c3_the_maximum_takes_the_gradient() -> None:
    x = cr.tensor([[SQUARE]], requires_grad=True)
    F.max_pool2d(x, 2, 2).sum().backward()
    assert x.grad[0, 0].tolist() == [
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 1.0, 1.0, 0.0],
        [0.0, 1.0, 0.0, 1.0],
        [0.0, 0.0, 0.0, 0.0],
    ]


def test_c3_flatten() -> None:
    assert nn.Flatten()(cr.tensor([[[[6.0, 8.0], [4.0, 7.0]]]])).tolist() == [[6.0, 8.0, 4.0, 7.0]]


def test_c4_twelve_filters() -> None:
    image = cr.zeros(1, 3, 32, 32)
    maps = nn.Conv2d(3, 12, 3, padding=1)(image)
    assert maps.shape == (1, 12, 32, 32)
    assert nn.MaxPool2d(2)(maps).shape == (1, 12, 16, 16)


def test_c4_a_filter_is_learned_from_its_maps() -> None:
    """Gradient descent finds Sobel's window from images and what it makes of them."""
    images = cr.randn(8, 1, 12, 12)
    wanted = F.conv2d(images, cr.tensor([[VERTICAL]]))
    layer = nn.Conv2d(1, 1, 3, bias=False)
    sgd = cr.optim.SGD(layer.parameters(), lr=0.3)
    for _ in range(60):
        sgd.zero_grad()
        F.mse_loss(layer(images), wanted).backward()
        sgd.step()
    assert cr.allclose(layer.weight[0, 0], cr.tensor(VERTICAL), atol=1e-3)
