"""``--plot``: what each variation costs and gives, as curves in one SVG that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from surelabel_cli.simulation.panel import Line, Panel, Point, legend, number
from surelabel_cli.simulation.summary import Mean, Rate, Summary
from surelabel_cli.simulation.variations import Variation

_WIDTH, _HEIGHT, _LINE = 320, 270, 20
# Of two neighbouring places on an axis of names.
_BESIDE = 0.1

# Value, lower and upper end of its interval; None: these jobs have no such figure.
_Figure = Callable[[Summary], tuple[float, float, float] | None]


def plot_of(tried: Sequence[Variation], summaries: Sequence[Summary], risk: float | None) -> str:
    """The picture. The varied field with most values runs along a curve, and each combination of
    the others is a curve of its own. ``risk``: of the promises, None where it differs or there are
    none."""
    curves = _Curves.of(tried, summaries)
    currency = next((one.currency for one in summaries if one.currency), None)
    spent = _mean(lambda s: s.cost) if currency else _mean(lambda s: s.answers)
    wrong = _mean(lambda s: s.wrong_of_all, 100)
    panels = []
    if any(wrong(one) for one in summaries):
        lines = curves.lines(wrong, spent)
        what = f"cost ({currency})" if currency else "answers"
        what += f", by {curves.title}" if curves.title else ""
        panels.append(Panel("What less error costs", what, "wrong labels (%)", lines))
    human = curves.lines(_mean(lambda s: s.human_share, 100))
    names = curves.names
    panels.append(Panel("Labeled by people", curves.title, "of all items (%)", human, names))
    if any(one.broken is not None for one in summaries):
        limit = None if risk is None else (100 * risk, f"allowed: {number(100 * risk)} %")
        broken = curves.lines(_broken)
        panels.append(Panel("Broken promises", curves.title, "of jobs (%)", broken, names, limit))
    return "\n".join(_document(panels, curves, summaries)) + "\n"


@dataclass(frozen=True)
class _Curves:
    """``rows``: of each curve the places on the axis and what stands there, in the axis' order."""

    title: str
    names: tuple[str, ...]
    legend: tuple[str, ...]
    rows: tuple[tuple[tuple[int, Summary], ...], ...]

    @classmethod
    def of(cls, tried: Sequence[Variation], summaries: Sequence[Summary]) -> _Curves:
        values: dict[str, list[str]] = {}
        for variation in tried:
            for path, value in variation.changes:
                values.setdefault(path, []).append(str(value))
        distinct = {path: tuple(dict.fromkeys(found)) for path, found in values.items()}
        along = max(distinct, key=lambda path: len(distinct[path]), default=None)
        names = ("as it is",) if along is None else distinct[along]
        rows: dict[str, list[tuple[int, Summary]]] = {}
        for variation, summary in zip(tried, summaries, strict=True):
            others = Variation(tuple(each for each in variation.changes if each[0] != along))
            place = [names.index(str(value)) for path, value in variation.changes if path == along]
            rows.setdefault(others.title, []).append((place[0] if place else 0, summary))
        told = tuple(rows) if len(rows) > 1 else ()
        title = "" if along is None else along.rpartition(".")[2]
        return cls(title, names, told, tuple(tuple(row) for row in rows.values()))

    def lines(self, height: _Figure, along: _Figure | None = None) -> tuple[Line, ...]:
        """The curves of a figure, over the places of the axis or over another figure."""
        lines = []
        for style, row in enumerate(self.rows):
            points = []
            for position, (place, summary) in enumerate(row):
                # Side by side, since curves that cross would hide each other's intervals.
                beside = place + _BESIDE * (style - (len(self.rows) - 1) / 2)
                x = (beside, beside, beside) if along is None else along(summary)
                y = height(summary)
                if x is not None and y is not None:
                    # Over another figure the ends of a curve say which way it goes.
                    is_end = along is not None and position in (0, len(row) - 1) and len(row) > 1
                    name = self.names[place] if is_end else ""
                    title = f"{summary.title}: {y[0]:.4g}"
                    points.append(Point(x[0], y[0], x[1], x[2], y[1], y[2], title, name))
            lines.append(Line(tuple(points), style))
        return tuple(lines)


def _mean(of: Callable[[Summary], Mean | None], times: float = 1) -> _Figure:
    def figure(summary: Summary) -> tuple[float, float, float] | None:
        mean = of(summary)
        if mean is None:
            return None
        # Of a single repetition there is no interval (nan).
        low, high = (mean.low, mean.high) if mean.n > 1 else (mean.value, mean.value)
        return times * mean.value, times * low, times * high

    return figure


def _broken(summary: Summary) -> tuple[float, float, float] | None:
    rate: Rate | None = summary.broken
    return None if rate is None else (100 * rate.count / rate.n, 100 * rate.low, 100 * rate.high)


def _document(
    panels: Sequence[Panel], curves: _Curves, summaries: Sequence[Summary]
) -> Iterator[str]:
    width, below = _WIDTH * len(panels), _LINE * len(curves.legend)
    height = _HEIGHT + below + 24
    repetitions = max(one.repetitions for one in summaries)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-labelledby="title desc" '
        'font-family="system-ui, sans-serif">'
    )
    yield '<title id="title">Simulated labeling jobs</title>'
    told = "; ".join(_told(one) for one in summaries)
    yield f'<desc id="desc">{escape(told)}</desc>'
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    for position, panel in enumerate(panels):
        yield from panel.svg(_WIDTH * position, 0, _WIDTH, _HEIGHT)
    yield from legend(curves.legend, 60, _HEIGHT + 6)
    note = f"Means of {repetitions} jobs each; bars are 95 % intervals."
    yield f'<text x="{width - 14}" y="{height - 8}" text-anchor="end" font-size="11" '
    yield f'fill="#666666">{note}</text></svg>'


def _told(one: Summary) -> str:
    parts = [f"{one.title}:"]
    if one.human_share is not None:
        parts.append(f"{100 * one.human_share.value:.1f} % labeled by people,")
    if one.cost is not None:
        parts.append(f"cost {one.cost.value:,.2f} {one.currency},")
    if one.wrong_of_all is not None:
        parts.append(f"{100 * one.wrong_of_all.value:.2f} % of labels wrong,")
    if one.broken is not None:
        parts.append(f"{one.broken.count} of {one.broken.n} promises broken")
    return " ".join(parts).rstrip(",")
