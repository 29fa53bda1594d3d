"""The guide's table of results has the figures of docs/benchmarks.md."""

from __future__ import annotations

import pytest

from bench.guide_table import END, GUIDE, PAGE, RESULTS, filled, results

page = PAGE.read_text(encoding="utf-8")
guide = GUIDE.read_text(encoding="utf-8")


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
