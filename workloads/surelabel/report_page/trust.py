"""How good the models' labels are: samples against the bound, learning curve, calibration."""

from __future__ import annotations

from collections.abc import Sequence

from scipy.stats import beta

from surelabel.learning_curve import LearningPoint, fit_power_law
from surelabel.plural import counted
from surelabel.report_page.drawing import (
    MAX_ROWS,
    WIDTH,
    Plot,
    dot,
    figure,
    line,
    path,
    percent,
    table,
    text,
    thinned,
    ticks,
)
from surelabel.report_page.facts import CalibrationBin, JobFacts, Promise, RoundFacts
from surelabel.report_page.markup import Markup, joined

_TAIL = 0.025
_MAX_TESTS = 12
_MAX_POINTS = 30
_STEPS = 24


def interval(wrong: int, items: int) -> tuple[float, float]:
    """The 95 % interval of a share of which a sample is known (Clopper and Pearson 1934)."""
    low = float(beta.ppf(_TAIL, wrong, items - wrong + 1)) if wrong else 0.0
    high = float(beta.ppf(1 - _TAIL, wrong + 1, items - wrong)) if wrong < items else 1.0
    return low, high


def tests(facts: JobFacts) -> Markup | None:
    """The errors found in each tested sample, beside what the promise allows."""
    found = [each for each in facts.rounds if each.validation is not None]
    if facts.promise is None or not found:
        return None
    shown = found[-_MAX_TESTS:]
    target = facts.promise.target_error / 1000
    bound = None if facts.certificate is None else facts.certificate.error_bound_permille / 1000
    highest = max(high for _, _, high in map(_sampled, shown))
    values = ticks(min(1.0, max(1.3 * target, 1.1 * highest, bound or 0)))
    row = 44.0
    plot = Plot(values[-1], 1, height=62 + row * len(shown), left=14, top=20)
    floor = plot.height - plot.bottom
    lines = [_test_row(plot, plot.top + row * k, each) for k, each in enumerate(shown)]
    marks = [
        line(plot.x(target), plot.top - 4, plot.x(target), floor, "target"),
        text(plot.x(target) + 4, plot.top + 2, f"target {percent(target)}", "start", "target-text"),
    ]
    drawing = joined(
        *(line(plot.x(value), plot.top, plot.x(value), floor, "grid") for value in values),
        plot.x_axis(values, [percent(value) for value in values], "machine labels that are wrong"),
        *marks,
        *lines,
    )
    accepted = sum(_validation(each)[2] for each in found)
    items = sum(_validation(each)[0] for each in found)
    errors = sum(_validation(each)[1] for each in found)
    summary = (
        f"People tested {counted(items, 'machine label')} in {counted(len(found), 'sample')} and "
        f"found {errors:,} wrong; {counted(accepted, 'region')} of {len(found)} passed."
    )
    if bound is not None:
        summary += f" The certificate: at most {percent(bound)} of the machine labels are wrong."
    rows = []
    for each in found[-MAX_ROWS:]:
        n, k, passed = _validation(each)
        certified = "none"
        if each.certificate is not None:
            certified = percent(each.certificate.error_bound_permille / 1000)
        rows.append((str(each.round), f"{n:,}", f"{k:,}", "yes" if passed else "no", certified))
    return figure(
        "Tests of machine labels",
        summary,
        drawing,
        plot.height,
        caption="Lines are 95 % intervals of each sample alone; the certificate is computed "
        "exactly, over all attempts together.",
        numbers=table(
            "Samples that people answered",
            ("Round", "Items", "Wrong", "Passed", "Certified after it"),
            rows,
        ),
    )


def _test_row(plot: Plot, y: float, each: RoundFacts) -> Markup:
    n, k, passed = _validation(each)
    share, low, high = _sampled(each)
    class_ = "machines" if passed else "refused"
    word = "passed" if passed else "refused"
    return joined(
        text(plot.left, y + 22, f"Round {each.round}: {k:,} of {n:,} wrong, {word}", "start"),
        line(plot.x(low), y + 34, plot.x(min(high, plot.x_most)), y + 34, f"range {class_}"),
        dot(plot.x(share), y + 34, 5, class_),
    )


def _validation(each: RoundFacts) -> tuple[int, int, bool]:
    assert each.validation is not None
    return each.validation.items, each.validation.errors, each.validation.accepted


def _sampled(each: RoundFacts) -> tuple[float, float, float]:
    n, k, _ = _validation(each)
    return k / max(n, 1), *interval(k, max(n, 1))


