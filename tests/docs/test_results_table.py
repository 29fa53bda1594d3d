"""The guide's table of results has the figures of docs/benchmarks.md."""

from __future__ import annotations

import re

import pytest

from bench.guide_table import END, GUIDE, PAGE, RESULTS, filled, results

page = PAGE.read_text(encoding="utf-8")
guide = GUIDE.read_text(encoding="utf-8")
# Sentences of the guide that tell figures of a section.
QUOTED = (
    ("another_answer", "asking for the least sure labels is right on .8089"),
    ("another_answer", "have .8070, by value .8085, and anywhere .7952"),
    ("values", "its correlation is .743 with ten people an item (mean .742, median .687)"),
    ("values", ".646 with three (mean .633, median .603)"),
    ("objects", "`Auto` has F1 .935 and mean IoU .849"),
    ("value_rounds", "of three people none marked anything, .90 and .90; one did, .25 and .17"),
)


def test_the_guide_has_the_figures_of_the_benchmarks() -> None:
    assert guide == filled(guide, page), "run any benchmark, or tests/bench/guide_table.py"


def test_a_figure_that_was_measured_anew_changes_the_table() -> None:
    *_, figure = RESULTS[0].figures(page)
    assert figure in results(page)
    assert filled(guide, page.replace(figure, "0.0001")) != guide


def test_a_figure_that_is_gone_is_told() -> None:
    with pytest.raises(KeyError, match="crowd-kit DawidSkene"):
        results(page.replace("| crowd-kit DawidSkene ", "| crowd-kit "))


def test_every_kind_of_label_with_a_public_set_has_a_line() -> None:
    there = {each.labels for each in RESULTS}
    assert {"classes", "label sets", "ratings", "boxes", "masks", "spans"} <= there
    assert guide.count(END) == 1


@pytest.mark.parametrize(("section", "sentence"), QUOTED, ids=[quote for _, quote in QUOTED])
def test_a_sentence_of_the_guide_has_figures_of_its_section(section: str, sentence: str) -> None:
    assert sentence in " ".join(guide.split()), "the sentence has changed: quote it anew above"
    measured = page.split(f"<!-- {section} -->")[1].partition(f"<!-- end of {section} -->")[0]
    found = [float(number) for number in re.findall(r"\d+\.\d+", measured)]
    told = re.findall(r"\d*\.\d+", sentence)
    assert told
    for figure in told:
        # Half a unit of the last digit told, either way.
        near = 0.5 / 10 ** len(figure.partition(".")[2]) + 1e-9
        assert min(abs(float(figure) - number) for number in found) <= near, figure
