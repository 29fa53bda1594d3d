"""Axes, bars and legends of the page's figures, as inline SVG.

A figure is 420 units wide, so that its text can be read on a phone; wide screens have two side by
side. Colours differ in lightness too, for print without colours.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from surelabel.report_page.markup import Child, Markup, element, joined

WIDTH = 420.0
PEOPLE, MACHINES, NOBODY = "people", "machines", "nobody"
# Rows of a table behind a figure.
MAX_ROWS = 60


@dataclass(frozen=True)
class Plot:
    """A plot's place and scales; values from 0 to ``x_most`` and ``y_most``."""

    x_most: float
    y_most: float
    height: float = 250.0
    left: float = 46.0
    right: float = 22.0
    top: float = 14.0
    bottom: float = 42.0

    def x(self, value: float) -> float:
        """Where a value stands from left to right."""
        return self.left + (WIDTH - self.left - self.right) * value / self.x_most

    def y(self, value: float) -> float:
        """Where a value stands; up is more."""
        floor = self.height - self.bottom
        return floor - (floor - self.top) * value / self.y_most

    def y_axis(self, values: Sequence[float], texts: Sequence[str]) -> Markup:
        """Lines across the plot with their values at the left."""
        lines = [
            joined(
                line(self.left, self.y(value), WIDTH - self.right, self.y(value), "grid"),
                text(self.left - 6, self.y(value) + 4, shown, "end"),
            )
            for value, shown in zip(values, texts, strict=True)
        ]
        return joined(*lines)

    def x_axis(self, values: Sequence[float], texts: Sequence[str], title: str) -> Markup:
        """Values below the plot, and what they are."""
        floor = self.height - self.bottom
        marks = [
            text(self.x(value), floor + 16, shown)
            for value, shown in zip(values, texts, strict=True)
        ]
        middle = (self.left + WIDTH - self.right) / 2
        return joined(
            line(self.left, floor, WIDTH - self.right, floor, "axis"),
            *marks,
            text(middle, floor + 34, title),
        )


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def text(x: float, y: float, shown: Child, anchor: str = "middle", class_: str = "") -> Markup:
    """Words at a place."""
    return element("text", shown, x=x, y=y, text_anchor=anchor, class_=class_ or None)


def bar(x: float, y: float, width: float, height: float, class_: str) -> Markup:
    """A filled rectangle; nothing where it has no area."""
    if width <= 0 or height <= 0:
        return joined()
    return element("rect", x=x, y=y, width=width, height=height, class_=class_)


def dot(x: float, y: float, radius: float, class_: str) -> Markup:
    """A filled circle."""
    return element("circle", cx=x, cy=y, r=radius, class_=class_)


def path(points: Iterable[tuple[float, float]], class_: str, *, closed: bool = False) -> Markup:
    """A line through the points, or the area that they enclose."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return element("polygon" if closed else "polyline", points=places, class_=class_)


def figure(
    title: str,
    summary: str,
    drawing: Markup,
    height: float,
    *,
    legend: Sequence[tuple[str, str]] = (),
    caption: Child = None,
    numbers: Markup | None = None,
    wide: bool = False,
) -> Markup:
    """A drawing with its heading, a sentence that says what it shows, and the numbers behind it.

    ``legend``: class and meaning of each colour. The summary is read out in place of the drawing.
    """
    svg = element(
        "svg",
        drawing,
        role="img",
        aria_label=summary,
        viewBox=f"0 0 {WIDTH:g} {height:g}",
    )
    marks = [
        element("span", element("i", class_=class_), " ", meaning, class_="mark")
        for class_, meaning in legend
    ]
    behind = None
    if numbers is not None:
        behind = element("details", element("summary", "The numbers"), scrolled(numbers))
    return element(
        "section",
        element("h2", title),
        element(
            "figure",
            element("p", *marks, class_="legend") if marks else None,
            svg,
            element("figcaption", summary, " " if caption else None, caption),
        ),
        behind,
        class_="wide" if wide else None,
    )


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Child]]) -> Markup:
    """A table; the first column names its rows."""
    head = element("tr", *(element("th", each, scope="col") for each in heads))
    body = [
        element(
            "tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:])
        )
        for row in rows
    ]
    return element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
    )


def scrolled(content: Markup) -> Markup:
    """What may be wider than a phone; by keyboard as well."""
    return element("div", content, class_="scroll", tabindex="0", role="group", aria_label="Table")


def ticks(most: float, n: int = 5) -> list[float]:
    """About n round values from 0, the last one ``most`` or the next above it."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / n
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    return [step * k for k in range(math.ceil(most / step - 1e-9) + 1)]


def percent(share: float, decimals: int = 1) -> str:
    """A share for people, such as 3.9 %."""
    shown = f"{100 * share:.{decimals}f}"
    if decimals:
        shown = shown.rstrip("0").rstrip(".")
    # A sign that stood alone on the next line would puzzle.
    return f"{shown}\N{NO-BREAK SPACE}%"


def short(name: str, most: int = 22) -> str:
    """A name that fits beside a figure."""
    return name if len(name) <= most else name[: most - 1] + "…"


def thinned(n: int, most: int) -> list[int]:
    """At most ``most`` of n positions, evenly spread, the first and the last among them."""
    if n <= most:
        return list(range(n))
    return sorted({round(k * (n - 1) / (most - 1)) for k in range(most)})