def learning(facts: JobFacts) -> Markup | None:
    """How often models were wrong on uniform items that they never saw, by what they learned."""
    found = [point for point in facts.learning if point.items > 0]
    if not found:
        return None
    shown = [found[k] for k in thinned(len(found), _MAX_POINTS)]
    highest = max(interval(point.wrong, point.items)[1] for point in shown)
    y_values = ticks(min(1.0, highest), 4)
    x_values = ticks(1.05 * shown[-1].labels, 4)
    plot = Plot(x_values[-1], y_values[-1])
    drawing = joined(
        plot.y_axis(y_values, [percent(value) for value in y_values]),
        plot.x_axis(x_values, [f"{value:,.0f}" for value in x_values], "labels learned from"),
        *_law(plot, found, facts.promise),
        *(_point(plot, each) for each in shown),
    )
    last = found[-1]
    low, high = interval(last.wrong, last.items)
    summary = (
        f"With {counted(last.labels, 'label')} the model was wrong on {percent(_wrong(last))} of "
        f"{counted(last.items, 'uniformly drawn item')} ({percent(low)} to {percent(high)})."
    )
    rows = [
        (str(each.round), f"{each.labels:,}", f"{each.items:,}", f"{each.wrong:,}")
        for each in (found[k] for k in thinned(len(found), MAX_ROWS))
    ]
    return figure(
        "How the model learned",
        summary,
        drawing,
        plot.height,
        caption="Each item was scored by a model that had not seen its label. Lines are 95 % "
        "intervals. Dashed: the power law that fits, with its 90 % interval.",
        numbers=table(
            "Models on uniform items", ("Round", "Labels learned from", "Items", "Wrong"), rows
        ),
    )


def _law(plot: Plot, found: list[LearningPoint], promise: Promise | None) -> list[Markup]:
    """The fitted law from the first model to the edge, its interval, and the target."""
    law = fit_power_law(found)
    first = max(1, found[0].labels)
    places = [first + (plot.x_most - first) * k / _STEPS for k in range(_STEPS + 1)]

    def along(share: float) -> list[tuple[float, float]]:
        return [
            (plot.x(at), plot.y(min(law.error(round(at), share), plot.y_most))) for at in places
        ]

    drawn = [path([*along(0.05), *reversed(along(0.95))], "band", closed=True)]
    if promise is not None and promise.target_error / 1000 <= plot.y_most:
        height = plot.y(promise.target_error / 1000)
        drawn += [
            line(plot.left, height, WIDTH - plot.right, height, "target"),
            text(WIDTH - plot.right, height - 5, "target of machine labels", "end", "quiet"),
        ]
    return [*drawn, path(along(0.5), "forecast")]


def _wrong(point: LearningPoint) -> float:
    return point.wrong / point.items


def _point(plot: Plot, point: LearningPoint) -> Markup:
    low, high = interval(point.wrong, point.items)
    x = plot.x(point.labels)
    return joined(
        line(x, plot.y(low), x, plot.y(min(high, plot.y_most)), "range machines"),
        dot(x, plot.y(_wrong(point)), 4.5, "machines"),
    )


def calibration(facts: JobFacts) -> Markup | None:
    """How often the model is right, by how sure it is."""
    found = facts.calibration
    if not found:
        return None
    values = (0.0, 0.25, 0.5, 0.75, 1.0)
    plot = Plot(1, 1)
    texts = [percent(value, 0) for value in values]
    drawing = joined(
        plot.y_axis(values, texts),
        plot.x_axis(values, texts, "confidence of the model"),
        line(plot.x(0), plot.y(0), plot.x(1), plot.y(1), "ideal"),
        text(plot.x(0.3), plot.y(0.22), "right as often as it says", "start", "quiet"),
        *(_bin(plot, each) for each in found),
    )
    return figure(
        "Confidence and truth",
        _calibration_summary(found),
        drawing,
        plot.height,
        caption="Uniformly drawn items, scored by a model that had not seen their labels; right "
        "means as people say. Below the dashed line the model is too sure of itself.",
        numbers=table(
            "Items by confidence",
            ("Mean confidence", "Items", "Right"),
            [(percent(each.confidence), f"{each.items:,}", f"{each.right:,}") for each in found],
        ),
    )


def _calibration_summary(found: Sequence[CalibrationBin]) -> str:
    items = sum(each.items for each in found)
    right = sum(each.right for each in found) / items
    sure = sum(each.confidence * each.items for each in found) / items
    low, high = interval(sum(each.right for each in found), items)
    word = "as far as so many items can tell, that fits"
    if sure > high:
        word = "it is too sure of itself"
    elif sure < low:
        word = "it is more modest than it needs to be"
    return (
        f"On average the model is {percent(sure)} sure and right on {percent(right)} of "
        f"{counted(items, 'item')}: {word}."
    )


def _bin(plot: Plot, each: CalibrationBin) -> Markup:
    low, high = interval(each.right, each.items)
    x = plot.x(each.confidence)
    return joined(
        line(x, plot.y(low), x, plot.y(high), "range machines"),
        dot(x, plot.y(each.right / each.items), 4.5, "machines"),
    )
