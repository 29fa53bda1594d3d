"""The guide to sizing has the figures of docs/benchmarks.md, and what it concludes follows."""

from __future__ import annotations

import re

import pytest
import yaml

from bench.guide_table import PAGE, table_of
from bench.sizing_tables import AT_WORK, GUIDE, IDLE, ROOT, STAGES, TABLES, filled, peak_memory

page = PAGE.read_text(encoding="utf-8")
guide = GUIDE.read_text(encoding="utf-8")
prose = " ".join(guide.split())
CHART = yaml.safe_load((ROOT / "charts/surelabel/values.yaml").read_text(encoding="utf-8"))
MIB = 2**20


def number(text: str) -> float:
    """The number at the beginning of a figure."""
    found = re.match(r"-?[\d,.]+", text)
    assert found, text
    return float(found[0].replace(",", ""))


def mebibytes(quantity: str) -> float:
    """A quantity of Kubernetes in bytes."""
    assert quantity.endswith("Mi")
    return int(quantity.removesuffix("Mi")) * MIB


def test_the_guide_has_the_figures_of_the_benchmarks() -> None:
    assert guide == filled(guide, page), "run any benchmark, or tests/bench/sizing_tables.py"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_figures_that_were_measured_anew_change_the_table(table) -> None:  # type: ignore[no-untyped-def]
    figures = [cell for row in table.rows for cell in row if not isinstance(cell, str)]
    assert figures
    for figure in figures:
        _, lines = table_of(page, figure.section, "| figure")
        (line,) = (
            line
            for line in lines
            if line[0].startswith(figure.row) and re.search(figure.pattern, line[1])
        )
        # The first digit of each number, but not of a quantile's name.
        anew = page.replace(line[1], re.sub(r"(?<![p\d])\d", "0", line[1]))
        assert table.text(anew) != table.text(page), figure


def test_a_figure_that_is_gone_is_told() -> None:
    with pytest.raises(KeyError, match="memory at 10,000"):
        IDLE.of(page.replace("| memory at 10,000 jobs, started", "| memory of jobs"))


def test_no_figure_of_time_or_memory_is_typed_beside_the_tables() -> None:
    # What is left is settings, intervals of the operator, advice, and others' figures.
    text = re.sub(r"<!-- (.*?): written by.*?<!-- end of \1 -->", "", guide, flags=re.DOTALL)
    assert not re.search(r"\b\d+\.\d+ s\b|\b\d{3,} ms\b|\b\d+ bytes\b", text)


def test_the_charts_memory_is_what_the_guide_says_of_it() -> None:
    resources = CHART["resources"]
    request, limit = resources["requests"]["memory"], resources["limits"]["memory"]
    assert f"the request (100m CPU, {request}) is what they take at rest" in prose
    assert f"the limit ({limit}) has room for hundreds of them at work" in prose
    assert resources["requests"]["cpu"] == "100m"
    assert number(IDLE.of(page)) * 1e6 <= mebibytes(request)
    assert 2 * number(AT_WORK.of(page)) * 1e6 <= mebibytes(limit)


def test_stages_without_a_model_fit_into_the_memory_that_the_guide_gives_them() -> None:
    assert "512 MiB a stage is enough for a million lines of text without a model" in prose
    assert max(number(peak_memory(stage, 2).of(page)) for stage in STAGES) * 1e6 <= 512 * MIB


def test_a_round_of_small_data_and_a_core_are_as_fast_as_the_guide_says() -> None:
    assert "a round of small data takes less than 15 s" in prose
    header, lines = table_of(page, "overhead", "Medians in seconds")
    done = {line[0]: float(line[header.index("done")]) for line in lines}
    assert sum(done[stage] for stage in ("annotate", "consolidate", "train", "infer")) < 15
    assert "one core reads and checks 100,000 lines a second or more" in prose
    _, lines = table_of(page, "prepare", "| figure")
    rates = [number(line[1]) for line in lines if line[0].endswith("lines: read and check")]
    assert len(rates) == 2
    assert min(rates) >= 100_000
