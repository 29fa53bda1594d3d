"""One panel of a picture: axes with round ticks, lines with error bars and markers, as SVG.

Knows nothing of jobs. Everything is drawn from numbers and texts that it escapes itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

# M. Okabe and K. Ito, "Color universal design", 2002: told apart by colour-blind people too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_INK, _GRID, _LIMIT = "#333333", "#e3e3e3", "#b00020"
_MARGIN_LEFT, _MARGIN_RIGHT, _MARGIN_TOP, _MARGIN_BOTTOM = 52, 14, 36, 46


@dataclass(frozen=True)
class Point:
    """A value with its interval on either axis; equal ends: there is none."""

    x: float
    y: float
    x_low: float
    x_high: float
    y_low: float
    y_high: float
    # Said when the pointer rests on it, and by a screen reader.
    title: str
    # Stands beside it.
    name: str = ""


@dataclass(frozen=True)
class Line:
    """Points that belong together, in their order; ``style`` chooses colour and marker."""

    points: tuple[Point, ...]
    style: int


@dataclass(frozen=True)
class Panel:
    """``x_names``: the axis has these names at 0, 1, ... instead of numbers. ``limit``: a dashed
    line across at this height, with its name. Both axes begin at 0."""

    title: str
    x_title: str
    y_title: str
    lines: tuple[Line, ...]
    x_names: tuple[str, ...] = ()
    limit: tuple[float, str] | None = None

    def svg(self, left: float, top: float, width: float, height: float) -> Iterator[str]:
        """The elements of the panel in a rectangle of this size."""
        axes = _Axes.of(self, left, top, width, height)
        yield _text(left + _MARGIN_LEFT, top + 20, self.title, size=14, weight="bold")
        yield from axes.grid(self)
        for line in self.lines:
            yield from axes.line(line)
        if self.limit is not None:
            y = axes.y(self.limit[0])
            yield _stroke(axes.left, y, axes.right, y, colour=_LIMIT, dash="5 4")
            yield _text(axes.right, y - 4, self.limit[1], anchor="end", colour=_LIMIT, size=11)


@dataclass(frozen=True)
class _Axes:
    left: float
    top: float
    right: float
    bottom: float
    x_ticks: tuple[float, ...]
    y_ticks: tuple[float, ...]
    x_range: tuple[float, float]

    @classmethod
    def of(cls, panel: Panel, left: float, top: float, width: float, height: float) -> _Axes:
        points = [point for line in panel.lines for point in line.points]
        highest = [point.y_high for point in points] + ([panel.limit[0]] if panel.limit else [])
        if panel.x_names:
            x_ticks: tuple[float, ...] = tuple(map(float, range(len(panel.x_names))))
            x_range = (-0.5, len(panel.x_names) - 0.5)
        else:
            x_ticks = ticks(max([point.x_high for point in points], default=1.0))
            x_range = (0.0, x_ticks[-1])
        y_ticks = ticks(max(highest, default=1.0))
        return cls(
            left + _MARGIN_LEFT, top + _MARGIN_TOP, left + width - _MARGIN_RIGHT,
            top + height - _MARGIN_BOTTOM, x_ticks, y_ticks, x_range,
        )  # fmt: skip

    def x(self, value: float) -> float:
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * (self.right - self.left)

    def y(self, value: float) -> float:
        return self.bottom - value / self.y_ticks[-1] * (self.bottom - self.top)

    def grid(self, panel: Panel) -> Iterator[str]:
        for value in self.y_ticks:
            y = self.y(value)
            yield _stroke(self.left, y, self.right, y, colour=_GRID)
            yield _text(self.left - 6, y + 4, number(value), anchor="end", size=11)
        names = panel.x_names or tuple(map(number, self.x_ticks))
        for value, name in zip(self.x_ticks, names, strict=True):
            yield _stroke(self.x(value), self.bottom, self.x(value), self.bottom + 4)
            yield _text(self.x(value), self.bottom + 17, name, anchor="middle", size=11)
        yield _stroke(self.left, self.bottom, self.right, self.bottom)
        middle = (self.left + self.right) / 2
        yield _text(middle, self.bottom + 36, panel.x_title, anchor="middle")
        x, y = self.left - 38, (self.top + self.bottom) / 2
        yield _text(x, y, panel.y_title, anchor="middle", turn=f"rotate(-90 {x:.1f} {y:.1f})")

    def line(self, line: Line) -> Iterator[str]:
        colour = COLOURS[line.style % len(COLOURS)]
        places = [(self.x(point.x), self.y(point.y)) for point in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        for point, (x, y) in zip(line.points, places, strict=True):
            if point.y_low < point.y_high:
                yield _stroke(x, self.y(max(point.y_low, 0)), x, self.y(point.y_high), colour)
            if point.x_low < point.x_high:
                yield _stroke(self.x(max(point.x_low, 0)), y, self.x(point.x_high), y, colour)
            yield f"<g><title>{escape(point.title)}</title>{marker(x, y, line.style)}</g>"
            if point.name:
                yield _text(x + 7, y - 4, point.name, size=10, colour=colour)


def marker(x: float, y: float, style: int) -> str:
    """A mark of another shape and colour for each style, so that print in grey will do."""
    colour = COLOURS[style % len(COLOURS)]
    match style % 3:
        case 0:
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
        case 1:
            return f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" fill="{colour}"/>'
        case _:
            corners = f"{x:.1f},{y - 5:.1f} {x + 5:.1f},{y + 4:.1f} {x - 5:.1f},{y + 4:.1f}"
            return f'<polygon points="{corners}" fill="{colour}"/>'


def ticks(highest: float) -> tuple[float, ...]:
    """Round values from 0 to one that is not below ``highest``; at least two, at most six."""
    if not highest > 0:
        return (0.0, 1.0)
    step = 10.0 ** math.floor(math.log10(highest))
    for factor in (0.2, 0.5, 1.0, 2.0):
        if highest / (step * factor) <= 5:
            break
    n = max(math.ceil(highest / (step * factor) - 1e-9), 1)
    return tuple(round(step * factor * i, 12) for i in range(n + 1))


def number(value: float) -> str:
    """``2,000`` or ``0.25``."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.12g}"


def _stroke(
    x1: float, y1: float, x2: float, y2: float, colour: str = _INK, dash: str | None = None
) -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}"{dashes}/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    size: int = 12,
    weight: str = "normal",
    colour: str = _INK,
    turn: str | None = None,
) -> str:
    turned = f' transform="{turn}"' if turn else ""
    # A white edge, so that a text on a line can be read.
    edge = 'paint-order="stroke" stroke="#ffffff" stroke-width="3"'
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" {edge} '
        f'font-weight="{weight}" fill="{colour}"{turned}>{escape(text)}</text>'
    )


def legend(entries: Sequence[str], left: float, top: float) -> Iterator[str]:
    """A mark and a name for each style, one below the other; 20 units a line."""
    for style, name in enumerate(entries):
        y = top + 20 * style
        yield marker(left, y, style)
        yield _text(left + 12, y + 4, name)
