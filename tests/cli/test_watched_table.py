"""The watch of the demo: each state once, columns in line."""

from __future__ import annotations

from surelabel_cli.watched_table import WatchedTable

# As kubectl printed it, byte for byte: STAGE grows twice, cells are empty before the first round.
KUBECTL = """\
NAME     READY   STAGE     ROUND   LABELED   HUMAN   MACHINE   REASON        AGE
digits   True    prepare   0                                   Progressing   0s
digits   True    prepare   0                                   Progressing   1s
digits   True    annotate   1       0.0000    0       0         Progressing   8s
digits   True    annotate   1       0.0000    0       0         Progressing   8s
digits   True    consolidate   1       0.0000    0       0         Progressing   12s
digits   True    train         1       0.1112    200     0         Progressing   15s
digits   True    train         1       0.1112    200     0         Progressing   15s
digits   True    export        2       1.0000    408     1389      Progressing   57s
digits   True    export        2       1.0000    408     1389      AllLabeled    70s
"""
SHOWN = """\
NAME     READY   STAGE         ROUND   LABELED   HUMAN   MACHINE   REASON        AGE
digits   True    prepare       0                                   Progressing   0s
digits   True    annotate      1       0.0000    0       0         Progressing   8s
digits   True    consolidate   1       0.0000    0       0         Progressing   12s
digits   True    train         1       0.1112    200     0         Progressing   15s
digits   True    export        2       1.0000    408     1389      Progressing   57s
digits   True    export        2       1.0000    408     1389      AllLabeled    70s
"""


def shown(table: WatchedTable, lines: str) -> str:
    found = [table.line(line) for line in lines.splitlines()]
    return "".join(f"{line}\n" for line in found if line is not None)


def test_each_state_stands_once_and_in_line() -> None:
    assert shown(WatchedTable({"STAGE": len("consolidate")}), KUBECTL) == SHOWN


def test_a_cell_that_nobody_expected_is_whole_and_its_column_grows() -> None:
    lines = "NAME   READY   REASON   AGE\nx      True    Ok       1s\n"
    longer = "x      False   ManifestNotFound   2s\nx      True    Ok                 3s\n"
    assert shown(WatchedTable({}), lines + longer) == lines + longer


def test_a_state_that_comes_back_is_a_change() -> None:
    lines = "NAME   READY   AGE\nx      True    1s\nx      False   2s\nx      True    3s\n"
    assert shown(WatchedTable({}), lines) == lines
    assert shown(WatchedTable({}), lines.replace("False", "True ")) == (
        "NAME   READY   AGE\nx      True    1s\n"
    )
