"""Devices are names: data lives where NumPy puts it, ``cpu``."""

from __future__ import annotations

from typing import Any


class device:
    """A place for data: ``device("cpu")``; other kinds are an error as long as there is none.

    >>> import chainrule as cr
    >>> cr.device("cpu"), str(cr.device("cpu")), cr.device("cpu").type
    (device(type='cpu'), 'cpu', 'cpu')
    """

    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __init__(self, type: Any, index: int | None = None) -> None:
        if isinstance(type, device):
            type, index = type.type, type.index
        elif isinstance(type, int):
            type, index = "cuda", type
        kind, _, number = str(type).partition(":")
        kinds = "cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, fpga, maia, xla, lazy"
        if kind not in (*kinds.split(", "), "mps", "meta", "hpu", "mtia", "privateuseone"):
            raise RuntimeError(
                f"Expected one of {kinds} device type at start of device string: {kind}"
            )
        self.type, self.index = kind, int(number) if number else index

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __enter__(self) -> device:
        check(self)  # ``with device("cpu"):`` tensors are made there anyway
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))


CPU = device("cpu")


def check(where: Any) -> None:
    """Raise unless data can be put there."""
    if where is None:
        return
    d = device(where)
    if d.type != "cpu":
        raise RuntimeError(
            f"chainrule has no {d.type!r} device on this machine; the devices are: cpu"
        )
