"""Input checked before anything is computed with it: codes, finite numbers, the answers that count.

Every error names the field, the rule, the value and its position.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


class NotApplicableError(ValueError):
    """A method cannot work on such answers, whatever they say; the message names one that can."""


def codes(name: str, values: ArrayLike, low: int, high: int | None) -> Codes:
    """``values`` as one dimension of integers in ``low`` .. ``high`` - 1; else ValueError.

    ``high``: None where there is no greatest.
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension; got shape {array.shape}.")
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"{name} must hold integers; got {array.dtype}. Round or leave out what is none (nan "
            "and infinity included)."
        )
    # Compared before they become 64 bits with a sign, of which large ones of 64 without would not
    # be told as they are.
    greatest = np.iinfo(np.int64).max if high is None else high - 1
    if array.size and (int(array.min()) < low or int(array.max()) > greatest):
        outside = np.array([not low <= each <= greatest for each in array.tolist()])
        where = int(np.flatnonzero(outside)[0])
        rule = f"be at least {low}" if high is None else f"lie in {low} .. {high - 1}"
        raise ValueError(
            f"{name} must {rule}; got {array[where]} at position {where}. Codes count from 0: pass "
            "how many there really are, or leave what is none of them out."
        )
    return array.astype(np.int64, copy=False)


def finite(name: str, values: ArrayLike) -> Floats:
    """``values`` as one dimension of finite numbers; else ValueError."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension; got shape {array.shape}.")
    if array.size and not (
        np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating)
    ):
        raise ValueError(f"{name} must hold numbers; got {array.dtype}.")
    array = array.astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(array))
    if wrong.size:
        where = int(wrong[0])
        raise ValueError(
            f"{name} must be finite; got {array[where]} at position {where}. "
            "Leave an answer out where somebody gave none."
        )
    return array


def same_length(**columns: NDArray[np.generic]) -> None:
    """ValueError unless all columns have one length."""
    if len({len(column) for column in columns.values()}) > 1:
        names, sizes = list(columns), [str(len(column)) for column in columns.values()]
        raise ValueError(
            f"{', '.join(names[:-1])} and {names[-1]} must have the same length; "
            f"got {', '.join(sizes[:-1])} and {sizes[-1]}. They are columns of one table: give "
            "each row an entry in every one."
        )


def instance(name: str, given: object, kind: type) -> None:
    """TypeError unless ``given`` is of this class."""
    if not isinstance(given, kind):
        raise TypeError(
            f"{name} must be {kind.__name__}; got {type(given).__name__}. Pass ``annotators`` of a "
            "result of the same family, or leave it out."
        )


def aligned(n_given: int, n_annotators: int) -> None:
    """ValueError unless ``frozen_annotators`` are as many as those who answered."""
    if n_given != n_annotators:
        raise ValueError(
            f"frozen_annotators must have {n_annotators} annotators (n_annotators); got {n_given}. "
            "Align them with for_annotators(names)."
        )


def latest(item: Codes, annotator: Codes, n_annotators: int) -> Codes:
    """The rows that count, by item and annotator: of each pair the one that came last."""
    pair = item * n_annotators + annotator
    if (pair[1:] > pair[:-1]).all():
        return np.arange(len(pair))
    order = np.argsort(pair, kind="stable")
    pair = pair[order]
    last = np.ones(len(pair), dtype=bool)
    last[:-1] = pair[1:] != pair[:-1]
    return order[last]
