"""The logo of the demo business: a low sun over the water of a harbour."""

from __future__ import annotations

import io
from math import pi, sin

INK = (29, 53, 87, 255)
SUN = (217, 119, 66, 255)
CLEAR = (0, 0, 0, 0)
SIZE = 240
STEPS = 400
FINER = 4
"""How much larger it is drawn than it becomes, for smooth edges."""


def draw() -> bytes:
    """The logo as a PNG file on a clear background, nearly SIZE pixels wide and lower than that."""
    from PIL import Image, ImageDraw  # noqa: PLC0415  (8 MB, for a thing that is done once)

    side = SIZE * FINER
    picture = Image.new("RGBA", (side, side), CLEAR)
    pen = ImageDraw.Draw(picture)
    radius, horizon = side * 0.29, side * 0.56
    around = (side / 2 - radius, horizon - radius, side / 2 + radius, horizon + radius)
    pen.pieslice(around, 180, 360, fill=SUN)
    for row, (reach, thickness) in enumerate(((0.46, 0.052), (0.34, 0.046), (0.2, 0.04))):
        middle = horizon + side * (0.1 + 0.115 * row)
        for step in range(STEPS + 1):
            pen.circle(_on_wave(side, step / STEPS, reach, middle), side * thickness / 2, fill=INK)
    buffer = io.BytesIO()
    small = picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    small.crop(small.getbbox()).save(buffer, "PNG")
    return buffer.getvalue()


def _on_wave(side: int, part: float, reach: float, middle: float) -> tuple[float, float]:
    """The point at `part` (0 to 1) of a wave that reaches so far to both sides; all waves have their crests in line."""
    x = side * (0.5 + reach * (2 * part - 1))
    return x, middle + side * 0.022 * sin(2 * pi * (x / side) * 3.5)
