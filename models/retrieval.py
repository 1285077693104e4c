"""Search by example: pictures as vectors, ranked by their distance from a query's vector.

Colour (moments, histogram), local shape (gradient histograms as SIFT's, counted as visual words),
and features that a network has learned. Images are (N, C, H, W) from 0 to 1, vectors (N, D).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import nn
from ..autograd import modes, views
from ..autograd.declare import names
from ..autograd.errors import ShapeError

_torch = names["torch"]
F = names["F"]


def _images(images: Any, caller: str, channels: int | None = None) -> Any:
    if images.ndim != 4 or (channels is not None and images.shape[1] != channels):
        wanted = f"(N, {channels or 'C'}, H, W)"
        raise ShapeError(
            f"{caller}: images must be {wanted}, got {list(images.shape)}; "
            "image[None] makes a batch of one"
        )
    return images


# -- colour ---------------------------------------------------------------------------------------


def colour_moments(images: Any) -> Any:
    """Mean, deviation and skew of each channel: (N, C, H, W) → (N, 3C), channel by channel.

    μ = mean of p, σ = (mean of (p − μ)²)^½, s = (mean of (p − μ)³)^⅓, the cube root with its sign:
    all three in the unit of p. Source: Stricker and Orengo, "Similarity of color images", 1995.

    >>> import chainrule as cr
    >>> colour_moments(cr.tensor([0.0, 0.0, 0.0, 4.0]).reshape(1, 1, 2, 2))  # 1, √3, ∛6
    tensor([[1.0000, 1.7321, 1.8171]])
    """
    pixels = _images(images, "colour_moments").flatten(2)
    mean = pixels.mean(-1, keepdim=True)
    away = pixels - mean
    third = (away**3).mean(-1)
    skew = third.sign() * third.abs() ** (1 / 3)
    moments = [mean.squeeze(-1), (away**2).mean(-1).sqrt(), skew]
    return _torch["stack"](moments, -1).flatten(1)


def colour_histogram(images: Any, bins: int = 4) -> Any:
    """The share of pixels in each of bins³ boxes of colour space: (N, 3, H, W) → (N, bins³).

    The box of (r, g, b) in [0, 1]³ is ⌊bins·r⌋·bins² + ⌊bins·g⌋·bins + ⌊bins·b⌋.
    Source: Swain and Ballard, "Color indexing", 1991.

    >>> import chainrule as cr
    >>> red_and_black = cr.zeros(1, 3, 1, 2)
    >>> red_and_black[0, 0, 0, 0] = 1.0
    >>> colour_histogram(red_and_black, bins=2)
    tensor([[0.5000, 0.0000, 0.0000, 0.0000, 0.5000, 0.0000, 0.0000, 0.0000]])
    """
    pixels = _images(images, "colour_histogram", 3).flatten(2)
    level = (pixels * bins).long().clamp(0, bins - 1)  # 1 belongs to the last bin
    box = level[:, 0] * bins**2 + level[:, 1] * bins + level[:, 2]
    counts = [_torch["bincount"](row, minlength=bins**3) for row in box]
    return _torch["stack"](counts).to(images.dtype) / box.shape[1]


def histogram_intersection(a: Any, b: Any) -> Any:
    """Σ min(a, b), the share that two histograms have in common: (N, D), (M, D) → (N, M).

    >>> import chainrule as cr
    >>> histogram_intersection(cr.tensor([[0.5, 0.5, 0.0]]), cr.tensor([[0.2, 0.3, 0.5]]))
    tensor([[0.5000]])
    """
    return _torch["minimum"](a[:, None], b[None]).sum(-1)


# -- local shape ----------------------------------------------------------------------------------


def gradients(images: Any) -> tuple[Any, Any]:
    """Size and direction (0 to 2π) of each pixel's brightness gradient: (N, H, W) both.

    Central differences (p₊₁ − p₋₁)/2 of the mean over the channels, the border repeated.

    >>> import chainrule as cr
    >>> size, direction = gradients(cr.tensor([[0.0, 1.0, 2.0]] * 3)[None, None])
    >>> size[0, 1], direction[0, 1]
    (tensor([0.5000, 1.0000, 0.5000]), tensor([0., 0., 0.]))
    """
    grey = _images(images, "gradients").mean(1, keepdim=True)
    padded = F["pad"](grey, (1, 1, 1, 1), mode="replicate")[:, 0]
    dx = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2
    dy = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2
    return (dx**2 + dy**2).sqrt(), _torch["atan2"](dy, dx) % (2 * np.pi)


def gradient_histograms(
    images: Any, patch: int = 16, step: int = 8, cells: int = 4, directions: int = 8
) -> Any:
    """SIFT's descriptor on a grid of patches: (N, C, H, W) → (N, patches, cells²·directions).

    A patch is cut into cells×cells; each counts its pixels' gradients by direction, by their size
    and by a Gaussian around the patch's centre, shared between the two nearest directions. The
    vector is scaled to length 1, cut at .2 against glare, and scaled again. No keypoints are
    searched and patches are not turned. Source: Lowe, "Distinctive image features", 2004, part 6.

    >>> import chainrule as cr
    >>> found = gradient_histograms(cr.rand(2, 3, 32, 32))
    >>> found.shape, found[0].norm(dim=-1).allclose(cr.ones(9))
    (torch.Size([2, 9, 128]), True)
    """
    size, direction = gradients(images)
    angle = direction / (2 * np.pi) * directions
    around = _torch["arange"](directions).reshape(1, -1, 1, 1)
    apart = (angle[:, None] - around).abs()
    apart = _torch["minimum"](apart, directions - apart)  # the directions go round in a circle
    votes = size[:, None] * (1 - apart).clamp(min=0)  # (N, directions, H, W)
    windows = votes.unfold(2, patch, step).unfold(3, patch, step)
    n, _, down, across = windows.shape[:4]
    at = (_torch["arange"](patch) - (patch - 1) / 2) / (patch / 2)
    bell = (-(at**2) / 2).exp()
    weighted = windows * (bell[:, None] * bell)
    shape = (n, directions, down * across, cells, patch // cells, cells, patch // cells)
    vectors = weighted.reshape(shape).sum((4, 6)).permute(0, 2, 3, 4, 1).flatten(2)
    cut = F["normalize"](vectors, dim=-1).clamp(max=0.2)
    return F["normalize"](cut, dim=-1)


class VisualWords:
    """A vocabulary of local descriptors; a picture becomes the shares of its words.

    ``fit`` makes k words of descriptors (N, patches, D) by k-means; calling it turns descriptors
    into histograms (N, k) of the nearest words.
    Source: Sivic and Zisserman, "Video Google", 2003.

    >>> import chainrule as cr
    >>> corners = cr.tensor([[[0.0, 0.0], [0.1, 0.0], [5.0, 5.0], [5.0, 5.1]]])
    >>> VisualWords(2).fit(corners)(corners)
    tensor([[0.5000, 0.5000]])
    """

    def __init__(self, k: int) -> None:
        self.k = k
        self.words: Any = None

    def fit(self, descriptors: Any, steps: int = 20) -> VisualWords:
        """k-means from k descriptors drawn as k-means++ does: the farther off, the likelier."""
        rows = views.as_array(descriptors.detach().flatten(0, 1))
        if len(rows) < self.k:
            raise ValueError(f"VisualWords: {self.k} words of only {len(rows)} descriptors")
        words = rows[_torch["randint"](len(rows), (1,)).item()][None]
        while len(words) < self.k:
            share = np.cumsum(_squared(rows, words).min(1), dtype=np.float64)
            drawn = np.searchsorted(share, _torch["rand"](1).item() * share[-1], side="right")
            words = np.concatenate([words, rows[min(int(drawn), len(rows) - 1)][None]])
        for _ in range(steps):
            nearest = _squared(rows, words).argmin(1)
            words = np.stack(
                [rows[nearest == j].mean(0) if (nearest == j).any() else words[j]
                 for j in range(self.k)]
            )  # fmt: skip
        self.words = words
        return self

    def __call__(self, descriptors: Any) -> Any:
        if self.words is None:
            raise RuntimeError("VisualWords: there are no words yet; call fit(descriptors) first")
        n = len(descriptors)
        rows = views.as_array(descriptors.detach().flatten(0, 1))
        nearest = _squared(rows, self.words).argmin(1).reshape(n, -1)
        counts = np.stack([np.bincount(row, minlength=self.k) for row in nearest])
        return _torch["from_numpy"]((counts / nearest.shape[1]).astype(rows.dtype))


def _squared(a: Any, b: Any) -> Any:
    """Squared distances of the rows of two arrays: (N, D), (M, D) → (N, M)."""
    return (a * a).sum(1)[:, None] - 2 * a @ b.T + (b * b).sum(1)


# -- learned features -----------------------------------------------------------------------------


def learned_features(
    network: nn.Module, images: Any, layer: str | None = None, batch_size: int = 256
) -> Any:
    """What a network computes in the submodule ``layer`` (default: its output) as vectors (N, D).

    Runs in evaluation mode without gradient. Maps (N, C, H, W) become their mean over H and W, the
    layer before the class scores is the usual choice. AttributeError for an unknown submodule.

    >>> import chainrule as cr
    >>> net = cr.nn.Sequential(cr.nn.Conv2d(3, 5, 3), cr.nn.Flatten(), cr.nn.LazyLinear(2))
    >>> images = cr.rand(4, 3, 8, 8)
    >>> learned_features(net, images).shape, learned_features(net, images, layer="0").shape
    (torch.Size([4, 2]), torch.Size([4, 5]))
    """
    seen: list[Any] = []
    part = network if layer is None else network.get_submodule(layer)
    handle = part.register_forward_hook(lambda module, args, out: seen.append(out))
    before = network.training
    network.eval()
    try:
        with modes.no_grad():
            for some in images.split(batch_size):
                network(some)
    finally:
        handle.remove()
        network.train(before)
    out = _torch["cat"](seen)
    return out.mean((2, 3)) if out.ndim == 4 else out.flatten(1)


# -- ranking --------------------------------------------------------------------------------------


def cosine(a: Any, b: Any) -> Any:
    """a·b/(|a||b|) of each pair of rows: (N, D), (M, D) → (N, M).

    >>> import chainrule as cr
    >>> cosine(cr.tensor([[3.0, 4.0]]), cr.tensor([[3.0, 4.0], [4.0, -3.0], [0.0, 1.0]]))
    tensor([[1.0000, 0.0000, 0.8000]])
    """
    return F["normalize"](a, dim=1) @ F["normalize"](b, dim=1).T


SIMILARITIES: dict[str, Callable[[Any, Any], Any]] = {
    "cosine": cosine,
    "l2": lambda a, b: -_torch["cdist"](a, b),
    "intersection": histogram_intersection,
}


class Ranked(NamedTuple):
    """The k best of each query, the best first: both (queries, k)."""

    indices: Any
    similarity: Any


class ImageIndex:
    """Vectors (N, D) to search in: by an example, or by what somebody liked.

    ``metric``: "cosine", "l2" (−|a − b|) or "intersection" (for histograms).

    >>> import chainrule as cr
    >>> index = ImageIndex(cr.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    >>> index.search(cr.tensor([[2.0, 0.1]]), k=2).indices
    tensor([[0, 2]])
    >>> index.recommend([0, 2], k=1).indices  # like 0 and 2, but neither of them
    tensor([[1]])
    """

    def __init__(self, vectors: Any, metric: str = "cosine") -> None:
        if metric not in SIMILARITIES:
            raise ValueError(
                f"ImageIndex: no metric {metric!r}; there are {', '.join(SIMILARITIES)}"
            )
        if vectors.ndim != 2:
            raise ShapeError(f"ImageIndex: vectors must be (N, D), got {list(vectors.shape)}")
        self.vectors, self.metric = vectors.detach(), metric

    def __len__(self) -> int:
        return len(self.vectors)

    def search(self, queries: Any, k: int = 5, exclude: Any = None) -> Ranked:
        """The k vectors most similar to each query (M, D); ``exclude`` (M, e) places are left out.

        A query that is itself in the index is left out by ``exclude=its place``, shape (M, 1).
        """
        similarity = SIMILARITIES[self.metric](queries.detach(), self.vectors)
        if exclude is not None:
            similarity = similarity.scatter(1, exclude, -float("inf"))
        k = min(k, len(self) - (0 if exclude is None else exclude.shape[1]))
        best = similarity.topk(k, dim=1)
        return Ranked(best.indices, best.values)

    def recommend(self, liked: Sequence[int], k: int = 5) -> Ranked:
        """What resembles the mean of the liked items, each scaled to length 1, without them."""
        places = _torch["tensor"](list(liked))
        mean = F["normalize"](self.vectors[places], dim=1).mean(0, keepdim=True)
        if self.metric != "cosine":
            mean = self.vectors[places].mean(0, keepdim=True)
        return self.search(mean, k, exclude=places[None])


def precision_at_k(indices: Any, labels: Any, wanted: Any) -> float:
    """The share of the ranked items (M, k) with their query's label, a mean over the queries.

    ``labels`` (N,) of the items, ``wanted`` (M,) of the queries.

    >>> import chainrule as cr
    >>> precision_at_k(cr.tensor([[0, 1], [2, 3]]), cr.tensor([7, 7, 8, 9]), cr.tensor([7, 8]))
    0.75
    """
    return float((labels[indices] == wanted[:, None]).float().mean().item())


def average_precision_of_ranking(relevant: Any) -> float:
    """The mean of the precision at each relevant place of a ranking (n,) of bools.

    >>> import chainrule as cr
    >>> average_precision_of_ranking(cr.tensor([True, False, True]))  # (1 + 2/3)/2
    0.8333333333333333
    """
    right = views.as_array(relevant).astype(np.float64)
    if not right.any():
        return 0.0
    precision = right.cumsum() / np.arange(1, len(right) + 1)
    return float((precision * right).sum() / right.sum())
