"""Fashion-MNIST and its files, and the generated scenes."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule import data
from chainrule.data import fashion, scenes

# -- IDX ------------------------------------------------------------------------------------------

MNIST_LIKE = bytes([0, 0, 0x08, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255])


@pytest.mark.parametrize("zipped", [False, True])
def test_an_idx_file_by_its_bytes(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "images-idx2-ubyte"
    path.write_bytes(gzip.compress(MNIST_LIKE) if zipped else MNIST_LIKE)
    found = data.read_idx(path)
    assert (found.dtype, found.tolist()) == (np.uint8, [[1, 2, 3], [4, 5, 255]])
    found[0, 0] = 9  # its memory is its own


@pytest.mark.parametrize("kind", ["uint8", "int8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 4)])
@pytest.mark.parametrize("ending", ["idx", "idx.gz"])
def test_idx_round_trip(tmp_path: Path, kind: str, shape: tuple[int, ...], ending: str) -> None:
    values = np.arange(np.prod(shape, dtype=int), dtype=kind).reshape(shape) - 3
    values = values.astype(kind)
    data.write_idx(tmp_path / f"a.{ending}", values)
    found = data.read_idx(tmp_path / f"a.{ending}")
    assert found.dtype == kind
    assert found.dtype.isnative
    assert np.array_equal(found, values)


DAMAGED = {
    "empty": (b"", "is no IDX file: it begins with nothing"),
    "three bytes": (MNIST_LIKE[:3], "is no IDX file"),
    "another magic": (b"\x89PNG" + MNIST_LIKE, "begins with 89 50 4e 47"),
    "an unknown type": (b"\0\0\x0a\x01" + b"\0\0\0\0", "begins with 00 00 0a 01"),
    "sizes cut": (MNIST_LIKE[:10], "it ends inside its 2 sizes"),
    "numbers cut": (MNIST_LIKE[:-1], "2×3 of uint8 take 6 bytes, and 5 follow"),
    "bytes too many": (MNIST_LIKE + b"!", "2×3 of uint8 take 6 bytes, and 7 follow"),
    "sizes too large": (b"\0\0\x0e\x03" + b"\xff" * 12, "is damaged"),
    "gzip cut": (gzip.compress(MNIST_LIKE)[:-9], "is a damaged gzip file"),
    "gzip changed": (gzip.compress(MNIST_LIKE)[:-8] + b"\0" * 8, "is a damaged gzip file"),
    "gzip header only": (b"\x1f\x8b", "is a damaged gzip file"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_idx_files(tmp_path: Path, name: str) -> None:
    raw, words = DAMAGED[name]
    path = tmp_path / "bad.idx"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=words) as caught:
        data.read_idx(path)
    assert "'bad.idx'" in str(caught.value)


@given(st.integers(0, len(MNIST_LIKE) - 1), st.integers(0, 255))
def test_a_changed_byte_gives_an_array_or_a_clear_error(at: int, value: int) -> None:
    raw = bytearray(MNIST_LIKE)
    raw[at] = value
    path = Path("changed.idx")
    reader = fashion.read_idx
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "read_bytes", lambda self: bytes(raw))
        try:
            assert isinstance(reader(path), np.ndarray)
        except ValueError as error:
            assert str(error).startswith("read_idx: 'changed.idx'")  # noqa: PT017


def test_a_type_that_the_format_lacks(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="not int64; convert first"):
        data.write_idx(tmp_path / "a.idx", np.arange(3))


# -- Fashion-MNIST --------------------------------------------------------------------------------


def test_the_bundled_subset() -> None:
    images, labels = data.fashion_mnist()
    assert (images.shape, images.dtype) == ((6000, 28, 28), np.uint8)
    assert (labels.shape, labels.dtype) == ((6000,), np.int64)
    assert np.bincount(labels[:5000]).tolist() == [500] * 10
    assert np.bincount(labels[5000:]).tolist() == [100] * 10
    assert labels[:5].tolist() == [9, 0, 0, 3, 0]  # the set's own first labels
    images[:] = 0
    assert data.fashion_mnist()[0].max() == 255


def test_the_subset_is_small_and_has_its_licence() -> None:
    folder = Path(fashion.__file__).parent
    assert (folder / "fashion.npz").stat().st_size < 2_700_000
    text = (folder / "FASHION_LICENSE.txt").read_text(encoding="utf-8")
    assert "MIT License" in text
    assert "Zalando" in text


def test_the_subset_is_what_the_tool_draws() -> None:
    """From Debian's files, where they are installed; the digest holds everywhere."""
    images, labels = data.fashion_mnist()
    digest = hashlib.sha256(images.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
    assert digest == "3b586305505a10a0af5cda5c4243450a51b25231835de5350d665081dc90b244"
    if not fashion.DEBIAN.exists():
        return
    for which, part, each in (("train", slice(0, 5000), 500), ("test", slice(5000, None), 100)):
        all_images, all_labels = data.fashion_mnist(which)
        rows = np.sort(np.concatenate([np.flatnonzero(all_labels == c)[:each] for c in range(10)]))
        assert np.array_equal(images[part], all_images[rows])
        assert np.array_equal(labels[part], all_labels[rows])


def folder_of(path: Path, train: int, test: int, ending: str) -> tuple[Any, Any]:
    """The four files with random content; what "all" should give."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (train + test, 28, 28), np.uint8)
    labels = rng.integers(0, 10, train + test, np.uint8)
    for stem, rows in (("train", slice(0, train)), ("t10k", slice(train, None))):
        data.write_idx(path / f"{stem}-images-idx3-ubyte{ending}", images[rows])
        data.write_idx(path / f"{stem}-labels-idx1-ubyte{ending}", labels[rows])
    return images, labels


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_folder_of_idx_files(tmp_path: Path, ending: str) -> None:
    images, labels = folder_of(tmp_path, 5, 2, ending)
    for which, rows in (("train", slice(0, 5)), ("test", slice(5, 7)), ("all", slice(0, 7))):
        found = data.fashion_mnist(which, tmp_path)
        assert np.array_equal(found[0], images[rows])
        assert np.array_equal(found[1], labels[rows])
        assert found[1].dtype == np.int64


def test_folders_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'subset', 'train', 'test' or 'all', got 'some'"):
        data.fashion_mnist("some")
    with pytest.raises(FileNotFoundError, match="apt install dataset-fashion-mnist"):
        data.fashion_mnist("test", tmp_path)
    folder_of(tmp_path, 3, 2, "")
    data.write_idx(tmp_path / "t10k-labels-idx1-ubyte", np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match=r"do not fit: images of shape \(2, 28, 28\)"):
        data.fashion_mnist("all", tmp_path)
    data.write_idx(tmp_path / "train-labels-idx1-ubyte", np.full(3, 10, np.uint8))
    with pytest.raises(ValueError, match="not from 0 to 9"):
        data.fashion_mnist("train", tmp_path)


# -- scenes ---------------------------------------------------------------------------------------


def test_scenes_say_what_they_show() -> None:
    drawn = data.Scenes(60, size=40, most=4, shapes=list(scenes.SHAPES), seed=5)
    seen = set()
    for image, target in drawn:
        boxes, labels, masks = target["boxes"], target["labels"], target["masks"]
        assert (image.shape, image.dtype) == ((3, 40, 40), cr.float32)
        assert 0 <= image.min() <= image.max() <= 1
        assert 1 <= len(labels) <= 4
        assert (boxes.shape, masks.shape) == ((len(labels), 4), (len(labels), 40, 40))
        assert (boxes.dtype, labels.dtype, masks.dtype) == (cr.float32, cr.int64, cr.bool)
        assert not (masks.sum(0) > 1).any()  # a pixel shows one object
        for box, mask in zip(boxes.tolist(), masks.numpy(), strict=True):
            x1, y1, x2, y2 = (int(v) for v in box)
            assert box == [x1, y1, x2, y2]
            assert 0 <= x1 < x2 <= 40
            assert 0 <= y1 < y2 <= 40
            inside = mask[y1:y2, x1:x2]
            assert inside.sum() == mask.sum() > 0
            assert inside[0].any()
            assert inside[-1].any()
            assert inside[:, 0].any()
            assert inside[:, -1].any()
        seen |= set(labels.tolist())
        pixels = data.class_map(target)
        for label, mask in zip(labels.tolist(), masks, strict=True):
            assert (pixels[mask] == label).all()
        assert (pixels == 0).sum() == (~masks.any(0)).sum()
    assert seen == {1, 2, 3, 4}


def test_scenes_follow_the_seed_alone() -> None:
    cr.manual_seed(1)
    first = data.Scenes(10, seed=7)
    state = cr.get_rng_state()
    late = first[6]
    assert cr.equal(cr.get_rng_state(), state)
    again = data.Scenes(10, seed=7)
    assert cr.equal(again[0][0], first[0][0])
    assert cr.equal(again[6][0], late[0])
    assert cr.equal(again[-4][1]["boxes"], late[1]["boxes"])
    assert not cr.equal(data.Scenes(10, seed=8)[6][0], late[0])
    assert not cr.equal(first[5][0], late[0])


def test_scenes_load_in_batches() -> None:
    loader = data.DataLoader(
        data.Scenes(10), batch_size=4, shuffle=True, collate_fn=data.collate_scenes
    )
    sizes = [(len(images), len(targets)) for images, targets in loader]
    assert sizes == [(4, 4), (4, 4), (2, 2)]


@pytest.mark.parametrize(
    "wrong",
    [{"shapes": ["star"]}, {"shapes": []}, {"size": 4}, {"most": 0}, {"radii": (0.3, 0.2)}],
)
def test_scenes_with_wrong_settings(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Scenes: "):
        data.Scenes(3, **wrong)
    with pytest.raises(IndexError, match="index 3 is out of range: there are 3"):
        data.Scenes(3)[3]
