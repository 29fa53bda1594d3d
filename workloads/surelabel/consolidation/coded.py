"""Names to codes, as every algorithm takes them, and back by position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from surelabel.consolidation.checked import Codes
from surelabel.spelling import plain_name


class Coded(NamedTuple):
    """A column by number: ``names[code]`` is what stood there.

    ``code``: (n_rows,), from 0, -1 where nothing stood. ``names``: (n_names,), each once.
    """

    code: Codes
    names: tuple[str, ...]


def coded(column: ArrayLike, names: Sequence[str] | None = None) -> Coded:
    """The column as codes, and the names that they stand for.

    ``column``: (n_rows,), names or numbers: a list, an array, a column of a data frame. None, nan
    and pandas' NA are -1, which is an abstention among labels and "not known" in gold. Names are
    the same without spaces around them and in Unicode's NFC, as in answer files. ``names``:
    (n_names,), those of another column or of an earlier round, whose codes this one gets; without
    them they are those of the column, sorted, numbers by their value. ValueError: more than one
    dimension, values of several kinds, a value that is none of ``names``, a name that stands twice.
    """
    values = np.asarray(column, dtype=object)
    if values.ndim != 1:
        raise ValueError(f"column must have one dimension; got shape {values.shape}.")
    listed = values.tolist()
    there = {value for value in _distinct(listed) if not _is_missing(value)}
    if names is None:
        names = _sorted(there)
    places = {plain_name(name): code for code, name in enumerate(names)}
    if len(places) < len(names):
        twice = next(name for code, name in enumerate(names) if places[plain_name(name)] != code)
        raise ValueError(f"names must differ; got {twice!r} twice. Leave one out.")
    codes = {}
    for value in there:
        if _name(value) not in places:
            raise ValueError(
                f"column must hold {len(names)} names alone; got {value!r} at position "
                f"{listed.index(value)}. Correct it, or add it to names."
            )
        codes[value] = places[_name(value)]
    code = np.fromiter((codes.get(value, -1) for value in listed), np.int64, len(listed))
    return Coded(code, tuple(names))


def _name(value: Any) -> str:
    return plain_name(str(value))


def _distinct(listed: list[Any]) -> set[Any]:
    try:
        return set(listed)
    except TypeError:
        where, value = next((n, each) for n, each in enumerate(listed) if not _is_name(each))
        raise ValueError(
            f"column must hold names or numbers; got {value!r} at position {where}. A list of "
            "names takes a row for each of them."
        ) from None


def _is_name(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _sorted(there: set[Any]) -> list[str]:
    try:
        # Numbers by value: "10" comes behind "9".
        return list(dict.fromkeys(map(_name, sorted(there))))
    except TypeError:
        kinds = ", ".join(sorted({type(value).__name__ for value in there}))
        raise ValueError(
            f"column must hold values of one kind; got {kinds}. Make strings of them."
        ) from None


def _is_missing(value: Any) -> bool:
    if value is None:
        return True
    try:
        # nan differs from itself, and pandas' NA says neither yes nor no.
        return bool(value != value)  # noqa: PLR0124
    except TypeError:
        return True
