"""Heat maps as PNG files of a few hundred bytes: a palette, and as many colours as there is room.

Colours lie over the page: 0 lets it through, so one file serves light and dark pages.
"""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from functools import cache

import numpy as np

from .model import HeatMap
from .thumbnails import pooled_levels

POSITIVE, NEGATIVE, ODD = "#2A86C8", "#D9601E", "#A8588A"  # each 3:1 or more on both pages
BLACK = "#000000"
_COLOURS = 17  # odd numbers: one colour is 0
_FEWER = ((9, 0.7), (5, 0.45), (3, 0.25))  # ... and what share of the bytes they take, at the least
_STORED = 300  # bytes: so few are not compressed, and are the same with every zlib
_WINDOW = 12  # 4 KiB: a larger one takes longer to set up than to use
_STRATEGIES = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY)  # for patterns, and for noise
_FRAME = 8 + 25 + 12 + 12 + 12 + 12  # signature, header, and what surrounds the chunks
_HEAD = "data:image/png;base64,"
_STEPS = 254


def fitted(heat: HeatMap, room: int) -> tuple[HeatMap, bytes, int]:
    """The cells as compressed indices of colours, in `room` characters of a data URI.

    Takes fewer colours where there is little room, and then larger blocks: returns the heat map
    that is shown, its data, and the number of colours.
    """
    while True:
        data = _compressed(heat, _COLOURS)
        length = uri_length(data, _COLOURS)
        if length <= room:
            return heat, data, _COLOURS
        for colours, share in _FEWER:
            if length * share > room:
                continue
            fewer = _compressed(heat, colours)
            if uri_length(fewer, colours) <= room:
                return heat, fewer, colours
        if heat.rows * heat.columns <= 16:  # a few bytes more than there is room for
            return heat, data, _COLOURS
        heat = pooled_levels(heat)


def uri_length(data: bytes, colours: int) -> int:
    """Characters of the data URI of an image."""
    size = _FRAME + 4 * (colours + 1) + len(data)
    return len(_HEAD) + 4 * -(-size // 3)


def data_uri(heat: HeatMap, data: bytes, colours: int, *, grey: bool = False) -> str:
    """The image as a data URI; `grey` sets it in black on the page."""
    return _HEAD + b64encode(png(heat, data, colours, grey=grey)).decode("ascii")


def png(heat: HeatMap, data: bytes, colours: int, *, grey: bool = False) -> bytes:
    """The file: one byte a cell, an index of a palette with opacities."""
    header = struct.pack(">IIBBBBB", heat.columns, heat.rows, 8, 3, 0, 0, 0)
    palette, opacity = _palette(colours, heat.diverging, grey)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"tRNS", opacity), (b"IDAT", data))
    parts = [_chunk(name, body) for name, body in (*chunks, (b"IEND", b""))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


@cache
def _palette(colours: int, diverging: bool, grey: bool) -> tuple[bytes, bytes]:
    """Red, green, blue of each colour, and their opacities; first what is not finite."""
    middle = (colours - 1) // 2 if diverging and not grey else 0
    shares = [(k - middle) / (colours - 1 - middle) for k in range(colours)]
    hues = [BLACK if grey else NEGATIVE if share < 0 else POSITIVE for share in shares]
    odd = "#FFFFFF" if grey else ODD
    palette = bytes.fromhex("".join(hue[1:] for hue in (odd, *hues)))
    return palette, bytes([255, *(round(255 * abs(share)) for share in shares)])


def _compressed(heat: HeatMap, colours: int) -> bytes:
    """Rows of indices in zlib's format: stored when few, else as suits patterns or noise."""
    levels = np.frombuffer(heat.levels, np.uint8).reshape(heat.rows, heat.columns)
    shares = (levels.astype(np.float32) - 1) * ((colours - 1) / _STEPS)
    cells = np.zeros((heat.rows, heat.columns + 1), np.uint8)  # each row begins with its filter: 0
    cells[:, 1:] = np.where(levels == 0, 0, np.rint(shares) + 1)
    raw = cells.tobytes()
    if len(raw) <= _STORED:
        size = struct.pack("<HH", len(raw), len(raw) ^ 0xFFFF)
        return b"\x78\x01\x01" + size + raw + struct.pack(">I", zlib.adler32(raw))
    return min((_deflated(raw, how) for how in _STRATEGIES), key=len)


def _deflated(raw: bytes, strategy: int) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, _WINDOW, 8, strategy)
    return packer.compress(raw) + packer.flush()
