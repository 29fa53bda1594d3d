"""What the model takes for what, as a table whose cells are shaded by their share of the row."""

from __future__ import annotations

from surelabel.plural import counted
from surelabel.report_page.drawing import percent, scrolled, table
from surelabel.report_page.facts import Confusion, JobFacts
from surelabel.report_page.markup import Markup, element, joined, words

_NAME = 40


def confusion(facts: JobFacts) -> Markup | None:
    """A shaded table; with many classes, what is mixed up most."""
    found = facts.confusion
    if found is None or found.items == 0:
        return None
    summary = (
        f"On {counted(found.items, 'item')} that people labeled the model agrees with "
        f"{percent(found.right / found.items)}, each scored by a model that had not seen its label."
    )
    if found.pairs:
        worst = found.pairs[0]
        summary_of_worst = joined(
            " Mixed up most: ",
            words(worst.people, _NAME),
            ", which the model takes for ",
            words(worst.model, _NAME),
            f" ({counted(worst.items, 'time')}).",
        )
    else:
        summary_of_worst = joined()
    body = _matrix(found) if found.table is not None else _pairs(found)
    return element(
        "section",
        element("h2", "What the model takes for what"),
        element("p", summary, summary_of_worst),
        element(
            "p",
            "People were asked about hard items more often than about easy ones, so this is worse "
            "than the model is on all items.",
            class_="quiet",
        ),
        scrolled(body),
    )


def _matrix(found: Confusion) -> Markup:
    assert found.table is not None
    heads = element(
        "tr",
        element("td"),
        *(element("th", words(name, _NAME), scope="col") for name in found.names),
    )
    rows = [
        element("tr", element("th", words(name, _NAME), scope="row"), *_cells(k, row))
        for k, (name, row) in enumerate(zip(found.names, found.table, strict=True))
    ]
    return element(
        "table",
        element("caption", "Rows: what people say. Columns: what the model says."),
        element("thead", heads),
        element("tbody", *rows),
        class_="matrix",
    )


def _cells(diagonal: int, row: tuple[int, ...]) -> list[Markup]:
    total = max(1, sum(row))
    cells = []
    for column, items in enumerate(row):
        shade = None
        if items:
            # Nine steps; a class, since styles of elements are what a hostile text would want.
            step = 1 + min(8, int(9 * items / total))
            shade = f"{'hit' if column == diagonal else 'miss'}{step}"
        cells.append(element("td", f"{items:,}" if items else "", class_=shade))
    return cells


def _pairs(found: Confusion) -> Markup:
    if not found.pairs:
        return element("p", "Nothing was mixed up.")
    rows = [
        (words(pair.people, _NAME), words(pair.model, _NAME), f"{pair.items:,}")
        for pair in found.pairs
    ]
    return table(
        f"What is mixed up most, of {len(found.names):,} classes",
        ("People say", "The model says", "Items"),
        rows,
    )
