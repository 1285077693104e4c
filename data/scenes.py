"""Generated scenes: coloured shapes on noise, with the box, the class and the mask of each.

For segmentation (a class for each pixel) and detection (boxes with classes), without any files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..autograd.declare import names
from ..autograd.random import Generator
from .dataset import Dataset

Array = np.ndarray[Any, Any]
Target = dict[str, Any]

# Each says which points (x, y), measured from the centre in half sizes, lie inside the shape.
SHAPES: dict[str, Callable[[Array, Array], Array]] = {
    "circle": lambda x, y: x**2 + y**2 <= 1,
    "square": lambda x, y: np.maximum(abs(x), abs(y)) <= 0.9,
    "triangle": lambda x, y: (2 * abs(x) <= y + 1) & (y <= 1),
    "cross": lambda x, y: (np.minimum(abs(x), abs(y)) <= 0.3) & (np.maximum(abs(x), abs(y)) <= 1),
}


class Scenes(Dataset[Any]):
    """Pictures of shapes; sample k is ``(image, target)`` and depends on the seed and k alone.

    image (3, size, size) float32 from 0 to 1. target, for n objects: ``boxes`` (n, 4) float32,
    x₁, y₁, x₂, y₂ in pixels with x₂ and y₂ just past the last one; ``labels`` (n,) int64 from 1 (0
    is the background), as ``classes`` names them; ``masks`` (n, size, size) bool, the visible
    pixels. Scenes hold 1 to ``most`` objects, of half size ``radii``·size; later ones lie above
    earlier ones, of which more than half stays in sight. Colours say nothing about the class.
    Raises ValueError for an unknown shape or empty ranges.

    >>> scenes = Scenes(100, size=32, seed=1)
    >>> image, target = scenes[0]
    >>> image.shape, target["boxes"].shape[1], target["masks"].shape[1:]
    (torch.Size([3, 32, 32]), 4, torch.Size([32, 32]))
    >>> scenes.classes
    ('background', 'circle', 'square', 'triangle')
    """

    def __init__(
        self,
        count: int,
        size: int = 32,
        most: int = 3,
        shapes: Sequence[str] = ("circle", "square", "triangle"),
        radii: tuple[float, float] = (0.12, 0.25),
        noise: float = 0.05,
        seed: int = 0,
    ) -> None:
        unknown = [name for name in shapes if name not in SHAPES]
        if unknown or not shapes:
            raise ValueError(f"Scenes: shapes must be among {', '.join(SHAPES)}, got {shapes}")
        if count < 0 or size < 8 or most < 1 or not 0 < radii[0] <= radii[1] <= 0.5:
            raise ValueError(
                "Scenes: count must not be negative, size at least 8, most at least 1, radii "
                f"between 0 and .5; got count={count}, size={size}, most={most}, radii={radii}"
            )
        self.count, self.size, self.most = count, size, most
        self.shapes, self.radii, self.noise, self.seed = tuple(shapes), radii, noise, seed
        self.classes = ("background", *self.shapes)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Any, Target]:
        if not -self.count <= index < self.count:
            raise IndexError(f"Scenes: index {index} is out of range: there are {self.count}")
        # The twister sees 32 bits of a seed: spread this one's over them, and count from there.
        start = (self.seed + 1) * 0x9E3779B1 + index % self.count
        g = Generator().manual_seed(start % 2**32)
        image, labels, masks = self._drawn(g)
        boxes = [box_of(mask) for mask in masks]
        tensor = names["torch"]["from_numpy"]
        return tensor(image), {
            "boxes": tensor(np.array(boxes, np.float32).reshape(-1, 4)),
            "labels": tensor(np.array(labels, np.int64)),
            "masks": tensor(np.array(masks, bool).reshape(-1, self.size, self.size)),
        }

    def _drawn(self, g: Generator) -> tuple[Array, list[int], list[Array]]:
        """The pixels, the classes, and what is seen of each object."""
        side = self.size
        y, x = np.mgrid[:side, :side] + 0.5
        image = np.empty((3, side, side))
        image[:] = g.uniform((3, 1, 1), np.float64, 0.0, 0.3)
        labels: list[int] = []
        masks: list[Array] = []
        for _ in range(int(g.randint(1, self.most + 1, (1,))[0])):
            label = int(g.randint(1, len(self.classes), (1,))[0])
            radius = side * float(g.uniform(1, np.float64, *self.radii)[0])
            cx, cy = g.uniform(2, np.float64, radius, max(side - radius, radius)).tolist()
            colour = g.uniform((3, 1), np.float64, 0.4, 1.0)
            inside = SHAPES[self.classes[label]]((x - cx) / radius, (y - cy) / radius)
            left = [mask & ~inside for mask in masks]
            if any(2 * a.sum() <= b.sum() for a, b in zip(left, masks, strict=True)):
                continue  # it would hide another one
            image[:, inside] = colour
            labels.append(label)
            masks = [*left, inside]
        image += self.noise * g.normal(image.shape, np.float64)
        return np.clip(image, 0, 1).astype(np.float32), labels, masks


def box_of(mask: Array) -> tuple[int, int, int, int]:
    """The smallest box x₁, y₁, x₂, y₂ around the pixels of a mask that has some.

    >>> box_of(np.array([[False, False, False], [False, True, True]]))
    (1, 1, 3, 2)
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def class_map(target: Target) -> Any:
    """The class of each pixel, (size, size) int64, 0 where there is no object.

    >>> image, target = Scenes(1, seed=2)[0]
    >>> found = class_map(target)
    >>> sorted(set(found.flatten().tolist()) - {0}) == sorted(set(target["labels"].tolist()))
    True
    """
    masks, labels = target["masks"].numpy(), target["labels"].numpy()
    return names["torch"]["from_numpy"]((masks * labels[:, None, None]).sum(0))


def collate_scenes(samples: Iterable[tuple[Any, Target]]) -> tuple[Any, list[Target]]:
    """Samples as a batch: the images stacked, the targets (of different lengths) in a list.

    >>> images, targets = collate_scenes([Scenes(3)[k] for k in range(3)])
    >>> images.shape, len(targets)
    (torch.Size([3, 3, 32, 32]), 3)
    """
    images, targets = zip(*samples, strict=True)
    return names["torch"]["stack"](images), list(targets)
