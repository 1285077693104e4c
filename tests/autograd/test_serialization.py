"""save and load: what goes in comes out, files survive a killed writer, bad files say so."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import time
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule import nn

DTYPES = [
    cr.float64, cr.float32, cr.float16, cr.bfloat16, cr.complex64, cr.complex128, cr.bool, cr.uint8,
    cr.int8, cr.int16, cr.int32, cr.int64, cr.uint16, cr.uint32, cr.uint64,
]  # fmt: skip


def through(obj: Any, **options: Any) -> Any:
    """The object after a trip through a file object."""
    file = io.BytesIO()
    cr.save(obj, file)
    file.seek(0)
    loaded = cr.load(file, **options)
    assert file.read() == b""
    return loaded


def same(a: Any, b: Any) -> bool:
    """Equal in type and value, tensors bit for bit."""
    if isinstance(a, (cr.Tensor, np.ndarray, np.generic)):
        x, y = (np.asarray(v._data if isinstance(v, cr.Tensor) else v) for v in (a, b))
        grads = getattr(a, "requires_grad", None) == getattr(b, "requires_grad", None)
        return (
            type(a) is type(b) and x.dtype == y.dtype and x.shape == y.shape and grads
            and x.tobytes() == y.tobytes()
        )  # fmt: skip
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return [*a] == [*b] and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b) or (a != a and b != b)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (3,), (2, 3)], ids=str)
def test_tensors_of_every_type_and_shape(dtype: Any, shape: tuple[int, ...]) -> None:
    t = (
        cr.testing.make_tensor(*shape, dtype=dtype, low=0, high=2)
        if shape
        else cr.ones((), dtype=dtype)
    )
    assert same(through(t), t)


def test_containers() -> None:
    obj = {
        "list": [1, 2.5, -0.0, "text", None, True, b"\x00\xff", 10**30],
        "tuple": (float("inf"), float("-inf"), 1 + 2j),
        3: {4: OrderedDict([("b", cr.ones(2)), ("a", ())])},
        ("key", 1): {1, "a"},
        "frozen": frozenset({2}),
        "size": cr.zeros(2, 3).shape,
        "dtype": cr.bfloat16,
        "device": cr.device("cpu"),
        "array": np.arange(6.0).reshape(2, 3).T,
        "scalar": np.float32(0.1),
        "parameter": nn.Parameter(cr.ones(2)),
        "frozen parameter": nn.Parameter(cr.ones(2), requires_grad=False),
        "leaf": cr.ones(2, requires_grad=True),
        "number": cr.tensor(2.5),
    }
    assert same(through(obj), obj)
    assert np.isnan(through(float("nan")))


def test_strange_layouts() -> None:
    base = cr.arange(24).reshape(4, 6)
    for view in (base.T, base[:, ::2], base[1:3, 2:5], base[0].expand(3, 6), cr.zeros(1)[0]):
        assert same(through(view), view)
    assert same(through(cr.tensor(np.asfortranarray(np.ones((2, 3))))), cr.ones(2, 3).double())


def test_shared_memory_stays_shared() -> None:
    base = cr.arange(12).reshape(3, 4)
    got = through(
        {"whole": base, "row": base[1], "columns": base.T, "same": base, "bytes": base[2:]}
    )
    got["row"][0] = 99
    assert got["whole"][1, 0] == 99
    assert got["columns"][0, 1] == 99
    assert got["same"] is got["whole"]
    got["bytes"].fill_(7)
    assert got["whole"][2].tolist() == [7, 7, 7, 7]


def test_tied_weights_and_their_size(tmp_path: Path) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(30, 30, bias=False)
            self.b = nn.Linear(30, 30, bias=False)
            self.b.weight = self.a.weight

    cr.save(Tied().state_dict(), tmp_path / "tied.pt")
    assert (tmp_path / "tied.pt").stat().st_size < 30 * 30 * 4 * 1.5
    got = cr.load(tmp_path / "tied.pt")
    got["a.weight"].zero_()
    assert not got["b.weight"].any()
    assert got["a.weight"]._version == 1


def test_loaded_tensors_do_not_share_versions() -> None:
    got = through([cr.ones(2), cr.ones(2)])
    got[0].zero_()
    assert got[1]._version == 0


def test_checkpoint_resumes_bit_for_bit(tmp_path: Path) -> None:
    def build() -> tuple[Any, Any]:
        cr.manual_seed(1)
        model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
        return model, cr.optim.Adam(model.parameters(), lr=0.01)

    def train(model: Any, optimizer: Any, steps: int) -> list[float]:
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = model(cr.randn(5, 3)).square().mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    model, optimizer = build()
    train(model, optimizer, 3)
    state = {
        "model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3,
        "rng": cr.get_rng_state(),
    }  # fmt: skip
    cr.save(state, tmp_path / "checkpoint.pt")
    expected = train(model, optimizer, 3)

    model, optimizer = build()
    loaded = cr.load(tmp_path / "checkpoint.pt", map_location="cpu", weights_only=True)
    model.load_state_dict(loaded["model"])
    optimizer.load_state_dict(loaded["optimizer"])
    cr.set_rng_state(loaded["rng"])
    assert train(model, optimizer, 3) == expected


@pytest.mark.parametrize("form", [str, Path, os.fsencode])
def test_paths(form: Any, tmp_path: Path) -> None:
    path = form(str(tmp_path / "x.pt"))
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    cr.save(cr.ones(2), path)
    assert same(cr.load(path), cr.ones(2))
    assert same(cr.load(path, mmap=True), cr.ones(2))


def test_several_objects_in_one_file() -> None:
    file = io.BytesIO()
    cr.save(1, file)
    cr.save(cr.ones(2), file)
    file.seek(0)
    assert cr.load(file) == 1
    assert same(cr.load(file), cr.ones(2))


def test_other_programs_read_the_arrays(tmp_path: Path) -> None:
    state = nn.Linear(2, 3).state_dict()
    cr.save(state, tmp_path / "m.safetensors")
    theirs = safetensors.numpy.load_file(tmp_path / "m.safetensors")
    assert sorted(theirs) == ["bias", "weight"]
    assert np.array_equal(theirs["weight"], state["weight"].numpy())


def test_reads_plain_safetensors(tmp_path: Path) -> None:
    safetensors.numpy.save_file({"w": np.arange(3.0), "n": np.array(2)}, tmp_path / "x.safetensors")
    for mmap in (False, True):
        got = cr.load(tmp_path / "x.safetensors", mmap=mmap)
        assert got["w"].tolist() == [0.0, 1.0, 2.0]
        assert got["n"].item() == 2


def test_mapped_files_are_not_written(tmp_path: Path) -> None:
    cr.save({"x": cr.ones(3), "empty": cr.ones(0), "number": cr.tensor(4)}, tmp_path / "x.pt")
    got = cr.load(tmp_path / "x.pt", mmap=True)
    got["x"].zero_()
    assert cr.load(tmp_path / "x.pt")["x"].tolist() == [1.0, 1.0, 1.0]
    assert got["number"].item() == 4


@pytest.mark.parametrize(
    "where", ["cpu", cr.device("cpu"), {"cuda:0": "cpu"}, lambda storage, place: storage]
)
def test_map_location(where: Any) -> None:
    assert same(through([cr.ones(2)], map_location=where), [cr.ones(2)])


def test_map_location_elsewhere_raises() -> None:
    with pytest.raises((RuntimeError, AssertionError), match="cuda"):
        through(cr.ones(2), map_location="cuda")


class Odd:
    pass


@pytest.mark.parametrize(
    ("obj", "remedy"),
    [
        (nn.Linear(1, 1), "state_dict"),
        (lambda x: x, "functions"),
        (nn.Linear, "functions"),
        (Odd(), "vars"),
        (cr.Generator(), "get_state"),
        (np.array(["a"]), "tolist"),
        (np.array([None]), "tolist"),
    ],
)
def test_what_cannot_be_stored(obj: Any, remedy: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=remedy):
        cr.save({"deep": [obj]}, tmp_path / "x.pt")
    assert list(tmp_path.iterdir()) == []


def test_endless_and_deep_objects() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="contains itself"):
        through(circle)
    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    with pytest.raises(ValueError, match="inside one another"):
        through(deep)
    deep = [1]
    for _ in range(95):
        deep = [deep]
    assert same(through(deep), deep)


# -- damaged and hostile files ------------------------------------------------------------------


def good_file() -> bytes:
    file = io.BytesIO()
    cr.save({"w": cr.arange(10), "b": [cr.ones(2, 2), (1, 2)]}, file)
    return file.getvalue()


def made(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype: Any = "F32", shape: Any = (1,), offsets: Any = (0, 4)) -> dict[str, Any]:
    return {"x": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


def tree(text: str) -> dict[str, Any]:
    return {"__metadata__": {"format": "chainrule", "version": "1", "tree": text}, **entry()}


def record(**changes: Any) -> str:
    sound = {"tensor": "x", "dtype": "float32", "class": "Tensor", "grad": False, "shared": False}
    return json.dumps({**sound, **changes})


def pickled() -> bytes:
    return pickle.dumps({"a": 1}, protocol=2)


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled())
    return file.getvalue()


FOUR = b"\0\0\0\0"
BAD = {
    "nothing": b"",
    "short": b"\x10",
    "huge header": (10**12).to_bytes(8, "little") + b"{}",
    "longest header": (2**64 - 1).to_bytes(8, "little"),
    "no JSON": made(b"not json"),
    "deep JSON": made(b"[" * 100_000),
    "a list": made([1, 2]),
    "bytes": made(b"\xff\xfe\xfd"),
    "no type": made({"x": {"shape": [1], "data_offsets": [0, 4]}}, FOUR),
    "odd type": made(entry(dtype="Q9"), FOUR),
    "type is a list": made(entry(dtype=[1]), FOUR),
    "negative shape": made(entry(shape=[-1]), FOUR),
    "shape is text": made(entry(shape="ab"), FOUR),
    "fractions": made(entry(shape=[1.0]), FOUR),
    "truth": made(entry(shape=[True]), FOUR),
    "wrong place": made(entry(offsets=[0, 8]), FOUR * 2),
    "backwards": made(entry(offsets=[4, 0]), FOUR),
    "a hole": made(entry(offsets=[4, 8]), FOUR * 2),
    "one offset": made(entry(offsets=[0]), FOUR),
    "entry is a number": made({"x": 3}),
    "huge array": made(entry(shape=[2**40], offsets=[0, 2**42]), FOUR),
    "overlap": made({**entry(), "y": entry()["x"]}, FOUR),
    "cut": made(entry(shape=[2], offsets=[0, 8]), FOUR),
    "metadata": made({"__metadata__": {"a": 1}}),
    "tree is no JSON": made(tree("{"), FOUR),
    "tree is empty": made(tree("{}"), FOUR),
    "tree names code": made(tree('{"__class__": "os"}'), FOUR),
    "tree calls itself": made(tree('{"__init__": []}'), FOUR),
    "tree misses an array": made(tree(record(tensor="y")), FOUR),
    "other type": made(tree(record(dtype="int64")), FOUR),
    "other class": made(tree(record(**{"class": "Module"})), FOUR),
    "view beyond": made(tree(record(view={"offset": 0, "shape": [9], "strides": [4]})), FOUR),
    "view before": made(tree(record(view={"offset": -8, "shape": [1], "strides": [4]})), FOUR),
    "unknown number": made(tree('{"again": 5}'), FOUR),
    "deep tree": made(tree("[" * 5000 + "]" * 5000), FOUR),
    "later version": made({"__metadata__": {"format": "chainrule", "version": "9", "tree": "1"}}),
    "pickle": pickled(),
    "zip": zipped(),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("mmap", [False, True])
def test_bad_files(name: str, mmap: bool, tmp_path: Path) -> None:
    (tmp_path / "bad.pt").write_bytes(BAD[name])
    with pytest.raises(ValueError, match=r"^load: 'bad\.pt' "):
        cr.load(tmp_path / "bad.pt", mmap=mmap)
    if not mmap:
        with pytest.raises(ValueError, match=r"^load: "):
            cr.load(io.BytesIO(BAD[name]))


@pytest.mark.parametrize("name", ["pickle", "zip"])
def test_pytorch_files_are_recognized(name: str) -> None:
    with pytest.raises(ValueError, match=f"written by PyTorch .*{name}.*safetensors"):
        cr.load(io.BytesIO(BAD[name]))


def test_every_cut_is_noticed() -> None:
    whole = good_file()
    for n in range(len(whole)):
        with pytest.raises(ValueError, match=r"^load: "):
            cr.load(io.BytesIO(whole[:n]))


@given(st.integers(0, len(good_file()) - 1), st.integers(1, 255))
@settings(max_examples=150)
def test_a_changed_byte_gives_data_or_an_error(place: int, change: int) -> None:
    """Nothing but ValueError: a byte of a tensor may change its value, never the machine."""
    raw = bytearray(good_file())
    raw[place] ^= change
    with contextlib.suppress(ValueError):
        cr.load(io.BytesIO(bytes(raw)))


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=9)
)
arrays = st.builds(
    lambda shape, dtype, order: np.zeros(shape, dtype, order),
    st.lists(st.integers(0, 3), max_size=3),
    st.sampled_from(["f4", "f8", "i8", "u1", "?", "c8"]),
    st.sampled_from("CF"),
)
leaves = scalars | arrays | arrays.map(cr.from_numpy)
keys = st.text(max_size=5) | st.integers() | st.tuples(st.integers(), st.text(max_size=2))
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
        | st.dictionaries(keys, inner, max_size=3).map(OrderedDict)
    ),
    max_leaves=12,
)


@given(trees)
@settings(max_examples=100)
def test_round_trip(obj: Any) -> None:
    assert same(through(obj), obj)


# -- atomic writes ------------------------------------------------------------------------------


def test_a_failed_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.pt"
    cr.save(1, path)

    def broken(*args: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="no space"):
        cr.save(cr.ones(1000), path)
    assert cr.load(path) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["x.pt"]


def test_links_and_modes(tmp_path: Path) -> None:
    (tmp_path / "real.pt").write_bytes(b"")
    (tmp_path / "real.pt").chmod(0o640)
    (tmp_path / "link.pt").symlink_to(tmp_path / "real.pt")
    cr.save(2, tmp_path / "link.pt")
    assert (tmp_path / "link.pt").is_symlink()
    assert cr.load(tmp_path / "real.pt") == 2
    assert (tmp_path / "real.pt").stat().st_mode & 0o777 == 0o640


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        cr.save(1, tmp_path / "no" / "x.pt")
    with pytest.raises(FileNotFoundError):
        cr.load(tmp_path / "no.pt")


WRITER = """
import sys
import chainrule as cr
k = 0
while True:
    cr.save({"k": k, "x": cr.full((200_000,), float(k))}, sys.argv[1])
    if k == 0:
        print("begun", flush=True)
    k += 1
"""


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    for wait in (0.0, 0.013, 0.047):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, cwd=tmp_path
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
        got = cr.load(path)
        assert bool((got["x"] == got["k"]).all())


def test_safe_globals() -> None:
    with cr.serialization.safe_globals([set]):
        assert cr.serialization.get_safe_globals() == [set]
    assert cr.serialization.get_safe_globals() == []


def test_the_record_that_the_bad_files_change_is_sound() -> None:
    assert cr.load(io.BytesIO(made(tree(record()), FOUR))).tolist() == [0.0]
