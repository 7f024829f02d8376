"""Draws media/icon.png: a layer of a network with one reused edge set straight by a tick.

Pure Python, no drawing library: shapes are distance functions, sampled 4 x 4 per pixel.
"""

from __future__ import annotations

import math
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

SIZE = 256
SAMPLES = 4
INK = (27, 42, 65)
EDGE = (92, 118, 156)
NODE = (232, 238, 247)
ACCENT = (62, 207, 142)

Color = tuple[int, int, int]
Shape = Callable[[float, float], bool]


def disc(cx: float, cy: float, radius: float) -> Shape:
    """All points within `radius` of a centre, in pixels."""
    return lambda x, y: math.hypot(x - cx, y - cy) <= radius


def line(ax: float, ay: float, bx: float, by: float, width: float) -> Shape:
    """A stroke with round ends."""
    length = (bx - ax) ** 2 + (by - ay) ** 2

    def inside(x: float, y: float) -> bool:
        t = max(0.0, min(1.0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length))
        return math.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay)) <= width / 2

    return inside


def rounded(margin: float, radius: float) -> Shape:
    """The tile behind everything."""
    low, high = margin + radius, SIZE - margin - radius

    def inside(x: float, y: float) -> bool:
        return math.hypot(x - min(max(x, low), high), y - min(max(y, low), high)) <= radius

    return inside


def shapes() -> list[tuple[Shape, Color]]:
    """What is drawn, back to front."""
    inputs = [(66, 72), (66, 128), (66, 184)]
    hidden = [(134, 100), (134, 156)]
    drawn: list[tuple[Shape, Color]] = [(rounded(4, 52), INK)]
    drawn += [(line(*a, *b, 5), EDGE) for a in inputs for b in hidden]
    drawn += [(disc(x, y, 15), NODE) for x, y in inputs + hidden]
    tick = [line(158, 132, 180, 156, 21), line(180, 156, 218, 104, 21)]
    drawn += [(line(158, 132, 180, 156, 37), INK), (line(180, 156, 218, 104, 37), INK)]
    return drawn + [(shape, ACCENT) for shape in tick]


def render() -> bytes:
    """The picture as RGBA rows with a filter byte each."""
    scene = shapes()
    rows = bytearray()
    for py in range(SIZE):
        rows.append(0)
        for px in range(SIZE):
            red = green = blue = covered = 0
            for sample in range(SAMPLES * SAMPLES):
                x = px + (sample % SAMPLES + 0.5) / SAMPLES
                y = py + (sample // SAMPLES + 0.5) / SAMPLES
                for shape, color in reversed(scene):
                    if shape(x, y):
                        red, green, blue, covered = red + color[0], green + color[1], blue + color[2], covered + 1
                        break
            rows += bytes((red // covered, green // covered, blue // covered)) if covered else b"\0\0\0"
            rows.append(covered * 255 // (SAMPLES * SAMPLES))
    return bytes(rows)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def main() -> None:
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "media/icon.png")
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 6, 0, 0, 0)
    picture = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(render(), 9)) + chunk(b"IEND", b"")
    target.write_bytes(b"\x89PNG\r\n\x1a\n" + picture)


if __name__ == "__main__":
    main()
