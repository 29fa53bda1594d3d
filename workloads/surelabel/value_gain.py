"""Where one more answer helps most among answers that are no classes.

The loop asks it for its passes, the command line for its column of gains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from surelabel.consolidation import value_of_closer_answers
from surelabel.tasks.valued import ValueTask


def gain_by_item(
    task: ValueTask[Any],
    values: Sequence[Any],
    rows: Mapping[int, Sequence[int]],
    *,
    one_is_enough: bool = False,
) -> dict[int, float]:
    """By item how much nearer to the truth two more answers are expected to bring its label.

    ``values``: all answers, which may be decoded each time; ``rows``: those of each item, at least
    one. Of one answer nobody knows how far it is from others: it might be anywhere, and gains the
    most; ``one_is_enough``: nothing, since nobody asked for a second one.
    """
    measured = task.measured_on(values)
    apart_of: list[float] = []
    for own in rows.values():
        apart = float(not one_is_enough)
        if len(own) > 1:
            pairs = list(combinations([values[row] for row in own], 2))
            apart = sum(measured.disagreement(one, other) for one, other in pairs) / len(pairs)
        apart_of.append(apart)
    n_answers = np.array([len(own) for own in rows.values()], np.float64)
    gain = value_of_closer_answers(np.array(apart_of, np.float64), n_answers)
    return dict(zip(rows, gain.tolist(), strict=True))
