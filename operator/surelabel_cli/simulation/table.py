"""The table of ``surelabel simulate``: a line for each variation."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich import box
from rich.table import Table

from surelabel_cli.simulation.summary import Mean, Rate, Summary


def table_of(summaries: Sequence[Summary]) -> Table:
    """Means with half of their 95 % interval; shares in percent; wrong in truth."""
    currency = next((s.currency for s in summaries if s.currency), None)
    promised = any(s.broken is not None for s in summaries)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("variation")
    columns = ["human\nlabels", "human\n%", "machine\n%", "answers"]
    columns += [f"cost\n{currency}"] if currency else []
    columns += ["wrong\nmachine %", "wrong\nall %"]
    columns += ["broken\npromises"] if promised else []
    for name in (*columns, "rounds"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in summaries:
        cells = [
            shown(one.human_labels, 0),
            shown(one.human_share, 1, 100),
            shown(one.machine_share, 1, 100),
            shown(one.answers, 0),
        ]
        cells += [shown(one.cost, 2)] if currency else []
        cells += [shown(one.wrong_in_truth, 2, 100), shown(one.wrong_of_all, 2, 100)]
        cells += [_broken(one.broken)] if promised else []
        table.add_row(one.title, *cells, shown(one.rounds, 1))
    return table


def shown(mean: Mean | None, decimals: int, times: float = 1) -> str:
    """``12.3 ±0.4``; of a single repetition the number alone, of none a dash."""
    if mean is None:
        return "-"
    value = f"{mean.value * times:,.{decimals}f}"
    if math.isnan(mean.low):
        return value
    return f"{value} ±{(mean.high - mean.value) * times:,.{decimals}f}"


def _broken(rate: Rate | None) -> str:
    if rate is None:
        return "-"
    return f"{rate.count} of {rate.n}"
