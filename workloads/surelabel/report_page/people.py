"""The annotators: how often each is right, as far as that can be estimated."""

from __future__ import annotations

from surelabel.plural import counted
from surelabel.report_page.drawing import (
    MAX_ROWS,
    PEOPLE,
    WIDTH,
    dot,
    figure,
    line,
    percent,
    short,
    table,
    text,
    thinned,
)
from surelabel.report_page.facts import AnnotatorFacts, JobFacts
from surelabel.report_page.markup import Markup, joined, words

_MAX_DOTS = 25
# Where the axis may begin, and into how many round steps it is then cut.
_SCALES = ((0.9, 5), (0.8, 4), (0.5, 5), (0.0, 4))
_LEFT, _RIGHT, _ROW = 110.0, 76.0, 22.0


def annotators(facts: JobFacts) -> Markup | None:
    """A dot a person, the least sure one first; agreement where labels are no classes."""
    found = [(each, _share(each)) for each in facts.annotators if each.answers > 0]
    known = [(each, share) for each, share in found if share is not None]
    known.sort(key=lambda pair: (pair[1], pair[0].name))
    if not known:
        return None
    is_accuracy = all(each.accuracy is not None for each, _ in known)
    what = "right answers, as estimated" if is_accuracy else "agreement with the labels"
    shown = [known[k] for k in thinned(len(known), _MAX_DOTS)]
    height = 46 + _ROW * len(shown)
    lowest = min(share for _, share in shown)
    start, steps = next(each for each in _SCALES if each[0] <= lowest)
    room = WIDTH - _LEFT - _RIGHT

    def x(share: float) -> float:
        return _LEFT + room * (share - start) / (1 - start)

    floor = height - 36
    shares = [start + (1 - start) * k / steps for k in range(steps + 1)]
    drawing = joined(
        *(line(x(share), 4, x(share), floor, "grid") for share in shares),
        *(text(x(share), floor + 16, percent(share, 0)) for share in shares),
        text(_LEFT + room / 2, floor + 32, what),
        *(
            joined(
                text(_LEFT - 10, _ROW * k + 20, short(each.name, 16), "end"),
                dot(x(share), _ROW * k + 16, 5, PEOPLE),
                text(WIDTH - _RIGHT + 10, _ROW * k + 20, f"{each.answers:,}", "start", "quiet"),
            )
            for k, (each, share) in enumerate(shown)
        ),
    )
    (worst, low), (best, high) = known[0], known[-1]
    summary = f"{counted(len(known), 'annotator')}: {what} from {percent(low)} to {percent(high)}"
    if worst is not best:
        summary += f" ({short(worst.name)} to {short(best.name)})"
    rows = [
        (
            words(each.name, 60),
            f"{each.answers:,}",
            "unknown" if each.accuracy is None else percent(each.accuracy),
            "unknown" if each.agreement is None else percent(each.agreement),
        )
        for each, _ in (known[k] for k in thinned(len(known), MAX_ROWS))
    ]
    caption = "At the right: answers given. "
    if len(shown) < len(known):
        caption += f"Shown are {len(shown)} of them, evenly from the lowest to the highest. "
    if is_accuracy:
        caption += "Estimated from the answers alone; mistakes that people share are not seen."
    return figure(
        "Annotators",
        f"{summary}.",
        drawing,
        height,
        caption=caption,
        numbers=table("Annotators", ("Name", "Answers", "Right", "Agreement"), rows),
    )


def _share(each: AnnotatorFacts) -> float | None:
    return each.accuracy if each.accuracy is not None else each.agreement
