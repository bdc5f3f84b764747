"""What plots are put together from: scales, axes, shapes. No text goes in unescaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from segdl.core.text import human_size

# Units of times, in seconds; each is used from three of it on.
_TIMES = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


@dataclass(frozen=True, slots=True)
class Frame:
    """The box in which a plot's figures are, in pixels of the picture."""

    left: float
    top: float
    right: float
    bottom: float

    def x(self, fraction: float) -> float:
        """Return where a fraction of the width is."""
        return self.left + fraction * (self.right - self.left)

    def y(self, fraction: float) -> float:
        """Return where a fraction of the height is: 0 is at the bottom."""
        return self.bottom - fraction * (self.bottom - self.top)


def text(x: float, y: float, words: str, kind: str = "tick", anchor: str = "middle") -> str:
    """Return words at a place.

    Example:
        >>> text(1, 2, "<b>")
        '<text x="1.0" y="2.0" class="tick" text-anchor="middle">&lt;b&gt;</text>'
    """
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def path(points: Iterable[tuple[float, float]], kind: str, *, closed: bool = False) -> str:
    """Return a line through points."""
    steps = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{steps}{" Z" if closed else ""}" class="{kind}"/>'


def dot(x: float, y: float, radius: float, kind: str, hint: str) -> str:
    """Return a dot; `hint` is shown by a browser when the mouse rests on it."""
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" class="{kind}">'
        f"<title>{escape(hint)}</title></circle>"
    )


def box(left: float, top: float, right: float, bottom: float, kind: str, hint: str) -> str:
    """Return a filled box; `hint` is shown by a browser when the mouse rests on it."""
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(0.0, right - left):.1f}" '
        f'height="{max(0.0, bottom - top):.1f}" class="{kind}"><title>{escape(hint)}</title></rect>'
    )


def picture(width: float, height: float, title: str, shapes: Iterable[str]) -> str:
    """Return a whole picture; `title` says what it shows to those who do not see it."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}">\n'
        + "\n".join(shapes)
        + "\n</svg>"
    )


def ticks(most: float, count: int, unit: float = 1.0) -> list[float]:
    """Return round figures from 0 up to or a little beyond `most`, about `count` of them.

    Round means 1, 2 or 5 of a power of ten of `unit`.

    Example:
        >>> ticks(17.0, 4)
        [0.0, 5.0, 10.0, 15.0, 20.0]
    """
    wanted = max(most, 1e-9) / unit / count
    power = 10.0 ** math.floor(math.log10(wanted))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= wanted * 0.999)
    number = math.ceil(most / unit / step - 1e-9)
    return [index * step * unit for index in range(max(1, number) + 1)]


def speed_ticks(most: float) -> list[float]:
    """Return round speeds from 0 up to beyond `most` bytes a second.

    Example:
        >>> [tick / 2**20 for tick in speed_ticks(21 * 2**20)]
        [0.0, 5.0, 10.0, 15.0, 20.0, 25.0]
    """
    unit = 1.0
    while most >= unit * 1024:
        unit *= 1024
    return ticks(most, 5, unit)


def speed_axis(frame: Frame, marks: Sequence[float]) -> Iterator[str]:
    """Yield a grid line and a speed for each of `marks`."""
    for mark in marks:
        y = frame.y(mark / marks[-1])
        yield line(frame.left, y, frame.right, y, "axis" if mark == 0 else "grid")
        words = f"{human_size(mark)}/s".replace(".0 ", " ") if mark else "0"
        yield text(frame.left - 8, y + 4, words, anchor="end")


def time_axis(frame: Frame, most: float) -> Iterator[str]:
    """Yield a tick for round times up to `most` seconds."""
    unit, name = next(each for each in _TIMES if most >= 3 * each[0] or each[0] == 1)
    for mark in ticks(most, 5, unit):
        if mark > most:
            continue
        x = frame.x(mark / most)
        yield line(x, frame.bottom, x, frame.bottom + 4, "axis")
        yield text(x, frame.bottom + 17, f"{mark / unit:g} {name}" if mark else "0")
