"""The table of results in the guide, drawn from docs/benchmarks.md so that no figure is typed.

Written whenever a benchmark has written its section; a test holds the guide to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
GUIDE = ROOT / "docs" / "guides" / "consolidation.md"
BEGIN, END = "<!-- results: written by make bench -->\n", "<!-- end of results -->\n"
_HEADER = (
    "| labels | answers | measure | plain rule | another method | `Auto` | section |\n"
    "|---|---|---|---|---|---|---|\n"
)


@dataclass(frozen=True)
class Result:
    """A line of the guide: three methods by one column of one table of a section.

    ``caption``: how the table's caption begins. ``rows``: the first cells of the three methods'
    rows, below ``crowd`` where the method is the second cell. ``column``: header of the figure, or
    its place where headers repeat. ``shown``: the methods' names in the guide.
    """

    labels: str
    answers: str
    measure: str
    section: str
    caption: str
    rows: tuple[str, str, str]
    column: str | int
    crowd: str = ""
    shown: tuple[str, str] | None = None

    def line(self, page: str) -> str:
        """The line in Markdown; KeyError where the section has no such figure."""
        figures = self.figures(page)
        plain, other = self.shown or self.rows[:2]
        link = f"[{self.section}](../benchmarks.md#{_anchor(_title(page, self.section))})"
        cells = (self.labels, self.answers, self.measure, f"{figures[0]} ({plain})",
                 f"{figures[1]} ({other})", figures[2], link)  # fmt: skip
        return "| " + " | ".join(cells) + " |\n"

    def figures(self, page: str) -> list[str]:
        """As measured, of the three methods."""
        header, lines = table_of(page, self.section, self.caption)
        place = self.column if isinstance(self.column, int) else header.index(self.column)
        key = 1 if self.crowd else 0
        found = {line[key]: line for line in lines if line[0] == (self.crowd or line[0])}
        return [found[row][place] for row in self.rows]


class Columns(Result):
    """The same where methods are columns, and ``column`` is the first cell of the row."""

    def figures(self, page: str) -> list[str]:
        header, lines = table_of(page, self.section, self.caption)
        line = next(line for line in lines if line[0] == self.column)
        return [line[header.index(method)] for method in self.rows]


_CLASSES = ("MajorityVote", "crowd-kit DawidSkene", "Auto")
_BOXES = ("SupportVote", "ensemble-boxes, weighted boxes fusion", "Auto")
_SPANS = ("JaccardClusters, least 1/3", "TokenDawidSkene", "BayesianSequenceCombination (Auto)")
_RATINGS = ("Median", "Mean", "BiasAndNoise")
_WBF = ("SupportVote", "weighted boxes fusion")
RESULTS = (
    Result("classes", "eleven public sets", "accuracy ↑", "consolidation", "Means", _CLASSES, 1),
    Result("classes", "eleven public sets", "NLL ↓", "consolidation", "Means", _CLASSES, "NLL"),
    Result("classes", "eleven public sets", "ECE ↓", "consolidation", "Means", _CLASSES, "ECE"),
    Columns("label sets", "100 headlines, emotions from 15", "F1 ↑", "values", "Label sets",
            ("MajorityVote", "HierarchicalDawidSkene", "JointDawidSkene"), "emotions from 15"),
    Columns("label sets", "100 headlines, emotions from 50", "F1 ↑", "values", "Label sets",
            ("MajorityVote", "HierarchicalDawidSkene", "JointDawidSkene"), "emotions from 50"),
    *(
        Result(
            "ratings", f"eight public sets, {n} people an item", "correlation ↑", "values",
            "Ratings", _RATINGS, "correlation", crowd=f"{n} people",
        )
        for n in (10, 3)
    ),
    Result(
        "comparisons", "made up, 30 objects, 3 people", "right ↑", "values", "300 comparisons",
        ("MajorityVote", "CrowdBradleyTerry", "DavidsonDawidSkene"), "right",
        crowd="30 objects, 3 people",
    ),
    Result(
        "rankings", "made up, 5 people", "right orders ↑", "values", "Rankings",
        ("Borda", "PlackettLuce", "Kemeny"), "right orders", crowd="5 people",
    ),
    Result("boxes", "pedestrians, 938 images", "F1 ↑", "objects", "Pedestrians", _BOXES, "F1",
           shown=_WBF),
    Result(
        "boxes", "pedestrians, 938 images", "mean IoU ↑", "objects", "Pedestrians", _BOXES,
        "mean IoU", shown=_WBF,
    ),
    Result(
        "masks", "BU-BIL 2, 4, 5, 188 images", "mean IoU ↑", "masks", "Mean IoU",
        ("MajorityVote", "STAPLE", "Auto"), "all",
    ),
    Result("spans", "PICO, 191 abstracts", "relaxed F1, % ↑", "spans", "PICO", _SPANS, 6),
    Result("spans", "PICO, 191 abstracts", "ECE ↓", "spans", "PICO", _SPANS, "ECE"),
    Result(
        "spans", "WNUT-17, simulated people", "exact F1, % ↑", "spans",
        "WNUT-17, five simulated annotators, seed 0", _SPANS, 3,
    ),
)  # fmt: skip


def results(page: str) -> str:
    """The table, from the text of docs/benchmarks.md."""
    return _HEADER + "".join(each.line(page) for each in RESULTS)


def filled(guide: str, page: str) -> str:
    """The guide with the table between its two marks."""
    before, rest = guide.split(BEGIN)
    return f"{before}{BEGIN}{results(page)}{END}{rest.split(END)[1]}"


def write() -> None:
    """Fill the guide from the page, both as they lie in docs/."""
    guide = GUIDE.read_text(encoding="utf-8")
    GUIDE.write_text(filled(guide, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def _section(page: str, name: str) -> str:
    return page.split(f"<!-- {name} -->")[1].partition(f"<!-- end of {name} -->")[0]


def _title(page: str, name: str) -> str:
    found = re.search(r"^## (.*)$", _section(page, name), re.MULTILINE)
    assert found
    return found[1]


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def table_of(page: str, section: str, caption: str) -> tuple[list[str], list[list[str]]]:
    """Header and lines of the table that follows the caption, or whose header begins with it."""
    text = _section(page, section)
    after = text[text.index(f"\n{caption}") :]
    block = re.search(r"\n((?:\|.*\n)+)", after)
    assert block, f"{section}: no table follows {caption!r}"
    header, _, *lines = (
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in block[1].splitlines()
    )
    return header, lines


if __name__ == "__main__":
    write()
