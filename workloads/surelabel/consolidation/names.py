"""Annotators by name: what was learned of codes of one round, for the codes of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)
Read = TypeVar("Read")


def only_as_written(
    read: Callable[[type[Read], bytes], Read],
) -> Callable[[type[Read], bytes], Read]:
    """``read`` with a ValueError for bytes that ``to_json`` of the class has not written."""

    @wraps(read)
    def checked(kind: type[Read], data: bytes) -> Read:
        try:
            return read(kind, data)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ValueError(
                f"data must be what {kind.__name__}.to_json wrote; got {bytes(data)[:40]!r}, where "
                f"{type(error).__name__} was raised: {error}. Read it with the class that wrote it."
            ) from error

    return checked


@dataclass(frozen=True)
class Places:
    """Where wanted annotators stand among known ones: ``code``, (n_wanted,), -1 for a stranger."""

    code: NDArray[np.int64]

    @classmethod
    def of(cls, names: Sequence[str], wanted: Sequence[str]) -> Places:
        """The places of ``wanted`` in ``names``; of a name that is there twice the last."""
        place = {name: code for code, name in enumerate(names)}
        return cls(np.array([place.get(name, -1) for name in wanted], dtype=np.int64))

    @property
    def known(self) -> NDArray[np.bool_]:
        """(n_wanted,): who is no stranger."""
        return self.code >= 0

    def take(self, values: NDArray[Scalar], otherwise: Any) -> NDArray[Scalar]:
        """(n_wanted, ...): each one's row of ``values``, (n_annotators, ...).

        ``otherwise``: what a stranger gets, one number or a row.
        """
        found = np.empty((len(self.code), *values.shape[1:]), values.dtype)
        found[:] = otherwise
        found[self.known] = values[self.code[self.known]]
        return found


class NamedAnnotators:
    """Parameters of annotators, one row of every array for each, who may have names."""

    n_answers: NDArray[Any]
    names: tuple[str, ...]

    def named(self, names: Sequence[str]) -> Self:
        """The same with a name for every annotator, in the order of the codes.

        ValueError unless there are as many names as annotators.
        """
        if len(names) != len(self.n_answers):
            raise ValueError(
                f"names must have one entry per annotator ({len(self.n_answers)}); "
                f"got {len(names)}."
            )
        return replace(self, names=tuple(names))  # type: ignore[type-var]

    def places_of(self, names: Sequence[str]) -> Places:
        """Where annotators of these names stand here."""
        return Places.of(self.names, names)
