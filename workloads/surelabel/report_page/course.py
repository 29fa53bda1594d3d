"""What became of the items: by round, by class, and what it cost."""

from __future__ import annotations

from decimal import Decimal

from surelabel.plural import counted
from surelabel.report_page.drawing import (
    MACHINES,
    MAX_ROWS,
    NOBODY,
    PEOPLE,
    WIDTH,
    Plot,
    bar,
    figure,
    percent,
    short,
    table,
    text,
    thinned,
)
from surelabel.report_page.facts import ClassCount, Cost, JobFacts
from surelabel.report_page.markup import Markup, joined, words
from surelabel_contract.stages import LabelCounters

_MAX_BARS = 40
_MAX_CLASSES = 15
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def labels_by_round(facts: JobFacts) -> Markup | None:
    """The labeled share after each round, by who labeled; the last bar is the end."""
    if not facts.rounds or facts.counters.total == 0:
        return None
    after = [(str(each.round), each.counters) for each in facts.rounds]
    if after[-1][1] != facts.counters:
        # At the end the account may have taken labels back.
        after.append(("end", facts.counters))
    total = facts.counters.total
    plot = Plot(x_most=1, y_most=1)
    shown = [after[k] for k in thinned(len(after), _MAX_BARS)]
    step = 1 / len(shown)
    width = min(46.0, 0.8 * (plot.x(step) - plot.x(0)))
    every = -(-len(shown) // 10)
    bars = [
        _stack(plot, plot.x((position + 0.5) * step), width, counters, total)
        for position, (_, counters) in enumerate(shown)
    ]
    places = [(position + 0.5) * step for position in range(len(shown))]
    names = [name if k % every == 0 else "" for k, (name, _) in enumerate(shown)]
    end = facts.counters
    has_models = facts.promise is not None or end.machine_labeled > 0
    models = f" and models {_of(end.machine_labeled, total)}" if has_models else ""
    summary = (
        f"After {counted(len(facts.rounds), 'round')} people had labeled "
        f"{_of(end.human_labeled, total)}{models}; " + _rest(total - end.total_labeled, total)
    )
    rows = [
        (
            name, f"{counters.human_labeled:,}", f"{counters.machine_labeled:,}",
            f"{total - counters.total_labeled:,}",
        )
        for name, counters in (after[k] for k in thinned(len(after), MAX_ROWS))
    ]  # fmt: skip
    drawing = joined(
        plot.y_axis(_SHARES, [percent(share, 0) for share in _SHARES]),
        *bars,
        plot.x_axis(places, names, "after round"),
    )
    return figure(
        "Who labeled what",
        summary,
        drawing,
        plot.height,
        legend=[
            (PEOPLE, "people"),
            *([(MACHINES, "models")] if has_models else []),
            (NOBODY, "nobody yet"),
        ],
        numbers=table(
            "Items by round", ("After round", "By people", "By models", "Without a label"), rows
        ),
    )


def _stack(plot: Plot, middle: float, width: float, counters: LabelCounters, total: int) -> Markup:
    parts = []
    below = 0.0
    for items, class_ in (
        (counters.human_labeled, PEOPLE),
        (counters.machine_labeled, MACHINES),
        (total - counters.total_labeled, NOBODY),
    ):
        top = below + items / total
        height = plot.y(below) - plot.y(top)
        parts.append(bar(middle - width / 2, plot.y(top), width, height, class_))
        below = top
    return joined(*parts)


def cost(facts: JobFacts) -> Markup | None:
    """What people cost here and would have cost for everything; None where models had no part."""
    found = facts.cost
    if facts.promise is None:
        return None
    here, alone = _amounts(found)
    most = max(here, alone, 1e-9)
    height, left, right = 150.0, 14.0, 14.0
    room = WIDTH - left - right
    rows = (("This job", here, PEOPLE), ("People alone", alone, NOBODY))
    drawing = joined(
        *(
            joined(
                text(left, 30 + 64 * k, name, "start"),
                text(WIDTH - right, 30 + 64 * k, _amount(found, value), "end", "strong"),
                bar(left, 38 + 64 * k, room * value / most, 24, class_),
            )
            for k, (name, value, class_) in enumerate(rows)
        )
    )
    summary = f"{_capital(_amount(found, here))} here; people alone: {_amount(found, alone)}."
    if here < alone:
        summary += f" {percent(1 - here / alone)} saved."
    elif here > alone > 0:
        summary += f" That is {percent(here / alone - 1)} more."
    return figure(
        "Cost",
        summary,
        drawing,
        height,
        caption=_to_finish(facts) + "What computers cost is not in it.",
        numbers=table(
            "Answers and money",
            ("", "Answers", "Money"),
            (
                ("This job", f"{found.answers:,}", _money(found.amount, found)),
                ("People alone", f"{found.all_human_answers:,}",
                 _money(found.all_human_amount, found)),
            ),
        ),
    )  # fmt: skip


def _to_finish(facts: JobFacts) -> str:
    left, amount = facts.counters.unlabeled, facts.cost.to_finish_amount
    if not left:
        return ""
    price = "" if amount is None else f" for {amount} {facts.cost.currency}"
    return f"People could label the {counted(left, 'item')} without a label{price}. "


def _amounts(found: Cost) -> tuple[float, float]:
    if found.amount is None or found.all_human_amount is None:
        return float(found.answers), float(found.all_human_answers)
    return float(Decimal(found.amount)), float(Decimal(found.all_human_amount))


def _amount(found: Cost, value: float) -> str:
    if found.amount is None:
        return counted(int(value), "answer")
    return f"{value:,.2f} {found.currency}"


def _money(amount: str | None, found: Cost) -> str:
    return "no price is set" if amount is None else f"{amount} {found.currency}"


def classes(facts: JobFacts) -> Markup | None:
    """How many items have each class; the commonest first, the rest summed up."""
    found = sorted(facts.classes, key=lambda each: -(each.people + each.machines))
    if not found:
        return None
    shown = found[:_MAX_CLASSES]
    if len(found) > _MAX_CLASSES:
        rest = found[_MAX_CLASSES - 1 :]
        shown = [
            *found[: _MAX_CLASSES - 1],
            ClassCount(
                f"{len(rest)} others",
                sum(each.people for each in rest),
                sum(each.machines for each in rest),
            ),
        ]
    most = max(1, *(each.people + each.machines for each in shown))
    left, right, row = 130.0, 54.0, 22.0
    room = WIDTH - left - right
    lines = []
    for k, each in enumerate(shown):
        y = 8 + row * k
        people = room * each.people / most
        machines = room * each.machines / most
        lines += [
            text(left - 8, y + 14, short(each.name), "end"),
            bar(left, y + 2, people, row - 6, PEOPLE),
            bar(left + people, y + 2, machines, row - 6, MACHINES),
            text(left + people + machines + 6, y + 14, f"{each.people + each.machines:,}", "start"),
        ]
    commonest = found[0]
    summary = (
        f"{counted(len(found), 'class', 'classes')}; the commonest is "
        f"“{short(commonest.name)}” with {counted(commonest.people + commonest.machines, 'item')}."
    )
    rows = [
        (words(each.name, 80), f"{each.people:,}", f"{each.machines:,}")
        for each in found[:MAX_ROWS]
    ]
    return figure(
        "Labels",
        summary,
        joined(*lines),
        16 + row * len(shown),
        legend=((PEOPLE, "by people"), (MACHINES, "by models")),
        numbers=table("Items by class", ("Class", "By people", "By models"), rows),
    )


def _rest(items: int, total: int) -> str:
    return f"{_of(items, total)} had no label." if items else "every item had a label."


def _of(items: int, total: int) -> str:
    return f"{percent(items / total)} ({items:,})"


def _capital(words_: str) -> str:
    return words_[:1].upper() + words_[1:]
